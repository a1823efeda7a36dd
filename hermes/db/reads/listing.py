"""One reader for every list of rows: filtered, searched and sorted by what a listing declares, a page at a time.

Pages begin behind a row (keyset), never at a number, both ways; a row that was not there when somebody looked moves
nothing. Empty values come last in both orders. Nothing is counted above MOST. Reads only.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from psycopg import Connection, errors, sql

from hermes.db.reads.lookup import Row, row, rows
from hermes.db.reads.search import PLACES, asked_for, escape
from hermes.domain.errors import Refused
from hermes.kit.clock import read_moment

Kind = Literal['text', 'choice', 'bool', 'int', 'day', 'moment', 'reference', 'json']
MOST: Final = 10_000
"""No more rows than this are counted."""
FEW: Final = 1_000
"""So many that a search finds are sorted; of more the order is walked, in which the next is never far."""
LEAST_PART: Final = 3
"""The shortest part of a text that an index finds: what is found of a shorter one is counted up to FEW."""
LARGEST_PAGE: Final = 200
EMPTY: Final = '-'
"""What is written in a filter for rows without a value."""
YES: Final = frozenset({'true', 'yes', '1', 'on'})
NO: Final = frozenset({'false', 'no', '0', 'off'})
RUBBISH: Final = (errors.DataError, errors.UndefinedFunction)
"""What a statement raises for a value that its column cannot have."""
FROM, TO = '_from', '_to'
"""Behind a column's name: the bounds of a stretch of days, moments or numbers; the end is not part of it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a listing. `shown`: SQL over the row `t`, where it is not the column of that name. `order`: the
    column in whose order it is sorted ('' for none), which begins an index. `of`: the type of record that a reference
    names. `filtered`: whether rows are chosen by it.
    """

    name: str
    kind: Kind = 'text'
    shown: str = ''
    order: str = ''
    of: str = ''
    filtered: bool = True
    choices: Sequence[str] = ()
    personal: bool = False

    @property
    def expression(self) -> sql.Composable:
        return sql.SQL(self.shown) if self.shown else sql.SQL('t.{}').format(sql.Identifier(self.name))

    @property
    def sorted_by(self) -> sql.Composable:
        return sql.SQL('t.{}').format(sql.Identifier(self.order))


@dataclass(frozen=True, slots=True)
class Listing:
    """A table as a list. `key`: what tells its rows apart, and is their order where nothing else is said. `stands`: SQL
    for rows that are there at all, `live`: for those that were not deleted. `search`: SQL with the placeholders of
    `searched`; without it nothing is searched.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    key: str = 'id'
    stands: str = 'true'
    live: str = 'true'
    search: str = ''
    newest_first: bool = True
    source: str = ''

    @property
    def rows(self) -> sql.Composable:
        """Where its rows come from: the table, or `source`, SQL in brackets."""
        return sql.SQL(self.source) if self.source else sql.Identifier(self.table)

    def column(self, name: str) -> Column:
        """The column of that name. Raises Refused."""
        for column in self.columns:
            if column.name == name:
                return column
        raise Refused(f'{self.name} have no "{name}". There are: {", ".join(each.name for each in self.columns)}.')

    @property
    def sortable(self) -> tuple[str, ...]:
        """By what it can be sorted; with a minus before it the other way round."""
        return (self.key, *(each.name for each in self.columns if each.order and each.name != self.key))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a listing, with the cursors of the pages beside it ('' where there is none). `count`: how many there are
    in all, `capped` when there are more than that. `titles`: (type, id) -> what a referenced record is called.
    """

    rows: list[Row]
    next: str
    previous: str
    count: int
    capped: bool
    titles: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def total(self) -> str:
        """`count` as people read it: '48', '10 000+'."""
        return f'{self.count:,}'.replace(',', '\u202f') + ('+' if self.capped else '')


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: beside the row with this value of the sorted column and this key."""

    sort: str
    value: Any
    key: Any
    back: bool = False

    def write(self) -> str:
        told = json.dumps([self.sort, self.value, self.key, int(self.back)], default=_plain, separators=(',', ':'))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip('=')


