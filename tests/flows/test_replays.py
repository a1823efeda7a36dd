"""Replays of many events (ADM-5): all that fit a filter, first what they would change, then in the background."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import Result

from hermes.cli.failures import sentence_of
from hermes.db import connections
from hermes.db.reads.events import list_events
from hermes.domain.errors import Refused
from hermes.domain.event_filter import EventFilter, read
from hermes.domain.model import RecordRef
from hermes.sync import replay
from tests.dumps import dumped
from tests.flows import commands
from tests.flows.companies import client, company, deliver, event, later, parked, sign_up
from tests.flows.house import PRIYA, House
from tests.flows.merging import assert_replays

pytestmark = pytest.mark.behaviour('ADM-5')
STRANGE = {'sales_person': {'id': 999}}
"""Nobody of ours, while there is no default one (D-16)."""


async def hermes(house: House, *words: str) -> Result:
    return await commands.hermes(house, 'events', 'replay', *words)


async def told(house: House, *words: str) -> Any:
    done = await hermes(house, *words, '--json')
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def put_aside(house: House, count: int = 3) -> list[int]:
    """Clients whose sales person nobody knows."""
    for number in range(count):
        agency = {'id': number + 1, 'name': f'Tutors {number}'}
        await deliver(house, event(client(600 + number, agency=agency, paid_recipients=[], **STRANGE)))
    return [row['id'] for row in await parked(house)]


async def begin(house: House, **wanted: Any) -> int:
    outcome = await house.act('events.replay', filter=EventFilter(**wanted).told())
    return int(outcome['replay'])


async def work(house: House) -> int:
    """Turn the step until it has nothing to do; how often it did something."""
    steps = 0
    while await replay.replay_step(house.engine):
        steps += 1
    return steps


async def job(house: House, number: int) -> dict[str, Any]:
    [row] = await house.rows('select * from replay where id = %s', number)
    return row


async def test_what_was_put_aside_is_applied_when_its_cause_is_mended(house: House) -> None:
    ids = await put_aside(house)
    await deliver(house, event(client(501)))
    wanted = EventFilter(state='parked', source='tutorcruncher')
    before = await replay.preview_filter(house.engine, wanted)
    assert [item.event for item in before.events] == ids
    assert all('999' in item.refused for item in before.events)
    await house.set(
        'default_sales_person_id', (await house.rows('select id from admin where tc2_admin_id = %s', PRIYA))[0]['id']
    )
    plan = await replay.preview_filter(house.engine, wanted)
    assert (plan.count, plan.counted, plan.capped) == (3, True, False)
    assert all(any(change.field == 'born' for change in item.changes) for item in plan.events)
    number = await begin(house, state='parked', source='tutorcruncher')
    await work(house)
    done = await job(house, number)
    assert (done['state'], done['total'], done['looked'], done['changed'], done['refused']) == ('done', 3, 3, 3, 0)
    assert done['changes'] == plan.changes
    assert await parked(house) == []
    await later(house)
    assert {item['name'] for item in house.organizations()} == {'Ember Tutors', 'Tutors 0', 'Tutors 1', 'Tutors 2'}


async def test_a_preview_folds_one_after_the_other_and_leaves_nothing(house: House) -> None:
    sign_up(house)
    await later(house)
    await put_aside(house)
    [admin] = await house.rows('select id from admin where tc2_admin_id = %s', PRIYA)
    await house.set('default_sales_person_id', admin['id'])
    before = await dumped(house.engine.database)
    twice = EventFilter(kind='webhook')
    plan = await replay.preview_filter(house.engine, twice)
    births = [
        change
        for item in plan.events
        for change in item.changes
        if (change.record.type, change.field) == ('company', 'born')
    ]
    assert len(births) == 3
    assert len({change.record for change in births}) == 3
    assert await dumped(house.engine.database) == before
    shown = await told(house, '--source', 'tutorcruncher', '--preview')
    assert (shown['count'], shown['capped']) == (4, False)
    assert await dumped(house.engine.database) == before
    short = await told(house, '--source', 'tutorcruncher', '--preview', '--limit', '2')
    assert (short['count'], len(short['events']), short['capped']) == (4, 2, True)
    assert (
        'looked at: the first 2 of them'
        in (await hermes(house, '--kind', 'webhook', '--preview', '--limit', '2')).stdout
    )


async def test_who_was_mended_no_more_is_told_with_the_reason(house: House) -> None:
    await put_aside(house, 2)
    number = await begin(house, state='parked')
    await work(house)
    shown = await told(house, '--job', str(number))
    assert (shown['state'], shown['looked'], shown['changed'], shown['refused']) == ('done', 2, 0, 2)
    [reason] = shown['reasons']
    assert (reason['state'], reason['events']) == ('parked', 2)
    assert '999' in reason['reason']
    assert reason['reason'] in (await hermes(house, '--job', str(number))).stdout
    assert (await told(house, '--jobs'))[0]['wanted'] == 'state parked'


async def test_what_was_applied_changes_nothing_and_sends_nothing(house: House) -> None:
    sign_up(house)
    await later(house)
    house.mark()
    number = await begin(house, kind='webhook')
    await work(house)
    done = await job(house, number)
    assert done['looked'] == done['total'] > 0
    assert (done['changed'], done['refused'], done['unsettled']) == (0, 0, [])
    await later(house)
    assert house.calls() == []


@pytest.mark.invariant('I14')
async def test_the_log_with_replays_in_it_folds_to_the_same_state(house: House, second_url: str) -> None:
    sign_up(house)
    await later(house)
    await begin(house, source='tutorcruncher')
    await work(house)
    house.pd.act_update('organization', house.organizations()[0]['id'], {'name': 'Ember of the CRM'}, 1)
    await later(house)
    await begin(house, kind='webhook')
    await work(house)
    await later(house)
    await assert_replays(house, second_url)


async def test_what_arrived_goes_first(house: House) -> None:
    sign_up(house)
    await later(house)
    number = await begin(house, kind='webhook')
    answer = await house.send_tc2(
        json.dumps({'events': [event(client(700, agency={'id': 7, 'name': 'Live'}))]}).encode()
    )
    assert answer.status_code == 200
    assert await replay.replay_step(house.engine) is False
    assert (await job(house, number))['looked'] == 0
    await house.settle()
    assert await work(house) > 0
    assert (await job(house, number))['state'] == 'done'


async def test_what_follows_waits_for_all_others(house: House) -> None:
    await put_aside(house, 1)
    [admin] = await house.rows('select id from admin where tc2_admin_id = %s', PRIYA)
    await house.set('default_sales_person_id', admin['id'])
    await begin(house, state='parked')
    await work(house)
    lanes = await house.rows('select distinct lane from push where wanted > done')
    assert [row['lane'] for row in lanes] == ['backfill']


async def test_it_is_cancelled_and_what_is_done_stays(house: House) -> None:
    await put_aside(house, 4)
    number = await begin(house, state='parked')
    for _ in range(3):
        assert await replay.replay_step(house.engine, chunk=1)
    await house.act('replay.cancel', replay=number)
    assert await replay.replay_step(house.engine) is False
    done = await job(house, number)
    assert (done['state'], done['total'], done['looked']) == ('cancelled', 4, 2)
    with pytest.raises(Refused, match='is not running'):
        await house.act('replay.cancel', replay=number)


async def test_it_takes_what_was_there_when_it_was_asked_for(house: House) -> None:
    await put_aside(house, 2)
    number = await begin(house, state='parked')
    agency = {'id': 70, 'name': 'Late'}
    await deliver(house, event(client(700, agency=agency, paid_recipients=[], **STRANGE)))
    await work(house)
    assert (await job(house, number))['looked'] == 2


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['--state', 'new'], 'What is new cannot be replayed'),
        (['--state', 'nonsense'], 'There is no event state "nonsense"'),
        (['17', '--source', 'tutorcruncher'], 'not by both'),
        (['--since', '1h', '--until', '2h'], 'The time range ends before it begins'),
        (['--job', '4711'], 'There is no replay 4711'),
        (['--cancel'], 'Which replay?'),
        (['--jobs', '--state', 'parked'], 'Say --job or --jobs alone'),
    ],
)
async def test_what_means_nothing_is_refused(house: House, words: list[str], says: str) -> None:
    done = await hermes(house, *words)
    if words == ['--state', 'new']:
        [last] = await house.rows('select max(due_at) as at from event')
        house.clock.move_to(max(house.clock.now(), last['at'] + timedelta(seconds=5)))
        await house.settle(5)
        [act] = await house.rows("select state, reason from event where kind = 'act' order by id desc limit 1")
        assert (act['state'], says in act['reason']) == ('refused', True)
        return
    assert done.exit_code == 1
    assert says in (done.stderr or sentence_of(done.exception))  # type: ignore[arg-type]


async def test_a_filter_means_the_same_in_a_list_and_in_a_replay(house: House) -> None:
    sign_up(house)
    await later(house)
    await put_aside(house, 2)
    number = (await company(house))['id']
    at = house.clock.now()
    for wanted in (
        EventFilter(source='tutorcruncher'),
        EventFilter(kind='webhook', after=at - timedelta(days=1), before=at + timedelta(days=1)),
        EventFilter(kind='webhook', before=at - timedelta(days=1)),
        EventFilter(record=RecordRef('company', number), kind='webhook'),
        EventFilter(subject='client:601'),
        EventFilter(state='parked', subject='tutorcruncher:client:600'),
    ):
        assert read(json.loads(json.dumps(wanted.told()))) == wanted
        with connections.opened(house.settings.database_url) as connection:
            listed = {row['id'] for row in list_events(connection, wanted)}
        plan = await replay.preview_filter(house.engine, wanted)
        kinds = {
            row['id']
            for row in await house.rows("select id from event where kind in ('webhook', 'page', 'answer', 'read')")
        }
        assert {item.event for item in plan.events} == listed & kinds
