"""Somebody is erased (S10): nothing of them is in a dump of the database, nothing brings them back, and everybody else
keeps everything.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from hermes.db import connections
from hermes.db.reads import privacy
from hermes.domain.acts import ErasePerson
from hermes.domain.errors import HermesError, Refused
from hermes.domain.model import RecordRef
from hermes.parts import assembly as parts
from hermes.parts.secrets import hash_key
from hermes.sync import replay, sweep
from hermes.sync.acts.commands import carry_out as command
from hermes.sync.ingest import ingest_step
from tests import folding
from tests.flows.acting import carry_out
from tests.flows.bookings import TEN, book, booking
from tests.flows.companies import later
from tests.flows.dumped import dump, found_in
from tests.flows.house import PRIYA, PRIYA_PD, House, settings_for
from tests.waiting import LOOK_S

FIRST, LAST = 'Zephyrine', 'Quillfeather'
EMAIL, SECOND, THIRD = 'Zephyrine@quill.example', 'zq.private@other.example', 'typed-zq@third.example'
PHONE = '+44 20 7946 0958'
DIGITS = '79460958'
NOTE = 'Wombat-note: she asked for a discount'
CANARIES = (FIRST, LAST, EMAIL, SECOND, THIRD, DIGITS, 'Wombat-note')
NEIGHBOUR = {'first_name': 'Bo', 'last_name': 'Hazelnut', 'email': 'bo@quill.example'}


@dataclass
class Planted:
    """Somebody who stands everywhere."""

    contact: int
    company: int
    person: int
    client: int
    deal: int
    neighbour: int


async def plant(house: House) -> Planted:
    """A client with two people, edited in the CRM, who books a call; a booking that is refused; a deal of her name."""
    client = house.tc2.sign_up(
        'Ember Tutors',
        sales_person=PRIYA,
        email=EMAIL,
        recipients=[{'first_name': FIRST, 'last_name': LAST, 'email': EMAIL}, NEIGHBOUR],
    )
    await later(house)
    [person] = [one for one in house.persons() if LAST in one['name']]
    house.pd.act_update(
        'person', person['id'],
        {
            'emails': [{'value': EMAIL, 'primary': True}, {'value': SECOND, 'primary': False}],
            'phones': [{'value': PHONE, 'primary': True}],
        },
        PRIYA_PD,
    )  # fmt: skip
    await later(house)
    form = {'name': f'{FIRST} {LAST}', 'email': EMAIL, 'phone': '020 7946 0958', 'company_name': 'Ember Tutors'}
    await book(house, form=form, typed={'name': f'{FIRST} {LAST}', 'email': THIRD, 'note': NOTE})
    with pytest.raises(HermesError):
        await carry_out(house.engine, await booking(house, TEN, form={**form, 'email': EMAIL.upper()}, uid='again'))
    await later(house)
    [deal] = house.deals()[:1]
    house.pd.act_update('deal', deal['id'], {'title': f'{FIRST} {LAST} wants 0044 20-7946-0958'}, PRIYA_PD)
    [organization] = house.organizations()
    house.pd.act_update(
        'organization',
        organization['id'],
        {'custom_fields': {house.code('organization', 'website'): f'mailto:{EMAIL}'}},
        PRIYA_PD,
    )
    house.pd.act_update('person', person['id'], {'name': f'{FIRST} {LAST}-Smythe'}, PRIYA_PD)
    await sweep_all(house)
    await later(house)
    rows = await house.rows('select id, company_id, last_name from contact order by id')
    [mine] = [row for row in rows if LAST in (row['last_name'] or '')]
    [other] = [row for row in rows if row['last_name'] == NEIGHBOUR['last_name']]
    return Planted(mine['id'], mine['company_id'], person['id'], client.id, deal['id'], other['id'])


async def sweep_all(house: House) -> None:
    """Everything is listed again."""
    async with house.engine.database.transaction() as connection:
        for kind in ('organization', 'person', 'deal'):
            await sweep.open_sweep(connection, 'pipedrive', kind, 'full')
        await sweep.open_sweep(connection, 'tutorcruncher', 'client', 'full')
    await house.settle()


def different(one: Any, other: Any) -> Any:
    """Where two rows differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return (one, other) if one != other else {}
    names = [name for name in {*one, *other} if one.get(name) != other.get(name)]
    return {name: different(one.get(name), other.get(name)) for name in names}


async def is_folded(house: House, second_url: str) -> None:
    """The log, folded into an empty database, gives the same state (I14)."""
    engine = parts.build_engine(settings_for(second_url), clock=house.clock, transport=house.transport, worker='fold')
    await engine.database.open()
    try:
        await folding.copy_log(house.engine.database, engine.database)
        await folding.fold(engine)
        here, there = [await folding.state(database) for database in (house.engine.database, engine.database)]
        for table, rows in here.items():
            assert [one.get('id') for one in rows if isinstance(one, dict)] == [
                one.get('id') for one in there[table] if isinstance(one, dict)
            ], table
            for one, other in zip(rows, there[table], strict=True):
                assert different(one, other) == {}, table
    finally:
        await engine.database.close()


