"""A booking's whole life, killed after every commit that wrote and after every call in it (I18). Whoever dies before a
commit or a call leaves what the death after the one before leaves, so those are counted and not died at.

In the end there is one event in the calendar and one activity in the CRM, or a meeting that says that it was canceled,
and never both; one company, one contact, one deal; every letter under one Message-ID.
"""

import os
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from tests.flows.crashing import Mortal, Visitor, wake
from tests.flows.house import House

ELSEWHERE = re.compile(r'(ingest|calendars)\..* #([2-9]|\d\d)')
"""What comes back from the CRM and the calendar is applied in the same way each time: died at once a stage."""
STRIDE = 1 if os.environ.get('DEATHS') == 'all' else 6
"""Every sixth of the deaths in the ten minutes of `make test`, all of them in `make verify`."""
Life = Callable[[Visitor], Awaitable[list[str]]]


@pytest.mark.behaviour('CB-7')
@pytest.mark.invariant('I18')
async def test_a_booking_that_is_moved_and_canceled_survives_every_death(house: House) -> None:
    mortal, wrong = await sweep(house, moved_and_canceled)
    assert wrong == []
    assert len(mortal.died) > 60 // STRIDE


@pytest.mark.behaviour('CB-7')
@pytest.mark.invariant('I18')
async def test_a_visitor_in_a_hurry_survives_every_death(house: House) -> None:
    mortal, wrong = await sweep(house, hurried)
    assert wrong == []
    assert len(mortal.died) > 25 // STRIDE


@pytest.mark.behaviour('CB-7')
@pytest.mark.invariant('I18')
async def test_a_booking_that_the_calendar_refuses_survives_every_death(house: House) -> None:
    mortal, wrong = await sweep(house, refused)
    assert wrong == []
    assert len(mortal.died) > 20 // STRIDE


async def sweep(house: House, life: Life) -> tuple[Mortal, list[str]]:
    """One life to see where it can end, and one for each of those ends; what is wrong afterwards."""
    mortal = wake(house)
    await live(mortal, 0, life)
    wrong = await live(mortal, 1, life)
    points = [point for point in mortal.order if ': after ' in point and not ELSEWHERE.search(point)]
    told = f'{life.__name__}: {len(mortal.order)} points reached, {len(points)} of them chosen'
    points = points[::STRIDE]
    for number, point in enumerate(points, 2):
        wrong += [f'{point}: {complaint}' for complaint in await live(mortal, number, life, point)]
    missed = sorted({*points} - {*mortal.died})
    print(f'{told}; died at {len(mortal.died)}, not met again: {missed}')
    print('\n'.join(points))
    return mortal, wrong


async def live(mortal: Mortal, number: int, life: Life, die_at: str = '') -> list[str]:
    """Somebody's booking from the first look to the end."""
    visitor = Visitor(mortal, number, f'ada{number}@ember{number}.example')
    mortal.armed = False
    await visitor.look()
    mortal.begin(die_at)
    return await life(visitor)


async def moved_and_canceled(visitor: Visitor) -> list[str]:
    """Held, booked, carried into calendar and CRM, moved, canceled."""
    mortal = visitor.mortal
    mortal.enter('hold')
    held = await visitor.hold()
    mortal.enter('book')
    await visitor.book(held.token)
    mortal.enter('carry')
    await mortal.rest()
    wrong = await check(visitor, visitor.slots[0].start)
    mortal.enter('move')
    await visitor.move(visitor.slots[4].start)
    await mortal.rest()
    wrong += await check(visitor, visitor.slots[4].start)
    mortal.enter('cancel')
    await visitor.cancel()
    await mortal.rest()
    return wrong + await check(visitor, None)


async def hurried(visitor: Visitor) -> list[str]:
    """Booked and moved before anything was carried anywhere."""
    visitor.mortal.enter('book and move')
    await visitor.book()
    await visitor.move(visitor.slots[4].start)
    await visitor.mortal.rest()
    return await check(visitor, visitor.slots[4].start)


