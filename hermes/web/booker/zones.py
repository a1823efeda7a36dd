"""Time zones to choose from, by continent, as the table that comes with the time zones names them."""

from collections import defaultdict
from functools import cache
from importlib.resources import files


@cache
def groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """(continent, [(IANA name, place), ...]) in order; UTC last."""
    lines = files('tzdata').joinpath('zoneinfo', 'zone.tab').read_text('utf-8').splitlines()
    names = sorted(line.split('\t')[2] for line in lines if line and not line.startswith('#'))
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in names:
        continent, _, place = name.partition('/')
        found[continent].append((name, place.replace('_', ' ').replace('/', ', ')))
    return [*found.items(), ('UTC', [('UTC', 'UTC')])]