async def erase(house: House, kind: str, number: int) -> Any:
    done = await command(house.engine, ErasePerson(RecordRef(kind, number)), source='operator', by='a test')
    return done.outcome


async def neighbours(house: House, planted: Planted) -> dict[str, Any]:
    """What is believed of everybody else, and what the CRM was told."""
    company = await house.rows('select * from company where id = %s', planted.company)
    contact = await house.rows('select * from contact where id = %s', planted.neighbour)
    deals = await house.rows('select id, status, stage_id, contact_id, tombstone from deal order by id')
    mirrors = await house.rows(
        "select m.runs from mirror m join link l using (system, type, remote_id) where l.record_type = 'contact' and "
        'l.record_id = %s order by system, type', planted.neighbour
    )  # fmt: skip
    return {'company': company[0]['name'], 'sales': company[0]['sales_person_id'], 'contact': contact, 'deals': deals,
            'mirrors': [{name: runs[-1][0] for name, runs in row['runs'].items()} for row in mirrors]}  # fmt: skip


def check(house: House, receipt: int) -> list[str]:
    """`hermes erase --check`."""
    with connections.opened(house.settings.database_url) as connection, connections.one_moment(connection):
        return privacy.check(connection, hash_key(house.settings), receipt).found


@pytest.mark.invariant('S10')
async def test_a_dump_holds_nothing_of_somebody_who_was_erased(house: House) -> None:
    planted = await plant(house)
    before = await neighbours(house, planted)
    text = dump(house.settings.database_url)
    assert len({one.partition(':')[0] for one in found_in(text, CANARIES)}) == len(CANARIES)
    told = await erase(house, 'contact', planted.contact)
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert await neighbours(house, planted) == before
    assert {'event', 'change', 'mirror', 'contact', 'meeting', 'call'} <= told['gone'].keys()
    assert check(house, told['receipt']) == []
    assert {(one['system'], one['type']) for one in told['held']} >= {('pipedrive', 'person')}


@pytest.mark.invariant('S10')
async def test_nothing_brings_somebody_back(house: House) -> None:
    planted = await plant(house)
    told = await erase(house, 'contact', planted.contact)
    await later(house)
    before = await neighbours(house, planted)
    house.mark()
    count = (await house.rows('select count(*) as n from contact'))[0]['n']
    # The CRM and the product speak of her again, in every way they have.
    house.pd.act_update('person', planted.person, {'name': f'{FIRST} {LAST} III'}, PRIYA_PD)
    house.tc2.edit_recipient(planted.client, house.tc2.clients[planted.client].recipients[0].id, first_name=FIRST + 'a')
    house.tc2.send_all_snapshots()
    await later(house)
    house.pd.act_update('deal', planted.deal, {'title': f'{FIRST} {LAST} once more'}, PRIYA_PD)
    [organization] = house.organizations()
    house.pd.act_create('person', {'name': f'{FIRST} {LAST}', 'org_id': organization['id'],
                                   'emails': [{'value': EMAIL.lower(), 'primary': True}]}, PRIYA_PD)  # fmt: skip
    await later(house)
    await sweep_all(house)
    with pytest.raises(Refused):
        await book(house, TEN + timedelta(days=3), form={'name': f'{FIRST} {LAST}', 'email': f' {EMAIL} '})
    house.pd.act_delete('person', planted.person, PRIYA_PD)
    await later(house)
    assert (await house.rows('select count(*) as n from contact'))[0]['n'] == count
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert await neighbours(house, planted) == before
    assert check(house, told['receipt']) == []
    assert [house.calls(method) for method in ('POST', 'PATCH', 'DELETE')] == [[], [], []]
    assert await house.rows("select id, state, reason from event where state not in ('done', 'refused')") == []


@pytest.mark.invariant('S10')
async def test_an_answer_that_comes_afterwards_is_not_kept(house: House) -> None:
    planted = await plant(house)
    await later(house)
    house.world.weather.change(lost_answer_p=1.0)
    house.tc2.edit_recipient(planted.client, house.tc2.clients[planted.client].recipients[0].id, last_name=f'{LAST}x')
    await house.settle(2)
    await erase(house, 'contact', planted.contact)
    house.world.weather.change(name='calm')
    await later(house)
    await sweep_all(house)
    assert found_in(dump(house.settings.database_url), CANARIES) == []


@pytest.mark.invariant('S10')
@pytest.mark.invariant('I14')
async def test_the_log_is_folded_without_whom_it_lost(house: House, second_url: str) -> None:
    planted = await plant(house)
    await erase(house, 'contact', planted.contact)
    house.tc2.pay_invoice(planted.client)
    house.tc2.send_all_snapshots()
    await later(house)
    await is_folded(house, second_url)


