"""Time zones to choose from, by continent, as the table that comes with the time zones names them."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from hermes.domain.timetable import find_zone
from hermes.kit.languages import N_, in_order, language

CONTINENTS: Final[Mapping[str, str]] = {
    'Africa': N_('Africa'), 'America': N_('Americas'), 'Antarctica': N_('Antarctica'), 'Arctic': N_('Arctic'),
    'Asia': N_('Asia'), 'Atlantic': N_('Atlantic Ocean'), 'Australia': N_('Australia'), 'Europe': N_('Europe'),
    'Indian': N_('Indian Ocean'), 'Pacific': N_('Pacific Ocean'),
}  # fmt: skip


@cache
def groups(code: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(continent, [(IANA name, place), ...]) in a language and its order; UTC last."""
    spoken = language(code)
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in _names():
        found[name.partition('/')[0]].append((name, spoken.city(name)))
    continents = in_order((each, spoken.gettext(CONTINENTS.get(each, each))) for each in found)
    return [*((told, in_order(found[each])) for each, told in continents), ('UTC', [('UTC', 'UTC')])]


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of a name, under the one that it has today: browsers go on saying Asia/Calcutta for Asia/Kolkata."""
    return find_zone(_renamed().get(name, name))


@cache
def _names() -> list[str]:
    return sorted(line.split('\t')[2] for line in _lines('zone.tab') if line and not line.startswith('#'))


@cache
def _renamed() -> Mapping[str, str]:
    """Name of old -> name of today."""
    names = set(_names())
    links = (line.split() for line in _lines('tzdata.zi') if line.startswith('L '))
    return {old: new for _, new, old in links if old not in names and new in names}


def _lines(name: str) -> list[str]:
    return files('tzdata').joinpath('zoneinfo', name).read_text('utf-8').splitlines()
