"""Ownership shown and given back: `hermes blame` and `hermes release` (FIELD-2, I25)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from hermes.cli import app
from tests.flows.companies import later, sign_up
from tests.flows.crm import change, shown, writes
from tests.flows.house import PRIYA_PD, House, open_house

MINE, THEIRS, NEW = 'https://tc2.example', 'https://person.example', 'https://tc2.example/new'


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as opened:
        yield opened


async def hermes(house: House, *arguments: str) -> Result:
    """The command, in a thread of its own, on the house's database."""
    env = {'DATABASE_URL': house.settings.database_url}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments), env=env, catch_exceptions=False))


async def edited(house: House) -> tuple[str, int]:
    """A company whose website a person wrote in the CRM, and of which TC2 says something else since."""
    client = sign_up(house, website=MINE)
    await later(house, 3600)
    [organization] = house.organizations()
    change(house, 'organization', organization['id'], custom={'website': THEIRS})
    await later(house, 3600)
    house.tc2.edit_client(client.id, website=NEW)
    await later(house)
    [company] = await house.rows('select id from company')
    return str(company['id']), organization['id']


@pytest.mark.behaviour('FIELD-2')
@pytest.mark.invariant('I25')
async def test_blame_says_what_tc2_says_and_which_edit_holds_it_back(house: House) -> None:
    company, organization = await edited(house)
    told = await hermes(house, 'blame', company, 'website')
    [edit] = await house.rows(
        "select at, event_id from change where field = 'website' and record_type = 'company' and new = %s::jsonb",
        f'"{THEIRS}"',
    )
    [client] = await house.rows("select runs -> 'website' -> -1 -> 1 -> 0 as since from mirror where type = 'client'")
    since = f'{await moment(house, client["since"]):%Y-%m-%d %H:%M:%SZ}'
    expected = (
        f'tutorcruncher says {NEW} since {since}, held back by the edit of {edit["at"]:%Y-%m-%d %H:%M:%SZ} in the CRM'
    )
    shown_text = ' '.join(told.stdout.split())
    assert expected in shown_text
    assert f'(event {edit["event_id"]})' in shown_text
    assert 'a person wrote it in the CRM' in shown_text
    by_remote = await hermes(house, 'blame', f'pipedrive:organization:{organization}', 'website')
    assert by_remote.stdout == told.stdout


async def act_arrives(house: House) -> None:
    """The command's act is dated by the database: the house's clock goes on to that time."""
    [row] = await house.rows('select max(due_at) as at from event')
    house.clock.move_to(max(row['at'], house.clock.now()))
    await later(house)


async def moment(house: House, seconds: int) -> object:
    [row] = await house.rows('select to_timestamp(%s) as at', seconds)
    return row['at']


@pytest.mark.behaviour('FIELD-2')
@pytest.mark.invariant('I25')
async def test_every_line_of_the_journal_says_its_rule_and_its_event(house: House) -> None:
    company, _ = await edited(house)
    lines = await house.rows('select field, system, rule, note, event_id from change')
    assert len(lines) > 20
    assert [line for line in lines if not line['rule'] or not line['event_id'] or not line['system']] == []
    told = await hermes(house, 'blame', company)
    for field in ('name', 'website', 'sales_person_id', 'price_plan', 'tc2_cligency_url'):
        assert f'\n{field} ' in told.stdout


@pytest.mark.behaviour('FIELD-2', 'FIELD-3')
async def test_release_gives_the_field_back_to_its_owner_and_the_next_push_corrects_the_crm(house: House) -> None:
    company, organization = await edited(house)
    assert shown(house, 'organization', organization)['website'] == THEIRS
    house.mark()
    done = await hermes(house, 'release', company, 'website')
    assert done.exit_code == 0
    await act_arrives(house)
    assert shown(house, 'organization', organization)['website'] == NEW
    assert [path.split('/')[0] for _, path in writes(house)] == ['organizations', 'deals']
    [line] = await house.rows(
        "select c.rule, e.kind from change c join event e on e.id = c.event_id where c.field = 'website' and "
        "c.record_type = 'company' order by c.id desc limit 1"
    )
    assert (line['rule'], line['kind']) == ('release', 'act')
    told = await hermes(house, 'blame', company, 'website')
    assert 'held back' not in told.stdout
    house.mark()
    house.pd.act_update('organization', organization, {'name': 'Only The Name'}, PRIYA_PD)
    await later(house)
    assert shown(house, 'organization', organization)['website'] == NEW
    change(house, 'organization', organization, custom={'website': f'{THEIRS}/again'})
    await later(house)
    assert (await house.rows('select website from company'))[0]['website'] == f'{THEIRS}/again'


@pytest.mark.behaviour('FIELD-2')
async def test_release_refuses_what_nobody_can_hold(house: House) -> None:
    company, _ = await edited(house)
    for field, reason in (
        ('price_plan', 'its policy is "tc2"'),
        ('tc2_cligency_url', 'its policy is "hermes"'),
        ('colour', 'has no field'),
    ):
        refused = await hermes(house, 'release', company, field)
        assert refused.exit_code == 1 or refused.exception is not None
        assert reason in refused.output + str(refused.exception)
    assert (await hermes(house, 'release', company, 'name')).exit_code == 0
    await act_arrives(house)
    [event] = await house.rows("select state, reason from event where kind = 'act' order by id desc limit 1")
    assert event['state'] == 'refused'
    assert 'name is not held back' in event['reason']
    assert (await house.rows("select claims -> 'released' as released from company"))[0]['released'] is None
