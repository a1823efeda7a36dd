"""Spans: one trace follows a delivery from the door to the call that it causes, through several processes.

A trace's id is a function of the delivery itself (its source and dedupe key), so that no process has to hand a context
to another, and `trace_of` tells where to look in Logfire or any OpenTelemetry collector. Spans carry ids, types, names
and counts, never a body, a value or the text of an exception (S8). Nothing happens until `use` is given a tracer.
"""

import contextlib
import random
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

Attribute = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Root:
    """Where a trace begins: 128 and 64 bits, never zero."""

    trace_id: int
    span_id: int


def trace_of(source: str, dedupe_key: bytes) -> Root:
    """The trace of a delivery."""
    told = sha256(source.encode() + b'\0' + dedupe_key).digest()
    return Root(int.from_bytes(told[:16]) or 1, int.from_bytes(told[16:24]) or 1)


_forced: ContextVar[Root | None] = ContextVar('forced', default=None)
_chance: Final = random.SystemRandom()
_tracer: Any = None


class Ids:
    """The id generator of the tracer: a root span gets its delivery's ids, everything else a random one."""

    def is_trace_id_random(self) -> bool:
        """No: it follows from the delivery."""
        return False

    def generate_trace_id(self) -> int:
        """128 bits."""
        root = _forced.get()
        return root.trace_id if root else _chance.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """64 bits."""
        root = _forced.get()
        return root.span_id if root else _chance.getrandbits(64) or 1


def use(tracer: Any) -> None:
    """Send spans to an OpenTelemetry tracer made with `Ids`; None: nowhere."""
    global _tracer
    _tracer = tracer


def is_on() -> bool:
    """Whether anybody listens."""
    return _tracer is not None


def now_ns() -> int:
    """The wall clock for spans, in nanoseconds; 0 when nobody listens."""
    return time.time_ns() if _tracer is not None else 0


def arrived(root: Root, name: str, started_ns: int, **attributes: Attribute) -> None:
    """The first span of a trace, told when it is over: a delivery that was committed."""
    if _tracer is None:
        return
    from opentelemetry.context import Context

    token = _forced.set(root)
    try:
        span = _tracer.start_span(name, context=Context(), attributes=attributes, start_time=started_ns)
    finally:
        _forced.reset(token)
    span.end(time.time_ns())


@contextlib.contextmanager
def span(name: str, root: Root | None = None, **attributes: Attribute) -> Iterator[None]:
    """A span around a block: under `root`, or under the span that is open in this task. A failure leaves only the name
    of its class.
    """
    if _tracer is None:
        yield
        return
    from opentelemetry import trace

    context = None
    if root is not None:
        told = trace.SpanContext(root.trace_id, root.span_id, is_remote=True, trace_flags=trace.TraceFlags(1))
        context = trace.set_span_in_context(trace.NonRecordingSpan(told))
    with _tracer.start_as_current_span(
        name, context=context, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield
        except BaseException as error:
            opened.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def tell(**attributes: Attribute) -> None:
    """Add what is known only now to the span that is open."""
    if _tracer is not None:
        from opentelemetry import trace

        trace.get_current_span().set_attributes(attributes)