@dataclass(frozen=True, slots=True)
class _Order:
    """By what rows are sorted: a column or the key alone."""

    text: str
    column: Column | None
    descending: bool


def list_rows(
    connection: Connection[Any],
    listing: Listing,
    *,
    filters: Mapping[str, Any] | None = None,
    search: str = '',
    sort: str = '',
    cursor: str = '',
    limit: int = 50,
    deleted: bool = False,
    counting: bool = True,
    more: sql.Composable | None = None,
    values: Mapping[str, Any] | None = None,
) -> Page:
    """A page of a listing. `filters`: by column, texts as people write them or values: a text is contained, one of
    several choices holds, a stretch has `NAME_from` and `NAME_to`, EMPTY means no value. `sort`: a column, with a minus
    for the other way round. `cursor`: `next` or `previous` of another page. `deleted`: what was deleted too. `more`: a
    condition of the caller's with its `values`. Raises Refused for what makes no sense.
    """
    if not 0 < limit <= LARGEST_PAGE:
        raise Refused(f'A page has between 1 and {LARGEST_PAGE} rows, not {limit}.')
    order = _read_order(listing, sort)
    at = read_cursor(cursor, order.text) if cursor else None
    wanted: dict[str, Any] = dict(values or {})
    conditions: list[sql.Composable] = [sql.SQL(f'({listing.stands})')]
    conditions += [] if deleted else [sql.SQL(f'({listing.live})')]
    conditions += [more] if more else []
    for name, value in (filters or {}).items():
        if value not in (None, '', [], ()):
            conditions.append(_condition(listing, name, value, wanted))
    most, keys = MOST, None
    if search.strip():
        most = MOST if len(search.strip()) >= LEAST_PART else FEW
        conditions.append(_searched(connection, listing, search.strip(), wanted))
        keys = _read_keys(connection, listing, conditions, wanted, (most if counting else FEW) + 1)
        if len(keys) <= FEW:
            conditions, wanted = [sql.SQL('t.{} = any(%(_keys)s)').format(sql.Identifier(listing.key))], {'_keys': keys}
    found = _read_page(connection, listing, order, at, conditions, wanted, limit)
    count = 0
    if counting:
        count = _count(connection, listing, conditions, wanted) if keys is None else len(keys)
    return Page(*found, min(count, most), count > most, _read_titles(connection, listing, found[0]))


def read_cursor(text: str, sort: str) -> Cursor:
    """The cursor that `text` spells. Raises Refused for rubbish, and for one of another order."""
    try:
        told = json.loads(base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True))
    except (ValueError, binascii.Error, RecursionError):
        told = None
    if not (
        isinstance(told, list) and len(told) == 4 and isinstance(told[0], str)
        and isinstance(told[1], str | int | float | bool | None) and isinstance(told[2], str | int)
        and not isinstance(told[2], bool) and told[3] in (0, 1)
    ):  # fmt: skip
        raise Refused('That is no place in this list: go to its first page.')
    if told[0] != sort:
        raise Refused('That place belongs to another order of this list: go to its first page.')
    return Cursor(told[0], told[1], told[2], bool(told[3]))


def _read_order(listing: Listing, sort: str) -> _Order:
    name = sort.removeprefix('-')
    if not name or name == listing.key:
        descending = sort.startswith('-') if sort else listing.newest_first
        return _Order(f'{"-" if descending else ""}{listing.key}', None, descending)
    column = listing.column(name)
    if not column.order:
        raise Refused(f'{listing.name} cannot be sorted by "{name}". There are: {", ".join(listing.sortable)}.')
    return _Order(sort, column, sort.startswith('-'))


