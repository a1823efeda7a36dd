"""SOQL at the emulated Salesforce: what is understood, what is refused and how, and pages of a long answer."""

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.sandbox.salesforce.query import make_plan
from hermes.sandbox.salesforce.store import Store
from tests.sandbox.salesforce import EMAIL, KEY, USER, Caller, Json, open_caller

PEOPLE: list[Json] = [
    {KEY: '1', 'Email__c': 'ada@people.example', 'First_Name__c': 'Ada', 'Is_Educator__c': True, 'Language__c': 'en'},
    {
        KEY: '2',
        'Email__c': 'ben@people.example',
        'First_Name__c': 'Ben',
        'Last_Name__c': "O'Neill",
        'Language__c': 'he',
    },
    {KEY: '3', 'Email__c': 'cleo@people.example', 'First_Name__c': '100% "Cleo"', 'Is_Educator__c': True},
    {KEY: '4', 'Email__c': 'dan@people.example', 'First_Name__c': 'dan_\\', 'Language__c': 'en'},
]


@pytest.fixture
def caller() -> Caller:
    caller = open_caller()
    crm = caller.world.salesforce
    for number, values in enumerate(PEOPLE, 1):
        contact = crm.create('contact', {'LastName': 'X', 'Email': values['Email__c'], 'Legacy_Id__c': f'10{number}'})
        crm.create('app_user', values)
        assert crm.contacts.rows[contact['Id']]
        caller.world.clock.advance(3600)  # type: ignore[attr-defined]
    return caller


@pytest.mark.parametrize(
    ('where', 'found'),
    [
        (f"{KEY} = '2'", '2'),
        ("hermes_id__c IN ('2', '4', '9', '2')", '24'),
        (f"{KEY} NOT IN ('2', '4')", '13'),
        ("Email__c = 'ADA@people.example'", '1'),
        ("Email__c != 'ada@people.example'", '234'),
        ("Email__c <> 'ada@people.example' AND Is_Educator__c = true", '3'),
        ("Last_Name__c = 'o\\'neill'", '2'),
        ("First_Name__c = '100% \\\"Cleo\\\"'", '3'),
        ("First_Name__c = '\\u0041da'", '1'),
        ("First_Name__c = 'dan_\\\\'", '4'),
        ("First_Name__c LIKE '%a%'", '14'),
        ("First_Name__c LIKE '_en'", '2'),
        ("First_Name__c LIKE '100\\% %'", '3'),
        ("First_Name__c LIKE 'dan\\_%'", '4'),
        ("Last_Name__c LIKE 'o\\'%'", '2'),
        ("NOT First_Name__c LIKE '%n%'", '13'),
        ('Last_Name__c = null', '134'),
        ('Last_Name__c != NULL', '2'),
        ("Last_Name__c != 'x'", '1234'),
        ('Is_Educator__c = FALSE', '24'),
        ('Is_Educator__c = false OR First_Name__c = \'ADA\'', '124'),
        (f"({KEY} = '1' OR {KEY} = '2') AND Is_Educator__c = true", '1'),
        (f"NOT ({KEY} = '1' OR ({KEY} = '2' AND NOT Language__c = 'en'))", '34'),
        ('CreatedDate > 2026-03-02T10:00:00Z', '34'),
        ('CreatedDate >= 2026-03-02T12:00:00+02:00', '234'),
        ('CreatedDate < 2026-03-02T09:00:00.001Z', '1'),
        ('CreatedDate <= 2026-03-02T10:00:00-0000', '12'),
        ("Contact__r.Legacy_Id__c IN ('102', '103')", '23'),
        ("Contact__r.Legacy_Id__c = '101' OR Contact__r.Email = 'dan@people.example'", '14'),
        (f'{USER}.Contact__r.LastName = null', ''),
        ("Name > 'AU-000002'", '34'),
        ("Last_Name__c < 'z'", '2'),
    ],
)  # fmt: skip
async def test_conditions(caller: Caller, where: str, found: str) -> None:
    rows = await caller.query(f'select {KEY} from {USER} where {where}')
    assert ''.join(row[KEY] for row in rows) == found


