"""Pipelines, stages and users that change in the CRM, and what rests on them (PD-PIPE, PD-STAGE, PD-USER-1, D-8,
D-10).
"""

import itertools
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hermes.db.reads.status import read_status
from hermes.setup.pipelines import examine_targets
from tests.flows.companies import decisions, later, notes, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, admin, change, item, known, linked, shown, stage
from tests.flows.house import INES, MARCUS, MARCUS_PD, PRIYA, PRIYA_PD, TOM, House

TOM_PD = 12_000_014


def add(house: House, kind: str, **values: Any) -> int:
    return int(house.pd.act_create(kind, values, PRIYA_PD)['id'])


def pipeline(house: House, name: str = 'PAYG') -> int:
    return next(one['id'] for one in house.pd.state()['pipelines'] if one['name'] == name)


@pytest.mark.behaviour('PD-PIPE-1', 'PD-PIPE-2', 'PD-STAGE-1', 'PD-STAGE-2')
async def test_pipelines_and_stages_are_made_and_renamed(house: House) -> None:
    one = add(house, 'pipeline', name='PARTNERS')
    first = add(house, 'stage', name='PARTNERS - New', pipeline_id=one)
    await later(house)
    ours = await known(house, 'pipeline', one)
    assert (ours['name'], ours['archived']) == ('PARTNERS', False)
    made = await known(house, 'stage', first)
    assert (made['name'], made['pipeline_id'], made['archived']) == ('PARTNERS - New', ours['id'], False)
    change(house, 'pipeline', one, name='ALLIES')
    change(house, 'stage', first, name='ALLIES - New', pipeline_id=pipeline(house))
    await later(house)
    assert (await known(house, 'pipeline', one))['name'] == 'ALLIES'
    moved = await known(house, 'stage', first)
    assert (moved['name'], moved['pipeline_id']) == (
        'ALLIES - New',
        (await known(house, 'pipeline', pipeline(house)))['id'],
    )
    deal = add_deal(house, add_organization(house), stage_id=first)
    await later(house)
    assert (await known(house, 'deal', deal))['stage_id'] == moved['id']


@pytest.mark.behaviour('PD-STAGE-1', 'D-3')
async def test_a_stage_that_arrives_first_gets_its_pipeline(house: House) -> None:
    one = add(house, 'pipeline', name='PARTNERS')
    first = add(house, 'stage', name='PARTNERS - New', pipeline_id=one)
    by_pipeline, by_stage = sorted(house.world.outbox.take_due(), key=lambda each: each.number)
    for delivery in (by_stage, by_pipeline, by_stage):
        await house.post(delivery)
        await house.settle(0)
    await later(house)
    assert (await known(house, 'stage', first))['pipeline_id'] == (await known(house, 'pipeline', one))['id']


@pytest.mark.behaviour('PD-PIPE-3', 'PD-STAGE-3', 'D-8', 'PD-OLD-1')
@pytest.mark.invariant('I5')
@pytest.mark.parametrize('order', list(itertools.permutations(range(3))))
@pytest.mark.parametrize('kind', ['pipeline', 'stage'])
async def test_what_is_deleted_stays_archived_in_every_order(house: House, kind: str, order: tuple[int, ...]) -> None:
    parent = {'pipeline_id': pipeline(house)} if kind == 'stage' else {}
    number = add(house, kind, name='Short', **parent)
    house.clock.advance(5)
    change(house, kind, number, name='Lived')
    house.clock.advance(5)
    house.pd.act_delete(kind, number, PRIYA_PD)
    told = sorted(house.world.outbox.take_due(), key=lambda each: each.number)
    for place in (*order, order[0]):
        await house.post(told[place])
        await house.settle(0)
    await later(house)
    ours = await linked(house, kind, number)
    assert ours is None if order[0] == 2 else ours is not None and (ours['name'], ours['archived']) == ('Lived', True)


@pytest.mark.behaviour('PD-PIPE-3', 'PD-STAGE-3', 'D-8')
@pytest.mark.lesson('L-8')
@pytest.mark.parametrize('what', ['pipeline', 'stage'])
async def test_a_config_that_points_at_something_deleted_warns_and_places_no_deal_there(
    house: House, what: str
) -> None:
    sign_up(house)
    await later(house)
    doomed = pipeline(house) if what == 'pipeline' else stage(house)['id']
    house.pd.act_delete(what, doomed, PRIYA_PD)
    await later(house)
    assert (await known(house, what, doomed))['archived'] is True
    [deal] = await house.rows('select status, pipeline_id, stage_id from deal')
    assert (deal['status'], None in deal.values()) == ('open', False)
    house.mark()
    sign_up(house, 'Later Tutors', email='later@later.example', recipients=[])
    await later(house)
    assert house.calls('POST', 'deals') == []
    [wanted] = [one for one in await decisions(house) if one['kind'] == 'no-pipeline']
    assert 'payg_pipeline_id' in wanted['detail']['reason']
    with psycopg.connect(house.settings.database_url, row_factory=dict_row) as connection:
        [told] = [one for one in examine_targets(connection) if one.name == 'payg_pipeline_id']
        attention = read_status(connection).attention
    assert told.state == 'todo'
    assert what in told.said
    assert any('payg_pipeline_id' in line for line in attention)


