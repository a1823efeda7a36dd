# One image for the web server, the worker and every command. See docs/how-to/container.md.
FROM python:3.12-slim

WORKDIR /hermes
ARG LOCK=core
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/$LOCK.lock
COPY hermes hermes
COPY docs/reference docs/reference
# Nobody can write into the image later, so what is imported is compiled now.
RUN python -m compileall -q hermes

RUN useradd --system --home-dir /hermes hermes && mkdir data && chown hermes data
USER hermes
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000

ENTRYPOINT ["python", "-m", "hermes"]
CMD ["web", "--host", "0.0.0.0", "--port", "8000"]
