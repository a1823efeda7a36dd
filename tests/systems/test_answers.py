"""What every answer asks for, for both systems: by status alone, never by text."""

from datetime import timedelta
from typing import Any

import pytest

from hermes.domain.errors import Ambiguous, AuthBroken, Forbidden, Gone, RateLimited, Reaction, Rejected, Retry
from hermes.ports import Answer, Op, Request, System
from hermes.systems.pipedrive import limits
from hermes.systems.pipedrive.system import Pipedrive
from hermes.systems.tutorcruncher.system import TutorCruncher
from tests.systems.support import ARRIVED, CATALOGUE, CODES, SYSTEMS

PIPEDRIVE = Pipedrive('not-a-token')
TUTORCRUNCHER = TutorCruncher('not-a-key')
OK = b'{"success": true, "data": {"id": 1}}'
BOTH: list[tuple[System, str]] = [(PIPEDRIVE, 'organization'), (TUTORCRUNCHER, 'client')]


def reaction(
    system: System,
    op: Op,
    remote_type: str,
    status: int | None,
    body: bytes = b'{}',
    *,
    sent: bool = True,
    headers: dict[str, str] | None = None,
) -> Reaction | None:
    answer = Answer(status, body, headers or {}, ARRIVED, ARRIVED, sent)
    try:
        system.judge(Request(op, remote_type, '404'), answer, CATALOGUE)
    except Reaction as raised:
        return raised
    return None


@pytest.mark.lesson('F-8', 'F-4', 'F-12', 'F-9')
@pytest.mark.parametrize('system', BOTH, ids=['pipedrive', 'tutorcruncher'])
@pytest.mark.parametrize(
    ('status', 'body', 'write', 'read'),
    [
        (200, OK, None, None),
        (200, b'', Ambiguous, Retry),
        (200, b'<html>', Ambiguous, Retry),
        (500, b'{"error": "/organizations/404 not found"}', Ambiguous, Retry),
        (503, b'', Ambiguous, Retry),
        (404, b'{"error": "429 too many 500"}', Gone, Gone),
        (410, b'', Gone, Gone),
        (401, b'{}', AuthBroken, AuthBroken),
        (402, b'{}', AuthBroken, AuthBroken),
        (403, b'{"error": "404"}', Forbidden, Forbidden),
        (403, b'<html>404</html>', RateLimited, RateLimited),
        (429, b'{"error": "404"}', RateLimited, RateLimited),
        (400, b'{"error": "410 gone"}', Rejected, Rejected),
        (422, b'', Rejected, Rejected),
        (302, b'', Retry, Retry),
        (None, b'', Ambiguous, Retry),
    ],
)
def test_reactions(system: tuple[System, str], status: int | None, body: bytes, write: Any, read: Any) -> None:
    cases: list[tuple[Op, Any]] = [('update', write), ('read', read)]
    for op, expected in cases:
        raised = reaction(system[0], op, system[1], status, body)
        assert (type(raised) if raised else None) is expected, op


@pytest.mark.parametrize('system', BOTH, ids=['pipedrive', 'tutorcruncher'])
def test_what_never_left_is_simply_tried_again(system: tuple[System, str]) -> None:
    assert isinstance(reaction(system[0], 'update', system[1], None, sent=False), Retry)


@pytest.mark.parametrize(
    ('headers', 'wait_s', 'daily'),
    [
        ({}, 2, False),
        ({'retry-after': '7'}, 7, False),
        ({'x-ratelimit-reset': '1'}, 1, False),
        ({'retry-after': 'Mon, 02 Mar 2026 12:01:00 GMT'}, 59.999995, False),
        ({'x-ratelimit-reset': '1', 'x-ratelimit-remaining': '0'}, 1, False),
        ({'x-ratelimit-reset': '1', 'x-ratelimit-remaining': '17'}, 1800, True),
        ({'retry-after': 'rubbish', 'x-ratelimit-remaining': '²'}, 2, False),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait_s: float, daily: bool) -> None:
    raised = reaction(PIPEDRIVE, 'update', 'organization', 429, headers=headers)
    assert isinstance(raised, RateLimited)
    assert (raised.until - ARRIVED, raised.daily) == (timedelta(seconds=wait_s), daily)


@pytest.mark.lesson('F-14')
def test_a_refusal_names_the_field() -> None:
    body = (SYSTEMS / 'pipedrive' / 'fixtures' / 'error_stale_field.json').read_bytes()
    raised = reaction(PIPEDRIVE, 'update', 'organization', 400, body)
    assert isinstance(raised, Rejected)
    assert raised.fields == ('website',)
    assert 'ERR_SCHEMA_VALIDATION_FAILED' in str(raised)


def test_a_structured_refusal_names_native_fields() -> None:
    request = Request('create', 'organization', fields={'name': 'x', 'sales_person_id': 9})
    answer = Answer(400, b'{"success": false, "errors": {"owner_id": ["is nobody"]}}')
    with pytest.raises(Rejected) as caught:
        PIPEDRIVE.judge(request, answer, CATALOGUE)
    assert caught.value.fields == ('sales_person_id',)
    assert CODES['website'] not in str(caught.value)


@pytest.mark.parametrize(
    ('op', 'remote_type', 'tokens'),
    [('create', 'deal', 5), ('update', 'person', 5), ('delete', 'deal', 3), ('read', 'person', 1), ('list', 'deal', 10),
     ('list', 'stage', 5), ('fields', 'deal', 10), ('users', '', 20), ('me', '', 2), ('drop_webhook', '', 6)],
)  # fmt: skip
def test_costs(op: Op, remote_type: str, tokens: int) -> None:
    assert PIPEDRIVE.cost(Request(op, remote_type)).tokens == tokens


def test_budgets() -> None:
    assert limits.limits('growth', 3) == limits.Limits(40, 180_000)
