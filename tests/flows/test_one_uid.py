"""One call has one UID, in our letters and files and in Google's invitations, so that it stands once in the visitor's
calendar (CB-14, CB-22).
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import icalendar
import pytest

from hermes.booking.links import make_manage_token
from tests.flows.acting import carry_out
from tests.flows.calendars import SIGNING_KEY, TEN, admin, event_of, follow, meeting
from tests.flows.house import MARCUS
from tests.flows.letters import Post, book, cancel, move, open_post
from tests.flows.visitors import live

LEE = 'lee@customer.example'


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        await follow(opened.house)
        yield opened


async def of_files(post: Post, number: int) -> tuple[str, int]:
    """UID and SEQUENCE of the newest letter, and of the file behind the link, which are the same."""
    uid = (await meeting(post.house, number))['uid']
    answer = await post.house.web.get(f'/booking/{make_manage_token(uid, [SIGNING_KEY])}/invite.ics')
    both = [
        icalendar.Calendar.from_ical(file).walk('VEVENT')[0] for file in (post.inbox()[-1]['calendar'], answer.text)
    ]
    [told] = {(str(event['UID']), int(str(event['SEQUENCE']))) for event in both}
    return told


def of_google(post: Post) -> list[tuple[str, str, int]]:
    """What Google mailed to the visitor: kind, UID and SEQUENCE."""
    return [(one['kind'], one['uid'], one['sequence']) for one in post.house.google.post.sent if one['to'] == LEE]


@pytest.mark.behaviour('CB-14')
@pytest.mark.lesson('M-22')
async def test_one_uid_through_moves_by_both_sides_and_the_end(post: Post) -> None:
    house = post.house
    priya = (await admin(house))['email']
    number = await book(house)
    await post.carry(60)
    told = [await of_files(post, number)]
    start = await move(house, number, timedelta(hours=2))
    await post.carry(60)
    told.append(await of_files(post, number))
    house.google.move(priya, event_of(house, priya), start + timedelta(hours=1))
    await house.settle(4)
    await follow(house, 61)
    await post.carry()
    told.append(await of_files(post, number))
    await cancel(house, number)
    await post.carry(60)
    told.append(await of_files(post, number))
    mailed = of_google(post)
    assert {uid for uid, _ in told} == {uid for _, uid, _ in mailed} == {f'{event_of(house, priya)}@google.com'}
    assert [kind for kind, _, _ in mailed] == ['invitation', 'update', 'update', 'cancellation']
    assert [sequence for _, sequence in told] == [sequence for _, _, sequence in mailed] == [0, 1, 2, 3]


@pytest.mark.behaviour('CB-22')
@pytest.mark.lesson('M-22')
async def test_with_another_admin_the_old_invitation_is_taken_back_and_the_new_one_is_everywhere(post: Post) -> None:
    house = post.house
    number = await book(house)
    await post.carry(60)
    old, _ = await of_files(post, number)
    marcus = await admin(house, MARCUS)
    told = {'act': 'meeting.reassign', 'meeting': number, 'by': 'admin', 'admin': marcus['id']}
    await carry_out(house.engine, told)
    await post.carry(60)
    new, sequence = await of_files(post, number)
    [event] = live(house, marcus['email'])
    assert (event['iCalUID'], event['sequence']) == (new, sequence)
    assert new != old
    assert of_google(post)[1:] == [('cancellation', old, 1), ('invitation', new, 1)]
    await follow(house, 61)
    await move(house, number, timedelta(hours=2))
    await post.carry(60)
    assert of_google(post)[-1] == ('update', *await of_files(post, number))


@pytest.mark.lesson('M-22')
async def test_a_file_is_never_older_than_what_google_mailed(post: Post) -> None:
    """Priya moved it twice before anybody looked."""
    house = post.house
    priya = (await admin(house))['email']
    number = await book(house)
    await post.carry(60)
    for hours in (1, 2):
        house.clock.advance(1)
        house.google.move(priya, event_of(house, priya), TEN + timedelta(hours=hours))
    await house.settle(4)
    await follow(house, 61)
    await post.carry()
    assert of_google(post)[-1] == ('update', *await of_files(post, number))
