"""All that is said with the emulated Google Calendar is judged by Google's own document, in every flow.

A listener beside the wire: a flow runs as it does without.
The weather's empty answers are not judged.
"""

import httpx2

from tests.referee import discovery


class Heard(httpx2.AsyncBaseTransport):
    """The last stretch before the sandbox. `violations` says what the document has against it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self.inner = inner
        self.violations: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self.inner.handle_async_request(request)
        if request.url.path.startswith(discovery.ROOT):
            self._judge(request, answer.status_code, await answer.aread())
        return answer

    def _judge(self, request: httpx2.Request, status: int, body: bytes) -> None:
        url = request.url
        method = discovery.find(request.method, url.path)
        if method is None:
            self.violations.append(f'{request.method} {url.path}: there is no such method')
            return
        found = discovery.judge_request(method, url.query.decode(), request.content)
        if body or status == 204:
            found += discovery.judge_answer(method, status, body)
        self.violations += [f'{request.method} {url}: {one}' for one in found]
