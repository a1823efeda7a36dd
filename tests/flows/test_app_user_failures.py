"""Answers that the database did not take: they stand in a durable journal, and are written later, once each (AU-9)."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hermes.db.pool import DatabaseError
from hermes.db.server.embedded import Server
from hermes.parts.assembly import set_limits
from hermes.people.journals import replay_failures
from hermes.people.validation import validate
from hermes.sync.push import push_step
from hermes.systems.journal.files import Journal
from tests import postgres
from tests.flows.house import SANDBOX, open_house
from tests.flows.test_app_user_weather import nothing_parked, standing, states, stored, stored_before
from tests.flows.test_salesforce import CLIENT_ID, CLIENT_SECRET, KEY, USER, People

SECRET = 'a-secret-of-thirty-two-characters-or-more'


@pytest.fixture
async def people(migrated_server: Server, tmp_path: Path) -> AsyncIterator[People]:
    more: dict[str, Any] = {
        'people_api_key': KEY, 'secret_key': SECRET, 'data_dir': tmp_path,
        'salesforce_base_url': f'{SANDBOX}/salesforce',
        'salesforce_client_id': CLIENT_ID, 'salesforce_client_secret': CLIENT_SECRET,
    }  # fmt: skip
    with postgres.fresh_database(migrated_server) as url:
        async with open_house(url, connected=False, **more) as house:
            object.__setattr__(house.world.secrets, 'sf_client_id', CLIENT_ID)
            object.__setattr__(house.world.secrets, 'sf_client_secret', CLIENT_SECRET)
            await set_limits(house.engine, house.settings)
            await house.act('people.target', target='salesforce', phase='interim_target')
            yield People(house)


def journal_of(people: People) -> Journal:
    return Journal(people.house.settings.world_dir / 'failures', SECRET)


@asynccontextmanager
async def refusing(people: People, *told: str) -> AsyncIterator[None]:
    """A database that takes none of these states."""
    names = ', '.join(f"'{each}'" for each in told)
    async with people.house.engine.database.transaction() as connection:
        await connection.execute(
            "create function refuse() returns trigger language plpgsql as 'begin raise exception ''no room''; end'"
        )
        await connection.execute(
            'create trigger refuse before insert on crm_check for each row '
            f'when (new.state in ({names})) execute function refuse()'
        )
    try:
        yield
    finally:
        async with people.house.engine.database.transaction() as connection:
            await connection.execute('drop function refuse() cascade')


async def passed(people: People) -> list[list[str]]:
    """The states that everybody went through."""
    rows = await people.house.rows(
        'select record_id, array_agg(state order by id) as states from crm_check where target <> %s group by 1 '
        'order by 1', ''
    )  # fmt: skip
    return [row['states'] for row in rows]


async def replayed(people: People) -> Counter[str]:
    entries = [(entry.number, entry.says) for entry in journal_of(people).read()]
    counts = await replay_failures(people.house.engine, entries)
    await people.house.settle(600)
    return counts


@pytest.mark.behaviour('AU-9')
async def test_what_a_validation_was_told_is_kept_and_written_later_once(people: People) -> None:
    await stored_before(people, 4)
    people.crm.load_legacy_people(3)
    async with refusing(people, 'OkResponse', 'NotFound'):
        done = await validate(people.house.engine, failures=journal_of(people))
    assert done.states == Counter({'DbWriteOkErrorLogged': 3, 'DbWriteNotFoundErrorLogged': 1})
    assert await states(people) == Counter({'NotChecked': 4})
    calls = people.calls()
    assert await replayed(people) == Counter({'written': 1})
    assert await states(people) == Counter({'WroteSalesforceAppUserUid': 3, 'WroteNotFound': 1})
    ok = ['RequestedContact', 'OkResponse', 'DbWriteOkErrorLogged', 'OkResponse', 'WroteSalesforceAppUserUid']
    told = [[state for state in each if state != 'RequestedContact'] for each in await passed(people)]
    assert told[:3] == [ok[1:]] * 3
    assert told[3] == ['NotFound', 'DbWriteNotFoundErrorLogged', 'NotFound', 'WroteNotFound']
    assert await replayed(people) == Counter({'already': 1})
    assert await passed(people) == await passed(people)
    assert people.calls() >= calls
    await nothing_parked(people)


@pytest.mark.behaviour('AU-9')
async def test_what_was_unexpected_is_kept_and_written_later_once(people: People) -> None:
    await stored_before(people, 2)
    people.house.world.weather.change(nonsense_p=1.0)
    async with refusing(people, 'UnexpectedResponse'):
        done = await validate(people.house.engine, failures=journal_of(people))
    people.house.world.weather.change(name='calm')
    assert done.states == Counter({'DbWriteUnexpectedResFailure': 2})
    assert done.calls > 1
    assert await replayed(people) == Counter({'written': 1})
    assert await states(people) == Counter({'WroteUnexpectedResponse': 2})
    assert all('DbWriteUnexpectedResFailure' in each for each in await passed(people))
    count = len(await people.house.rows('select 1 from crm_check'))
    assert await replayed(people) == Counter({'already': 1})
    assert len(await people.house.rows('select 1 from crm_check')) == count


@pytest.mark.behaviour('AU-9')
async def test_a_stale_line_does_no_harm_to_whoever_was_looked_up_again(people: People) -> None:
    await stored_before(people, 3)
    people.crm.load_legacy_people(2)
    async with refusing(people, 'OkResponse', 'NotFound'):
        await validate(people.house.engine, failures=journal_of(people))
    await validate(people.house.engine, failures=journal_of(people))
    before = await states(people)
    await replayed(people)
    assert await states(people) == before
    await nothing_parked(people)


@pytest.mark.behaviour('AU-9')
async def test_an_error_of_the_script_itself_is_shown(people: People) -> None:
    class Broken(Exception):
        """Whatever goes wrong in the process."""

    class Full:
        def append(self, lines: Any) -> list[int]:
            raise Broken

    await stored_before(people, 2)
    people.crm.load_legacy_people(2)
    async with refusing(people, 'OkResponse'):
        with pytest.raises(Broken):
            await validate(people.house.engine, failures=Full())
    assert await states(people) == Counter({'ScriptFailureLogged': 2})
    done = await validate(people.house.engine, told=('ScriptFailureLogged',))
    assert done.looked == 2
    assert await states(people) == Counter({'WroteSalesforceAppUserUid': 2})


@pytest.mark.behaviour('AU-9', 'AU-15')
async def test_an_id_that_came_and_was_not_stored_is_kept_and_never_made_twice(people: People) -> None:
    await stored(people, 3)
    await push_step(people.house.engine)
    async with refusing(people, 'OkResponse'):
        with pytest.raises(DatabaseError):
            await push_step(people.house.engine)
    assert await states(people) == Counter({'RequestAddToSalesforce': 3})
    assert len(people.rows()) == 3
    [line] = [entry.says for entry in journal_of(people).read()]
    assert line['passed'][0][0][-1] == 'DbWriteOkErrorLogged'
    people.house.world.weather.change(error_before_p=1.0)
    assert await replayed(people) == Counter({'written': 1})
    assert await states(people) == Counter({'WroteSalesforceAppUserUid': 3})
    assert all('DbWriteOkErrorLogged' in each for each in await passed(people))
    people.house.world.weather.change(name='calm')
    await people.house.settle(7200)
    assert len(people.rows()) == 3
    assert await replayed(people) == Counter({'already': 1})
    await nothing_parked(people)


@pytest.mark.behaviour('AU-9')
async def test_without_a_replay_it_is_simply_sent_again(people: People) -> None:
    await stored(people, 3)
    await push_step(people.house.engine)
    async with refusing(people, 'OkResponse'):
        with pytest.raises(DatabaseError):
            await push_step(people.house.engine)
    await people.house.settle(600)
    before = await passed(people)
    await replayed(people)
    assert await passed(people) == before
    assert standing(people) == [f'reader{number}@readers.example' for number in (1, 2, 3)]
    await nothing_parked(people)


@pytest.mark.behaviour('AU-9')
async def test_a_refusal_that_was_not_stored_is_kept_too(people: People) -> None:
    people.crm.change_field(USER, 'Mailing_Lists__c', restricted=True)
    await people.sign_up('ada@readers.example', lists=['Unheard of'])
    await push_step(people.house.engine)
    async with refusing(people, 'UnexpectedResponse'):
        with pytest.raises(DatabaseError):
            await push_step(people.house.engine)
    await replayed(people)
    assert await states(people) == Counter({'WroteSalesforceErrorToDb': 1})
    [told] = await passed(people)
    assert 'LoggedDbFailure' in told
