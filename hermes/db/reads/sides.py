"""Both sides of a question (ADM-6): the records and the remote objects that it is about, side by side, and in which
fields they differ. Reads only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.blame import read_row
from hermes.db.reads.lookup import Row, find_links, row, rows
from hermes.db.reads.matters import name_records
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.rules import DELETION
from hermes.parts.roles import CALENDAR, CRM, PRODUCT

OURS: Final = ('company', 'contact', 'names')
"""Where else a question names records of ours."""
HIDDEN: Final = frozenset({'name_key', 'email_keys', 'phone_keys', 'uid', 'hermes_id', 'shape', 'round', 'sequence'})
PEOPLE: Final = ('_person_id', 'admin_id', 'owner_id')
MIRROR: Final = """
    select m.runs, m.deleted is not null as deleted, m.merged_into, l.record_type, l.record_id
    from mirror m left join link l using (system, type, remote_id)
    where m.system = %(system)s and m.type = %(type)s and m.remote_id = %(remote_id)s
"""
TELLING: Final = frozenset(
    {
        'name', 'website', 'email', 'phone', 'first_name', 'last_name', 'title', 'country', 'tc2_agency_id',
        'tc2_cligency_id', 'tc2_cligency_url', 'pd_org_id', 'company_id', 'gclid', 'created', 'signup_questionnaire',
    }
)  # fmt: skip
"""What two records hardly share by chance."""
MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that a question is about: a record of ours, or a `remote` object. `note`: that it is deleted."""

    title: str
    values: Mapping[str, Any]
    record: RecordRef | None = None
    remote: RemoteRef | None = None
    note: str = ''


