"""What only a person can decide, and that every answer is carried out: in the CRM, and again in a replay (MATCH-7)."""

from datetime import timedelta
from typing import Any

import pytest

from hermes.domain.errors import Refused
from hermes.domain.resolutions import CHOICES
from hermes.sync.held_pushes import held_step
from tests.flows import faults
from tests.flows.companies import decisions, later, quiet, settle, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, in_crm, known, shown
from tests.flows.house import MARCUS_PD, PRIYA_PD, House
from tests.flows.merging import assert_replays


@pytest.mark.behaviour('MATCH-7', 'TC-6')
@pytest.mark.invariant('I14')
async def test_a_sign_up_that_is_one_of_its_candidates_becomes_that_company(house: House, second_url: str) -> None:
    first, second = in_crm(house, 'One', 'sam@ember.example'), in_crm(house, 'Two', 'sam@ember.example')
    await later(house)
    add_deal(house, second, 'By hand')
    await later(house)
    house.mark()
    client = sign_up(house)
    await later(house)
    assert house.calls() == []
    candidate = await known(house, 'organization', second)
    await settle(house, 'same', f'company:{candidate["id"]}')
    assert sorted(one['id'] for one in house.organizations()) == [first, second]
    assert shown(house, 'organization', second)['tc2_cligency_url'].endswith(f'/clients/{client.id}/')
    assert (await known(house, 'organization', second))['tc2_cligency_id'] == client.id
    assert [deal['title'] for deal in house.deals()] == ['By hand']
    assert len(house.persons()) == 2
    assert house.calls('POST') == []
    assert await decisions(house) == []
    house.tc2.edit_client(client.id, website='https://same.example')
    await later(house)
    assert shown(house, 'organization', second)['website'] == 'https://same.example'
    assert 'website' not in shown(house, 'organization', first)
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('MATCH-7')
async def test_an_answer_that_names_no_candidate_is_refused_and_the_question_stays(house: House) -> None:
    in_crm(house, 'One', 'sam@ember.example')
    in_crm(house, 'Two', 'sam@ember.example')
    await later(house)
    sign_up(house)
    await later(house)
    [asked] = await decisions(house)
    for choice, value in (('same', ''), ('same', 'company:1'), ('perhaps', '')):
        with pytest.raises(Refused):
            await settle(house, choice, value)
    assert [one['id'] for one in await decisions(house)] == [asked['id']]
    await settle(house, 'separate')
    with pytest.raises(Refused, match='settled already'):
        await house.act('decision.settle', decision=asked['id'], choice='separate')
    assert len(house.organizations()) == 3


@pytest.mark.behaviour('MATCH-7', 'MATCH-2')
async def test_an_organisation_that_several_companies_could_be_becomes_the_chosen_one(house: House) -> None:
    await house.act('system.pause', system='pipedrive')
    clients = [
        sign_up(house, 'Twin Tutors', email=f'{one}@x.example', recipients=[], country=country)
        for one, country in enumerate(('GB', 'US'))
    ]
    await house.settle()
    made = house.pd.act_create('organization', {'name': 'Twin Tutors'}, MARCUS_PD)
    await house.settle()
    [chosen] = await house.rows('select * from company where tc2_cligency_id = %s', clients[1].id)
    await settle(house, 'same', str(chosen['id']))
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert (await known(house, 'organization', made['id']))['id'] == chosen['id']
    assert len(house.organizations()) == 2
    await quiet(house)


async def gone(house: House) -> tuple[Any, int]:
    """A company whose organisation answers 404 for a day; its client and the organisation."""
    client = sign_up(house)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_webhooks(on=False)
    house.pd.tables['organization'].pop(organization['id'])
    house.tc2.edit_client(client.id, website='https://gone.example')
    await house.settle()
    house.clock.advance(timedelta(hours=25).total_seconds())
    await held_step(house.engine)
    house.pd.act_webhooks(on=True)
    [asked] = await decisions(house)
    assert (asked['kind'], asked['detail']['remote_id']) == ('gone', str(organization['id']))
    house.mark()
    return client, int(organization['id'])


@pytest.mark.behaviour('OUT-5')
@pytest.mark.invariant('I14')
async def test_what_is_gone_is_made_again_when_a_person_says_so(house: House, second_url: str) -> None:
    client, old = await gone(house)
    await settle(house, 'recreate')
    [made] = house.organizations()
    assert (made['id'] != old, made['name']) == (True, 'Ember Tutors')
    assert shown(house, 'organization', made['id'])['website'] == 'https://gone.example'
    assert len(house.calls('POST', 'organizations')) == 1
    assert (await known(house, 'organization', made['id']))['tc2_cligency_id'] == client.id
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('OUT-5')
@pytest.mark.invariant('I14')
@pytest.mark.parametrize('has_record', [True, False])
async def test_what_is_gone_is_another_object_when_a_person_says_so(
    house: House, second_url: str, has_record: bool
) -> None:
    client, _ = await gone(house)
    house.pd.act_webhooks(on=has_record)
    other = add_organization(house, 'Ember Elsewhere')
    await later(house)
    house.pd.act_webhooks(on=True)
    await settle(house, 'relink', str(other))
    company = await known(house, 'organization', other)
    assert company['tc2_cligency_id'] == client.id
    assert shown(house, 'organization', other)['website'] == 'https://gone.example'
    assert [one['id'] for one in house.organizations()] == [other]
    assert len(await house.rows('select 1 from company where alias_of is null')) == 1
    assert house.calls('POST') == []
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('OUT-5', 'PD-ORG-3')
@pytest.mark.invariant('I14')
async def test_what_is_gone_is_deleted_when_a_person_says_so(house: House, second_url: str) -> None:
    client, _ = await gone(house)
    await settle(house, 'drop')
    house.tc2.edit_client(client.id, website='https://more.example')
    await later(house)
    assert {row['kind'] for row in await house.rows("select tombstone ->> 'kind' as kind from company")} == {'crm'}
    assert house.calls() == []
    assert house.organizations() == []
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('D-6', 'TC-8')
@pytest.mark.invariant('I14')
@pytest.mark.parametrize('choice', ['delete', 'keep'])
async def test_what_speaks_against_a_deletion_is_a_persons_to_weigh(house: House, second_url: str, choice: str) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.tc2.set_narc(client.id)
    await later(house)
    assert len(house.organizations()) == len(house.persons()) == 1
    await settle(house, choice)
    assert len(house.organizations()) == len(house.persons()) == (choice == 'keep')
    house.tc2.set_narc(client.id, False)
    await later(house)
    house.tc2.set_narc(client.id, True)
    await later(house)
    assert len(house.organizations()) == 1
    assert [one['kind'] for one in await decisions(house)] == ['narc']
    await assert_replays(house, second_url)


