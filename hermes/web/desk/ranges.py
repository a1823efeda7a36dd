"""The stretch of time of a page, as it stands in the address: the last hour to the last week, or from one moment to
another (UTC). Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hermes.db.reads.figures import FIVE
from hermes.kit import clock

Usual = TypeVar('Usual', datetime, None)
LASTS: Final = {
    'hour': ('Last hour', timedelta(hours=1)), '6h': ('Last 6 hours', timedelta(hours=6)),
    'day': ('Last day', timedelta(days=1)), 'week': ('Last 7 days', timedelta(days=7)),
}  # fmt: skip
USUAL: Final = '6h'
LONGEST: Final = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Range:
    """[`since`, `until`), by its name ('' for one of somebody's own). `wrong`: why what stands in the address is not
    what is shown.
    """

    name: str
    since: datetime
    until: datetime
    wrong: Mapping[str, str]


def read_range(query: Mapping[str, str], now: datetime) -> Range:
    """What an address says; the usual one where it says nothing, or nothing that can be read."""
    if not (query.get('from') or query.get('to')):
        return _last(query.get('range', USUAL), now)
    wrong: dict[str, str] = {}
    until = read_moment(query, 'to', now, wrong)
    since = read_moment(query, 'from', until - timedelta(days=1), wrong)
    if not wrong and since >= until:
        wrong['from'] = 'This is not before the end.'
    elif not wrong and until - since > LONGEST:
        wrong['from'] = f'This is longer than {LONGEST.days} days before the end.'
    if wrong:
        usual = _last(USUAL, now)
        return Range(usual.name, usual.since, usual.until, wrong)
    return Range('', since, until, {})


def _last(name: str, now: datetime) -> Range:
    """The last stretch of a length, from whole five minutes on, as figures are kept."""
    known = name if name in LASTS else USUAL
    until = now.astimezone(UTC)
    since = until - LASTS[known][1]
    floor = since - timedelta(seconds=since.timestamp() % FIVE.total_seconds())
    return Range(known, floor, until, {})


def read_moment(query: Mapping[str, str], name: str, usual: Usual, wrong: dict[str, str]) -> datetime | Usual:
    """The moment of an address, UTC where it names no zone; `usual` where it says nothing. What is none is put into
    `wrong`.
    """
    if not (told := query.get(name, '').strip()):
        return usual
    moment = clock.read_moment(told)
    if moment is None:
        wrong[name] = 'This is no time: write 2026-11-21T14:30 (UTC).'
    return moment or usual