async def refused(visitor: Visitor) -> list[str]:
    """Booked; the calendar says no, for good."""
    mortal = visitor.mortal
    mortal.enter('book')
    await visitor.book()
    mortal.refusing = True
    mortal.enter('carry')
    await mortal.rest()
    mortal.refusing = False
    return await check(visitor, None, 'refused')


async def check(visitor: Visitor, start: datetime | None, canceled_by: str = 'visitor') -> list[str]:
    """What is wrong with the only booking of a visitor, which should stand at `start` (None: be canceled)."""
    house = visitor.mortal.house
    meetings = await house.rows(
        'select m.*, (select count(*) from occupancy o where o.meeting_id = m.id) as taken from meeting m '
        'join contact c on c.id = m.contact_id where c.email = %s', visitor.email
    )  # fmt: skip
    if len(meetings) != 1:
        return [f'{len(meetings)} meetings']
    [meeting] = meetings
    told = (meeting['status'], meeting['taken'], meeting['canceled_by'])
    wrong = [] if told == (('planned', 1, None) if start else ('canceled', 0, canceled_by)) else [f'it says {told}']
    events, activities = events_of(visitor), activities_of(visitor, meeting['id'])
    if events != ([start] if start else []):
        wrong.append(f'events at {events}, not at {start}')
    if activities != (1 if start else 0):
        wrong.append(f'{activities} activities')
    wrong += await check_records(visitor)
    wrong += await check_letters(visitor, meeting['id'])
    waiting = await house.rows('select 1 from push where wanted > done or intent is not null')
    return wrong + (['something is still to be sent'] if waiting else [])


def events_of(visitor: Visitor) -> list[datetime]:
    """Where the visitor's events stand, in every calendar."""
    events = visitor.mortal.house.google.events.values()
    return [
        datetime.fromisoformat(event.fields['start']['dateTime'])
        for event in events
        if event.status != 'cancelled' and visitor.email in str(event.fields.get('attendees'))
    ]


def activities_of(visitor: Visitor, meeting: int) -> int:
    """How many activities of the CRM name a meeting."""
    state = visitor.mortal.house.pd.state()
    marked = f'Hermes meeting {meeting}'
    return sum(marked in str(one.get('note')) and not one['is_deleted'] for one in state['activities'])


async def check_records(visitor: Visitor) -> list[str]:
    """One company, contact and deal, here and in the CRM."""
    house, name = visitor.mortal.house, f'Ember Tutors {visitor.number}'
    [here] = await house.rows(
        'select count(distinct c.id) as companies, count(distinct p.id) as contacts, count(distinct d.id) as deals '
        'from company c left join contact p on p.company_id = c.id left join deal d on d.company_id = c.id '
        'where c.name = %s', name
    )  # fmt: skip
    there = {item['id'] for item in house.organizations() if item['name'] == name}
    persons = [item for item in house.persons() if item['org_id'] in there]
    deals = [item for item in house.deals() if item['org_id'] in there]
    counts: dict[str, Any] = {**here, 'there': (len(there), len(persons), len(deals))}
    right = {'companies': 1, 'contacts': 1, 'deals': 1, 'there': (1, 1, 1)}
    return [] if counts == right else [f'records: {counts}']


async def check_letters(visitor: Visitor, meeting: int) -> list[str]:
    """Each letter that was due went out, and again only after a death between the server's word and ours."""
    mortal = visitor.mortal
    rows = await mortal.house.rows(
        "select message_id, state from letter where meeting_id = %s and kind <> 'reminder' order by sequence, id",
        meeting,
    )
    states = [row['state'] for row in rows]
    sent = dict(mortal.posted)
    wrong = []
    if {*states} - {'sent', 'dropped'} or len(sent) != states.count('sent') or states[-1:] != ['sent']:
        wrong.append(f'letters are {states}, sent {sent}')
    twice = [key for key, count in sent.items() if count > 1]
    between = any('after mail' in name or 'letter_step' in name for name in mortal.died[-1:])
    return wrong + ([f'sent again: {twice}'] if twice and not between else [])