async def fight(house: House, number: int, value: int) -> None:
    for one in range(3):
        change(house, 'organization', number, custom={'paid_invoice_count': value + one})
        await later(house, 60)


@pytest.mark.behaviour('EDIT-3')
@pytest.mark.invariant('I14')
async def test_a_field_that_is_fought_over_is_ours_again_or_left_to_them(house: House, second_url: str) -> None:
    sign_up(house)
    await later(house)
    [organization] = house.organizations()
    await fight(house, organization['id'], 70)
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 72
    await settle(house, 'ours')
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 0
    await fight(house, organization['id'], 80)
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 82
    await settle(house, 'theirs')
    change(house, 'organization', organization['id'], custom={'paid_invoice_count': 90})
    await later(house)
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 90
    assert await decisions(house) == []
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('PD-MERGE-1', 'OUT-4')
@pytest.mark.parametrize('keep_older', [True, False])
async def test_a_duplicate_of_ours_is_no_question_any_more_once_it_is_merged(house: House, keep_older: bool) -> None:
    broken = faults.on(house)
    broken.add('POST', '/organizations', faults.carry_out_twice)
    client = sign_up(house)
    await later(house, 600)
    [asked] = await decisions(house)
    assert asked['kind'] == 'duplicate'
    older, newer = sorted(one['id'] for one in house.organizations())
    house.mark()
    survivor, loser = (older, newer) if keep_older else (newer, older)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    assert await decisions(house) == []
    [company] = await house.rows('select * from company')
    assert (company['pd_org_id'], company['tombstone']) == (survivor, None)
    house.tc2.edit_client(client.id, website='https://one.example')
    await later(house)
    assert shown(house, 'organization', survivor)['website'] == 'https://one.example'
    assert house.calls('POST') == []


@pytest.mark.behaviour('PD-GAP-1', 'PD-MERGE-1')
@pytest.mark.parametrize('choice', ['accept', 'deleted'])
async def test_a_merge_that_was_only_suspected_is_a_merge_when_a_person_says_so(
    house: House, second_url: str, choice: str
) -> None:
    client = sign_up(house)
    survivor = add_organization(house, 'Flint Tutors')
    await later(house)
    loser = next(one['id'] for one in house.organizations() if one['id'] != survivor)
    gone_company = await known(house, 'organization', loser)
    house.pd.act_webhooks(on=False)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.mark()
    await house.rows(
        "insert into decision (kind, record_type, record_id, key, detail, at) values ('merged?', 'company', %s, %s, "
        "jsonb_build_object('object', jsonb_build_array('pipedrive', 'organization', %s::text), 'survivor', %s::text), "
        'hermes_now()) returning id',
        gone_company['id'],
        f'merged?:pipedrive:organization:{loser}',
        str(loser),
        str(survivor),
    )
    await settle(house, choice)
    company = await known(house, 'organization', survivor)
    assert (company['tc2_cligency_id'] == client.id) is (choice == 'accept')
    rows = await house.rows('select 1 from company where alias_of is null and tombstone is null')
    assert len(rows) == 1
    assert house.calls('POST') == []
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('PD-MERGE-3', 'TC-16')
@pytest.mark.parametrize('kind', ['identity', 'tc16'])
async def test_a_conflict_that_is_left_as_it_is_is_not_asked_again(house: House, kind: str) -> None:
    client = sign_up(house)
    other = add_organization(house, 'Flint Tutors')
    add_person(house, other, 'Ada Flint')
    await later(house)
    if kind == 'tc16':
        house.tc2.set_extra_attr(client.id, 'pipedrive_id', str(other))
    else:
        ember = await known(house, 'organization', 1 if other != 1 else 2)
        change(house, 'organization', other, custom={'hermes_id': str(ember['id'])})
    await later(house)
    [asked] = await decisions(house)
    assert asked['kind'] == kind
    await settle(house, 'keep')
    house.mark()
    house.tc2.send_all_snapshots()
    await later(house)
    assert house.calls() == []
    assert await decisions(house) == []


async def test_every_kind_of_question_can_be_answered() -> None:
    asked = {
        'match',
        'gone',
        'narc',
        'fought over',
        'merged?',
        'duplicate',
        'identity',
        'tc16',
        'no-pipeline',
        'missing',
    }
    assert CHOICES.keys() >= asked
    assert all(choices for choices in CHOICES.values())
