"""Strangers at the booking API: they learn nothing, repeat nothing of others, and cannot make it work hard."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.flows.house import NOOR, PRIYA, TOM, House, open_house
from tests.flows.visitors import FORM, TEN, book, left, number, slots

HOUR = timedelta(hours=1)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as opened:
        yield opened


@pytest.mark.invariant('S3')
async def test_nobody_learns_who_is_there(house: House) -> None:
    """Unknown, in another role, unbookable, inactive: one answer, byte for byte."""
    answers = [await slots(house, who=NOOR), await book(house, who=TOM)]
    for fields in ({'bookable': False}, {'active': False, 'bookable': True}):
        await house.act('admin.save', id=await number(house), fields=fields)
        answers += [await slots(house), await book(house)]
    unknown = await house.web.get(
        '/callbooker/availability/',
        params={'admin_id': 4711, 'start_dt': '2026-03-04', 'end_dt': '2026-03-05'},
    )
    hold = {'admin_id': 4711, 'start': TEN.isoformat()}
    answers += [unknown, await house.web.post('/callbooker/hold/', json=hold)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert (await left(house))['meeting'] == 0


@pytest.mark.invariant('S3')
async def test_a_company_is_not_told_by_its_id(house: House) -> None:
    """A company_id that is not signed changes no answer (MATCH-5)."""
    first = await book(house)
    [row] = await house.rows('select id from company')
    named = await book(house, TEN + HOUR, email='x@x.example', company_name='X', company_id=row['id'])
    unknown = await book(house, TEN + 2 * HOUR, email='y@y.example', company_name='Y', company_id=987654)
    assert [answer.status_code for answer in (first, named, unknown)] == [200] * 3
    shapes = [{name for name in answer.json()} for answer in (first, named, unknown)]
    assert shapes[0] == shapes[1] == shapes[2]
    rows = await house.rows('select count(*) as n from company')
    assert rows[0]['n'] == 3


@pytest.mark.invariant('S3')
async def test_what_is_large_is_refused(house: House) -> None:
    for path in ('/callbooker/sales/book/', '/callbooker/hold', '/booking/abc'):
        large = await house.web.post(path, content=b'{"a":"' + b'x' * 33_000 + b'"}')
        assert (large.status_code, large.json()['code']) == (413, 'too_large')

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b'x' * 1000

    assert (await house.web.post('/callbooker/sales/book/', content=endless())).status_code == 413
    assert (await slots(house, TEN, 62)).status_code == 200
    wide = await slots(house, TEN, 62.01)
    assert (wide.status_code, wide.json()['code']) == (422, 'invalid')
    assert (await slots(house, TEN, -1)).status_code == 422
    deep = await house.web.post(
        '/callbooker/sales/book/', content=b'[' * 20_000, headers={'Content-Type': 'application/json'}
    )
    assert deep.status_code == 400


@pytest.mark.invariant('S20')
async def test_a_key_repeats_one_booking_of_one_client(house: House) -> None:
    key = {'Idempotency-Key': 'a-key'}
    first = await book(house, headers=key)
    again = await book(house, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()['manage'] == again.json()['manage']
    assert await left(house) == {'company': 1, 'contact': 1, 'deal': 1, 'meeting': 1}
    other = await book(house, TEN + 3 * HOUR, headers=key)
    assert (other.status_code, other.json()['code']) == (422, 'idempotency'), 'the same key with another body'
    taken = {'Idempotency-Key': 'another-key'}
    refused = [await book(house, email='z@z.example', headers=taken) for _ in range(2)]
    assert [answer.json()['code'] for answer in refused] == ['slot_taken'] * 2
    house.clock.move_to(TEN + HOUR)
    late = await book(house, headers=key)
    assert (late.status_code, late.json()['manage']) == (200, first.json()['manage']), 'also when its time has come'


@pytest.mark.invariant('S20')
async def test_a_key_of_another_client_is_another_key(database_url: str) -> None:
    async with open_house(database_url, trusted_proxies='127.0.0.1') as house:
        headers = [{'Idempotency-Key': 'k', 'X-Forwarded-For': address} for address in ('192.0.2.1', '192.0.2.2')]
        first = await book(house, headers=headers[0])
        second = await book(house, TEN + HOUR, email='b@b.example', company_name='B', headers=headers[1])
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json()['meeting'] != second.json()['meeting']


@pytest.mark.invariant('S19')
async def test_tokens_are_kept_nowhere(house: House) -> None:
    told = (await book(house)).json()
    token = told['manage'].rpartition('/')[2]
    kept = await house.rows("select coalesce(string_agg(convert_from(body, 'UTF8'), ' '), '') as text from event")
    assert token.rpartition('.')[2] not in kept[0]['text']


async def test_no_text_of_a_stranger_stands_in_an_error(house: House) -> None:
    canary = 'canary-7f3e'
    form = {**FORM, 'admin_id': canary, 'meeting_dt': canary, 'email': canary, 'currency': canary}
    answer = await house.web.post('/callbooker/sales/book/', content=json.dumps(form))
    typed = await house.web.post('/callbooker/sales/book/', json=form)
    assert canary not in answer.text + typed.text
    assert {each['field'] for each in typed.json()['problems']} == {'admin_id', 'meeting_dt', 'email', 'currency'}
    assert (await number(house, PRIYA)) > 0
