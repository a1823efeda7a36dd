"""Salesforce's adapter against the emulated organisation: what Hermes says is what stands there, and the other way."""

import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from hermes.domain.errors import Ambiguous, AuthBroken, Gone, RateLimited, Reaction, Rejected, Retry
from hermes.domain.model import Element, Lookup, RecordRef
from hermes.kit.http import Line
from hermes.ports import Answer, Request
from hermes.sandbox.app import SandboxTransport, create_app
from hermes.systems.salesforce.ids import long_id
from hermes.systems.salesforce.mapping import SHIPPED, read
from hermes.systems.salesforce.system import Salesforce
from hermes.systems.salesforce.token import App
from tests.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, EMAIL, SANDBOX, USER, make_world
from tests.systems.people_conformance import changed, event, new, together
from tests.systems.support import CATALOGUE


class House:
    """The adapter beside the emulated organisation."""

    def __init__(self, secret: str = CLIENT_SECRET, mapped: Any = None) -> None:
        self.world = make_world()
        line = Line(SandboxTransport(create_app(self.world)), self.world.clock)
        self.system = Salesforce(App(f'{SANDBOX}/salesforce', CLIENT_ID, secret), mapped=mapped, line=line)

    @property
    def org(self) -> Any:
        return self.world.salesforce

    async def ask(self, request: Request) -> tuple[Reaction | None, list[Element], Answer]:
        answer = await self.system.send(request, CATALOGUE)
        try:
            self.system.judge(request, answer, CATALOGUE)
        except Reaction as reaction:
            return reaction, list(self.system.observe(event(request, answer), CATALOGUE)), answer
        return None, list(self.system.observe(event(request, answer), CATALOGUE)), answer

    def rows(self, kind: str = USER) -> list[dict[str, Any]]:
        return [row for row in self.org.kind(kind).rows.values() if not row['IsDeleted']]

    def calls(self) -> int:
        return self.world.call_count


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.system.aclose()


def refs(elements: list[Element]) -> list[str]:
    return [seen.ref.remote_id for element in elements for seen in element.observations]


def lookups(elements: list[Element]) -> list[Lookup]:
    return [element.lookup for element in elements if element.lookup]


def look(*keys: dict[str, Any], by: str = '', kind: str = 'app_user') -> Request:
    told = [
        {'record': [kind, n], 'external_id': str(n), 'legacy_id': None, 'email': None, **key}
        for n, key in enumerate(keys, 1)
    ]
    return Request('lookup', kind, params={'keys': told, 'by': by})


async def test_it_says_who_it_is(house: House) -> None:
    reaction, _, answer = await house.ask(Request('me'))
    assert reaction is None
    assert house.system.identity(answer) == f'Salesforce organisation {long_id(house.org.org_id)}'


async def test_it_lacks_nothing_of_the_shipped_mapping(house: House) -> None:
    reaction, _, answer = await house.ask(Request('describe'))
    assert reaction is None
    assert list(house.system.lacks(answer)) == []


async def test_what_it_lacks_is_told(house: House) -> None:
    house.org.change_field(USER, 'Hermes_Id__c', unique=False, length=10)
    _, _, answer = await house.ask(Request('describe'))
    assert list(house.system.lacks(answer)) == [
        f'{USER}.Hermes_Id__c is not unique: there could be two objects for one person.',
        f'{USER}.Hermes_Id__c holds 10 characters; it should hold 19.',
    ]


async def test_somebody_new_alone_and_again(house: House) -> None:
    request = together(new(1))
    for _ in range(2):
        reaction, elements, _ = await house.ask(request)
        assert reaction is None
        assert refs(elements) == [row['Id'] for row in house.rows()]
    [row] = house.rows()
    assert row['Hermes_Id__c'] == '1'
    assert row['Last_Name__c'] == "O'Nwosu-Brien"
    assert sorted(row['Mailing_Lists__c'].split(';')) == ['Educators', 'Newsletter']
    assert row['Is_Educator__c'] is True


async def test_two_hundred_go_out_as_one_call(house: House) -> None:
    await house.ask(Request('me'))
    before = house.calls()
    request = together(*(new(n) for n in range(1, 201)))
    reaction, elements, answer = await house.ask(request)
    assert reaction is None
    assert house.calls() == before + 1
    assert set(house.system.verdicts(request, answer)) == {None}
    by_key = {row['Hermes_Id__c']: row['Id'] for row in house.rows()}
    assert refs(elements) == [by_key[str(n)] for n in range(1, 201)]


