"""What the flows about languages share: a visitor who books in one, and a reader who finds what is not translated.

In a made-up language every letter of a sentence that could have an accent has one. So whatever is left of a page, once
names, times, countries and the like are taken out, and still has a plain such letter, is not in the catalogue.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import httpx2

from hermes.kit.countries import iso_codes
from hermes.kit.languages import ACCENTED, LOCALES, Language, language
from hermes.sandbox.scenarios.demo import DEMO_ADMINS
from hermes.web.booker import zones
from tests.flows.house import House
from tests.flows.visitors import number

PLAIN: Final = re.compile('[' + ''.join(map(chr, ACCENTED)) + ']')
SHOWN: Final = ('aria-label', 'alt', 'title', 'placeholder', 'abbr', 'label')
"""Attributes that people see or hear."""
NAMES: Final = (
    *(f'{one["first_name"]} {one["last_name"]}' for one in DEMO_ADMINS), 'Lee Adams', 'Ember Tutors', 'TutorCruncher',
    'Google Calendar', 'Outlook', 'UTC',
)  # fmt: skip
"""People, companies, the brand, and what is called the same everywhere."""
FORM: Final[dict[str, Any]] = {
    'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition', 'country': 'GB',
    'currency': 'GBP', 'bracket': '50-150k',
}  # fmt: skip


class Texts(HTMLParser):
    """Every text of a page that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.root: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.root = self.root or told
        self.found += [value for name in SHOWN if (value := told.get(name))]
        if tag == 'meta' and told.get('name') == 'description':
            self.found.append(told.get('content') or '')

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append(' '.join(data.split()))


@dataclass
class Reader:
    """Somebody who reads pages in a made-up language, and remembers what they have read."""

    house: House
    code: str
    read: list[str] = field(default_factory=list)

    async def get(self, path: str, status: int = 200, **query: str) -> httpx2.Response:
        answer = await self.house.web.get(path, params=self._query(path, query))
        return self.look(answer, status)

    async def post(self, path: str, status: int = 200, **typed: Any) -> httpx2.Response:
        answer = await self.house.web.post(path, params=self._query(path, {}), data=typed)
        return self.look(answer, status)

    def _query(self, path: str, query: dict[str, str]) -> dict[str, str]:
        return {**dict(parse_qsl(urlsplit(path).query)), 'lang': self.code, **query}

    def look(self, answer: httpx2.Response, status: int) -> httpx2.Response:
        """Whether an answer is what it should be, and all of it translated."""
        assert answer.status_code == status, (answer.status_code, answer.text[-2000:])
        if answer.headers.get('content-type', '').startswith('text/html'):
            page = Texts()
            page.feed(answer.text)
            assert page.root['lang'] == self.code
            assert page.root['dir'] == ('rtl' if self.code == 'ar-XB' else 'ltr')
            assert not (left := plain(page.found)), (left, str(answer.request.url))
            self.read += page.found
        return answer


def plain(told: Iterable[str]) -> list[str]:
    """Which of these texts are not translated."""
    return [text for text in told if _is_plain(text)]


@cache
def _is_plain(text: str) -> bool:
    return bool(PLAIN.search(text) and PLAIN.search(KNOWN.sub('', text)))


def _known(spoken: Language) -> Iterator[str]:
    """What a language writes by its locale, and what is no language."""
    yield from NAMES
    yield from (spoken.country(code) for code in iso_codes())
    yield from (spoken.currency(code) for code in ('GBP', 'USD', 'EUR', 'AUD', 'CAD', 'ZAR'))
    yield from (language(code).own_name for code in LOCALES)
    for style in ('wide', 'abbreviated'):
        yield from spoken.locale.days['stand-alone'][style].values()
        yield from spoken.locale.months['stand-alone'][style].values()
    for zone, place in (pair for _, places in zones.groups(spoken.code) for pair in places):
        yield from (zone, zone.replace('_', ' '), place)
    for zone in ('Europe/London', 'Asia/Kolkata'):
        for month in (1, 7):
            yield spoken.zone(datetime(2026, month, 1, tzinfo=ZoneInfo(zone)), ZoneInfo(zone))
    yield from (str(name) for name in spoken.locale.languages.values())


KNOWN: Final = re.compile(
    r'\b(?:' + '|'.join(map(re.escape, sorted(set(_known(language('en-XA'))), key=len, reverse=True))) + r')(?!\w)'
    r'|https?://\S+|\b[\w.+-]+@[\w.-]+|\b(?:am|pm)\b|\b[A-Z]{3}(?=\d)'
)


async def book(house: House, code: str, start: datetime, **more: Any) -> str:
    """Book by the page in a language; the path of the confirmation."""
    typed = {**FORM, 'action': 'book', 'start': start.isoformat(), **more}
    answer = await house.web.post(
        f'/book-a-call/{await number(house)}/', params={'lang': code, 'zone': 'Asia/Kolkata'}, data=typed
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers['location'])
