"""What webhooks did not tell is found by listing, and completeness is proven (PD-GAP-1, I15).

Tokens are counted at the emulated CRM.
"""

from dataclasses import replace
from typing import Any

import pytest

from hermes.cli import sweep as command
from hermes.db.reads.decisions import settling_act
from hermes.sync import setup, sweep
from hermes.sync.ingest import ingest_step
from tests.flows import faults
from tests.flows.companies import decisions, later, sign_up
from tests.flows.house import PRIYA_PD, House
from tests.flows.listings import (
    HOUR_S,
    calendar,
    company_of,
    list_all,
    list_changes,
    listing_tokens,
    organization,
    proof_of,
    statement,
)
from tests.flows.merging import assert_replays


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.invariant('I15')
async def test_an_hour_without_webhooks_is_healed_by_one_listing_of_changes(house: House) -> None:
    known = organization(house, 'Known before')
    await later(house, HOUR_S)
    await list_changes(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_update('organization', known, {'name': 'Renamed meanwhile'}, PRIYA_PD)
    born = organization(house, 'Born meanwhile', 'Ada Meanwhile')
    deal = house.pd.act_create('deal', {'title': 'A deal meanwhile', 'org_id': born}, PRIYA_PD)
    house.clock.advance(HOUR_S)
    house.pd.act_webhooks(on=True)
    house.mark()
    await list_changes(house)
    assert (await company_of(house, known))['name'] == 'Renamed meanwhile'
    assert (await company_of(house, born))['name'] == 'Born meanwhile'
    contacts = await house.rows('select last_name from contact')
    assert [row['last_name'] for row in contacts] == ['Meanwhile']
    assert [row['title'] for row in await house.rows('select title from deal')] == [deal['title']]
    for path in ('organizations', 'persons', 'deals'):
        assert listing_tokens(house, path) == 10
    assert not [call for call in house.calls('GET') if not call.path.endswith(('s', 's/'))], (
        'nothing is read one by one'
    )


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_deal_that_was_deleted_meanwhile_is_found_by_the_same_listing(house: House) -> None:
    born = organization(house, 'Ember')
    deal = house.pd.act_create('deal', {'title': 'Ember deal', 'org_id': born}, PRIYA_PD)
    await later(house, HOUR_S)
    house.pd.act_webhooks(on=False)
    house.pd.act_delete('deal', deal['id'], PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.mark()
    await list_changes(house)
    [row] = await house.rows('select status, tombstone from deal')
    assert (row['status'], row['tombstone']['kind']) == ('deleted', 'crm')
    assert listing_tokens(house, 'deals') == 10


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.invariant('I15')
@pytest.mark.lesson('B-4')
async def test_an_organisation_that_was_deleted_meanwhile_is_found_by_the_full_listing(house: House) -> None:
    client = sign_up(house)
    await later(house, HOUR_S)
    [standing] = house.organizations()
    house.pd.act_webhooks(on=False)
    house.pd.act_delete('organization', standing['id'], PRIYA_PD)
    house.clock.advance(HOUR_S)
    house.pd.act_webhooks(on=True)
    await list_all(house)
    [company] = await house.rows('select tombstone from company')
    assert company['tombstone']['kind'] == 'crm'
    proof = await proof_of(house, 'organization')
    assert (proof['state'], proof['deleted'], proof['listed'], proof['held']) == ('proven', 1, 0, 0)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    assert house.organizations() == []


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.parametrize('shown', [False, True], ids=['the loser is not found', 'the loser is shown as deleted'])
async def test_a_merge_that_nobody_told_is_asked_and_never_taken_for_a_deletion(house: House, shown: bool) -> None:
    house.pd.shows_merged = shown
    loser, survivor = organization(house, 'Loser', 'Lee Loser'), organization(house, 'Survivor', 'Sue Survivor')
    await later(house, HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    house.clock.advance(HOUR_S)
    house.pd.act_webhooks(on=True)
    await list_all(house)
    [question] = [item for item in await decisions(house) if item['kind'] == 'merged?']
    assert question['detail']['object'] == ['pipedrive', 'organization', str(loser)]
    assert question['detail']['survivor'] == str(survivor)
    assert (await company_of(house, loser))['tombstone'] is None
    proof = await proof_of(house, 'organization')
    assert (proof['state'], proof['undecided'], proof['listed'], proof['held']) == ('proven', 1, 1, 2)
    await later(house, HOUR_S)
    await list_all(house)
    assert len([item for item in await decisions(house) if item['kind'] == 'merged?']) == 1
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.invariant('I15')
async def test_nobody_is_asked_any_more_about_what_is_listed_again(house: House) -> None:
    gone, other = organization(house, 'Gone for a while', 'Lee Mover'), organization(house, 'Other', 'Sue Stayer')
    await later(house, HOUR_S)
    await list_all(house)
    [person] = [row for row in house.persons() if row['org_id'] == gone]
    house.pd.act_webhooks(on=False)
    house.pd.act_update('person', person['id'], {'org_id': other}, PRIYA_PD)
    house.pd.act_delete('organization', gone, PRIYA_PD)
    house.clock.advance(HOUR_S)
    await list_all(house)
    assert [item['kind'] for item in await decisions(house)] == ['merged?']
    house.pd.act_undelete('organization', gone, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    await later(house, HOUR_S)
    await list_all(house)
    assert await decisions(house) == []
    proof = await proof_of(house, 'organization')
    assert (proof['state'], proof['undecided'], proof['listed'], proof['held']) == ('proven', 0, 2, 2)


@pytest.mark.behaviour('PD-GAP-1')
async def test_what_is_neither_listed_nor_found_is_deleted_and_the_log_tells_it(house: House) -> None:
    gone = organization(house, 'Gone for good')
    organization(house, 'Still there')
    await later(house, HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_delete('organization', gone, PRIYA_PD)
    house.pd.tables['organization'].pop(gone)
    house.clock.advance(HOUR_S)
    house.pd.act_webhooks(on=True)
    await list_all(house)
    assert (await company_of(house, gone))['tombstone']['kind'] == 'crm'
    assert await house.rows("select 1 from event where kind = 'absence' and state = 'done'")
    assert (await proof_of(house, 'organization'))['deleted'] == 1


@pytest.mark.behaviour('PD-GAP-1')
async def test_when_too_much_is_missing_nothing_is_believed(house: House) -> None:
    for number in range(60):
        organization(house, f'Tutors {number}')
    await later(house, HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    hidden = dict(house.pd.tables['organization'])
    house.pd.tables['organization'].clear()
    house.clock.advance(HOUR_S)
    await list_all(house)
    assert await house.rows('select 1 from company where tombstone is not null') == []
    proof = await proof_of(house, 'organization')
    assert proof['state'] == 'failed'
    assert 'too many to be believed' in proof['reason']
    assert any('too many to be believed' in each for each in await statement(house))
    house.pd.tables['organization'].update(hidden)
    await list_all(house)
    assert (await proof_of(house, 'organization'))['state'] == 'proven'
    assert not any('too many' in each for each in await statement(house))
    assert await decisions(house) == []


async def accept(house: House, **more: Any) -> None:
    """Answer the only open question, as the command line does; `more` is what was asked then."""
    [asked] = await decisions(house)
    answer = settling_act(asked, 'accept')
    await setup.act(house.engine, replace(answer, detail={**asked['detail'], **more}))
    await house.settle()


@pytest.mark.behaviour('PD-GAP-1')
@pytest.mark.invariant('I14')
async def test_what_a_person_says_is_gone_is_looked_at_and_believed(house: House, second_url: str) -> None:
    for number in range(60):
        organization(house, f'Tutors {number}')
    await later(house, HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    kept = house.pd.tables['organization'].popitem()
    house.pd.tables['organization'].clear()
    house.clock.advance(HOUR_S)
    house.pd.act_webhooks(on=True)
    await list_all(house)
    await list_all(house)
    [asked] = await decisions(house)
    assert (asked['kind'], asked['detail']['missing'], asked['detail']['of']) == ('missing', 60, 60)
    house.pd.tables['organization'].update([kept])
    await accept(house, missing=8)
    assert await house.rows('select 1 from company where tombstone is not null') == []
    [asked] = await decisions(house)
    assert asked['detail']['missing'] == 59
    await accept(house)
    assert len(await house.rows('select 1 from company where tombstone is not null')) == 59
    assert (await company_of(house, kept[0]))['tombstone'] is None
    proof = await proof_of(house, 'organization')
    assert (proof['state'], proof['listed'], proof['deleted']) == ('proven', 1, 59)
    assert await decisions(house) == []
    assert not any('the listing of' in each for each in await statement(house))
    await assert_replays(house, second_url)


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_listing_that_is_refused_says_that_it_proves_nothing(house: House) -> None:
    organization(house, 'Ember')
    await later(house, HOUR_S)
    refuse = faults.answer(403, {'success': False, 'error': 'not yours'})
    faults.on(house).add('GET', '/organizations', refuse, times=50)
    await list_all(house)
    proof = await proof_of(house, 'organization')
    assert (proof['state'], 'a page was refused' in proof['reason']) == ('failed', True)
    assert any('does not prove that nothing is missing' in each for each in await statement(house))


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_listing_without_budget_waits_and_says_so(house: House) -> None:
    await house.rows('update budget set day = hermes_now()::date, spent = daily_limit returning system')
    await calendar(house).list_all()
    await house.settle()
    [row] = await house.rows("select state, reason from sweep where type = 'person' order by id desc limit 1")
    assert row['state'] == 'running'
    house.clock.advance(2 * HOUR_S)
    assert any('is spent for the backfill lane' in each for each in await statement(house))


@pytest.mark.invariant('I15')
async def test_the_nightly_listing_of_clients_reads_the_unknown_ones_only(house: House) -> None:
    known = sign_up(house)
    await later(house, HOUR_S)
    house.world.outbox.clear()
    unknown = sign_up(house, 'Never announced', email='boss@never.example')
    house.world.outbox.clear()
    house.clock.advance(HOUR_S)
    house.mark()
    await list_all(house)
    assert [row['name'] for row in await house.rows('select name from company order by name')] == [
        'Ember Tutors', 'Never announced',
    ]  # fmt: skip
    read = [call.path for call in house.calls('GET', system='tutorcruncher')]
    assert len([path for path in read if path.endswith(f'/clients/{unknown.id}/')]) == 1
    assert [path for path in read if path.endswith(f'/clients/{known.id}/')] == []
    proof = await proof_of(house, 'client')
    assert (proof['state'], proof['listed']) == ('proven', 2)
    house.mark()
    await list_all(house)
    assert len(house.calls('GET', system='tutorcruncher')) == 1


async def open_full(house: House, remote_type: str = 'organization') -> int:
    async with house.engine.database.transaction() as connection:
        return await sweep.open_sweep(connection, 'pipedrive', remote_type, 'full')


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_sweep_that_was_killed_goes_on_at_its_cursor(house: House) -> None:
    house.pd.act_webhooks(on=False)
    for number in range(501):
        organization(house, f'Tutors {number:04d}')
    house.clock.advance(HOUR_S)
    house.mark()
    number = await open_full(house)
    assert await sweep.sweep_step(house.engine)
    await house.rows('update sweep set finished_at = hermes_now() where id = %s returning id', number)
    assert not await sweep.sweep_step(house.engine), 'the page is being fetched by a worker that died meanwhile'
    house.clock.advance(31)
    for _ in range(20):
        await sweep.sweep_step(house.engine)
        await ingest_step(house.engine)
        house.clock.advance(1)
    assert len([call for call in house.calls('GET') if call.path.endswith('/organizations')]) == 2
    proof = await proof_of(house, 'organization')
    assert (proof['state'], proof['listed'], proof['held'], proof['tokens']) == ('proven', 501, 501, 20)
    assert proof['remote_digest'] == proof['own_digest']
    [count] = await house.rows('select count(*) as n from company')
    assert count['n'] == 501


@pytest.mark.behaviour('PD-GAP-1')
async def test_a_page_that_is_not_applied_proves_nothing(house: House) -> None:
    organization(house, 'Ember')
    await later(house, HOUR_S)
    number = await open_full(house)
    assert await sweep.sweep_step(house.engine)
    await house.rows(
        "update event set state = 'parked', reason = 'poisoned' where headers ->> 'sweep' = %s returning id",
        str(number),
    )
    await house.settle()
    proof = await proof_of(house, 'organization')
    assert (proof['state'], 'is parked' in proof['reason']) == ('failed', True)


@pytest.mark.behaviour('PD-GAP-1')
async def test_what_is_listed_but_not_held_is_seen_by_its_hash(house: House) -> None:
    born = organization(house, 'Ember')
    await later(house, HOUR_S)
    await list_all(house)
    number = await open_full(house)
    assert await sweep.sweep_step(house.engine)
    await ingest_step(house.engine)
    await house.rows(
        'update listed set seconds = seconds + 60 where sweep_id = %s and remote_id = %s returning 1', number, str(born)
    )
    await house.settle()
    proof = await proof_of(house, 'organization')
    assert (proof['state'], 'differs from what was listed' in proof['reason']) == ('failed', True)


async def test_a_listing_with_nothing_new_applies_nothing(house: House) -> None:
    for number in range(3):
        organization(house, f'Tutors {number}', f'Person {number}')
    await later(house, HOUR_S)
    await list_all(house)
    await later(house, HOUR_S)
    house.pd.act_webhooks(on=False)
    changed = house.organizations()[0]['id']
    house.pd.act_update('organization', changed, {'name': 'Changed'}, PRIYA_PD)
    await later(house, HOUR_S)
    [before] = await house.rows('select max(id) as id from event')
    house.mark()
    await open_full(house)
    await house.settle()
    pages = await house.rows("select headers from event where kind = 'page' and id > %s", before['id'])
    assert [page['headers'].get('news') for page in pages] == [str(changed)]
    assert (await company_of(house, changed))['name'] == 'Changed'
    assert not house.calls('PATCH')


async def test_the_command_lists_everything_and_says_what_is_missing(house: House) -> None:
    organization(house, 'Ember', 'Ada Ember')
    await later(house, HOUR_S)
    ticks: list[tuple[str, int]] = []
    told = await command.run(house.engine, None, True, lambda what, count: ticks.append((what, count)))
    assert told['complete']
    assert {each['type'] for each in told['proofs']} == {
        'organization', 'person', 'deal', 'pipeline', 'stage', 'user', 'client',
    }  # fmt: skip
    assert ('pipedrive organization (full)', 1) in ticks
    refuse = faults.answer(403, {'success': False, 'error': 'not yours'})
    faults.on(house).add('GET', '/organizations', refuse, times=50)
    told = await command.run(house.engine, 'pd', False, lambda what, count: None)
    assert not told['complete']
    assert [each['state'] for each in told['sweeps']] == ['failed', 'done', 'done']


@pytest.mark.invariant('I14')
async def test_what_sweeps_found_folds_to_the_same_state(house: House, second_url: str) -> None:
    client = sign_up(house)
    gone, loser = organization(house, 'Gone for good'), organization(house, 'Loser', 'Lee Loser')
    survivor = organization(house, 'Survivor', 'Sue Survivor')
    await later(house, HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_delete('organization', gone, PRIYA_PD)
    house.pd.tables['organization'].pop(gone)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    house.pd.act_update('organization', survivor, {'name': 'Renamed unheard'}, PRIYA_PD)
    house.tc2.pay_invoice(client.id)
    await later(house, HOUR_S)
    await list_all(house)
    await later(house, HOUR_S)
    await list_all(house)
    await assert_replays(house, second_url)
