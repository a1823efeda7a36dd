"""Traces and error reports leave redacted, under ids that follow from the delivery, or not at all."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.transport import Transport

from hermes.kit import logs, telemetry, tracing

CANARY = 'canary.person@example.com'
SECRET = 'canary-secret-value-123456'


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=tracing.Ids())  # type: ignore[arg-type]
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(provider.get_tracer('test'))
    yield kept
    tracing.use(None)


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_a_trace_follows_from_the_delivery(spans: InMemorySpanExporter) -> None:
    root = tracing.trace_of('tutorcruncher', b'key')
    assert root == tracing.trace_of('tutorcruncher', b'key') != tracing.trace_of('pipedrive', b'key')
    tracing.arrived(root, 'webhook', tracing.now_ns(), bytes=12)
    with tracing.span('ingest', tracing.trace_of('tutorcruncher', b'key'), event=4), tracing.span('call'):
        tracing.tell(status=200)
    found = named(spans)
    assert {span.context.trace_id for span in found.values()} == {root.trace_id}
    assert found['webhook'].context.span_id == root.span_id
    assert found['webhook'].parent is None
    assert found['ingest'].parent is not None
    assert found['ingest'].parent.span_id == root.span_id
    assert found['call'].parent is not None
    assert found['call'].parent.span_id == found['ingest'].context.span_id
    assert dict(found['call'].attributes or {}) == {'status': 200}


@pytest.mark.invariant('S8')
def test_a_failure_leaves_only_the_name_of_its_class(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match='canary'), tracing.span('ingest'):
        raise ValueError(f'{CANARY} {SECRET}')
    assert named(spans)['ingest'].status.description == 'ValueError'
    assert CANARY not in str([span.to_json() for span in spans.get_finished_spans()])
    assert SECRET not in str([span.to_json() for span in spans.get_finished_spans()])


def test_nothing_is_traced_while_nobody_listens() -> None:
    assert not tracing.is_on()
    with tracing.span('ingest', tracing.trace_of('a', b'b')):
        tracing.tell(status=200)
    tracing.arrived(tracing.trace_of('a', b'b'), 'webhook', 0)


class Kept(Transport):
    """Sentry's wire, kept in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events += [json.loads(item.payload.get_bytes()) for item in envelope.items]


@pytest.fixture
def sentry() -> Iterator[Kept]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    telemetry.start(telemetry.Places(sentry_dsn='http://public@127.0.0.1:9/1'), 'worker', '0')
    kept = Kept()
    sentry_sdk.get_client().transport = kept
    yield kept
    sentry_sdk.init()
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


@pytest.mark.invariant('S8')
def test_errors_reach_sentry_without_secret_or_person(sentry: Kept) -> None:
    logs.configure('INFO', secrets=[SECRET], report=telemetry.Report())
    log = structlog.get_logger('hermes.test')
    log.info('nothing to report', email=CANARY)
    try:
        raise ValueError(f'{CANARY} {SECRET}')
    except ValueError:
        log.exception('it failed', event_id=4, note=SECRET)
    logging.getLogger('another.library').error('for %s with %s', CANARY, SECRET)
    told = json.dumps(sentry.events)
    assert [event['message'] for event in sentry.events] == ['it failed', 'for *** with ***']
    assert 'ValueError' in told
    assert CANARY not in told
    assert SECRET not in told


def test_the_collector_of_traces_may_be_any_address() -> None:
    assert not telemetry.Places().traced
    assert telemetry.Places(collector='http://127.0.0.1:4318').traced
    assert telemetry.Places(logfire_token='token').traced
