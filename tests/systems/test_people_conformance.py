"""Every place of app users against what all of them have to fulfil (people_conformance.py)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes.domain.errors import Ambiguous, AuthBroken, HermesError, RateLimited, Reaction, Rejected, Retry, Unparseable
from hermes.domain.model import RecordRef
from hermes.ports import Answer, PeopleTarget, Request
from tests.systems import salesforce
from tests.systems.people_conformance import PERSONAL, Case, Refusal, Vendor, asked, changed, event, new, together
from tests.systems.support import ANY_JSON, ARRIVED, CATALOGUE

CASES: Sequence[Case] = (salesforce.CASE,)
KEYS = {'external_id', 'user_id', 'email', 'first_name', 'last_name', 'lang', 'educator', 'lists', 'review'}
each_case = pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
each_refusal = pytest.mark.parametrize(
    ('case', 'refusal'),
    [pytest.param(case, refusal, id=f'{case.name}-{refusal.name}') for case in CASES for refusal in case.refusals],
)


def requests(case: Case) -> list[Request]:
    """One of each kind of call; writes alone and together."""
    known = _known(case)
    told = {
        'create': [together(new(1)), together(new(1), new(2)), together(new(3, 'subscription'))],
        'update': [together(changed(1, known[0])), together(changed(1, known[0]), changed(2, known[1]))],
        'lookup': [asked(1), asked(1, 2, by='email'), asked(1, kind='subscription')],
        'sustainers': [Request('sustainers', 'app_user')],
        'lists': [Request('lists', 'app_user')],
        'describe': [Request('describe')],
        'me': [Request('me')],
    }
    return [request for op in case.ops for request in told[op]]


def _known(case: Case) -> list[str]:
    """Two ids of the vendor's."""
    system = case.build(Vendor(case.sign_in))
    made = together(new(1), new(2))
    status, body = case.succeeds(made)[-1]
    answer = Answer(status, json.dumps(body).encode(), {}, ARRIVED, ARRIVED)
    elements = system.observe(event(made, answer), CATALOGUE)
    return [seen.ref.remote_id for element in elements for seen in element.observations]


async def sent(case: Case, request: Request, *replies: Any, **options: Any) -> tuple[PeopleTarget, Answer, Vendor]:
    vendor = Vendor(case.sign_in, list(replies or case.succeeds(request)), **options)
    system = case.build(vendor)
    answer = await system.send(request, CATALOGUE)
    await system.aclose()  # type: ignore[attr-defined]
    return system, answer, vendor


def judged(system: PeopleTarget, request: Request, answer: Answer) -> Reaction | None:
    try:
        system.judge(request, answer, CATALOGUE)
    except Reaction as reaction:
        return reaction
    return None


def one(case: Case) -> Request:
    return together(changed(7, _known(case)[0]))


@each_case
def test_it_says_what_it_is(case: Case) -> None:
    system = case.build(Vendor(case.sign_in))
    profile = system.profile
    assert (profile.role, system.name, system.types) == ('people', profile.name, profile.types)
    assert profile.types == {'app_user': 'app_user', 'subscription': 'subscription'}
    assert profile.batch >= 1
    assert profile.deadline_s > 0
    for record_type in profile.types:
        told = {item.key for item in system.outgoing(record_type, CATALOGUE)}
        assert {'external_id', 'email'} <= told <= KEYS
    assert not system.outgoing('company', CATALOGUE)
    assert all(system.cost(request).tokens >= 0 for request in requests(case))


@each_case
async def test_every_call_that_succeeds_is_taken_as_that(case: Case) -> None:
    for request in requests(case):
        system, answer, vendor = await sent(case, request)
        assert judged(system, request, answer) is None, request.op
        assert len(vendor.signed_in) <= 1
        if request.items:
            assert list(system.verdicts(request, answer)) == [None] * len(request.items)


