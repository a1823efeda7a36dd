"""Lists of API v2: filters by attribute and operator, sorting, pages by number.

A page that is full of nothing still names a next one, so that a reader who follows links to a null never ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from hermes.sandbox.nationbuilder.answers import bad_request
from hermes.sandbox.nationbuilder.attributes import EMAILS, IDENTIFIERS, known
from hermes.sandbox.nationbuilder.shapes import API, Look, value_of
from hermes.sandbox.nationbuilder.store import LINKS, ZONE, Row, Store

Json = dict[str, Any]
Query = Mapping[str, str]
DEFAULT_SIZE, MAX_SIZE = 20, 100
FILTER = re.compile(r'filter\[(\w+)\](?:\[(\w+)\])?')
TEXT: Final = ('eq', 'not_eq', 'eql', 'not_eql', 'prefix', 'not_prefix', 'suffix', 'not_suffix', 'match', 'not_match')
ORDERED: Final = ('eq', 'not_eq', 'gt', 'gte', 'lt', 'lte')


def list_rows(store: Store, kind: str, query: Query, path: str, rows: Iterable[Row] | None = None) -> Json:
    """One page as a document. Raises Refused (400)."""
    look = Look(store, query)
    size = _number(query, 'page[size]', DEFAULT_SIZE, MAX_SIZE)
    page = _number(query, 'page[number]', 1)
    found = list(_candidates(store, kind, query) if rows is None else rows)
    for keep in _filters(store, kind, query):
        found = [row for row in found if keep(row)]
    for name in reversed([part for part in query.get('sort', '').split(',') if part]):
        _sort(store, kind, found, name)
    document = look.show(kind, found[(page - 1) * size : page * size])
    return {**document, 'links': _links(path, query, page)}


def _number(query: Query, name: str, default: int, most: int | None = None) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < 1 or (most is not None and int(text) > most):
        raise bad_request(f'{name} is a number from 1{f" to {most}" if most else ""}, not {text!r}.')
    return int(text)


def _links(path: str, query: Query, page: int) -> Json:
    def link(number: int) -> str:
        told = {**query, 'page[number]': str(number)}
        return f'{API}{path}?{urlencode(told, safe="[],", quote_via=quote)}'

    return {'self': link(page), 'first': link(1), 'prev': link(page - 1) if page > 1 else None, 'next': link(page + 1)}


def _candidates(store: Store, kind: str, query: Query) -> Iterable[Row]:
    """By an index where the query names a key, else everybody."""
    rows = store.tables[kind]
    if (told := query.get('filter[id]')) and told != 'null':
        return [rows[one] for one in dict.fromkeys(told.split(',')) if one in rows]
    for name in LINKS.get(kind, ()):
        if told := query.get(f'filter[{name}]'):
            return [row for one in dict.fromkeys(told.split(',')) for row in store.linked(kind, name, one)]
    if kind == 'signups':
        for name in IDENTIFIERS:
            told = query.get(f'filter[{name}]')
            if told and told != 'null':
                ids = (store.find(name, one) for one in _options(told))
                return [rows[one] for one in dict.fromkeys(ids) if one is not None]
    return rows.values()


def _filters(store: Store, kind: str, query: Query) -> list[Callable[[Row], bool]]:
    found: list[Callable[[Row], bool]] = []
    for key, told in query.items():
        if not key.startswith('filter['):
            continue
        part = FILTER.fullmatch(key)
        if part is None:
            raise bad_request(f'{key} is no filter.')
        name, operator = part[1], part[2] or 'eq'
        tagged = (kind, name) == ('signup_tags', 'signup_id')
        found.append(_tagged(store, told) if tagged else _filter(store, kind, name, operator, told))
    return found


def _tagged(store: Store, told: str) -> Callable[[Row], bool]:
    """The tags of these people."""
    tags = {one['tag_id'] for person in told.split(',') for one in store.linked('signup_taggings', 'signup_id', person)}
    return lambda row: row['id'] in tags


def _filter(store: Store, kind: str, name: str, operator: str, told: str) -> Callable[[Row], bool]:
    attribute = known(kind, name)
    if attribute.kind == 'object':
        raise bad_request(f'Tried to filter on attribute :{name}, but it is not filterable.')
    operators = TEXT if attribute.kind == 'text' else ORDERED if attribute.kind != 'flag' else ('eq',)
    if operator not in operators:
        raise bad_request(f'{operator!r} is no operator of :{name}: there are {", ".join(operators)}.')
    if told == 'null':
        wanted = operator.startswith('not_')
        return lambda row: (value_of(store, kind, row, name) is not None) == wanted
    options = _options(told)
    if (kind, name) == ('signups', 'email'):
        return lambda row: _says(operator, [row.get(one) for one in EMAILS if row.get(one)], options)
    if attribute.kind == 'number' and not all(re.fullmatch(r'-?\d+', one) for one in options):
        raise bad_request(f'{told!r} is no number.')
    if attribute.kind == 'moment':
        moments = [_moment(one) for one in options]
        return lambda row: _says(operator, [_read(value_of(store, kind, row, name))], moments)
    return lambda row: _says(operator, [value_of(store, kind, row, name)], options)


def _read(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _moment(told: str) -> datetime:
    """A moment in a query, in the nation's zone unless it says another. Raises Refused (400)."""
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise bad_request(f'{told!r} is no moment.') from None
    return found if found.tzinfo else found.replace(tzinfo=ZONE)


def _options(told: str) -> list[str]:
    """Comma-separated values are alternatives; {{...}} is one value, commas and all."""
    return [told[2:-2]] if told.startswith('{{') and told.endswith('}}') else told.split(',')


def _says(operator: str, values: list[Any], options: Sequence[Any]) -> bool:
    """Whether one of the values does what the operator says of one of the options; a negation: none of them."""
    positive = operator.removeprefix('not_')
    found = any(_holds(positive, value, option) for value in values if value is not None for option in options)
    return found != operator.startswith('not_')


def _holds(operator: str, value: Any, option: Any) -> bool:
    if isinstance(value, datetime):
        return _compare(operator, value, option)
    if isinstance(value, bool):
        return bool(option == str(value).lower())
    if isinstance(value, int):
        return _compare(operator, value, int(option))
    text, wanted = str(value).lower(), str(option).lower()
    match operator:
        case 'eql':
            return bool(value == option)
        case 'prefix':
            return text.startswith(wanted)
        case 'suffix':
            return text.endswith(wanted)
        case 'match':
            return wanted in text
        case _:
            return _compare(operator, text, wanted)


def _compare(operator: str, one: Any, other: Any) -> bool:
    match operator:
        case 'gt':
            return bool(one > other)
        case 'gte':
            return bool(one >= other)
        case 'lt':
            return bool(one < other)
        case 'lte':
            return bool(one <= other)
        case _:
            return bool(one == other)


def _sort(store: Store, kind: str, rows: list[Row], name: str) -> None:
    """In place, what is not set last. Raises Refused (400)."""
    down, name = name.startswith('-'), name.removeprefix('-')
    attribute = known(kind, name)
    if attribute.kind == 'object':
        raise bad_request(f'Tried to sort on attribute :{name}, but it is not sortable.')

    def place(row: Row) -> Any:
        value = value_of(store, kind, row, name)
        return int(value) if name == 'id' else value.lower() if attribute.kind == 'text' else value

    empty = [row for row in rows if value_of(store, kind, row, name) is None]
    rows[:] = (
        sorted((row for row in rows if value_of(store, kind, row, name) is not None), key=place, reverse=down) + empty
    )
