"""What is put aside: a refused act is over, a replay makes no work, and a person puts away what nobody wants."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.cli.failures import sentence_of
from tests.flows.companies import company, later, parked, sign_up
from tests.flows.house import House, open_house
from tests.flows.letters import Post, book, open_post
from tests.waiting import LOOK_S

pytestmark = [pytest.mark.lesson('M-42'), pytest.mark.behaviour('SETUP-13')]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as opened:
        yield opened


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        yield opened


async def hermes(house: House, *words: str) -> Result:
    """One command while a worker works on the same database."""
    env = {'DATABASE_URL': house.settings.database_url}
    await house.engine.database.execute(
        "insert into worker values ('w', now(), now() + interval '1 hour', 'host', 1) on conflict do nothing"
    )
    running = asyncio.create_task(asyncio.to_thread(lambda: CliRunner().invoke(app, list(words), env=env)))
    while not running.done():
        [row] = await house.rows("select max(due_at) as at from event where kind = 'act' and state = 'new'")
        if row['at'] is not None:
            house.clock.move_to(max(row['at'], house.clock.now()))
        await house.settle(5)
        await asyncio.sleep(LOOK_S)
    return running.result()


def sentence(result: Result) -> str:
    """The sentence with which a command refuses."""
    assert result.exit_code == 1, result.output
    return result.stderr.strip() or sentence_of(result.exception)  # type: ignore[arg-type]


async def states(house: House) -> dict[str, int]:
    rows = await house.rows('select state, count(*) as n from event group by state')
    return {row['state']: row['n'] for row in rows}


async def one_aside(house: House) -> int:
    """A company whose sales person nobody knows, while there is no default one."""
    sign_up(house, sales_person=999)
    await later(house)
    [aside] = await parked(house)
    number: int = aside['id']
    return number


async def test_a_refused_act_is_told_and_over(house: House) -> None:
    sign_up(house)
    await later(house)
    number = str((await company(house))['id'])
    told = await hermes(house, 'release', number, 'name')
    assert told.exit_code == 1
    assert 'refused: name is not held back by an edit: there is nothing to release.' in told.stdout
    assert 'parked' not in await states(house)
    status = (await hermes(house, 'status')).stdout
    assert '1 acts refused in the last day' in status
    assert 'needs attention' not in status


async def test_an_act_that_breaks_is_tried_and_parked_alone(house: House) -> None:
    """A mistake of ours holds up nobody's work."""
    await house.rows(
        "insert into event (source, kind, dedupe_key, body) values ('operator', 'act', 'k', %s) returning id",
        json.dumps({'act': 'release', 'record': ['company', '7'], 'field': ['name']}).encode(),
    )
    sign_up(house)
    await later(house)
    assert (await company(house))['name'] == 'Ember Tutors'
    [row] = await house.rows("select state from event where dedupe_key = 'k'")
    assert row['state'] in ('refused', 'parked')


async def test_a_replay_makes_no_work_out_of_itself(house: House) -> None:
    aside = await one_aside(house)
    [own] = await house.rows(
        "insert into event (source, kind, dedupe_key, body, state, reason) values ('operator', 'act', 'old', "
        "'{}', 'parked', 'it was refused') returning id"
    )
    before = sum((await states(house)).values())
    told = await hermes(house, 'events', 'replay', '--state', 'parked')
    assert f'replay of event {aside} (event ' in told.stdout
    assert f"Event {own['id']} cannot be replayed: it is one of Hermes's own (act)" in told.stderr
    assert sum((await states(house)).values()) == before + 1, 'the one act, and nothing else'
    for _ in range(2):
        assert 'cannot be replayed' in sentence(await hermes(house, 'events', 'replay', str(own['id'])))
        assert sum((await states(house)).values()) == before + 1
    assert (await states(house))['parked'] == 2


async def test_a_parked_event_is_dismissed_with_a_reason_and_taken_back(house: House) -> None:
    aside = await one_aside(house)
    assert 'Say why' in sentence(await hermes(house, 'events', 'dismiss', str(aside), '--reason', ' '))
    told = await hermes(house, 'events', 'dismiss', str(aside), '--reason', 'a trial of theirs')
    assert told.exit_code == 0
    assert f'dismiss event {aside} (webhook of tutorcruncher) (event ' in told.stdout
    [row] = await house.rows('select state, reason from event where id = %s', aside)
    assert row['state'] == 'dismissed'
    assert row['reason'].startswith('dismissed: a trial of theirs (')
    [act] = await house.rows(
        "select convert_from(body, 'UTF8')::jsonb as told from event where kind = 'act' order by id desc limit 1"
    )
    assert act['told'] == {'act': 'event.dismiss', 'event': aside, 'reason': 'a trial of theirs'}
    assert (await hermes(house, 'status', '--check')).exit_code == 0
    assert 'only one that is parked' in sentence(await hermes(house, 'events', 'dismiss', str(aside), '--reason', 'x'))
    await house.set('default_sales_person_id', (await house.rows('select id from admin order by id'))[0]['id'])
    assert (await hermes(house, 'events', 'replay', str(aside))).exit_code == 0
    assert (await company(house))['name'] == 'Ember Tutors'


async def test_all_that_is_parked_is_dismissed_by_name(house: House) -> None:
    aside = await one_aside(house)
    assert 'Which events?' in sentence(await hermes(house, 'events', 'dismiss', '--reason', 'x'))
    told = await hermes(house, 'events', 'dismiss', '--state', 'parked', '--reason', 'all of the trial')
    assert f'dismiss event {aside} (' in told.stdout
    assert 'parked' not in await states(house)


async def test_a_letter_that_was_refused_goes_out_again_or_is_put_away(post: Post) -> None:
    house = post.house
    await book(house)
    house.world.mailbox.act('break', fault='never')
    await post.carry()
    [letter] = json.loads((await hermes(house, 'mail', 'list', '--state', 'parked', '--json')).stdout)
    assert letter['kind'] == 'confirmation'
    assert '550' in letter['reason']
    house.world.mailbox.act('mend')
    await house.act('letter.retry', letter=letter['id'])
    await post.carry()
    assert [one['count'] for one in post.inbox()] == [1]
    assert 'is sent: only one that is parked or due' in sentence(
        await hermes(house, 'mail', 'retry', str(letter['id']))
    )
    [reminder, *_] = json.loads((await hermes(house, 'mail', 'list', '--json')).stdout)
    told = await hermes(house, 'mail', 'dismiss', str(reminder['id']), '--reason', 'they called')
    assert f'dismiss letter {reminder["id"]} (reminder of booking {reminder["meeting_id"]})' in told.stdout
    assert ('reminder', 2, 'dropped', 'dismissed: they called') in await post.rows()
    assert 'There is no letter 424242' in sentence(await hermes(house, 'mail', 'retry', '424242'))
