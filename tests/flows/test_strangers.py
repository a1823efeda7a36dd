"""Who only knows somebody's e-mail address learns nothing about that person, not even whether Hermes knows them."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.flows.companies import later, sign_up
from tests.flows.house import MARCUS, PRIYA_PD, House
from tests.flows.letters import Post, open_post
from tests.flows.visitors import TEN, admin, book, live

HOUR = timedelta(hours=1)
EMAIL = 'sam@ember.example'
SECRETS = ('Samuel', 'Okafor-Hidden', 'Ember', '7946', 'Kim', 'kim@', 'Marcus', 'narc', 'enterprise')
JSON = {'Accept': 'application/json'}
DRAWN = re.compile(r'/booking/[\w.%-]+|UID:\S+|DTSTAMP:\S+|URL:\S+|"meeting":\d+|"admin_id":\d+|(\w{3}-\w{4}-\w{3})')


async def known(house: House, how: str) -> None:
    """Sam is a customer of Marcus, with a name, a phone, a colleague and a deal."""
    sign_up(
        house, 'Ember Tutors', sales_person=MARCUS, email=EMAIL, first_name='Samuel', last_name='Okafor-Hidden',
        country='GB', narc=how == 'no real customer', recipients=[
            {'first_name': 'Samuel', 'last_name': 'Okafor-Hidden', 'email': EMAIL},
            {'first_name': 'Kim', 'last_name': 'Sato', 'email': 'kim@ember.example'},
        ],
    )  # fmt: skip
    await later(house)
    for person in house.persons():
        if person['first_name'] == 'Samuel':
            phone = {'value': '020 7946 0011', 'label': 'work', 'primary': True}
            house.pd.act_update('person', person['id'], {'phones': [phone]}, PRIYA_PD)
    if how == 'deleted':
        house.pd.act_delete('organization', house.organizations()[0]['id'], PRIYA_PD)
    await later(house)


async def told(post: Post) -> list[Any]:
    """Everything that a stranger sees who books in Sam's name, moves the call and calls it off."""
    house = post.house
    seen: list[Any] = []
    asked: dict[str, Any] = {
        'name': 'Eve Stranger',
        'email': EMAIL,
        'company_name': 'Eve and Daughters',
        'zone': 'Asia/Kolkata',
    }

    def note(answer: Any) -> None:
        kept = {name: value for name, value in answer.headers.items() if name not in ('date', 'content-length')}
        seen.append((answer.status_code, sorted(kept.items()), DRAWN.sub('X', answer.text.replace('\r\n ', ''))))

    booked = await book(house, **asked)
    note(booked)
    assert booked.status_code == 200, booked.text
    path = urlsplit(booked.json()['manage']).path
    for step in (None, {'action': 'move', 'start': (TEN + 3 * HOUR).isoformat()}, {'action': 'cancel'}):
        if step is not None:
            note(await house.web.post(path, json=step, headers=JSON))
        await post.carry(61)
        for address, accept in ((path, JSON), (path, {'Accept': 'text/html'}), (f'{path}/invite.ics', {})):
            note(await house.web.get(address, headers=accept))
        [event] = live(house, (await admin(house))['email']) or [{}]
        seen.append({name: event.get(name) for name in ('summary', 'description', 'attendees', 'location', 'start')})
    for letter in post.inbox():
        seen.append({name: DRAWN.sub('X', str(letter[name])) for name in ('to', 'subject', 'text', 'html')})
        seen.append(DRAWN.sub('X', letter['calendar'].replace('\r\n ', '')))
    return seen


@pytest.mark.lesson('M-2')
@pytest.mark.parametrize('how', ['a customer', 'no real customer', 'deleted'])
async def test_a_stranger_sees_what_the_stranger_typed(database_url: str, second_url: str, how: str) -> None:
    async with open_post(database_url) as post:
        await known(post.house, how)
        assert (await post.house.rows("select count(*) as n from contact where first_name = 'Samuel'"))[0]['n'] == 1
        seen = await told(post)
        shown = str(seen)
        assert 'Hello Eve Stranger' in shown
        assert 'CN=Eve Stranger' in shown.replace('"', '')
        assert [word for word in SECRETS if word in shown] == []
        assert len(seen) > 15
    async with open_post(second_url) as post:
        await later(post.house)
        await later(post.house)
        assert await told(post) == seen, 'whether Sam is known changes no answer, letter or event'


@pytest.mark.lesson('M-2')
async def test_who_has_another_address_too_is_reached_at_the_one_that_was_typed(database_url: str) -> None:
    second = 'second@ember.example'
    async with open_post(database_url) as post:
        house = post.house
        house.working = False
        await book(house, email=EMAIL)
        await house.rows(
            "update meeting set typed = typed || jsonb_build_object('email', %s::text) returning id", second
        )
        await post.carry()
        [letter], [event] = post.inbox(), live(house, (await admin(house))['email'])
        assert letter['to'] == [second]
        assert second in [guest['email'] for guest in event['attendees']]
        assert EMAIL not in str(letter) + str(event)


@pytest.mark.lesson('M-5')
async def test_no_number_of_a_record_is_told_in_public(database_url: str) -> None:
    async with open_post(database_url) as post:
        house, shown = post.house, []
        await known(house, 'a customer')
        for email, at in ((EMAIL, TEN), ('new@customer.example', TEN + 4 * HOUR)):
            answer = await book(house, at, email=email, headers={'Idempotency-Key': email})
            again = await book(house, at, email=email, headers={'Idempotency-Key': email})
            assert answer.json()['meeting'] == again.json()['meeting'], 'it names the booking'
            path = urlsplit(answer.json()['manage']).path
            shown += [answer, await house.web.get(path, headers=JSON), await house.web.get(path)]
            assert shown[-2].json()['meeting'] == answer.json()['meeting']
            shown += [await house.web.get(f'{path}/invite.ics'), await house.web.post(path, data={'action': 'cancel'})]
        await post.carry(61)
        told = ' '.join([*(f'{each.headers} {each.text}' for each in shown), *map(str, post.inbox())])
        numbers = {int(each) for each in re.findall(r'\d{6,18}', told)}
        for table in ('company', 'contact', 'deal', 'meeting', 'letter', 'event', 'hold'):
            assert numbers.isdisjoint(row['id'] for row in await house.rows(f'select id from {table}')), table
        assert all(0 < each.json()['meeting'] < 2**53 for each in shown if 'json' in each.headers['content-type'])


async def test_colleagues_see_both_names(house: House) -> None:
    sign_up(house, email=EMAIL, recipients=[{'first_name': 'Sam', 'last_name': 'Okafor', 'email': EMAIL}])
    await later(house)
    await book(house, name='Eve Stranger', email=EMAIL)
    await book(house, TEN + 3 * HOUR, name='SAM Okafor', email=EMAIL)
    await later(house)
    first, second = sorted(house.pd.state()['activities'], key=lambda each: each['due_time'])
    assert 'Booked as: Eve Stranger' in first['note']
    assert 'Booked as' not in second['note']
    assert [each['subject'] for each in (first, second)] == ['Demo with Sam Okafor (Ember Tutors)'] * 2