async def test_ids_of_either_length_find_their_record(caller: Caller) -> None:
    [row] = await caller.query(f"SELECT Id, Contact__c FROM {USER} WHERE {KEY} = '1'")
    for name, value in row.items():
        for told in (value, value[:15], value.lower()):
            assert await caller.query(f"SELECT Id, Contact__c FROM {USER} WHERE {name} = '{told}'") == [row]
    assert await caller.query(f"SELECT Id FROM {USER} WHERE Id = '{row['Id'][:15].swapcase()}'") == []
    assert await caller.malformed(f"SELECT Id FROM {USER} WHERE Id = 'x'") == 'INVALID_QUERY_FILTER_OPERATOR'


@pytest.mark.parametrize(
    ('rest', 'found'),
    [
        ('ORDER BY First_Name__c', '3124'),
        ('ORDER BY First_Name__c DESC', '4213'),
        ('ORDER BY Last_Name__c, Email__c DESC', '4312'),
        ('ORDER BY Language__c ASC NULLS LAST, CreatedDate DESC', '4123'),
        ('ORDER BY Language__c DESC NULLS LAST LIMIT 2', '21'),
        ('ORDER BY Contact__r.Legacy_Id__c DESC LIMIT 2 OFFSET 1', '32'),
        ('LIMIT 0', ''),
        ('OFFSET 3', '4'),
    ],
)
async def test_order_limit_and_offset(caller: Caller, rest: str, found: str) -> None:
    assert ''.join(row[KEY] for row in await caller.query(f'SELECT {KEY} FROM {USER} {rest}')) == found


async def test_a_relationship_is_shown_within_its_record(caller: Caller) -> None:
    caller.world.salesforce.set_flow(False)
    await caller.upsert('5', Email__c='eve@people.example')
    told = await caller.ok(
        'GET', 'query', q=f'SELECT {KEY}, contact__r.Id, Contact__r.Email FROM {USER} ORDER BY {KEY}'
    )
    first, last = told['records'][0], told['records'][-1]
    contact = first['Contact__r']
    assert (contact['attributes']['type'], contact['Email']) == ('Contact', 'ada@people.example')
    assert contact['attributes']['url'].endswith(contact['Id'])
    assert last['Contact__r'] is None
    assert set(first) == {'attributes', KEY, 'Contact__r'}


@pytest.mark.parametrize(
    'text',
    [
        'SELECT',
        f'SELECT FROM {USER}',
        f'SELECT * FROM {USER}',
        f'SELECT Id, Id FROM {USER}',
        f'SELECT COUNT(Id) FROM {USER}',
        f'SELECT FIELDS(ALL) FROM {USER}',
        f'SELECT Id FROM {USER} GROUP BY Id',
        f'SELECT Id FROM {USER} u',
        f'SELECT Id FROM {USER} WHERE',
        f"SELECT Id FROM {USER} WHERE {KEY} = '1' OR {KEY} = '2' AND Name = 'x'",
        f"SELECT Id FROM {USER} WHERE {KEY} = '1",
        f"SELECT Id FROM {USER} WHERE {KEY} = 'O'Brien'",
        f"SELECT Id FROM {USER} WHERE {KEY} = '\\q'",
        f'SELECT Id FROM {USER} WHERE {KEY} = "1"',
        f"SELECT Id FROM {USER} WHERE {KEY} == '1'",
        f'SELECT Id FROM {USER} WHERE {KEY} IN ()',
        f"SELECT Id FROM {USER} WHERE {KEY} IN (SELECT Id FROM {EMAIL})",
        f"SELECT Id FROM {USER} WHERE {KEY} LIKE 5",
        f"SELECT Id FROM {USER} WHERE (({KEY} = '1')",
        f"SELECT Id FROM {USER} WHERE Mailing_Lists__c INCLUDES ('Newsletter')",
        f'SELECT Id FROM {USER} WHERE CreatedDate = TODAY',
        f'SELECT Id FROM {USER} WHERE CreatedDate > 2026-13-02T10:00:00Z',
        f'SELECT Id FROM {USER} LIMIT many',
        f'SELECT Id FROM {USER} LIMIT -1',
        f'SELECT Id FROM {USER} LIMIT 1 LIMIT 2',
        f'SELECT Id FROM {USER} OFFSET 1 LIMIT 2',
        f'SELECT Id FROM {USER} ORDER Name',
        f'SELECT Id FROM {USER} FOR UPDATE',
        f'SELECT Id FROM {USER}; DELETE',
        f'DELETE FROM {USER}',
        '',
    ],
)  # fmt: skip
async def test_all_else_is_malformed(caller: Caller, text: str) -> None:
    assert await caller.malformed(text) == 'MALFORMED_QUERY'


