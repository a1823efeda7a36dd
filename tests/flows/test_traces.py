"""One trace holds a delivery's way from the door to the calls that it causes, and nothing of what it says (S8, I25)."""

import io
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hermes.kit import logs, tracing
from tests.flows.companies import sign_up
from tests.flows.house import SECRETS, House

CANARIES = {
    'name': 'Canarytown Tutors',
    'email': 'canary.owner@yellow.example',
    'first_name': 'Canarina',
    'last_name': 'Yellowbeak',
    'phone': '+44 7700 900321',
}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=tracing.Ids())  # type: ignore[arg-type]
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(provider.get_tracer('test'))
    yield kept
    tracing.use(None)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    kept = io.StringIO()
    logs.configure('DEBUG', pretty=False, stream=kept)
    yield kept
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def of_trace(spans: InMemorySpanExporter, trace_id: int) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.context.trace_id == trace_id]


async def test_one_trace_from_the_webhook_to_the_calls(house: House, spans: InMemorySpanExporter) -> None:
    sign_up(house)
    await house.settle()
    [row] = await house.rows("select dedupe_key from event where source = 'tutorcruncher' and kind = 'webhook'")
    root = tracing.trace_of('tutorcruncher', bytes(row['dedupe_key']))
    found = of_trace(spans, root.trace_id)
    assert sorted(span.name for span in found) == [
        'apply webhook of tutorcruncher',
        'create deal in pipedrive',
        'create organization in pipedrive',
        'create person in pipedrive',
        'webhook from tutorcruncher',
    ]
    assert {span.parent.span_id for span in found if span.parent} == {root.span_id}
    assert {dict(span.attributes or {}).get('status') for span in found if span.name.startswith('create')} == {200}


@pytest.mark.invariant('S8')
async def test_spans_and_logs_hold_no_person_and_no_secret(
    house: House, spans: InMemorySpanExporter, log: io.StringIO
) -> None:
    sign_up(house, recipients=[{name: CANARIES[name] for name in ('first_name', 'last_name', 'email')}], **CANARIES)
    house.world.weather.change(lost_answer_p=0.3, error_before_p=0.3)
    await house.settle()
    assert spans.get_finished_spans()
    told = log.getvalue() + ''.join(str(span.to_json()) for span in spans.get_finished_spans())
    secrets = [SECRETS.tc2_api_key, SECRETS.pd_api_key, SECRETS.pd_webhook_password]
    assert [word for word in (*CANARIES.values(), *secrets) if word in told] == []