@pytest.mark.invariant('S10')
async def test_a_company_goes_with_all_its_people(house: House) -> None:
    planted = await plant(house)
    house.tc2.sign_up('Hazel Tutors', sales_person=PRIYA, email='owner@hazel.example')
    await later(house)
    await erase(house, 'company', planted.company)
    house.tc2.send_all_snapshots()
    [organization] = [one for one in house.organizations() if one['name'] != 'Hazel Tutors']
    house.pd.act_update('organization', organization['id'], {'name': 'Ember Tutors again'}, PRIYA_PD)
    await later(house)
    await sweep_all(house)
    text = dump(house.settings.database_url)
    assert found_in(text, (*CANARIES, 'Ember Tutors', NEIGHBOUR['last_name'], NEIGHBOUR['email'])) == []
    live = await house.rows('select name from company where tombstone is null')
    assert [row['name'] for row in live] == ['Hazel Tutors']


@pytest.mark.invariant('S10')
async def test_nobody_is_erased_twice_and_no_deal_is_somebody(house: House) -> None:
    planted = await plant(house)
    await erase(house, 'contact', planted.contact)
    [deal] = await house.rows('select id from deal limit 1')
    for kind, number in (('contact', planted.contact), ('deal', deal['id']), ('contact', 999_999)):
        with pytest.raises(Refused):
            await erase(house, kind, number)


@pytest.mark.invariant('S10')
async def test_what_an_operator_wrote_of_somebody_goes_too(house: House, second_url: str) -> None:
    planted = await plant(house)
    told = {'values': {'last_name': f'{LAST}-Desk', 'phone': '+44 20 7946 0777'}, 'reason': 'Wombat-reason'}
    await house.act('record.write', record=['contact', planted.contact], **told)
    made = {'fields': {'first_name': 'Ottoline', 'last_name': 'Marchbanks', 'email': 'otto@march.example'}}
    await house.act('record.create', type='contact', under=planted.company, **made)
    await later(house)
    [other] = await house.rows("select id from contact where last_name = 'Marchbanks'")
    for number in (planted.contact, other['id']):
        await erase(house, 'contact', number)
    text = dump(house.settings.database_url)
    more = ('Wombat-reason', '79460777', 'Ottoline', 'Marchbanks', 'otto@march.example')
    assert found_in(text, (*CANARIES, *more)) == []
    with pytest.raises(Refused):
        await house.act('record.create', type='contact', under=planted.company, **made)
    assert found_in(dump(house.settings.database_url), more) == []
    await is_folded(house, second_url)


@pytest.mark.invariant('S10')
async def test_what_is_left_of_the_log_is_replayed_and_brings_nobody_back(house: House) -> None:
    planted = await plant(house)
    await erase(house, 'contact', planted.contact)
    await later(house)
    before = await neighbours(house, planted)
    kept = await house.rows("select id from event where headers ? 'kept' and state = 'done' order by id")
    assert len(kept) > 3
    for row in kept:
        assert [change for change in await replay.preview(house.engine, row['id']) if change.field == 'born'] == []
        await house.act('event.replay', event=row['id'])
    await later(house)
    assert await neighbours(house, planted) == before
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    [mine] = await house.rows('select first_name, email, tombstone from contact where id = %s', planted.contact)
    assert (mine['first_name'], mine['email'], mine['tombstone']['kind']) == (None, None, 'erased')


@pytest.mark.invariant('S10')
async def test_a_delivery_that_waits_while_somebody_is_erased_does_not_bring_them_back(house: House) -> None:
    planted = await plant(house)
    front = parts.build_engine(house.settings, clock=house.clock, transport=house.transport, worker='front')
    await front.database.open()
    try:
        async with house.engine.database.transaction() as holding:
            await holding.execute(
                "select from push where record_type = 'contact' and record_id = %s for update", (planted.contact,)
            )
            act = ErasePerson(RecordRef('contact', planted.contact))
            erasing = asyncio.create_task(command(front, act, source='operator', by='a test'))
            await until(house, 1)
            house.pd.act_update('person', planted.person, {'name': f'{FIRST} {LAST} IV'}, PRIYA_PD)
            await house.world.outbox.deliver_due(house.post)
            ingesting = asyncio.create_task(ingest_step(house.engine))
            await until(house, 2)
        await asyncio.gather(erasing, ingesting)
    finally:
        await front.database.close()
    await later(house)
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    [mine] = await house.rows('select first_name, tombstone from contact where id = %s', planted.contact)
    assert (mine['first_name'], mine['tombstone']['kind']) == (None, 'erased')


async def until(house: House, count: int) -> None:
    """So many transactions wait for a lock."""
    query = "select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    while (await house.rows(query))[0]['n'] < count:
        await asyncio.sleep(LOOK_S)