@each_case
async def test_every_write_is_observed_with_its_record_and_its_values(case: Case) -> None:
    for request in (each for each in requests(case) if each.items):
        system, answer, _ = await sent(case, request)
        elements = system.observe(event(request, answer), CATALOGUE)
        seen = [seen for element in elements for seen in element.observations]
        assert [each.record for each in seen] == [item.record for item in request.items]
        assert [each.fields for each in seen] == [item.fields for item in request.items]
        assert {each.ref.system for each in seen} == {system.name}
        assert {each.ref.type for each in seen} == {request.type}
        assert {each.kind for each in seen} == {'state'}
        assert {each.origin for each in seen} == {'answer'}
        assert len({each.ref.remote_id for each in seen}) == len(seen)


@each_case
async def test_a_look_up_answers_for_every_key(case: Case) -> None:
    request = asked(1, 2)
    system, answer, _ = await sent(case, request)
    told = system.observe(event(request, answer), CATALOGUE)
    lookups = [element.lookup for element in told if element.lookup]
    assert [each.record for each in lookups] == [RecordRef('app_user', 1), RecordRef('app_user', 2)]
    assert [len(each.found) for each in lookups] == [1, 0]
    (seen,) = (seen for element in told for seen in element.observations)
    assert (seen.ref.remote_id, seen.record) == (lookups[0].found[0], RecordRef('app_user', 1))
    assert seen.fields['email'] == request.params['keys'][0]['email']


@each_case
@pytest.mark.parametrize(
    ('status', 'body', 'write', 'read'),
    [
        (200, b'', Ambiguous, Retry),
        (200, b'<html>nothing of ours</html>', Ambiguous, Retry),
        (200, b'{"id": "a0', Ambiguous, Retry),
        (200, b'null', Ambiguous, Retry),
        (500, b'[]', Ambiguous, Retry),
        (503, b'<html>maintenance</html>', Ambiguous, Retry),
        (302, b'', Retry, Retry),
        (401, b'', AuthBroken, AuthBroken),
        (429, b'', RateLimited, RateLimited),
        (400, b'', Rejected, Rejected),
    ],
)
async def test_reactions_to_a_status(case: Case, status: int, body: bytes, write: Any, read: Any) -> None:
    for request in requests(case):
        system, answer, _ = await sent(case, request, (status, body))
        raised = judged(system, request, answer)
        assert type(raised) is (write if request.items else read), request.op
        assert not [element for element in system.observe(event(request, answer), CATALOGUE) if element.lookup]


@each_case
async def test_silence(case: Case) -> None:
    for request in requests(case):
        system = case.build(Vendor(case.sign_in))
        lost = Answer(None, started_at=ARRIVED, ended_at=ARRIVED, error='ReadTimeout')
        expected = Ambiguous if request.items else Retry
        assert type(judged(system, request, lost)) is expected
        assert type(judged(system, request, replace(lost, sent=False))) is Retry


@each_case
async def test_whoever_stops_waiting_keeps_no_door_shut(case: Case) -> None:
    vendor = Vendor(case.sign_in, list(case.succeeds(Request('me'))), silent_s=30)
    system = case.build(vendor)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await system.send(Request('me'), CATALOGUE)
    vendor.silent_s = 0
    answer = await system.send(Request('me'), CATALOGUE)
    assert judged(system, Request('me'), answer) is None
    await system.aclose()  # type: ignore[attr-defined]


@each_refusal
async def test_reactions_to_a_refusal(case: Case, refusal: Refusal) -> None:
    request = one(case)
    system, answer, _ = await sent(case, request.items[0], refusal.reply)
    raised = judged(system, request.items[0], answer)
    assert type(raised) is refusal.reaction
    if isinstance(raised, Rejected):
        assert raised.fields == refusal.fields
    if isinstance(raised, RateLimited):
        assert raised.daily is refusal.daily
        assert answer.ended_at is not None
        assert timedelta(0) < raised.until - answer.ended_at <= timedelta(days=1)


