"""Runs a parsed query: names are checked against the metadata, indexes narrow what is looked at, pages follow a cursor.

A page holds at most `batchSize` records (200 to 2000). Cursors name records; of ten newer ones the oldest is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hermes.sandbox.salesforce.errors import Refused
from hermes.sandbox.salesforce.ids import make_id, read_id
from hermes.sandbox.salesforce.schema import Field
from hermes.sandbox.salesforce.soql import (
    Comparison,
    Condition,
    Day,
    Group,
    Moment,
    Negation,
    Order,
    Path,
    Pattern,
    Query,
    Value,
    as_regex,
    parse,
    pointed,
)
from hermes.sandbox.salesforce.store import Row, Store, Table
from hermes.sandbox.salesforce.values import fold

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org

Json = dict[str, Any]
Test = Callable[[Row], bool]
PAGE: Final = 2000
SMALLEST_PAGE: Final = 200
CURSORS_KEPT: Final = 10
ORDERED: Final = ('<', '>', '<=', '>=')


@dataclass(frozen=True)
class Target:
    """Where a path leads: a field of the object itself, or of the one that `via` refers to."""

    field: Field
    table: Table
    via: Field | None = None

    def read(self, row: Row, store: Store) -> Any:
        if self.via is None:
            return row[self.field.name]
        other = store.tables[self.via.refers_to].rows.get(row[self.via.name] or '')
        return None if other is None else other[self.field.name]

    def compared(self, value: Any) -> Any:
        """The value as it is compared: texts without regard to case, ids with."""
        return fold(value) if self.field.is_text else value


@dataclass
class Plan:
    """A query that is known to make sense, and what runs it."""

    store: Store
    query: Query
    table: Table
    selected: list[tuple[tuple[str, ...], Target]] = field(default_factory=list)

    def target(self, path: Path) -> Target:
        """Raises Refused (400 INVALID_FIELD)."""
        names = list(path.names)
        if len(names) > 1 and names[0].lower() == self.table.spec.name.lower():
            names.pop(0)
        found = self._find(names)
        if found is None:
            raise Refused(400, 'INVALID_FIELD', pointed(self.query.text, path.at, self._unknown(names)))
        return found

    def _find(self, names: list[str]) -> Target | None:
        if len(names) == 1:
            own = self.table.folded.get(names[0].lower())
            return None if own is None else Target(own, self.table)
        via = self.table.relations.get(names[0].lower())
        if via is None or len(names) != 2:
            return None
        other = self.store.tables[via.refers_to]
        found = other.folded.get(names[1].lower())
        return None if found is None else Target(found, other, via)

    def _unknown(self, names: list[str]) -> str:
        if len(names) > 1 and names[0].lower() not in self.table.relations:
            return (
                f"Didn't understand relationship '{names[0]}' in field path. If you are attempting to use a custom "
                "relationship, be sure to append the '__r' after the custom relationship name."
            )
        return (
            f"No such column '{names[-1]}' on entity '{self.table.spec.name}'. If you are attempting to use a custom "
            "field, be sure to append the '__c' after the custom field name."
        )

    def ids(self, *, with_deleted: bool = False) -> list[str]:
        """The records that the query finds, in its order."""
        where, rows = self.query.where, self.table.rows
        test = self.test(where) if where is not None else None
        narrowed = None if where is None or with_deleted else self.narrow(where)
        looked_at: Iterable[Row] = rows.values() if narrowed is None else (rows[one] for one in sorted(narrowed))
        found = [row for row in looked_at if (with_deleted or not row['IsDeleted']) and (test is None or test(row))]
        for item in reversed(self.query.order):
            found = self._sorted(found, item)
        ids = [row['Id'] for row in found[self.query.offset :]]
        return ids if self.query.limit is None else ids[: self.query.limit]

    def _sorted(self, rows: list[Row], item: Order) -> list[Row]:
        target = self.target(item.path)
        values = [(target.compared(target.read(row, self.store)), row) for row in rows]
        empty = [row for value, row in values if value is None]
        full = sorted((one for one in values if one[0] is not None), key=lambda one: one[0], reverse=item.descending)
        ordered = [row for _, row in full]
        return empty + ordered if item.nulls_first else ordered + empty

    def narrow(self, condition: Condition) -> set[str] | None:
        """Ids among which all that fulfils the condition is, as indexes tell; None where they tell nothing."""
        if isinstance(condition, Comparison):
            return self._narrow_one(condition)
        if isinstance(condition, Negation):
            return None
        sets = [self.narrow(part) for part in condition.parts]
        if condition.joint == 'AND':
            return min((one for one in sets if one is not None), key=len, default=None)
        known = [one for one in sets if one is not None]
        return set().union(*known) if len(known) == len(sets) else None

    def _narrow_one(self, one: Comparison) -> set[str] | None:
        if one.operator not in ('=', 'IN') or None in one.values:
            return None
        target = self.target(one.path)
        found = _look_up(target.table, target.field, self._literals(one, target))
        if found is None or target.via is None:
            return found
        return self.table.find_ids(target.via.name, {fold(each) for each in found})

    def test(self, condition: Condition) -> Test:
        """Whether a row fulfils the condition. Raises Refused (400)."""
        if isinstance(condition, Comparison):
            return self._test_one(condition)
        if isinstance(condition, Negation):
            inner = self.test(condition.part)
            return lambda row: not inner(row)
        return _joined(condition, [self.test(part) for part in condition.parts])

    def _test_one(self, one: Comparison) -> Test:
        target, store = self.target(one.path), self.store
        if target.field.type == 'textarea':
            words = f"field '{target.field.name}' can not be filtered in a query call"
            raise Refused(400, 'INVALID_FIELD', pointed(self.query.text, one.path.at, words))
        if one.operator == 'LIKE':
            if not target.field.is_text:
                raise Refused(400, 'INVALID_QUERY_FILTER_OPERATOR', 'invalid operator on id field')
            [pattern] = one.values
            assert isinstance(pattern, Pattern)
            like = as_regex(pattern)
            return lambda row: (told := target.read(row, store)) is not None and like.fullmatch(told) is not None
        values = {target.compared(value) for value in self._literals(one, target)}
        if one.operator in ('=', 'IN'):
            return lambda row: target.compared(target.read(row, store)) in values
        if one.operator == '!=':
            return lambda row: target.compared(target.read(row, store)) not in values
        if target.field.type == 'boolean':
            raise Refused(400, 'INVALID_QUERY_FILTER_OPERATOR', 'invalid operator on boolean field')
        return _ordered(one.operator, next(iter(values)), lambda row: target.compared(target.read(row, store)))

    def _literals(self, one: Comparison, target: Target) -> list[Any]:
        return [self._literal(value, target.field, one.path) for value in one.values]

    def _literal(self, value: Value, each: Field, path: Path) -> Any:
        """A literal as the field keeps its values. Raises Refused (400) where it cannot be one."""
        if value is None:
            return False if each.type == 'boolean' else None
        if each.type in ('id', 'reference'):
            found = read_id(value)
            if found is None:
                words = pointed(self.query.text, path.at, f'invalid ID field: {value}')
                raise Refused(400, 'INVALID_QUERY_FILTER_OPERATOR', words)
            return found
        fits: dict[str, tuple[type, ...]] = {
            'boolean': (bool,), 'double': (float,), 'datetime': (Moment,), 'date': (Day,),
        }  # fmt: skip
        kinds = fits.get(each.type, (str,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and each.type != 'boolean'):
            quoted = 'should be enclosed in quotes' if kinds == (str,) else 'should not be enclosed in quotes'
            kind = 'string' if kinds == (str,) else each.type
            words = f"value of filter criterion for field '{each.name}' must be of type {kind} and {quoted}"
            raise Refused(400, 'INVALID_FIELD', pointed(self.query.text, path.at, words))
        return value.text if isinstance(value, Moment | Day) else value

    def show(self, row: Row, base: str) -> Json:
        """One record of the answer."""
        shown: Json = {'attributes': attributes(self.table, row['Id'], base)}
        for names, target in self.selected:
            if target.via is None:
                shown[names[0]] = row[target.field.name]
                continue
            other = target.table.rows.get(row[target.via.name] or '')
            if other is None:
                shown[names[0]] = None
                continue
            inner = shown.setdefault(names[0], {'attributes': attributes(target.table, other['Id'], base)})
            inner[names[1]] = other[target.field.name]
        return shown


def _look_up(table: Table, each: Field, values: list[Any]) -> set[str] | None:
    if each.type == 'id':
        return {one for one in values if one in table.rows}
    return table.find_ids(each.name, map(fold, values)) if each.name in table.indexes else None


def _joined(group: Group, tests: list[Test]) -> Test:
    if group.joint == 'AND':
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def _ordered(operator: str, limit: Any, read: Callable[[Row], Any]) -> Test:
    """Nothing is neither smaller nor larger than a value."""
    compare: dict[str, Callable[[Any], bool]] = {
        '<': lambda value: value < limit,
        '>': lambda value: value > limit,
        '<=': lambda value: value <= limit,
        '>=': lambda value: value >= limit,
    }
    test = compare[operator]
    return lambda row: limit is not None and (value := read(row)) is not None and test(value)


def attributes(table: Table, record_id: str, base: str) -> Json:
    return {'type': table.spec.name, 'url': f'{base}/sobjects/{table.spec.name}/{record_id}'}


def make_plan(store: Store, text: str) -> Plan:
    """Raises Refused (400)."""
    query = parse(text)
    table = store.folded.get(query.name.lower())
    if table is None:
        words = (
            f"sObject type '{query.name}' is not supported. If you are attempting to use a custom object, be sure to "
            "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
            'appropriate names.'
        )
        raise Refused(400, 'INVALID_TYPE', pointed(text, query.name_at, words))
    plan = Plan(store, query, table)
    seen = set()
    for path in query.fields:
        target = plan.target(path)
        relation = target.via.relationship if target.via else ''
        names = (relation, target.field.name) if relation else (target.field.name,)
        if names in seen:
            raise Refused(400, 'MALFORMED_QUERY', pointed(text, path.at, f'duplicate field selected: {path.text}'))
        seen.add(names)
        plan.selected.append((names, target))
    for item in query.order:
        plan.target(item.path)
    return plan


@dataclass
class Cursors:
    """Results that are longer than a page."""

    open: dict[str, tuple[Plan, list[str]]] = field(default_factory=dict)
    last_number: int = 0

    def begin(self, org: Org, text: str, base: str, size: int, *, with_deleted: bool = False) -> Json:
        """The first page. Raises Refused (400)."""
        plan = make_plan(org.store, text)
        ids = plan.ids(with_deleted=with_deleted)
        self.last_number += 1
        key = make_id('01g', self.last_number)
        if len(ids) > size:
            self.open[key] = (plan, ids)
            while len(self.open) > CURSORS_KEPT:
                del self.open[next(iter(self.open))]
        return self._page(key, plan, ids, 0, size, base)

    def go_on(self, locator: str, base: str, size: int) -> Json:
        """The page at `key-place`. Raises Refused (400)."""
        key, _, place = locator.rpartition('-')
        if key not in self.open or not place.isdecimal():
            raise Refused(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator')
        plan, ids = self.open[key]
        return self._page(key, plan, ids, int(place), size, base)

    def _page(self, key: str, plan: Plan, ids: list[str], start: int, size: int, base: str) -> Json:
        rows = plan.table.rows
        end = start + size
        answer: Json = {'totalSize': len(ids), 'done': end >= len(ids)}
        if end < len(ids):
            answer['nextRecordsUrl'] = f'{base}/query/{key}-{end}'
        return answer | {'records': [plan.show(rows[one], base) for one in ids[start:end] if one in rows]}


def read_page_size(header: str) -> int:
    """`batchSize=...` of Sforce-Query-Options, cut to what is allowed."""
    for part in header.split(','):
        name, _, told = part.partition('=')
        if name.strip().lower() == 'batchsize' and told.strip().isdecimal():
            return min(max(int(told), SMALLEST_PAGE), PAGE)
    return PAGE
