"""What if (ADM-14): an act is shown first as what it would change here, what would be sent and what that costs; and
what is shown is what happens then.
"""

import json
from dataclasses import asdict
from typing import Any

import pytest

from hermes.db import acts
from hermes.domain.acts import ChangeField, SetSetting
from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField
from hermes.parts.roles import CRM, PRODUCT
from hermes.sync import cataloguing
from hermes.sync.what_if import WhatIf, what_if
from tests.dumps import dumped
from tests.flows.commands import hermes
from tests.flows.companies import decisions, later, sign_up
from tests.flows.house import PRIYA_PD, House
from tests.waiting import PROBE_S

pytestmark = pytest.mark.behaviour('ADM-14')
MEDIUM = CustomField('utm_medium', 'UTM Medium', 'str', 'Company', tc2_machine_name='utm_medium')


@pytest.fixture
async def office(house: House) -> House:
    """Three companies; of two of them somebody has edited a value in the CRM."""
    house.tc2.define_attribute('utm_medium', 'UTM Medium')
    house.tc2.define_attribute('utm_leaflet', 'UTM Leaflet')
    for number, name in enumerate(('Ember Tutors', 'Flint Tutors', 'Grove Tutors')):
        sign_up(
            house, name, email=f'owner{number}@x.example', recipients=[],
            extra_attrs={'utm_source': 'fair', 'utm_medium': f'poster {number}', 'utm_leaflet': 'leaflet'},
        )  # fmt: skip
        await later(house)
    await cataloguing.add(house.engine, MEDIUM, house.engine.systems[CRM], create=True)
    await later(house)
    for item in house.organizations()[:2]:
        code = house.code('organization', 'utm_medium')
        house.pd.act_update('organization', item['id'], {'custom_fields': {code: 'by hand'}}, PRIYA_PD)
    await later(house)
    house.tc2.send_all_snapshots()
    await later(house)
    return house


def differences(foreseen: WhatIf) -> set[tuple[str, str]]:
    """The record and the field of what is foreseen to go out."""
    assert foreseen.sent == len(foreseen.pushes)
    return {(f'{item.record.type}:{item.record.id}', item.field) for item in foreseen.pushes}


async def sent(house: House, after: int) -> set[tuple[str, str]]:
    """The record and the field of what went out after a call."""
    rows = await house.rows(
        "select c.record_type || ':' || c.record_id as record, convert_from(e.body, 'UTF8')::jsonb -> 'fields' "
        'as fields from call c join event e on e.id = c.intent_event '
        "where c.op in ('create', 'update', 'delete') and c.id > %s",
        after,
    )
    return {(row['record'], name) for row in rows for name in row['fields']}


async def last(house: House, table: str) -> int:
    [row] = await house.rows(f'select coalesce(max(id), 0) as id from {table}')
    return int(row['id'])


async def journaled(house: House, after: int) -> dict[tuple[str, str], Any]:
    """What became of records since an entry of the journal."""
    rows = await house.rows(
        "select record_type || ':' || record_id as record, field, new from change where id > %s order by id", after
    )
    return {(row['record'], row['field']): row['new'] for row in rows}


def moved(foreseen: WhatIf) -> dict[tuple[str, str], Any]:
    """What of records would be which value."""
    return {(item.about, item.field): item.new for item in foreseen.changes if ':' in item.about}


async def test_a_policy_is_shown_as_what_it_does(office: House) -> None:
    act = ChangeField('Company', 'utm_medium', {'policy': 'tc2'})
    before = await dumped(office.engine.database)
    foreseen = await what_if(office.engine, act)
    assert await dumped(office.engine.database) == before
    assert (foreseen.looked, foreseen.companies, foreseen.capped) == (3, 3, False)
    assert set(moved(foreseen).values()) == {'poster 0', 'poster 1'}
    assert ('field Company.utm_medium', 'policy') in {(item.about, item.field) for item in foreseen.changes}
    assert {(item.system, item.field, item.shows) for item in foreseen.pushes} >= {(CRM, 'utm_medium', 'by hand')}
    assert foreseen.tokens[CRM] == sum(line['tokens'] for line in foreseen.costs) > 0
    call, entry = await last(office, 'call'), await last(office, 'change')
    await cataloguing.change(office.engine, 'Company', 'utm_medium', {'policy': 'tc2'}, office.engine.systems[CRM])
    assert await journaled(office, entry) == moved(foreseen)
    await later(office)
    assert await sent(office, call) == differences(foreseen)


@pytest.mark.parametrize(
    ('name', 'to'),
    [
        ('utm_medium', {'policy': 'tc2'}),
        ('utm_medium', {'policy': 'crm'}),
        ('utm_medium', {'policy': 'follow'}),
        ('utm_source', {'tc2_machine_name': 'utm_leaflet'}),
        ('utm_medium', {'tc2_machine_name': 'utm_leaflet'}),
        ('utm_source', {'policy': 'follow'}),
        ('referer', {'tc2_machine_name': 'utm_leaflet'}),
        ('currency', {'policy': 'tc2'}),
    ],
)
async def test_whatever_is_changed_on_a_field_is_what_was_shown(office: House, name: str, to: dict[str, str]) -> None:
    foreseen = await what_if(office.engine, ChangeField('Company', name, to))
    call, entry = await last(office, 'call'), await last(office, 'change')
    await cataloguing.change(office.engine, 'Company', name, to, office.engine.systems[CRM])
    assert await journaled(office, entry) == moved(foreseen)
    await later(office)
    assert await sent(office, call) == differences(foreseen)


