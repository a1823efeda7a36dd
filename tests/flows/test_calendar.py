"""Calendars are followed: what a person does there comes back, however Google tells it (CB-15)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from hermes.kit.signing import channel_token
from tests.flows.calendars import (
    HALF,
    SIGNING_KEY,
    TEN,
    admin,
    book,
    channels_of,
    event_of,
    follow,
    followed,
    listings,
    meeting,
    open_office,
)
from tests.flows.house import House

DAY_S = 86_400


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[House]:
    """A Hermes that Google can reach."""
    async with open_office(database_url) as house:
        yield house


@pytest.fixture
async def hidden(database_url: str) -> AsyncIterator[House]:
    """A Hermes without a public address."""
    async with open_office(database_url, channels=False) as house:
        yield house


async def notify(house: House, channel: str, token: str, state: str = 'exists') -> int:
    headers = {'x-goog-channel-id': channel, 'x-goog-channel-token': token, 'x-goog-resource-state': state}
    return (await house.web.post('/google/callback/', content=b'', headers=headers)).status_code


async def outcomes(house: House) -> list[str]:
    rows = await house.rows("select outcome from event where source = 'google' and kind = 'webhook' order by id")
    return [row['outcome'][0]['notes'][0].removeprefix('ignored: ') for row in rows if row['outcome']]


@pytest.mark.behaviour('CB-15')
async def test_a_person_moves_the_event_and_the_meeting_follows_at_once(office: House) -> None:
    email = (await admin(office))['email']
    await follow(office)
    number = await book(office)
    await follow(office)
    assert len(channels_of(office, email)) == 1
    office.google.move(email, event_of(office, email), TEN + timedelta(days=1))
    await office.settle(4)
    await follow(office)
    moved = await meeting(office, number)
    assert (moved['start_at'], moved['end_at']) == (TEN + timedelta(days=1), TEN + timedelta(days=1) + HALF)
    assert (moved['status'], moved['sequence']) == ('planned', 1)


@pytest.mark.behaviour('CB-15')
async def test_a_person_deletes_the_event_and_the_meeting_is_canceled(office: House) -> None:
    email = (await admin(office))['email']
    number = await book(office)
    await follow(office)
    office.google.delete(email, event_of(office, email))
    await office.settle(4)
    await follow(office)
    gone = await meeting(office, number)
    assert (gone['status'], gone['canceled_by']) == ('canceled', 'calendar')
    assert await office.rows('select 1 from occupancy where meeting_id is not null') == []


@pytest.mark.behaviour('CB-15')
async def test_without_a_public_address_it_is_asked_every_minute(hidden: House) -> None:
    email = (await admin(hidden))['email']
    number = await book(hidden)
    await follow(hidden)
    assert channels_of(hidden, email) == []
    hidden.google.delete(email, event_of(hidden, email))
    hidden.mark()
    await follow(hidden, 50)
    assert listings(hidden, email) == []
    await follow(hidden, 11)
    assert len(listings(hidden, email)) == 1
    assert (await meeting(hidden, number))['status'] == 'canceled'


@pytest.mark.behaviour('CB-15')
async def test_only_what_changed_is_listed_again(hidden: House) -> None:
    email = (await admin(hidden))['email']
    hidden.mark()
    await follow(hidden)
    token = (await followed(hidden, email))['sync_token']
    await follow(hidden, 61)
    whole, changes = listings(hidden, email)
    assert whole['showDeleted'] == changes['showDeleted'] == 'true'
    assert whole['timeMin'][:10] == '2026-03-01'
    assert whole['timeMax'][:10] == '2026-05-01'
    assert 'syncToken' not in whole
    assert (changes['syncToken'], 'timeMin' in changes) == (token, False)


@pytest.mark.behaviour('CB-15')
async def test_a_token_that_is_worth_nothing_means_everything_is_read_again(hidden: House) -> None:
    email = (await admin(hidden))['email']
    number = await book(hidden)
    await follow(hidden)
    hidden.google.delete(email, event_of(hidden, email))
    hidden.google.expire_sync_tokens(email)
    hidden.mark()
    await follow(hidden, 61)
    refused, whole = listings(hidden, email)
    assert ('syncToken' in refused, 'timeMin' in whole) == (True, True)
    assert (await meeting(hidden, number))['status'] == 'canceled'
    assert (await followed(hidden, email))['problem'] == ''


@pytest.mark.behaviour('CB-15')
async def test_what_a_whole_listing_lacks_is_read_by_id(hidden: House) -> None:
    """Moved to behind the horizon: no whole listing shows it."""
    email = (await admin(hidden))['email']
    number = await book(hidden)
    await follow(hidden)
    far = TEN + timedelta(days=90)
    hidden.google.move(email, event_of(hidden, email), far)
    hidden.google.expire_sync_tokens(email)
    await follow(hidden, 61)
    assert (await meeting(hidden, number))['start_at'] == far


async def test_other_peoples_events_are_read_page_by_page_and_never_kept(hidden: House) -> None:
    email = (await admin(hidden))['email']
    for number in range(260):
        hidden.google.block(email, TEN + timedelta(minutes=number), TEN + timedelta(minutes=number + 1), 'Dentist')
    number = await book(hidden, TEN + timedelta(days=2))
    hidden.mark()
    await follow(hidden)
    first, second = listings(hidden, email)
    assert ('pageToken' in first, 'pageToken' in second) == (False, True)
    assert (await followed(hidden, email))['sync_token']
    assert await hidden.rows("select 1 from event where convert_from(body, 'UTF8') like '%%Dentist%%'") == []
    assert (await meeting(hidden, number))['status'] == 'planned'


@pytest.mark.behaviour('CB-15')
async def test_a_channel_is_replaced_a_day_before_its_end(office: House) -> None:
    email = (await admin(office))['email']
    await follow(office)
    [first] = channels_of(office, email)
    await follow(office, 5.9 * DAY_S)
    assert channels_of(office, email) == [first]
    await follow(office, 0.2 * DAY_S)
    [second] = channels_of(office, email)
    assert second.id != first.id
    assert (await followed(office, email))['channel_id'] == second.id
    assert second.token == channel_token(second.id, SIGNING_KEY)


@pytest.mark.behaviour('CB-15')
async def test_a_channel_that_is_silent_is_not_waited_for(office: House) -> None:
    email = (await admin(office))['email']
    number = await book(office)
    await follow(office)
    office.google.lapse_watches()
    office.google.delete(email, event_of(office, email))
    await follow(office, 901)
    assert (await meeting(office, number))['status'] == 'canceled'


async def test_a_calendar_that_nobody_can_be_booked_in_is_followed_no_more(office: House) -> None:
    email = (await admin(office))['email']
    await follow(office)
    assert channels_of(office, email)
    await office.engine.database.execute('update admin set bookable = false where email = %s', (email,))
    await follow(office, 901)
    assert channels_of(office, email) == []
    assert await office.rows('select 1 from followed_calendar where calendar = %s', email) == []


@pytest.mark.invariant('S1')
async def test_a_notification_proves_that_it_is_one(office: House) -> None:
    email = (await admin(office))['email']
    await follow(office)
    heard = await outcomes(office)
    [channel] = channels_of(office, email)
    assert heard
    assert set(heard) == {'a channel was opened'}
    assert await notify(office, channel.id, 'wrong') == 403
    assert await notify(office, channel.id, channel_token('another', SIGNING_KEY)) == 403
    assert await notify(office, channel.id, '') == 403
    assert len(await outcomes(office)) == len(heard)
    assert await notify(office, channel.id, channel.token) == 200
    assert await notify(office, 'old', channel_token('old', SIGNING_KEY)) == 200
    assert await notify(office, channel.id, channel.token, 'strange') == 200
    await office.settle(1)
    told = (await outcomes(office))[len(heard) :]
    assert told == [
        f'something changed in {email}: it is read',
        'no calendar tells through this channel any more',
        'nobody knows what the state "strange" means',
    ]
    stored = await office.rows("select headers from event where source = 'google' and kind = 'webhook'")
    assert channel.token not in str(stored)


@pytest.mark.invariant('S1')
async def test_without_a_secret_the_door_is_closed(hidden: House) -> None:
    assert await notify(hidden, 'c', channel_token('c', '')) == 503
    await follow(hidden)


async def test_after_a_rotation_both_secrets_are_good(database_url: str) -> None:
    async with open_office(database_url, signing_key=f'a-new-key,{SIGNING_KEY}') as house:
        await follow(house)
        assert await notify(house, 'old', channel_token('old', SIGNING_KEY)) == 200
        assert await notify(house, 'new', channel_token('new', 'a-new-key')) == 200
        assert await notify(house, 'new', channel_token('new', 'an-old-key')) == 403


@pytest.mark.behaviour('OUT-7')
async def test_credentials_that_work_again_are_noticed(hidden: House) -> None:
    await follow(hidden)
    hidden.google.delegate(on=False)
    await follow(hidden, 61)
    paused = "select paused, reason from system_state where system = 'google'"
    [state] = await hidden.rows(paused)
    assert state['paused']
    hidden.google.delegate()
    await follow(hidden, 61)
    [state] = await hidden.rows(paused)
    assert not state['paused']


async def test_a_pause_by_a_person_is_kept(hidden: House) -> None:
    await follow(hidden)
    await hidden.engine.database.execute(
        "insert into system_state (system, paused, reason) values ('google', true, 'by hand')"
    )
    hidden.mark()
    await follow(hidden, 61)
    assert hidden.calls(system='google') == []


async def test_a_calendar_that_is_away_is_tried_again(hidden: House) -> None:
    email = (await admin(hidden))['email']
    number = await book(hidden)
    await follow(hidden)
    hidden.google.delete(email, event_of(hidden, email))
    hidden.google.set_away(email)
    await follow(hidden, 61)
    assert '503' in (await followed(hidden, email))['problem']
    hidden.google.mend(email)
    await follow(hidden, 10)
    assert (await followed(hidden, email))['problem'] == ''
    assert (await meeting(hidden, number))['status'] == 'canceled'
