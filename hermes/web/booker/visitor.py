"""A visitor: who asks, in which language, by which clock, and what stands in the address of the page.

State is the address, so that Back, reload and a bookmark work: what is chosen (`month`, `day`, `start`, `hold`), how it
is shown (`lang`, `zone`, `clock`), and what a visitor comes with (campaign, prefilled fields, a support link). Texts of
it are cut before anybody reads them; nothing of it is believed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final, cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.core import get_global
from starlette.requests import Request

from hermes.booking.values import read_moment
from hermes.kit import texts
from hermes.kit.countries import iso_code
from hermes.kit.languages import Clock, Language, find_language
from hermes.web.booker.zones import zone_of

SHOWN: Final = ('lang', 'zone', 'clock')
BROUGHT: Final = (
    'country', 'currency', 'bracket', 'bdr_person_id', 'utm_campaign', 'utm_source', 'gclid',
    'admin_id', 'company_id', 'e', 's', 'x', 'origin',
)  # fmt: skip
PREFILLED: Final = ('name', 'email', 'company_name', 'website', 'phone')
"""What a page of somebody else may fill in."""
KEPT: Final = (*SHOWN, *BROUGHT, *PREFILLED)
"""What a link takes along."""
AFTER: Final = (*SHOWN, 'origin')
"""What is left of it once a call is booked."""
CHOSEN: Final = ('month', 'day', 'start', 'hold', 'until', 'more', 'with', 'after')
LONGEST: Final = 500


@dataclass(frozen=True)
class Visitor:
    """`base`: '' or '/embed'. `query`: of the address, cut. `located`: the country that the proxy told."""

    request: Request
    client: bytes = field(repr=False)
    base: str
    located: str | None

    @cached_property
    def query(self) -> Mapping[str, str]:
        given = self.request.query_params
        return {name: texts.clean(texts.cut(given[name], LONGEST)) for name in (*KEPT, *CHOSEN) if given.get(name)}

    @cached_property
    def language(self) -> Language:
        return find_language(self.query.get('lang', ''), self.request.headers.get('accept-language', ''))

    @property
    def path(self) -> str:
        """Of the page, decoded."""
        return str(self.request.scope['path'])

    @property
    def at_support(self) -> bool:
        """Whether the page is one for customers, behind a signed link: nothing leads from it to who sells."""
        return self.path.startswith(f'{self.base}/support-call/')

    @property
    def clock(self) -> Clock:
        told = self.query.get('clock')
        return cast(Clock, told) if told in ('12', '24') else self.language.clock

    @property
    def country(self) -> str | None:
        """Where the visitor is, as they say, else as the proxy says."""
        return iso_code(self.query.get('country', '')) or self.located

    def zone(self, other: ZoneInfo) -> ZoneInfo:
        """The visitor's zone: as they say, else their country's if it has one alone, else the `other`."""
        if found := zone_of(self.query.get('zone', '')):
            return found
        own = get_global('territory_zones').get(self.country or '', [])
        return (zone_of(own[0]) if len(own) == 1 else None) or other

    @property
    def start(self) -> datetime | None:
        """The time that was chosen."""
        return self._moment('start')

    @property
    def more(self) -> int:
        """How many of the next free times are shown."""
        told = self.query.get('more', '')
        return min(int(told), 100) if told.isascii() and told.isdigit() and len(told) < 4 else 10

    def date(self, name: str) -> date | None:
        """A day (`2026-12-03`), or the first of a month (`2026-12`); None for what is none."""
        told = self.query.get(name, '')
        try:
            found = date.fromisoformat(f'{told}-01' if len(told) == 7 else told)
        except ValueError:
            return None
        return found if 1971 <= found.year < 2100 else None

    def _moment(self, name: str) -> datetime | None:
        try:
            return read_moment(self.query[name])
        except (KeyError, ValueError):
            return None

    def link(self, path: str = '', keep: Collection[str] = KEPT, **changes: object) -> str:
        """An address of ours: `path` (this page's own where it is ''), what of `keep` the visitor came with, and
        `changes`; None leaves a name out.
        """
        told: dict[str, object] = {name: self.query[name] for name in KEPT if name in keep and name in self.query}
        told |= changes
        query = urlencode({name: str(value) for name, value in told.items() if value is not None})
        target = f'{self.base}{path}' if path else quote(self.path)
        return f'{target}?{query}' if query else target

    def carried(self, *without: str) -> dict[str, str]:
        """What a form of the GET kind has to carry along as hidden fields."""
        return {name: value for name, value in self.query.items() if name not in without}