@pytest.mark.parametrize(
    ('text', 'code'),
    [
        ('SELECT Id FROM Nothing__c', 'INVALID_TYPE'),
        (f'SELECT Nothing__c FROM {USER}', 'INVALID_FIELD'),
        (f"SELECT Id FROM {USER} WHERE Nothing__c = '1'", 'INVALID_FIELD'),
        (f'SELECT Id FROM {USER} ORDER BY Nothing__c', 'INVALID_FIELD'),
        (f'SELECT Contact__r.Nothing__c FROM {USER}', 'INVALID_FIELD'),
        (f'SELECT Owner__r.Name FROM {USER}', 'INVALID_FIELD'),
        (f'SELECT Contact__r.MasterRecord.Name FROM {USER}', 'INVALID_FIELD'),
        (f'SELECT Id FROM {USER} WHERE {KEY} = 1', 'INVALID_FIELD'),
        (f"SELECT Id FROM {USER} WHERE Is_Educator__c = 'true'", 'INVALID_FIELD'),
        (f"SELECT Id FROM {USER} WHERE CreatedDate > '2026-03-02'", 'INVALID_FIELD'),
        (f'SELECT Id FROM {USER} WHERE CreatedDate > 2026-03-02', 'INVALID_FIELD'),
        ("SELECT Id FROM Contact WHERE Description = 'x'", 'INVALID_FIELD'),
        (f'SELECT Id FROM {USER} WHERE Is_Educator__c > true', 'INVALID_QUERY_FILTER_OPERATOR'),
        (f"SELECT Id FROM {USER} WHERE Id LIKE 'a0U%'", 'INVALID_QUERY_FILTER_OPERATOR'),
        (f'SELECT Id FROM {USER} OFFSET 2001', 'NUMBER_OUTSIDE_VALID_RANGE'),
    ],
)
async def test_what_a_query_names_has_to_be_there(caller: Caller, text: str, code: str) -> None:
    assert await caller.malformed(text) == code


async def test_deleted_records_are_found_by_query_all_only(caller: Caller) -> None:
    await caller.ok('DELETE', f'sobjects/{USER}/{KEY}/2', None, 204)
    text = f'SELECT {KEY}, IsDeleted FROM {USER}'
    assert [row[KEY] for row in await caller.query(text)] == ['1', '3', '4']
    told = await caller.ok('GET', 'queryAll', q=f"{text} WHERE {KEY} = '2'")
    assert [row['IsDeleted'] for row in told['records']] == [True]


async def test_a_long_answer_comes_in_pages(caller: Caller) -> None:
    caller.world.salesforce.load_legacy_people(4500, contacts=False)
    page = await caller.ok('GET', 'query', q=f'SELECT Legacy_Id__c FROM {USER} WHERE Legacy_Id__c != null')
    assert (page['totalSize'], page['done'], len(page['records'])) == (4500, False, 2000)
    seen = page['records']
    gone = caller.world.salesforce.state()['objects'][USER][-1]
    while not page['done']:
        address = page['nextRecordsUrl'].removeprefix('/services/data/v64.0/')
        page = await caller.ok('GET', address)
        seen += page['records']
    assert [row['Legacy_Id__c'] for row in seen] == [str(100_001 + number) for number in range(4500)]
    assert gone['Legacy_Id__c'] == seen[-1]['Legacy_Id__c']
    assert await caller.refused('GET', 'query/01gXXXXXXXXXXXXXXX-2000') == (400, 'INVALID_QUERY_LOCATOR')
    for told, size in (('batchSize=200', 200), ('batchSize=1', 200), ('batchSize=9000', 2000), ('x', 2000)):
        answer = await caller.call('GET', 'query', q=f'SELECT Id FROM {USER}', headers={'Sforce-Query-Options': told})
        assert len(answer.json()['records']) == size