@each_case
async def test_one_of_many_that_is_refused_keeps_nobody_else_back(case: Case) -> None:
    request = together(*(new(number) for number in range(1, 5)))
    system, answer, _ = await sent(case, request, case.item_refused(request, 2))
    assert judged(system, request, answer) is None
    told = list(system.verdicts(request, answer))
    assert [type(each) for each in told] == [type(None), type(None), Rejected, type(None)]
    assert isinstance(told[2], Rejected)
    assert told[2].fields == ('email',)
    elements = system.observe(event(request, answer), CATALOGUE)
    assert [seen.record.id for each in elements for seen in each.observations if seen.record] == [1, 2, 4]


@each_case
@pytest.mark.parametrize('cut', [lambda told: told[:-1], lambda told: [*told, told[0]], lambda told: [told[0]] * 3])
async def test_nobody_gets_what_may_be_somebody_elses(case: Case, cut: Any) -> None:
    """Fewer answers than items, more of them, one for all: nobody can tell which is whose."""
    request = together(new(1), new(2), new(3))
    status, body = case.succeeds(request)[-1]
    if not isinstance(body, list):
        pytest.skip('its answers to many are no list')
    system, answer, _ = await sent(case, request, (status, cut(body)))
    assert isinstance(judged(system, request, answer), Ambiguous)
    assert not [seen for each in system.observe(event(request, answer), CATALOGUE) for seen in each.observations]


@each_case
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    status=st.sampled_from([200, 201, 204, 207, 300, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500]),
    body=ANY_JSON.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=30),
    data=st.data(),
)
def test_no_answer_brings_it_down(case: Case, status: int, body: bytes, data: st.DataObject) -> None:
    system = case.build(Vendor(case.sign_in))
    request = data.draw(st.sampled_from(requests(case)))
    answer = Answer(status, body, {'date': 'no date', 'retry-after': '²'}, ARRIVED, ARRIVED)
    raised = judged(system, request, answer)
    try:
        for element in system.observe(event(request, answer), CATALOGUE):
            assert element.observations or element.lookup or element.ignored or element.unparseable
    except Unparseable:
        assert raised is not None
    if request.items:
        assert len(system.verdicts(request, answer)) == len(request.items)
    if raised is None:
        reads = {'sustainers': system.sustainers, 'lists': system.lists, 'describe': system.lacks}
        reads.get(request.op, lambda told: None)(answer)


@each_case
async def test_wrong_credentials_are_found_out_and_left_again(case: Case) -> None:
    request = one(case)
    vendor = Vendor(case.refuse_sign_in, list(case.succeeds(request)))
    system = case.build(vendor)
    answer = await system.send(request, CATALOGUE)
    raised = judged(system, request, answer)
    assert isinstance(raised, AuthBroken)
    assert not vendor.calls
    vendor.sign_in = case.sign_in
    answer = await system.send(request, CATALOGUE)
    assert judged(system, request, answer) is None
    await system.aclose()  # type: ignore[attr-defined]


@each_case
async def test_nothing_secret_and_nobody_is_told_on(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level('DEBUG')
    request = one(case)
    told: list[str] = []
    for reply in (*(refusal.reply for refusal in case.refusals), case.echo(request), case.succeeds(request)[0]):
        system, answer, vendor = await sent(case, request, reply)
        raised: HermesError | None = judged(system, request, answer)
        told += [repr(answer), repr(system), str(raised), repr(raised), repr(vars(system))]
        told += [f'{call.path}?{call.query}' for call in vendor.calls]
        assert not [name for name in PERSONAL if name in str(raised)], reply
    many = together(new(1), new(2))
    system, answer, _ = await sent(case, many, case.item_refused(many, 0))
    verdicts = [str(each) for each in system.verdicts(many, answer)]
    assert not [name for name in PERSONAL for each in verdicts if name in each]
    text = '\n'.join([*told, *verdicts, caplog.text])
    assert not [secret for secret in case.secrets if secret in text]


@each_case
async def test_an_error_is_no_longer_than_people_read(case: Case) -> None:
    request = one(case)
    status, body = case.refusals[-1].reply
    long = json.loads(json.dumps(body).replace('"message": "', '"message": "' + 'x' * 100_000))
    system, answer, _ = await sent(case, request, (status, long))
    assert len(str(judged(system, request, answer))) <= 2048
