"""Time zones to choose from, by continent, as the table that comes with the time zones names them."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

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


@cache
def _names() -> list[str]:
    lines = files('tzdata').joinpath('zoneinfo', 'zone.tab').read_text('utf-8').splitlines()
    return sorted(line.split('\t')[2] for line in lines if line and not line.startswith('#'))