def _read_page(
    connection: Connection[Any],
    listing: Listing,
    order: _Order,
    at: Cursor | None,
    conditions: Sequence[sql.Composable],
    values: dict[str, Any],
    limit: int,
) -> tuple[list[Row], str, str]:
    """The rows and the cursors beside them. What has a value comes first, then what has none, each from an index."""
    back = at is not None and at.back
    parts = [False, True] if order.column is not None else [None]
    if back:
        parts.reverse()
    found: list[Row] = []
    for empty in parts:
        left = limit + 1 - len(found)
        if left > 0 and not _is_passed(empty, at):
            found += _read_part(connection, listing, order, at, empty, conditions, values, left)
    more = len(found) > limit
    found = found[:limit]
    if back:
        found.reverse()
    if not found:
        return [], '', ''
    before = more if back else at is not None
    after = True if back else more
    return (
        [{name: value for name, value in item.items() if name != '_sorted'} for item in found],
        _place(order, found[-1], listing.key, back=False) if after else '',
        _place(order, found[0], listing.key, back=True) if before else '',
    )


def _is_passed(empty: bool | None, at: Cursor | None) -> bool:
    """Whether a part lies wholly behind the cursor."""
    if at is None or empty is None:
        return False
    return empty is False and at.value is None if not at.back else empty is True and at.value is not None


def _read_part(
    connection: Connection[Any],
    listing: Listing,
    order: _Order,
    at: Cursor | None,
    empty: bool | None,
    conditions: Sequence[sql.Composable],
    values: dict[str, Any],
    limit: int,
) -> list[Row]:
    """At most `limit` rows of those with a value (`empty` False), without one (True), or of all (None)."""
    key = sql.SQL('t.{}').format(sql.Identifier(listing.key))
    own = order.column.sorted_by if order.column else key
    told = list(conditions)
    if empty is not None:
        told.append(sql.SQL('{} is null' if empty else '{} is not null').format(own))
    down = order.descending != (at is not None and at.back)
    compared = sql.SQL('<' if down else '>')
    whole = values | {'_limit': limit}
    if at is not None and (empty is None or empty == (at.value is None)):
        whole |= {'_value': at.value, '_key': at.key}
        if empty is False:
            told.append(sql.SQL('({}, {}) {} (%(_value)s, %(_key)s)').format(own, key, compared))
        else:
            told.append(sql.SQL('{} {} %(_key)s').format(key, compared))
    way = sql.SQL(' desc' if down else '')
    by: sql.Composable = sql.SQL('{}{}').format(key, way)
    if empty is False:
        by = sql.SQL('{}{}, {}{}').format(own, way, key, way)
    read = sql.SQL('select {shown}, {own} as _sorted from {table} t where {where} order by {by} limit %(_limit)s')
    query = read.format(shown=_shown(listing), own=own, table=listing.rows, where=sql.SQL(' and ').join(told), by=by)
    try:
        return rows(connection, query, whole)
    except RUBBISH:
        raise Refused('That is no place in this list: go to its first page.') from None


def _shown(listing: Listing) -> sql.Composable:
    parts = [sql.SQL('{} as {}').format(column.expression, sql.Identifier(column.name)) for column in listing.columns]
    deleted = sql.SQL(f'not ({listing.live}) as deleted')
    return sql.SQL(', ').join([*parts, deleted])


def _place(order: _Order, item: Row, key: str, *, back: bool) -> str:
    value = item['_sorted'] if order.column else None
    return Cursor(order.text, value, item[key], back).write()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _condition(listing: Listing, name: str, value: Any, values: dict[str, Any]) -> sql.Composable:
    """What a filter asks of a row; its value goes into `values`."""
    for ending, compared in ((FROM, '>='), (TO, '<')):
        if name.endswith(ending) and name not in {each.name for each in listing.columns}:
            column = listing.column(name.removesuffix(ending))
            if column.kind not in ('day', 'moment', 'int'):
                raise Refused(f'"{column.name}" has no from and to.')
            values[name] = _read_value(column, value)
            return sql.SQL('{} {} {}').format(column.expression, sql.SQL(compared), sql.Placeholder(name))
    column = listing.column(name)
    if not column.filtered:
        raise Refused(f'{listing.name} cannot be chosen by "{name}".')
    if value == EMPTY:
        empty = sql.SQL("({0} is null or {0}::text = '')")
        return empty.format(column.expression)
    several = isinstance(value, Collection) and not isinstance(value, str)
    if column.kind == 'text' and not several:
        values[name] = f'%{escape(str(value))}%'
        return sql.SQL('{}::text ilike {}').format(column.expression, sql.Placeholder(name))
    values[name] = [_read_value(column, each) for each in value] if several else [_read_value(column, value)]
    return sql.SQL('{} = any({})').format(column.expression, sql.Placeholder(name))


