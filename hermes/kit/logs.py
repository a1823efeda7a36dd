"""Logging, set up once per process: one JSON object a line in production, readable lines on a terminal.

Redaction comes first in the chain (S8), and lines of other libraries (the standard logging module) go
through the same chain.
There are no access logs: a request is a row or a counter, not a line.
"""

import json
import logging
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from hermes.kit.redaction import Redaction
from hermes.kit.texts import visible, visible_json

QUIET = ('asyncio', 'granian.access', 'uvicorn.access', 'httpx2', 'httpcore2', 'procrastinate', 'psycopg.pool')
"""Loggers that speak only from WARNING on."""


def _visible(logger: object, method: str, line: EventDict) -> EventDict:
    """No text of a line steers the terminal."""
    return {name: visible(value) if isinstance(value, str) else value for name, value in line.items()}


def _line(value: object, **more: Any) -> str:
    return visible_json(json.dumps(value, ensure_ascii=False, **more))


def configure(
    level: str = 'INFO',
    *,
    secrets: Iterable[str] = (),
    pretty: bool | None = None,
    stream: TextIO | None = None,
    report: Processor | None = None,
) -> None:
    """Send all logs of this process to `stream` (standard error). `pretty` None: readable if it is a terminal.

    `secrets` are the live secrets, masked wherever they turn up. `report` sees every line after redaction
    (`kit.telemetry.Report`). Raises ValueError for an unknown level.
    """
    out = stream or sys.stderr
    readable = out.isatty() if pretty is None else pretty
    redaction = Redaction(secrets)
    shared: list[Processor] = [
        redaction,
        structlog.contextvars.merge_contextvars,
        redaction,  # what the context brought in
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt='iso', utc=True),
        *([report] if report else []),
        *([_visible] if readable else []),
    ]
    renderer: Processor = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(_line)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    lines = logging.StreamHandler(out)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ('granian', '_granian', 'uvicorn', 'uvicorn.error'):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
