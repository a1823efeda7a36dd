"""An operator's act is taken back, as long as nothing newer stands on it; what does is named (ADM-13)."""

from typing import Any

import psycopg
import pytest

from hermes.db.reads.undo import Undoable, read_undo
from hermes.domain.errors import Refused
from tests.flows.companies import company, later, quiet, sign_up
from tests.flows.crm import change, known
from tests.flows.house import PRIYA_PD, House

MINE, OURS, THEIRS = 'https://ember.example', 'https://decreed.example', 'https://person.example'
pytestmark = pytest.mark.behaviour('ADM-13')


async def act(house: House, name: str, **told: Any) -> int:
    """An operator's act, and its event."""
    await house.act(name, **told)
    await later(house)
    [row] = await house.rows("select max(id) as id from event where source = 'operator' and kind = 'act'")
    return int(row['id'])


async def write(house: House, reason: str = '', **values: Any) -> int:
    return await act(
        house, 'record.write', record=['company', (await company(house))['id']], values=values, reason=reason
    )


async def undo(house: House, event: int) -> int:
    assert asked(house, event).can
    return await act(house, 'undo', event=event)


def asked(house: House, event: int) -> Undoable:
    """What a page is told before anybody undoes it."""
    with psycopg.connect(house.settings.database_url, autocommit=True) as connection:
        return read_undo(connection, event)


async def refused(house: House, event: int) -> str:
    """The refusal, which the page says too."""
    with pytest.raises(Refused) as found:
        await house.act('undo', event=event)
    told = asked(house, event)
    assert (told.can, told.reason) == (False, str(found.value))
    return str(found.value)


def site(house: House) -> str | None:
    return house.custom('organization', house.organizations()[0]).get('website')


async def test_a_write_is_undone_and_the_undoing_too(house: House) -> None:
    sign_up(house, website=MINE)
    await later(house)
    written = await write(house, website=OURS)
    assert site(house) == OURS
    back = await undo(house, written)
    assert site(house) == MINE
    await undo(house, back)
    assert site(house) == OURS
    assert (await company(house))['claims']['decree']['website']['value'] == OURS


async def test_a_decree_before_it_stands_again_with_its_reason(house: House) -> None:
    sign_up(house)
    await later(house)
    await write(house, 'agreed', price_plan='enterprise')
    second = await write(house, 'a mistake', price_plan='startup', website=OURS)
    await undo(house, second)
    claims = (await company(house))['claims']['decree']
    assert (claims['price_plan']['value'], claims['price_plan']['reason']) == ('enterprise', 'agreed')
    assert (site(house), (await company(house))['price_plan']) == (None, 'enterprise')


async def test_what_stands_on_it_is_named(house: House) -> None:
    sign_up(house, website=MINE)
    await later(house)
    written = await write(house, website=OURS, name='Decreed Tutors')
    change(house, 'organization', house.organizations()[0]['id'], custom={'website': THEIRS})
    await later(house)
    [line] = await house.rows(
        "select event_id, at from change where field = 'website' and record_type = 'company' order by id desc limit 1"
    )
    number = (await company(house))['id']
    expected = (
        f'website of company {number} by a person in Pipedrive, {line["at"]:%Y-%m-%d %H:%M:%SZ} '
        f'(event {line["event_id"]})'
    )
    assert expected in await refused(house, written)
    later_one = await write(house, website=f'{OURS}/2')
    assert f'website of company {number} by set-up' in await refused(house, written)
    await undo(house, later_one)
    assert site(house) == THEIRS
    assert f'(event {later_one})' not in await refused(house, written)


async def test_a_release_is_undone(house: House) -> None:
    sign_up(house, website=MINE)
    await later(house)
    number = (await company(house))['id']
    await write(house, website=OURS)
    let_go = await act(house, 'release', record=['company', number], field='website')
    assert site(house) == MINE
    await undo(house, let_go)
    assert site(house) == OURS
    change(house, 'organization', house.organizations()[0]['id'], custom={'website': THEIRS})
    await later(house)
    of_edit = await act(house, 'release', record=['company', number], field='website')
    assert site(house) == MINE
    await undo(house, of_edit)
    assert site(house) == THEIRS


async def test_what_the_crm_owns_says_again_what_it_said(house: House) -> None:
    sign_up(house)
    await later(house)
    [deal] = await house.rows('select id, title from deal')
    written = await act(house, 'record.write', record=['deal', deal['id']], values={'title': 'Big Deal'})
    assert house.deals()[0]['title'] == 'Big Deal'
    await undo(house, written)
    assert house.deals()[0]['title'] == deal['title']
    await quiet(house)


