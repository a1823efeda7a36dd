"""Visitors are spoken to in their own language, on every page and in every letter (WEB-19)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import icalendar
import pytest

from hermes.kit.languages import LOCALES, MADE_UP, language
from tests.flows.letters import Post, open_post
from tests.flows.spoken import book, plain
from tests.flows.visitors import HALF, TEN, admin, live
from tests.flows.visitors import book as ask

pytestmark = pytest.mark.behaviour('WEB-19')
WEDNESDAY = {
    'en': 'Wednesday, 4 March 2026', 'de': 'Mittwoch, 4. März 2026', 'fr': 'mercredi 4 mars 2026',
    'es': 'miércoles, 4 de marzo de 2026',
}  # fmt: skip
GREENWICH = {
    'en': 'Greenwich Mean Time', 'de': 'Mittlere Greenwich-Zeit', 'fr': 'heure moyenne de Greenwich',
    'es': 'hora del meridiano de Greenwich',
}  # fmt: skip


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        yield opened


def to(post: Post, code: str) -> list[dict[str, Any]]:
    return [one for one in post.inbox() if one['to'] == [f'{code.lower()}@customer.example']]


async def test_letters_and_calendar_files_speak_the_language_in_which_was_booked(post: Post) -> None:
    paths = {}
    for at, code in enumerate((*LOCALES, *MADE_UP)):
        start = TEN + timedelta(minutes=45 * at)
        paths[code] = await book(post.house, code, start, email=f'{code.lower()}@customer.example')
        assert f'lang={code}' in paths[code]
        page = await post.house.web.get(paths[code])
        assert language(code).gettext('Your call is booked') in page.text
    await post.carry()
    for code in paths:
        spoken = language(code)
        [letter] = to(post, code)
        day = spoken.short_day(TEN.date())
        assert letter['subject'].startswith(spoken.gettext('Your call is booked: %(day)s, %(start)s').split('%')[0])
        assert day in letter['subject']
        assert f'<html lang="{code}" dir="{spoken.direction}">' in letter['html']
        for text in (letter['text'], letter['html']):
            assert spoken.gettext('Thank you for booking a call.') in text.replace('&#39;', "'")
            assert WEDNESDAY.get(code, WEDNESDAY['en']) in text
            assert GREENWICH.get(code, GREENWICH['en']) in text
        [event] = icalendar.Calendar.from_ical(letter['calendar']).walk('VEVENT')
        title = spoken.gettext('%(brand)s demo with %(admin)s') % {'brand': 'TutorCruncher', 'admin': 'Priya Raman'}
        assert event['SUMMARY'] == title
        assert title in letter['text']
    for code in MADE_UP:
        [letter] = to(post, code)
        lines = [line for line in (letter['subject'], *letter['text'].splitlines()) if 'https://' not in line]
        assert plain(lines) == []


async def test_later_letters_speak_it_too(post: Post) -> None:
    path = await book(post.house, 'de', TEN, email='de@customer.example')
    await post.carry()
    answer = await post.house.web.post(path.replace('/booked/', '/').partition('?')[0], data={'action': 'cancel'})
    assert 'This call is cancelled, as you asked.' in answer.text, 'a page speaks as its reader asks'
    await post.carry(60)
    assert [one['subject'] for one in to(post, 'de')] == [
        'Ihr Gespräch ist gebucht: Mi., 4. März, 15:30',
        'Ihr Gespräch am Mi., 4. März ist abgesagt',
    ]


async def test_the_invitation_of_the_calendar_speaks_it_too(post: Post) -> None:
    await book(post.house, 'fr', TEN)
    await post.house.settle(20)
    [event] = live(post.house, (await admin(post.house))['email'])
    assert event['summary'] == 'Démonstration TutorCruncher avec Priya Raman'
    assert event['description'].startswith('Merci')


async def test_a_language_that_is_unknown_is_told_and_english_is_written(post: Post) -> None:
    for at, (told, warned) in enumerate((('xx', True), ('de-AT', False), (None, False), (7, True))):
        email = f'lee{at}@customer.example'
        answer = await ask(post.house, TEN + at * HALF * 2, email=email, lang=told)
        assert answer.status_code == 200, answer.text
        assert ('lang' in str(answer.json().get('warnings'))) == warned, answer.json()
    await post.carry()
    assert [('Guten Tag' if 'Guten Tag' in one['text'] else 'Hello') for one in post.inbox()] == [
        'Hello', 'Guten Tag', 'Hello', 'Hello',
    ]  # fmt: skip


async def test_the_same_call_in_another_language_is_the_same_request(post: Post) -> None:
    first, second = [await ask(post.house, lang=code, headers={'Idempotency-Key': 'one'}) for code in ('de', 'fr')]
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.json()['manage'] == second.json()['manage']
    assert len(await post.house.rows('select id from meeting')) == 1


async def test_the_loader_for_other_websites_speaks_as_its_reader_does(post: Post) -> None:
    web, german = post.house.web, {'accept-language': 'de-CH, en;q=0.5'}
    for query, headers, button in (
        ({}, {}, '"Book a call"'), ({}, german, '"Gespräch buchen"'), ({'lang': 'fr'}, german, '"Réserver un appel"'),
    ):  # fmt: skip
        answer = await web.get('/static/embed.js', params=query, headers=headers)
        assert button in answer.text
        assert answer.headers['vary'] == 'accept-language'
        assert len(answer.content) < 4_096
    pseudo = await web.get('/static/embed.js?lang=en-XA')
    assert pseudo.text.count('"[') == 2


async def test_what_the_company_reads_stays_english(post: Post) -> None:
    await book(post.house, 'es', TEN)
    await post.house.settle(20)
    [activity] = post.house.pd.state()['activities']
    assert 'Demo' in activity['subject']
    assert 'Llamada' not in str(activity)