async def test_a_policy_holds_at_once_where_nothing_tells_of_it_again(office: House) -> None:
    await cataloguing.list_again(office.engine, office.engine.systems[CRM], 'organization')
    await office.engine.database.execute('update event set body = null where source = %s', (PRODUCT,))
    foreseen = await what_if(office.engine, ChangeField('Company', 'utm_medium', {'policy': 'tc2'}))
    assert set(moved(foreseen).values()) == {'poster 0', 'poster 1'}
    entry = await last(office, 'change')
    await cataloguing.change(office.engine, 'Company', 'utm_medium', {'policy': 'tc2'}, office.engine.systems[CRM])
    assert await journaled(office, entry) == moved(foreseen)


async def test_a_setting_is_shown_as_what_it_does(office: House) -> None:
    act = SetSetting('tc2_write_back', True)
    foreseen = await what_if(office.engine, act)
    assert [(item.about, item.field, item.old, item.new) for item in foreseen.changes] == [
        ('setting', 'tc2_write_back', False, True)
    ]
    assert {item.system for item in foreseen.pushes} == {PRODUCT}
    call = await last(office, 'call')
    await office.set('tc2_write_back', True)
    await later(office)
    assert await sent(office, call) == differences(foreseen)
    assert (await what_if(office.engine, SetSetting('tc2_write_back', False))).pushes == ()


async def test_a_setting_that_holds_for_what_comes_sends_nothing(office: House) -> None:
    foreseen = await what_if(office.engine, SetSetting('deal_max_age_days', 10))
    assert [(item.field, item.old, item.new) for item in foreseen.changes] == [('deal_max_age_days', 90, 10)]
    assert (foreseen.pushes, foreseen.costs, foreseen.looked) == ((), (), 3)


async def test_what_was_to_be_sent_anyway_is_not_part_of_it(office: House) -> None:
    one = next(iter(office.tc2.clients.values()))
    for engine in office.engines:
        engine.push_mode = 'plan'
    office.tc2.edit_client(one.id, name='New Name')
    await later(office, 600)
    assert len(await office.rows('select 1 from push where wanted > done')) == 1
    foreseen = await what_if(office.engine, SetSetting('deal_max_age_days', 10))
    assert (foreseen.pushes, foreseen.costs) == ((), ())


async def test_more_companies_than_the_limit_are_said(office: House) -> None:
    foreseen = await what_if(office.engine, ChangeField('Company', 'utm_medium', {'policy': 'tc2'}), limit=2)
    assert (foreseen.looked, foreseen.companies, foreseen.capped) == (2, 3, True)


async def test_what_would_be_refused_is_refused_and_leaves_nothing(office: House) -> None:
    before = await dumped(office.engine.database)
    for act, says in (
        (ChangeField('Company', 'nothing', {'policy': 'tc2'}), 'There is no field'),
        (SetSetting('deal_max_age_days', 0), 'is between'),
    ):
        with pytest.raises(Refused, match=says):
            await what_if(office.engine, act)
    assert await dumped(office.engine.database) == before


async def test_no_bell_rings(office: House) -> None:
    import psycopg

    with psycopg.connect(office.settings.database_url, autocommit=True) as listening:
        for channel in ('hermes_event', 'hermes_push', 'hermes_errand', 'hermes_reading'):
            listening.execute(f'listen {channel}')
        await what_if(office.engine, ChangeField('Company', 'utm_medium', {'policy': 'tc2'}))
        assert list(listening.notifies(timeout=PROBE_S, stop_after=1)) == []


async def test_the_command_line_shows_it_and_keeps_nothing(office: House) -> None:
    before = await dumped(office.engine.database)
    done = await hermes(office, 'fields', 'change', 'utm_medium', '--policy', 'tc2', '--preview')
    assert done.exit_code == 0, done.output
    assert 'by hand' in done.stdout
    assert f'{CRM}: ' in done.stdout
    assert '3 of 3 companies were looked at; nothing was kept' in done.stdout
    told = json.loads((await hermes(office, 'config', 'set', 'tc2_write_back', 'yes', '--preview', '--json')).stdout)
    assert {item['system'] for item in told['pushes']} == {PRODUCT}
    [pipeline] = await office.rows('select id from pipeline order by id limit 1')
    [stage] = await office.rows('select id from stage where pipeline_id = %s order by id desc limit 1', pipeline['id'])
    any_act = json.dumps({'pipeline': pipeline['id'], 'stage': stage['id']})
    entry = await hermes(office, 'what-if', 'pipeline.entry', any_act)
    assert entry.exit_code == 0, entry.output
    assert f'pipeline:{pipeline["id"]}' in entry.stdout
    assert (await hermes(office, 'what-if', 'no.act', '{}')).exit_code == 1
    assert (await hermes(office, 'what-if', 'setting.set', 'rubbish')).exit_code == 1
    assert await dumped(office.engine.database) == before


async def test_any_act_can_be_asked_for(office: House) -> None:
    [row] = await office.rows('select id from company order by id limit 1')
    foreseen = await what_if(
        office.engine, acts.read('release', {'record': ['company', row['id']], 'field': 'utm_medium'})
    )
    assert moved(foreseen) == {(f'company:{row["id"]}', 'utm_medium'): 'poster 0'}
    assert {item.field for item in foreseen.pushes} == {'utm_medium'}
    assert await decisions(office) == []
    assert asdict(foreseen)['looked'] == 1
