"""NationBuilder's adapter: what it asks for, whatever it is answered, and that nothing secret or personal is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes.domain.errors import (
    Ambiguous,
    AuthBroken,
    Forbidden,
    Gone,
    Pending,
    RateLimited,
    Reaction,
    Refused,
    Rejected,
    Retry,
    Unparseable,
)
from hermes.domain.model import Event, RecordRef
from hermes.kit.clock import ManualClock
from hermes.kit.http import Line
from hermes.ports import Answer, Request, encode_answer
from hermes.ports.grants import NoGrant
from hermes.systems.nationbuilder.mapping import load, read
from hermes.systems.nationbuilder.oauth import App, NationExchange
from hermes.systems.nationbuilder.system import NationBuilder
from tests.systems.support import ANY_JSON, ARRIVED, CATALOGUE

TOKEN, EMAIL = 'canary-token-17', 'adaobi.nwosu@school.example'
Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class Nation(httpx2.AsyncBaseTransport):
    """Answers from `replies`, by a part of the method and path; the last of them again and again."""

    def __init__(self, **replies: Any) -> None:
        self.replies = {name.replace('__', ' /'): list(told) for name, told in replies.items()}
        self.calls: list[tuple[str, str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        is_json = 'json' in request.headers.get('content-type', '')
        body = json.loads(request.content) if is_json else None
        line = f'{request.method} {request.url.path.removeprefix("/api/v2")}'
        self.calls.append((line, request.url.query.decode(), body))
        found: list[Any] = next(
            (told for name, told in self.replies.items() if line.startswith(name)), [(200, {'data': []})]
        )
        status, said, *more = found.pop(0) if len(found) > 1 else found[0]
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        return httpx2.Response(status, headers=more[0] if more else {}, content=raw)


def build(nation: httpx2.AsyncBaseTransport) -> NationBuilder:
    line = Line(nation, ManualClock(datetime(2026, 3, 2, 12, tzinfo=UTC)))
    return NationBuilder('https://brightwell.nationbuilder.com', 'brightwell', token=TOKEN, line=line)


def person(identity: str = '5', **attributes: Any) -> dict[str, Any]:
    return {'data': {'id': identity, 'type': 'signups', 'attributes': attributes}}


def new(number: int = 1, **more: Any) -> Request:
    fields = {'external_id': str(number), 'email': EMAIL, 'first_name': 'Adaobi', 'lang': 'en', **more}
    return Request('create', 'app_user', fields=fields, record=RecordRef('app_user', number))


def changed(**fields: Any) -> Request:
    return Request('update', 'app_user', '5', {'email': EMAIL, **fields}, record=RecordRef('app_user', 1))


def together(*items: Request) -> Request:
    return Request(items[0].op, items[0].type, items=items)


def judged(system: NationBuilder, request: Request, answer: Answer) -> Reaction | None:
    try:
        system.judge(request, answer, CATALOGUE)
    except Reaction as reaction:
        return reaction
    return None


async def asked(nation: Nation, request: Request) -> tuple[NationBuilder, Answer, Reaction | None]:
    system = build(nation)
    answer = await system.send(request, CATALOGUE)
    return system, answer, judged(system, request, answer)


def invalid(*names: str) -> dict[str, Any]:
    return {
        'errors': [
            {'code': 'unprocessable_entity', 'status': '422', 'title': 'Validation Error',
             'detail': f'{EMAIL} has already been taken', 'source': {'pointer': f'/data/attributes/{name}'},
             'meta': {'attribute': name}}
            for name in names
        ]
    }  # fmt: skip


@pytest.mark.parametrize(
    ('reply', 'kind', 'fields'),
    [
        ((422, invalid('email')), Rejected, ('email',)),
        ((422, invalid('email2', 'first_name')), Rejected, ('email', 'first_name')),
        ((422, invalid('base')), Rejected, ()),
        ((400, {'code': 'bad_request', 'message': EMAIL}), Rejected, ()),
        ((401, {'code': 'unauthorized', 'message': 'no'}), AuthBroken, ()),
        ((403, {'code': 'forbidden', 'message': 'no'}), Forbidden, ()),
        ((403, b'<html>blocked</html>'), RateLimited, ()),
        ((404, {'code': 'not_found', 'message': 'Record not found'}), Gone, ()),
        ((409, {'code': 'conflict'}), Retry, ()),
        ((429, {'message': 'too many'}, {'retry-after': '7'}), RateLimited, ()),
        ((302, b''), Retry, ()),
        ((500, {'code': 'server_error'}), Ambiguous, ()),
        ((502, b'<html>We are back soon</html>'), Ambiguous, ()),
        ((200, b'{"data": {"id": "5'), Ambiguous, ()),
        ((200, b'<html>hello</html>'), Ambiguous, ()),
        ((200, person('6')), Ambiguous, ()),
        ((200, {'data': None}), Ambiguous, ()),
    ],
)
async def test_every_cause_has_its_reaction(reply: Reply, kind: type[Reaction], fields: tuple[str, ...]) -> None:
    request = together(changed(first_name='Ada'))
    system, answer, reaction = await asked(Nation(PATCH=[reply]), request)
    [reaction] = [reaction] if reaction is not None else system.verdicts(request, answer)
    assert type(reaction) is kind
    if isinstance(reaction, Rejected):
        assert reaction.fields == fields
    assert EMAIL not in str(reaction)
    seen = [each.kind for told in system.observe(event(request, answer), CATALOGUE) for each in told.observations]
    assert seen == (['deleted'] if kind is Gone else [])


def event(request: Request, answer: Answer) -> Event:
    kind = 'answer' if request.op in ('create', 'update', 'delete') else 'read'
    return Event(1, 'nationbuilder', kind, encode_answer(request, answer), ARRIVED)


async def test_how_long_to_wait_says_the_answer() -> None:
    for headers, wait_s in (
        ({'retry-after': '7'}, 7),
        ({'ratelimit-reset': str(int(datetime(2026, 3, 2, 12, 0, 9, tzinfo=UTC).timestamp()))}, 9),
        ({'retry-after': 'soon'}, 10),
        ({'retry-after': '99999999'}, 86_400),
    ):
        _, answer, reaction = await asked(Nation(PATCH=[(429, {'message': 'no'}, headers)]), together(changed()))
        assert isinstance(reaction, RateLimited)
        assert answer.ended_at is not None
        assert reaction.until - answer.ended_at == timedelta(seconds=wait_s)


async def test_nobody_else_is_begun_with_when_the_window_is_full() -> None:
    reset = str(int(datetime(2026, 3, 2, 12, 0, 9, tzinfo=UTC).timestamp()))
    full = {'ratelimit-remaining': '3', 'ratelimit-reset': reset}
    nation = Nation(PATCH=[(201, person('5'), full)], POST=[(201, {'data': {'id': '1'}}, full)])
    system, answer, reaction = await asked(nation, together(new(1), new(2)))
    assert reaction is None
    first, second = system.verdicts(together(new(1), new(2)), answer)
    assert first is None
    assert isinstance(second, RateLimited)
    assert second.until == datetime(2026, 3, 2, 12, 0, 9, tzinfo=UTC)
    assert len([line for line, _, _ in nation.calls if line == 'PATCH /signups/push']) == 1


async def test_one_who_is_refused_keeps_nobody_else_back() -> None:
    nation = Nation(PATCH=[(201, person('5')), (422, invalid('email')), (201, person('7'))],
                    POST=[(201, {'data': {'id': '1'}})])  # fmt: skip
    request = together(new(1), new(2), new(3))
    system, answer, reaction = await asked(nation, request)
    assert reaction is None
    assert [type(each) for each in system.verdicts(request, answer)] == [type(None), Rejected, type(None)]
    seen = [each for element in system.observe(event(request, answer), CATALOGUE) for each in element.observations]
    assert [(each.record, each.ref.remote_id) for each in seen] == [
        (RecordRef('app_user', 1), '5'),
        (RecordRef('app_user', 3), '7'),
    ]
    assert seen[0].fields == request.items[0].fields


async def test_who_was_made_is_known_though_a_tag_was_refused() -> None:
    nation = Nation(PATCH=[(201, person('5'))], POST=[(400, {'code': 'bad_request', 'message': 'no'})])
    request = together(new(1, educator=True))
    system, answer, reaction = await asked(nation, request)
    assert reaction is None
    [verdict] = system.verdicts(request, answer)
    assert isinstance(verdict, Retry)
    [element] = system.observe(event(request, answer), CATALOGUE)
    assert element.observations[0].ref.remote_id == '5'
    assert 'educator' not in element.observations[0].fields


async def test_lists_wait_for_their_job() -> None:
    nation = Nation(
        PATCH__lists=[(202, {'token': 'abc1'})], PATCH=[(200, person('5'))],
        GET__lists=[(200, {'data': [{'id': '3', 'type': 'lists', 'attributes': {'name': 'News', 'slug': 'news'}}]}),
                    (200, {'data': []})],
        GET__async=[(200, {'id': 'abc1', 'status': 'working'}), (200, {'id': 'abc1', 'status': 'completed'})],
    )  # fmt: skip
    request = together(changed(lists=['News']))
    system, answer, reaction = await asked(nation, request)
    assert reaction is None
    [verdict] = system.verdicts(request, answer)
    assert isinstance(verdict, Pending)
    [element] = system.observe(event(request, answer), CATALOGUE)
    assert element.observations[0].fields == {'email': EMAIL}
    asking = Request('job', 'app_user', '5', {'lists': ['News']}, params={'job': verdict.job})
    told = await system.send(asking, CATALOGUE)
    again = judged(system, asking, told)
    assert isinstance(again, Pending)
    assert again.job == verdict.job
    told = await system.send(asking, CATALOGUE)
    assert judged(system, asking, told) is None
    [element] = system.observe(event(asking, told), CATALOGUE)
    assert element.observations[0].fields == {'lists': ['News']}


@pytest.mark.parametrize('reply', [(200, {'status': 'failed'}), (404, {'code': 'not_found'})])
async def test_a_job_that_failed_or_is_forgotten_is_for_people(reply: Reply) -> None:
    asking = Request('job', 'app_user', '5', {'lists': []}, params={'job': '{"id": "5", "tokens": ["abc1"]}'})
    _, _, reaction = await asked(Nation(GET=[reply]), asking)
    assert isinstance(reaction, Rejected)
    assert reaction.fields == ('lists',)


@pytest.mark.parametrize(
    'hanging',
    [
        {'data': {'id': '5', 'attributes': {'is_donor': True}}},
        {'data': {'id': '5', 'attributes': {'note': 'met at the fair'}}},
        {'data': {'id': '5', 'attributes': {}, 'relationships': {}}},
    ],
)
async def test_spam_is_never_deleted_when_anything_speaks_against_it(hanging: Any) -> None:
    nation = Nation(GET__signups=[(200, hanging)], PATCH=[(200, person('5'))], POST=[(201, {'data': {'id': '1'}})])
    _, _, reaction = await asked(nation, together(changed(review='spam')))
    assert reaction is None
    assert not [line for line, _, _ in nation.calls if line.startswith('DELETE')]


async def test_spam_that_cannot_be_looked_at_is_not_deleted() -> None:
    nation = Nation(GET__signups=[(500, b'')])
    _, _, reaction = await asked(nation, together(changed(review='spam')))
    assert isinstance(reaction, Ambiguous)
    assert not [line for line, _, _ in nation.calls if not line.startswith('GET')]


REQUESTS = (
    together(new(1)), together(new(1), new(2)), together(changed(lists=['News'], review='spam')), changed(),
    Request('read', 'app_user', '5'), Request('sustainers', 'app_user'), Request('lists'), Request('describe'),
    Request('me'), Request('job', 'app_user', '5', params={'job': '{"id": "5", "tokens": ["abc1"]}'}),
    Request('lookup', 'app_user', params={'keys': [
        {'record': ['app_user', 1], 'external_id': '1', 'legacy_id': None, 'email': EMAIL}], 'by': ''}),
)  # fmt: skip
REPLIES = ANY_JSON.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=30)
STATUSES = st.sampled_from([200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(status=STATUSES, body=REPLIES, request=st.sampled_from(REQUESTS))
def test_no_stored_answer_brings_it_down(status: int, body: bytes, request: Request) -> None:
    check(build(Nation()), request, Answer(status, body, {'date': 'no date', 'retry-after': '²'}, ARRIVED, ARRIVED))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(replies=st.lists(st.tuples(STATUSES, REPLIES), min_size=1, max_size=5), request=st.sampled_from(REQUESTS))
async def test_nothing_that_is_said_brings_it_down(replies: list[tuple[int, bytes]], request: Request) -> None:
    system = build(Nation(**{'': list(replies)}))
    check(system, request, await system.send(request, CATALOGUE))


def check(system: NationBuilder, request: Request, answer: Answer) -> None:
    reaction = judged(system, request, answer)
    try:
        for element in system.observe(event(request, answer), CATALOGUE):
            assert element.observations or element.lookup or element.ignored
    except Unparseable:
        assert reaction is not None
    if reaction is None and request.items:
        assert len(system.verdicts(request, answer)) == len(request.items)
    if reaction is None and request.op in ('sustainers', 'lists', 'describe'):
        reads = {'sustainers': system.sustainers, 'lists': system.lists, 'describe': system.lacks}
        reads[request.op](answer)
        system.next_cursor(answer)


async def test_silence_is_not_a_no() -> None:
    system, lost = build(Nation()), Answer(None, started_at=ARRIVED, ended_at=ARRIVED, error='ReadTimeout')
    for request in REQUESTS:
        write = request.op in ('create', 'update')
        assert type(judged(system, request, lost)) is (Ambiguous if write else Retry)
        assert type(judged(system, request, replace(lost, sent=False))) is Retry


def test_nothing_secret_is_shown() -> None:
    system = build(Nation())
    exchange = NationExchange(App('https://b.nationbuilder.com', 'id', 'canary-secret'), Line(Nation()))
    assert TOKEN not in f'{system!r}{vars(system)!r}'
    assert 'canary' not in f'{exchange!r}{vars(exchange)!r}'


@pytest.mark.parametrize(
    ('reply', 'broken', 'unknown'),
    [
        ((400, {'error': 'invalid_grant'}), True, False),
        ((401, {'error': 'invalid_client'}), True, False),
        ((429, {'message': 'later'}), False, False),
        ((500, b''), False, True),
        ((200, b'{"access_token": "a'), False, True),
        ((200, {'access_token': 'a'}), False, True),
        ((404, b'<html>'), False, True),
    ],
)
async def test_what_the_place_of_tokens_answers(reply: Reply, broken: bool, unknown: bool) -> None:
    exchange = NationExchange(App('https://b.nationbuilder.com', 'id', 'canary-secret'), Line(Nation(POST=[reply])))
    with pytest.raises(NoGrant) as missing:
        await exchange.renew('canary-refresh')
    assert (missing.value.broken, missing.value.unknown) == (broken, unknown)
    assert missing.value.over is (isinstance(reply[1], dict) and reply[1].get('error') == 'invalid_grant')
    assert 'canary' not in str(missing.value)


async def test_a_secret_goes_nowhere_unsealed() -> None:
    exchange = NationExchange(App('http://b.nationbuilder.com', 'id', 'secret'), Line(Nation()))
    with pytest.raises(NoGrant, match='https'):
        await exchange.renew('refresh')


@pytest.mark.parametrize(
    ('table', 'place'),
    [
        ({}, 'nationbuilder.fields'),
        ({'fields': {'email': 'e-mail'}}, 'nationbuilder.fields.email'),
        ({'fields': {'email': 'email', 'colour': 'x'}}, 'nationbuilder.fields.colour'),
        ({'fields': {'email': 'email'}}, 'nationbuilder.reviews.account_deleted'),
        ({'fields': {'email': 'email'}, 'odd': 1}, 'nationbuilder.odd'),
    ],
)
def test_a_mapping_that_is_wrong_names_the_place(table: dict[str, Any], place: str) -> None:
    with pytest.raises(ValueError, match=place):
        read(table)


def test_the_shipped_mapping_is_read(tmp_path: Any) -> None:
    assert load().fields['email'] == 'email'
    (tmp_path / 'people.toml').write_text('[another]\n')
    assert load(tmp_path / 'people.toml') == load()
    with pytest.raises(Refused, match='PEOPLE_FILE'):
        load(tmp_path / 'nowhere.toml')