async def test_a_record_that_was_made_goes_while_nobody_has_used_it(house: House) -> None:
    made = await act(house, 'record.create', type='company', fields={'name': 'Ember Tutors'})
    assert len(house.organizations()) == 1
    number = (await company(house))['id']
    person = await act(house, 'record.create', type='contact', fields={'last_name': 'Okafor'}, under=number)
    assert 'making of contact' in await refused(house, made)
    await undo(house, person)
    assert house.persons() == []
    change(house, 'organization', house.organizations()[0]['id'], name='Used')
    await later(house)
    assert f'name of company {number} by a person in Pipedrive' in await refused(house, made)


async def test_a_deletion_and_what_takes_it_back_are_undone(house: House) -> None:
    sign_up(house)
    await later(house)
    gone = await act(house, 'record.delete', record=['company', (await company(house))['id']])
    assert house.organizations() == []
    restored = await undo(house, gone)
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    await undo(house, restored)
    assert house.organizations() == []
    assert 'deletion of company' in await refused(house, gone)


async def test_settings_stages_fields_and_admins_are_undone(house: House) -> None:
    changed = await act(house, 'setting.set', key='push_spacing_s', value=9)
    again = await act(house, 'setting.set', key='push_spacing_s', value=10)
    assert f'push_spacing_s of the settings by set-up, {await told_at(house, again)} (event {again})' in await refused(
        house, changed
    )
    await undo(house, again)
    assert (await house.rows("select value from setting where key = 'push_spacing_s'"))[0]['value'] == 9

    [pipeline] = await house.rows(
        'select id, dft_entry_stage_id as stage from pipeline where dft_entry_stage_id is not null order by id limit 1'
    )
    [other] = await house.rows(
        'select id from stage where pipeline_id = %s and id <> %s limit 1', pipeline['id'], pipeline['stage']
    )
    entered = await act(house, 'pipeline.entry', pipeline=pipeline['id'], stage=other['id'])
    await undo(house, entered)
    assert await house.rows('select dft_entry_stage_id as stage from pipeline where id = %s', pipeline['id']) == [
        {'stage': pipeline['stage']}
    ]

    named = await act(house, 'field.change', linked='Company', machine_name='website', to={'name': 'Web Page'})
    await undo(house, named)
    [field] = await house.rows(
        "select name from custom_field where machine_name = 'website' and linked_object_type = 'Company'"
    )
    assert field['name'] == 'Website'

    [person] = await house.rows('select id, timezone from admin where pd_owner_id = %s', PRIYA_PD)
    moved = await act(house, 'admin.save', id=person['id'], fields={'timezone': 'Asia/Tokyo', 'is_bdr_person': True})
    await undo(house, moved)
    [row] = await house.rows('select timezone, is_bdr_person from admin where id = %s', person['id'])
    assert row == {'timezone': person['timezone'], 'is_bdr_person': False}
    made = await act(house, 'admin.save', fields={'email': 'new@desk.example', 'first_name': 'New'})
    left = await undo(house, made)
    assert (await house.rows("select tombstone from admin where email = 'new@desk.example'"))[0][
        'tombstone'
    ] is not None
    await undo(house, left)
    assert (await house.rows("select tombstone from admin where email = 'new@desk.example'"))[0]['tombstone'] is None


async def told_at(house: House, event: int) -> str:
    [row] = await house.rows('select received_at as at from event where id = %s', event)
    return f'{row["at"]:%Y-%m-%d %H:%M:%SZ}'


async def test_what_cannot_be_undone_says_why(house: House) -> None:
    sign_up(house)
    await later(house)
    [webhook] = await house.rows("select min(id) as id from event where source = 'tutorcruncher'")
    assert "no act of an operator's" in await refused(house, webhook['id'])
    assert 'There is no event 99999' in await refused(house, 99999)
    paused = await act(house, 'system.pause', system='pipedrive')
    assert 'cannot be taken back' in await refused(house, paused)
    with pytest.raises(Refused):
        await write(house, has_signed_up=True)
    [refusal] = await house.rows("select max(id) as id from event where state = 'refused'")
    assert 'was not carried out (refused)' in await refused(house, refusal['id'])


async def test_what_was_merged_away_is_not_undone(house: House) -> None:
    sign_up(house)
    await later(house)
    [standing] = house.organizations()
    written = await write(house, website=OURS)
    survivor = house.pd.act_create('organization', {'name': 'Twin Tutors', 'owner_id': PRIYA_PD}, PRIYA_PD)
    await later(house)
    house.pd.act_merge('organization', standing['id'], survivor['id'], PRIYA_PD)
    await later(house)
    assert (await known(house, 'organization', survivor['id']))['website'] == OURS
    assert 'merge of company' in await refused(house, written)