@dataclass(frozen=True, slots=True)
class Line:
    """A field over all sides; absent where a side says nothing of it."""

    field: str
    values: tuple[Any, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Sides:
    """Those whom a question is about, and their fields: those that differ come first."""

    sides: list[Side]
    lines: list[Line]
    alike: Mapping[str, int]
    """Candidate (`company:12`) -> how many values of it are those of the first side."""
    in_product: bool = False


def read_sides(connection: Connection[Any], asked: Row) -> Sides:
    """Everybody whom a question is about, its record first."""
    detail, record = asked['detail'] or {}, asked['record_type'] and RecordRef(asked['record_type'], asked['record_id'])
    records = [record] if record else []
    records += [RecordRef(str(of), int(number)) for of, number in detail.get('candidates', ())]
    for name in OURS:
        told = detail.get(name)
        if isinstance(told, list) and len(told) == 2:
            records.append(RecordRef(str(told[0]), int(told[1])))
    remotes = _remotes(detail)
    links = find_links(connection, record) if record else []
    if asked['kind'] in ('fought over', 'narc', DELETION, 'gone', 'promised', 'declined', 'calendar'):
        home = CALENDAR if asked['kind'] in ('declined', 'calendar') else CRM
        remotes += [RemoteRef(it['system'], it['type'], it['remote_id']) for it in links if it['system'] == home]
    sides = _own_sides(connection, list(dict.fromkeys(records))[:MOST])
    sides += [side for ref in list(dict.fromkeys(remotes))[:MOST] if (side := _remote_side(connection, ref))]
    fields = detail.get('fields') if asked['kind'] == 'fought over' else None
    alike = {
        f'{side.record.type}:{side.record.id}': _same(sides[0].values, side.values)
        for side in sides[1:]
        if side.record is not None and side.remote is None
    }
    in_product = any(it['system'] == PRODUCT and it['state'] == 'live' for it in links)
    return Sides(sides, _named(connection, _lines(sides, fields)), alike, in_product)


def read_both(connection: Connection[Any], refs: Sequence[RecordRef]) -> Sides:
    """Records of ours beside each other."""
    sides = _own_sides(connection, refs)
    return Sides(sides, _named(connection, _lines(sides, None)), {})


def read_push_sides(connection: Connection[Any], ref: RecordRef, system: str, sent: Collection[str] = ()) -> Sides:
    """A record, and what a system shows of it. Of what was `sent`, what is absent on one side differs, too."""
    links = [it for it in find_links(connection, ref) if it['system'] == system and it['is_primary']]
    remotes = [RemoteRef(it['system'], it['type'], it['remote_id']) for it in links]
    sides = _own_sides(connection, [ref])
    sides += [side for remote in remotes if (side := _remote_side(connection, remote))]
    return Sides(sides, _named(connection, _lines(sides, None, sent)), {})


def _remotes(detail: Mapping[str, Any]) -> list[RemoteRef]:
    found = []
    if isinstance(detail.get('object'), list) and len(detail['object']) == 3:
        first = RemoteRef(*map(str, detail['object']))
        found.append(first)
        if detail.get('survivor'):
            found.append(first._replace(remote_id=str(detail['survivor'])))
    elif detail.get('remote_id'):
        found.append(RemoteRef(str(detail['system']), str(detail['type']), str(detail['remote_id'])))
    return found


def _own_sides(connection: Connection[Any], refs: Sequence[RecordRef]) -> list[Side]:
    names, found = name_records(connection, refs), []
    for ref in refs:
        try:
            values = read_row(connection, ref)
        except Refused:
            continue
        told = {name: value for name, value in values.items() if name not in HIDDEN and value not in (None, '', [], {})}
        found.append(Side(names.get(ref) or f'{ref.type} {ref.id}', told, ref))
    return found


def _remote_side(connection: Connection[Any], ref: RemoteRef) -> Side | None:
    known = row(connection, MIRROR, ref._asdict())
    if known is None:
        return None
    values = {name: runs[-1][0] for name, runs in known['runs'].items() if runs and name not in HIDDEN}
    values = {name: value for name, value in values.items() if value not in (None, '', [], {})}
    note = (
        'deleted there' if known['deleted'] else f'merged into {known["merged_into"]}' if known['merged_into'] else ''
    )
    record = RecordRef(known['record_type'], known['record_id']) if known['record_type'] else None
    return Side(f'{ref.type} {ref.remote_id}', _as_ours(connection, ref.system, values), record, ref, note)


def _as_ours(connection: Connection[Any], system: str, values: dict[str, Any]) -> dict[str, Any]:
    """Who is named by an id of that system is named by ours, so that the two sides can be compared."""
    column = {CRM: 'pd_owner_id', PRODUCT: 'tc2_admin_id'}.get(system)
    people = {name: value for name, value in values.items() if name.endswith('_person_id') and isinstance(value, int)}
    if column is None or not people:
        return values
    query = f'select id, {column} as there from admin where {column} = any(%(ids)s)'
    known = {it['there']: it['id'] for it in rows(connection, query, {'ids': sorted(people.values())})}
    return values | {name: known.get(value, value) for name, value in people.items()}


def _same(first: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(1 for name in TELLING & first.keys() & other.keys() if _plain(first[name]) == _plain(other[name]))


def _lines(sides: Sequence[Side], only: Sequence[str] | None, strict: Collection[str] = ()) -> list[Line]:
    names = list(dict.fromkeys(name for side in sides for name in side.values))
    lines = []
    for name in names:
        if only is not None and name not in only:
            continue
        values = tuple(side.values.get(name) for side in sides)
        told = {repr(_plain(value)) for value in values if value is not None or name in strict}
        lines.append(Line(name, values, len(told) > 1))
    return sorted(lines, key=lambda line: (not line.differs, names.index(line.field)))


def _named(connection: Connection[Any], lines: list[Line]) -> list[Line]:
    """Our people are called by their names."""
    told = [line for line in lines if line.field.endswith(PEOPLE)]
    refs = {RecordRef('admin', value) for line in told for value in line.values if isinstance(value, int)}
    names = name_records(connection, refs)
    return [
        replace(line, values=tuple(names.get(RecordRef('admin', value)) or value for value in line.values))
        if line in told
        else line
        for line in lines
    ]


def _plain(value: Any) -> Any:
    """What is compared: texts without their case, numbers as numbers."""
    return value.strip().casefold() if isinstance(value, str) else value
