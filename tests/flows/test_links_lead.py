"""Every link that Hermes hands out leads somewhere: those of each letter and answer are followed, page by page."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from tests.flows.acting import carry_out
from tests.flows.calendars import follow
from tests.flows.companies import later, sign_up
from tests.flows.house import HERMES, PRIYA, House
from tests.flows.letters import Post, open_post
from tests.flows.visitors import TEN, book, link, number

HOUR = timedelta(hours=1)
JSON = {'Accept': 'application/json'}
URL = re.compile(r'https?://[^\s"\'<>\\)]+')
PAGE = re.compile(r'(?:href|src|action)="([^"]*)"')
ELSEWHERE = {'calendar.google.com', 'outlook.live.com', 'meet.google.com'}


def links_in(answer: Any, base: str) -> set[str]:
    """The links of an answer: of a page those that can be clicked, else whatever is one."""
    if answer.headers['content-type'].startswith('text/html'):
        return {urljoin(base, unescape(each)) for each in PAGE.findall(answer.text)}
    return {unescape(each).rstrip('.,') for each in URL.findall(answer.text.replace('\r\n ', ''))}


async def walk(house: House, begin: set[str]) -> dict[str, int]:
    """Follow links, and those of the pages behind them; address -> status."""
    seen: dict[str, int] = {}
    shapes: set[tuple[str, ...]] = set()
    todo = sorted(begin)
    while todo:
        url = todo.pop()
        parts = urlsplit(url)
        shape = (parts.path, *sorted(parse_qs(parts.query)))
        if url not in begin and shape in shapes:
            continue  # Another day, month or language of a page that was seen.
        shapes.add(shape)
        if url in seen or parts.hostname in ELSEWHERE:
            assert parts.scheme == 'https' or url in seen, url
            continue
        assert url.startswith(HERMES), f'{url} leads to somebody else'
        answer = await house.web.get(url.removeprefix(HERMES) or '/')
        seen[url] = answer.status_code
        if answer.headers['content-type'].startswith('text/html'):
            todo += links_in(answer, url)
    return seen


def of_letters(post: Post) -> set[str]:
    """The links of every letter, in each of its forms."""
    found: set[str] = set()
    for letter in post.inbox():
        found |= {urljoin(HERMES, unescape(each)) for each in PAGE.findall(letter['html'])}
        for text in (letter['text'], letter['calendar'].replace('\r\n ', '').replace('\\n', ' ')):
            found |= {each.rstrip('.,') for each in URL.findall(text)}
    return found


@pytest.mark.lesson('M-46')
async def test_every_link_of_every_letter_and_answer_leads_somewhere(database_url: str) -> None:
    async with open_post(database_url) as post:
        house, kinds = post.house, set()
        client = sign_up(house)
        await follow(house)
        await later(house)
        support = (await link(house, client.id)).json()['link']
        given = {name: value for name, [value] in parse_qs(urlsplit(support).query).items()}
        answers = [await house.web.get('/booking/nonsense', headers=JSON)]
        calls = [
            await book(house, TEN + n * 2 * HOUR, email=f'v{n}@v.example', company_name=f'V {n}') for n in range(3)
        ]
        asked = {'name': 'Kim Sato', 'email': 'kim@v.example', 'meeting_dt': (TEN + 7 * HOUR).isoformat(), **given}
        calls.append(await house.web.post('/callbooker/support/book/', json=asked))
        await post.carry(30)
        await follow(house, 30)
        paths = [urlsplit(call.json()['manage']).path for call in calls]
        answers += [*calls, *[await house.web.get(path, headers=JSON) for path in paths]]
        moved = {'action': 'move', 'start': (TEN + 3 * HOUR).isoformat()}
        answers.append(await house.web.post(paths[1], json=moved, headers=JSON))
        await post.carry_at(TEN - 23 * HOUR)
        begin = {support, *(HERMES + path for path in ('/health', '/docs'))}
        standing = await walk(house, begin.union(of_letters(post), *(links_in(each, HERMES) for each in answers)))
        assert {url: status for url, status in standing.items() if status != 200} == {}
        for path in (paths[0], paths[3]):
            answers.append(await house.web.post(path, json={'action': 'cancel'}, headers=JSON))
        [lost] = await house.rows('select id from meeting where start_at = %s', TEN + 4 * HOUR)
        await carry_out(house.engine, {'act': 'meeting.cancel', 'by': 'refused', 'meeting': lost['id']})
        await post.carry(61)
        standing |= await walk(house, of_letters(post).union(*(links_in(each, HERMES) for each in answers)))
        assert {url: status for url, status in standing.items() if status != 200} == {}
        kinds = {row['kind'] for row in await house.rows("select kind from letter where state = 'sent'")}
        assert kinds == {'confirmation', 'moved', 'cancelled', 'reminder', 'apology'}
        assert {f'{HERMES}/book-a-call/', support} <= set(standing)
        assert len(standing) > 15, json.dumps(standing, indent=1)


@pytest.mark.lesson('M-46')
async def test_a_support_link_is_told_what_it_is_worth(house: House) -> None:
    client = sign_up(house)
    await later(house)
    whole = urlsplit((await link(house, client.id)).json()['link'])
    for path in (whole.path, whole.path.rstrip('/')):
        page = await house.web.get(f'{path}?{whole.query}')
        assert (page.status_code, page.headers['x-robots-tag']) == (200, 'noindex')
        assert 'Ember Tutors' in page.text
        assert 'data-testid="times"' in page.text
    forged = await house.web.get(f'{whole.path}?{whole.query}'.replace('company_id=', 'company_id=1'))
    bare = await house.web.get(whole.path)
    other = await house.web.get(f'/support-call/{await number(house, PRIYA)}/?{whole.query}')
    for refused in (forged, bare, other):
        assert (refused.status_code, 'Ember' in refused.text) == (403, False)
        assert refused.headers['content-type'].startswith('text/html')
    house.clock.advance(5 * 86400)
    late = await house.web.get(f'{whole.path}?{whole.query}')
    assert (late.status_code, 'expired' in late.text) == (403, True)