async def test_one_wrong_address_among_many(house: House) -> None:
    wrong = new(2)
    request = together(new(1), replace(wrong, fields={**wrong.fields, 'email': 'nobody'}), new(3))
    reaction, elements, answer = await house.ask(request)
    assert reaction is None
    told = house.system.verdicts(request, answer)
    assert [type(each) for each in told] == [type(None), Rejected, type(None)]
    assert isinstance(told[1], Rejected)
    assert told[1].fields == ('email',)
    assert 'nobody' not in str(told[1])
    assert len(refs(elements)) == 2


async def test_a_change_by_id_and_the_legacy_object_gets_our_number(house: House) -> None:
    house.org.load_legacy_people(2)
    first, second = house.rows()
    request = together(changed(11, first['Id'][:15]), changed(12, second['Id']))
    reaction, elements, answer = await house.ask(request)
    assert reaction is None
    assert list(house.system.verdicts(request, answer)) == [None, None]
    assert refs(elements) == [first['Id'], second['Id']]
    assert [row['Hermes_Id__c'] for row in house.rows()] == ['11', '12']
    assert len(house.rows()) == 2


async def test_a_deleted_object_is_gone(house: House) -> None:
    await house.ask(together(new(1), new(2)))
    one, two = house.rows()
    house.org.delete(USER, one['Id'])
    request = together(changed(1, one['Id']), changed(2, two['Id']))
    reaction, elements, answer = await house.ask(request)
    assert reaction is None
    assert [type(each) for each in house.system.verdicts(request, answer)] == [Gone, type(None)]
    assert [seen.kind for each in elements for seen in each.observations] == ['deleted', 'state']


async def test_several_under_one_key(house: House) -> None:
    house.org.change_field(USER, 'Hermes_Id__c', unique=False)
    for _ in range(2):
        house.org.create(USER, {'Hermes_Id__c': '1', 'Email__c': 'a@b.example'})
    reaction, elements, _ = await house.ask(together(new(1)))
    assert isinstance(reaction, Ambiguous)
    assert sorted(lookups(elements)[0].found) == sorted(row['Id'] for row in house.rows())
    request = together(new(1), new(2))
    reaction, elements, answer = await house.ask(request)
    assert reaction is None
    assert [type(each) for each in house.system.verdicts(request, answer)] == [Rejected, type(None)]


NAMES = ["O'Brien", 'back\\slash', '"quoted"', "x' OR Name LIKE '%", 'שלום', 'line\nfeed', "\\'", 'ZOË', '\u2028']


@pytest.mark.parametrize('name', NAMES)
async def test_nobody_is_found_by_a_trick(house: House, name: str) -> None:
    house.org.load_legacy_people(3)
    reaction, [element], _ = await house.ask(
        look({'legacy_id': name, 'external_id': name, 'email': f'{name}@x.example'})
    )
    assert reaction is None
    assert [each.found for each in lookups([element])] == [()]


async def test_people_are_found_by_each_key(house: House) -> None:
    house.org.load_legacy_people(4, twice=(3,))
    await house.ask(together(new(9)))
    rows = {row['Legacy_Id__c'] or row['Hermes_Id__c']: row['Id'] for row in house.rows()}
    request = look(
        {'legacy_id': '100001'},
        {'email': 'PERSON2@legacy.example'},
        {'legacy_id': '100003'},
        {'external_id': '9'},
        {'email': 'nobody@x.example'},
    )
    reaction, elements, _ = await house.ask(request)
    assert reaction is None
    told = lookups(elements)
    assert [each.by for each in told] == ['legacy_id', 'email', 'legacy_id', 'external_id', '']
    assert [len(each.found) for each in told] == [1, 1, 2, 1, 0]
    assert told[0].found == (rows['100001'],)
    seen = elements[0].observations[0]
    assert seen.fields['external_id'] is None
    assert seen.fields['email'] == 'person1@legacy.example'
    assert seen.record == RecordRef('app_user', 1)


async def test_two_hundred_long_keys_fit(house: House) -> None:
    house.org.load_legacy_people(200)
    keys = [
        {'legacy_id': str(100_000 + n), 'email': f'{"x" * 40}.person{n}@{"legacy" * 9}.example'} for n in range(1, 201)
    ]
    before = house.calls()
    reaction, elements, _ = await house.ask(look(*keys))
    assert reaction is None
    assert [len(each.found) for each in lookups(elements)] == [1] * 200
    assert house.calls() - before < 6