@pytest.mark.behaviour('PD-USER-1')
@pytest.mark.lesson('H-7')
async def test_a_user_who_leaves_is_no_owner_of_new_records_until_he_is_back(house: House) -> None:
    client = sign_up(house)
    await later(house)
    marcus = await admin(house, MARCUS_PD)
    house.pd.act_deactivate_user(MARCUS_PD)
    await later(house)
    assert (await known(house, 'user', MARCUS_PD))['active'] is False
    house.mark()
    sign_up(house, 'Orphan Tutors', sales_person=MARCUS, email='o@orphan.example')
    await later(house)
    posts = house.calls('POST')
    assert len(posts) == 3
    assert all(call.request.get('owner_id') != MARCUS_PD for call in posts)
    rows = await house.rows("select sales_person_id from company where name = 'Orphan Tutors'")
    assert rows[0]['sales_person_id'] == marcus
    house.mark()
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await later(house)
    assert all('owner_id' not in call.request for call in house.calls('PATCH'))
    house.pd.act_deactivate_user(MARCUS_PD, active=True)
    await later(house)
    assert (await known(house, 'user', MARCUS_PD))['active'] is True
    house.mark()
    sign_up(house, 'Third Tutors', sales_person=MARCUS, email='t@third.example')
    await later(house)
    assert [call.request.get('owner_id') for call in house.calls('POST')] == [MARCUS_PD] * 3
    await quiet(house)


@pytest.mark.behaviour('PD-USER-1', 'PD-ORG-2')
async def test_a_default_who_has_left_is_no_default(house: House) -> None:
    await house.set('default_sales_person_id', await admin(house, MARCUS_PD))
    house.pd.act_deactivate_user(MARCUS_PD)
    await later(house)
    stranger = house.pd.add_user('Una Known', 'una@office.example')
    number = add_organization(house, owner_id=stranger)
    await later(house)
    assert (await known(house, 'organization', number))['sales_person_id'] is None


@pytest.mark.behaviour('PD-USER-1')
async def test_a_user_who_is_no_admin_is_nothing(house: House) -> None:
    stranger = house.pd.add_user('Una Known', 'una@office.example')
    admins = await house.rows('select * from admin order by id')
    house.pd.act_deactivate_user(stranger)
    await later(house)
    assert await house.rows('select * from admin order by id') == admins
    assert f'ignored: CRM user {stranger} is no admin here' in await notes(house)


@pytest.mark.behaviour('D-10', 'FIELD-4')
@pytest.mark.lesson('H-1', 'H-8', 'H-9', 'E-14')
async def test_admins_stand_in_the_crm_as_owner_ids_both_ways(house: House) -> None:
    client = sign_up(house, support_person=TOM)
    await later(house)
    [organization] = house.organizations()
    tom, marcus = await admin(house, TOM_PD), await admin(house, MARCUS_PD)
    assert (await known(house, 'organization', organization['id']))['support_person_id'] == tom
    assert shown(house, 'organization', organization['id'])['support_person_id'] == TOM_PD
    assert shown(house, 'deal', house.deals()[0]['id'])['support_person_id'] == TOM_PD
    house.mark()
    change(house, 'organization', organization['id'], custom={'support_person_id': MARCUS_PD})
    await later(house)
    assert (await known(house, 'organization', organization['id']))['support_person_id'] == marcus
    assert writes(house) == [('PATCH', 'deals')]
    house.mark()
    change(house, 'organization', organization['id'], custom={'support_person_id': 0})
    await later(house)
    assert (await known(house, 'organization', organization['id']))['support_person_id'] == marcus
    change(house, 'organization', organization['id'], custom={'support_person_id': tom})
    await later(house)
    assert (await known(house, 'organization', organization['id']))['support_person_id'] == marcus
    house.tc2.set_admins(client.id, support_person=INES)
    await later(house)
    assert all(
        TOM_PD not in call.request.get('custom_fields', {}).values()
        and 0 not in call.request.get('custom_fields', {}).values()
        for call in house.calls('PATCH')
    )
    assert (await known(house, 'organization', organization['id']))['support_person_id'] not in (tom, marcus)


def writes(house: House) -> list[tuple[str, str]]:
    return [(call.method, call.path.split('/')[-2]) for call in house.calls() if call.method != 'GET']


@pytest.mark.behaviour('D-10')
@pytest.mark.lesson('H-7')
async def test_an_admin_without_a_crm_user_is_never_written(house: House) -> None:
    sign_up(house, sales_person=PRIYA, support_person=INES)
    sign_up(house, 'Ines Sells', sales_person=INES, email='i@ines.example')
    await later(house)
    posts = house.calls('POST')
    assert [call.request.get('owner_id') for call in posts].count(PRIYA_PD) == 3
    assert 0 not in [call.request.get('owner_id') for call in posts]
    codes = {house.code(kind, 'support_person_id') for kind in ('organization', 'deal')}
    assert all(codes.isdisjoint(call.request['custom_fields']) for call in posts)
    assert all(call.status < 300 for call in house.calls())
    for organization in house.organizations():
        assert 'support_person_id' not in shown(house, 'organization', organization['id'])
    person = add_person(house, house.organizations()[0]['id'])
    await later(house)
    assert item(house, 'person', person)['owner_id'] not in (0, None)
    await quiet(house)
