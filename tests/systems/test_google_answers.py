"""What every answer of Google asks for: by status and structured reason, never by text."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from hermes.domain.errors import Ambiguous, AuthBroken, Forbidden, Gone, RateLimited, Reaction, Rejected, Retry
from hermes.domain.fields import Catalogue
from hermes.ports import Answer, Op, Request
from hermes.systems.google_calendar.system import GoogleCalendar
from tests.systems.google import EVENT, REP, account
from tests.systems.support import ARRIVED

SYSTEM = GoogleCalendar(account('none'), brand='Brightwell')
OK = {'id': EVENT}


def refusal(reason: str, domain: str = 'global', **more: str) -> dict[str, Any]:
    item = {'domain': domain, 'reason': reason, 'message': f'{reason} 404 410', **more}
    return {'error': {'errors': [item], 'code': 0, 'message': f'{reason} 404 410'}}


def reaction(
    op: Op, status: int | None, body: Any = b'', *, sent: bool = True, headers: Mapping[str, str] | None = None
) -> Reaction | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        SYSTEM.judge(
            Request(op, 'event', f'{REP}/{EVENT}', {'start_at': 'x'}),
            Answer(status, raw, headers or {}, ARRIVED, ARRIVED, sent),
            Catalogue(),
        )
    except Reaction as raised:
        return raised
    return None


@pytest.mark.lesson('F-8')
@pytest.mark.parametrize(
    ('status', 'body', 'create', 'read'),
    [
        (200, OK, None, None),
        (200, b'', Ambiguous, Retry),
        (200, b'<html>', Ambiguous, Retry),
        (200, {}, Ambiguous, Retry),
        (302, b'', Retry, Retry),
        (400, refusal('timeRangeEmpty', 'calendar'), Rejected, Rejected),
        (401, refusal('authError'), AuthBroken, AuthBroken),
        (403, refusal('rateLimitExceeded', 'usageLimits'), RateLimited, RateLimited),
        (403, refusal('userRateLimitExceeded', 'usageLimits'), RateLimited, RateLimited),
        (403, refusal('quotaExceeded', 'usageLimits'), RateLimited, RateLimited),
        (403, {'error': {'details': [{'reason': 'RATE_LIMIT_EXCEEDED'}]}}, RateLimited, RateLimited),
        (403, refusal('forbiddenForNonOrganizer', 'calendar'), Forbidden, Forbidden),
        (403, refusal('insufficientPermissions'), AuthBroken, AuthBroken),
        (403, refusal('accessNotConfigured', 'usageLimits'), AuthBroken, AuthBroken),
        (403, refusal('requiredAccessLevel', 'calendar'), Forbidden, Forbidden),
        (403, {}, Forbidden, Forbidden),
        (403, b'<html>', RateLimited, RateLimited),
        (404, refusal('notFound'), Gone, Gone),
        (409, refusal('duplicate'), Ambiguous, Retry),
        (410, refusal('deleted'), Gone, Gone),
        (412, refusal('conditionNotMet'), Retry, Retry),
        (429, refusal('rateLimitExceeded', 'usageLimits'), RateLimited, RateLimited),
        (429, b'<html>', RateLimited, RateLimited),
        (500, refusal('backendError'), Ambiguous, Retry),
        (502, b'<html>', Ambiguous, Retry),
        (None, b'', Ambiguous, Retry),
    ],
)
def test_each_answer_has_one_reaction(
    status: int | None, body: Any, create: type[Reaction] | None, read: type[Reaction] | None
) -> None:
    for op, expected in (('create', create), ('read', read)):
        found = reaction(op, status, body)  # type: ignore[arg-type]
        assert type(found) is (expected or type(None)), op


def test_a_taken_id_is_a_question_only_for_a_creation() -> None:
    assert isinstance(reaction('update', 409, refusal('conflict')), Retry)


@pytest.mark.parametrize('status', [200, 204, 404, 410])
@pytest.mark.parametrize('op', ['delete', 'drop_webhook'])
def test_what_is_not_there_is_deleted(op: Op, status: int) -> None:
    assert reaction(op, status, b'' if status < 300 else refusal('deleted')) is None


def test_what_never_left_is_simply_tried_again() -> None:
    assert isinstance(reaction('create', None, sent=False), Retry)
    assert isinstance(reaction('create', 401, sent=False), AuthBroken)


@pytest.mark.parametrize('body', [{'items': []}, {'items': {}, 'nextSyncToken': 't'}, b'', []])
def test_a_page_that_does_not_say_how_it_goes_on_is_read_again(body: Any) -> None:
    assert isinstance(reaction('list', 200, body), Retry)
    assert reaction('list', 200, {'items': [], 'nextSyncToken': 't'}) is None
    assert reaction('list', 200, {'nextPageToken': 'p'}) is None


@pytest.mark.parametrize(
    ('body', 'headers', 'waited_s'),
    [
        (refusal('rateLimitExceeded'), {}, 10),
        (refusal('quotaExceeded'), {}, 600),
        (refusal('rateLimitExceeded'), {'retry-after': '33'}, 33),
        (refusal('rateLimitExceeded'), {'retry-after': 'Mon, 02 Mar 2026 12:05:00 GMT'}, 300),
        (refusal('rateLimitExceeded'), {'retry-after': '-4'}, 10),
        (refusal('rateLimitExceeded'), {'retry-after': '99999999'}, 86_400),
        (b'<html>', {}, 60),
    ],
)
def test_how_long_to_wait(body: Any, headers: dict[str, str], waited_s: int) -> None:
    found = reaction('create', 403, body, headers=headers)
    assert isinstance(found, RateLimited)
    assert abs(found.until - ARRIVED - timedelta(seconds=waited_s)) < timedelta(seconds=1)


def test_a_refusal_names_its_field() -> None:
    found = reaction('create', 400, refusal('invalid', location='start.dateTime', locationType='other'))
    assert isinstance(found, Rejected)
    assert found.fields == ('start_at',)
    assert 'invalid' in str(found)