async def test_sustainers_page_by_page(house: House) -> None:
    house.org.load_legacy_people(4500, contacts=False, sustained_every=100)
    reaction, _, answer = await house.ask(Request('sustainers', 'app_user'))
    assert reaction is None
    assert house.system.next_cursor(answer) is None
    told = house.system.sustainers(answer)
    assert len(told) == 4500
    assert sum(told.values()) == 45


async def test_the_mailing_lists(house: House) -> None:
    reaction, _, answer = await house.ask(Request('lists'))
    assert reaction is None
    assert 'Weekly Study' in house.system.lists(answer)


async def test_a_session_that_ended_is_begun_again(house: House) -> None:
    await house.ask(Request('me'))
    house.org.end_sessions()
    reaction, _, _ = await house.ask(together(new(1), new(2)))
    assert reaction is None
    assert len(house.rows()) == 2


async def test_a_wrong_secret() -> None:
    house = House(secret='other')
    reaction, _, _ = await house.ask(together(new(1)))
    assert isinstance(reaction, AuthBroken)
    assert str(reaction) == 'Salesforce refuses (401): no token (401 invalid_client)'


async def test_the_days_requests_are_spent(house: House) -> None:
    house.org.set_calls(daily=10, used=10)
    reaction, _, _ = await house.ask(together(new(1)))
    assert isinstance(reaction, RateLimited)
    assert reaction.daily


async def test_what_is_spent_of_the_day_comes_along(house: House) -> None:
    _, _, answer = await house.ask(Request('me'))
    assert answer.headers['sforce-limit-info'].startswith('api-usage=')


async def test_locked_rows_are_tried_again(house: House) -> None:
    house.org.break_things(locks=1)
    request = together(new(1))
    reaction, _, _ = await house.ask(request)
    assert isinstance(reaction, Retry), reaction
    reaction, _, _ = await house.ask(request)
    assert reaction is None


async def test_an_address_without_an_account(house: House) -> None:
    reaction, elements, _ = await house.ask(together(new(5, 'subscription')))
    assert reaction is None
    [row] = house.rows(EMAIL)
    assert (row['Hermes_Id__c'], refs(elements)) == ('5', [row['Id']])


async def test_an_object_is_read_and_missed(house: House) -> None:
    await house.ask(together(new(1)))
    [row] = house.rows()
    reaction, [element], _ = await house.ask(Request('read', 'app_user', row['Id']))
    assert reaction is None
    [seen] = element.observations
    assert seen.fields['lists'] == ['Educators', 'Newsletter']
    house.org.delete(USER, row['Id'])
    reaction, [element], _ = await house.ask(Request('read', 'app_user', row['Id']))
    assert isinstance(reaction, Gone)
    assert element.observations[0].kind == 'missing'


async def test_many_are_deleted_in_one_call(house: House) -> None:
    await house.ask(together(new(1), new(2)))
    items = [
        Request('delete', 'app_user', row['Id'], record=RecordRef('app_user', int(row['Hermes_Id__c'])))
        for row in house.rows()
    ]
    reaction, elements, _ = await house.ask(together(*items))
    assert reaction is None
    assert house.rows() == []
    assert [seen.kind for each in elements for seen in each.observations] == ['deleted', 'deleted']


async def test_legacy_id_and_sustainer_on_the_joined_contact() -> None:
    told = tomllib.loads(SHIPPED.read_text())['salesforce']
    told['app_user']['legacy_id'] = 'Contact__r.Legacy_Id__c'
    told['app_user']['sustainer'] = 'Contact__r.Is_Sustainer__c'
    house = House(mapped=read(told))
    house.org.load_legacy_people(3, sustained_every=3)
    reaction, elements, _ = await house.ask(look({'legacy_id': '100002'}, by='legacy_id'))
    assert reaction is None
    assert len(lookups(elements)[0].found) == 1
    reaction, _, answer = await house.ask(Request('describe'))
    assert list(house.system.lacks(answer)) == []
    reaction, _, answer = await house.ask(Request('sustainers', 'app_user'))
    assert reaction is None
    assert sum(house.system.sustainers(answer).values()) == 1