async def test_an_old_cursor_is_let_go(caller: Caller) -> None:
    caller.world.salesforce.load_legacy_people(300, contacts=False)
    few = {'Sforce-Query-Options': 'batchSize=200'}
    addresses = []
    for _ in range(11):
        page = await caller.ok('GET', 'query', q=f'SELECT Id FROM {USER}', headers=few)
        addresses.append(page['nextRecordsUrl'].removeprefix('/services/data/v64.0/'))
    assert await caller.refused('GET', addresses[0]) == (400, 'INVALID_QUERY_LOCATOR')
    assert (await caller.ok('GET', addresses[1], headers=few))['done']


async def test_an_address_may_have_16_kilobytes(caller: Caller) -> None:
    many = ', '.join(f"'{number:030d}'" for number in range(200))
    assert await caller.query(f'SELECT Id FROM {USER} WHERE {KEY} IN ({many})') == []
    answer = await caller.call('GET', 'query', q=f'SELECT Id FROM {USER} WHERE {KEY} IN ({many}, {many}, {many})')
    assert (answer.status_code, answer.headers['content-type']) == (414, 'text/html; charset=UTF-8')


def test_two_hundred_of_ten_thousand_are_found_by_index() -> None:
    """The rows that are looked at are those that are found, on the record itself and through its Contact."""
    crm = open_caller().world.salesforce
    crm.load_legacy_people(10_000)
    many = ', '.join(f"'{100_000 + number}'" for number in range(1, 9999, 50))
    for field in ('Legacy_Id__c', 'Contact__r.Legacy_Id__c'):
        plan = make_plan(crm.store, f'SELECT Id FROM {USER} WHERE {field} IN ({many}) AND Is_Educator__c = false')
        assert plan.query.where is not None
        assert len(plan.narrow(plan.query.where) or ()) == len(plan.ids()) == 200
    assert len(json.dumps(crm.state()['calls'])) < 100


LEAVES = st.sampled_from(
    (
        "Legacy_Id__c = '100003'", "Legacy_Id__c IN ('100001', '100005', '999')", "Legacy_Id__c != '100002'",
        "Email__c = 'person4@legacy.example'", "Contact__r.Email IN ('person1@legacy.example', 'x')",
        "Contact__r.Legacy_Id__c = '100006'", 'Is_Sustainer__c = true', 'Contact__c = null', f"{KEY} = 'k1'",
        "Legacy_Id__c IN ('100002', null)", "Last_Name__c LIKE '%3'", 'Contact__r.Email = null',
    )
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f'NOT ({one})'),
        st.tuples(st.sampled_from((' AND ', ' OR ')), st.lists(inner, min_size=2, max_size=3)).map(
            lambda told: told[0].join(f'({one})' for one in told[1])
        ),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_an_index_changes_nothing_about_what_is_found(where: str) -> None:
    """Deleted records stand in no index: where they are looked for, every row is."""
    plan = make_plan(filled_store(), f'SELECT Id FROM {USER} WHERE {where}')
    assert plan.ids() == plan.ids(with_deleted=True)


@cache
def filled_store() -> Store:
    crm = open_caller().world.salesforce
    crm.load_legacy_people(8, sustained_every=2, twice=[3])
    crm.load_legacy_people(2, first=20, contacts=False)
    crm.create('app_user', {KEY: 'k1', 'Email__c': 'person4@legacy.example'})
    return crm.store