def _read_value(column: Column, value: Any) -> Any:
    """A value as its column has it. Raises Refused, with what would be one."""
    text = str(value).strip()
    try:
        match column.kind:
            case 'int' | 'reference':
                if isinstance(value, bool) or not -(2**63) <= int(text) < 2**63:
                    raise ValueError
                return int(text)
            case 'bool':
                if isinstance(value, bool) or text.lower() in YES | NO:
                    return value if isinstance(value, bool) else text.lower() in YES
                raise ValueError
            case 'day':
                return value if type(value) is date else date.fromisoformat(text)
            case 'moment':
                if (moment := value if isinstance(value, datetime) else read_moment(text)) is None:
                    raise ValueError
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case _:
                if column.choices and text not in column.choices:
                    raise Refused(f'"{text}" is no {column.name}. There are: {", ".join(column.choices)}.')
                return text
    except (ValueError, OverflowError):
        wanted = {
            'int': 'a number', 'reference': 'the id of a record', 'bool': 'yes or no', 'day': 'a day like 2026-03-02',
            'moment': 'a moment like 2026-03-02T09:00Z',
        }[column.kind]  # fmt: skip
        raise Refused(f'"{text}" is no {column.name}: write {wanted}.') from None


def _searched(connection: Connection[Any], listing: Listing, text: str, values: dict[str, Any]) -> sql.Composable:
    if not listing.search:
        raise Refused(f'{listing.name} cannot be searched.')
    values.update(asked_for(connection, text))
    return sql.SQL(f'({listing.search})')


def _read_keys(
    connection: Connection[Any],
    listing: Listing,
    conditions: Sequence[sql.Composable],
    values: dict[str, Any],
    limit: int,
) -> list[Any]:
    """What tells the rows apart that a search finds, `limit` at the most, in no order: whoever asks for an order too
    leaves the planner the choice to walk it, and it guesses badly what a search finds.
    """
    query = sql.SQL('select t.{key} as key from {table} t where {where} limit {limit}').format(
        key=sql.Identifier(listing.key), table=listing.rows, where=sql.SQL(' and ').join(conditions),
        limit=sql.Literal(limit),
    )  # fmt: skip
    try:
        return [item['key'] for item in rows(connection, query, values)]
    except RUBBISH:
        raise Refused('That cannot be looked for.') from None


def _count(
    connection: Connection[Any], listing: Listing, conditions: Sequence[sql.Composable], values: dict[str, Any]
) -> int:
    """How many there are, MOST + 1 at the most."""
    query = sql.SQL('select count(*) as n from (select from {table} t where {where} limit {most}) c').format(
        table=listing.rows, where=sql.SQL(' and ').join(conditions), most=sql.Literal(MOST + 1)
    )
    found = row(connection, query, values)
    return int(found['n']) if found else 0


def _read_titles(connection: Connection[Any], listing: Listing, found: Sequence[Row]) -> dict[tuple[str, int], str]:
    wanted: dict[str, set[int]] = {}
    for column in listing.columns:
        if column.kind == 'reference' and column.of:
            wanted.setdefault(column.of, set()).update(
                item[column.name] for item in found if item[column.name] is not None
            )
    return read_titles(connection, [(kind, number) for kind, numbers in wanted.items() for number in numbers])


def read_titles(connection: Connection[Any], refs: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """What some records are called, one statement a type; those that nobody knows are left out."""
    found: dict[tuple[str, int], str] = {}
    for kind in sorted({kind for kind, _ in refs if kind in PLACES}):
        query = sql.SQL('select id, {title} as title from {table} where id = any(%(ids)s)').format(
            title=sql.SQL(PLACES[kind][0]),
            table=sql.Identifier(kind),
        )
        ids = [number for each, number in refs if each == kind]
        found |= {(kind, item['id']): item['title'] or '' for item in rows(connection, query, {'ids': ids})}
    return found
