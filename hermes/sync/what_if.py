"""What if (ADM-14): an act is carried out, looked at, and taken back: what it changes here, what then goes out to whom,
and what that costs. Nothing is kept, nothing is sent, no bell rings.

Where an act changes what everybody's plan is made of (a setting, a field, an admin, a stage), all companies are looked
at, page by page, up to a limit that is told; else those that it touches. What was to be sent anyway is not part of it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Final

from hermes.db import graphs, journal, records
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.acts import Act, AddField, ChangeField, FillField
from hermes.domain.config import KEYS
from hermes.domain.fields import CustomField
from hermes.domain.model import RecordRef, Value
from hermes.sync import cataloguing, planned
from hermes.sync.acts.commands import Done, apply_command
from hermes.sync.acts.fields import FILLING, find, label
from hermes.sync.engine import Engine
from hermes.sync.looking import taken_back
from hermes.sync.planned import Planned

LIMIT: Final = 2_000
"""Of an act that concerns everybody, so many companies are looked at."""
PAGE: Final = 200
TOLD: Final = 1_000
"""So many changes and so many fields that go out are told; the others are counted."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A value that would be another one here. `about`: `company:12`, `setting`, `field Company.website`."""

    about: str
    field: str
    old: Value
    new: Value
    rule: str = ''


@dataclass(frozen=True, slots=True)
class Sent:
    """A field that would go out: what the system shows, what it would be. `waits`: why it would not go at once."""

    system: str
    record: RecordRef
    op: str
    field: str
    shows: Value
    would_be: Value
    rule: str = ''
    waits: str = ''


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What an act would do. `changes` and `pushes`: the first of `changed` and `sent`; `costs`: a line each system,
    operation and type, with calls, fields and tokens; `looked` of `companies` were looked at.
    """

    notes: tuple[str, ...]
    changes: tuple[Moved, ...]
    changed: int
    pushes: tuple[Sent, ...]
    sent: int
    costs: tuple[dict[str, Any], ...]
    looked: int
    companies: int

    @property
    def capped(self) -> bool:
        """Whether there are companies that were not looked at."""
        return self.looked < self.companies

    @property
    def tokens(self) -> dict[str, int]:
        """What it would cost, by system."""
        found: dict[str, int] = {}
        for line in self.costs:
            found[line['system']] = found.get(line['system'], 0) + line['tokens']
        return found


@dataclass
class _Seen:
    """What was seen so far."""

    notes: list[str]
    changes: list[Moved]
    calls: list[Planned]
    looked: int = 0


async def what_if(engine: Engine, act: Act, by: str = '', *, limit: int = LIMIT) -> WhatIf:
    """What carrying out an operator's act would do now. Raises Refused where it would be refused."""
    async with taken_back(engine) as connection:
        return await _look(engine, connection, act, by, limit)


async def _look(engine: Engine, connection: Connection, act: Act, by: str, limit: int) -> WhatIf:
    before = await engine.known(connection)
    async with _undone(connection):
        touched = await _touched(connection, await _carry_out(engine, connection, act, by))
        everybody = (await engine.known(connection)).revision != before.revision
    companies = await records.next_ids(connection, 0, limit) if everybody else sorted(touched)
    planned_before = {
        (each.system, each.record): each
        for page in _pages(companies)
        for each in await _plan(engine, connection, page, explained=False)
    }
    done = await _carry_out(engine, connection, act, by)
    known = await engine.known(connection)
    if not everybody:
        companies = sorted(touched | await _touched(connection, done))
    seen = _Seen(list(done.outcome.get('notes', ())), _knowledge_moved(before, known), [])
    seen.changes += await _moved(connection, [done.event_id])
    for page in _pages(companies):
        async with _undone(connection):
            seen.changes += await _follow(engine, connection, act, known, page, by)
            seen.calls += [each for each in await _plan(engine, connection, page) if _is_new(each, planned_before)]
        seen.looked += len(page)
    total = await records.count_live(connection) if everybody else len(companies)
    sent = [each for call in seen.calls for each in _fields_of(call, planned_before.get((call.system, call.record)))]
    return WhatIf(
        tuple(seen.notes), tuple(seen.changes[:TOLD]), len(seen.changes), tuple(sent[:TOLD]), len(sent),
        tuple(planned.total(seen.calls)), seen.looked, total,
    )  # fmt: skip


@asynccontextmanager
async def _undone(connection: Connection) -> AsyncIterator[None]:
    """What is done within is taken back, and its locks with it."""
    async with connection.transaction(force_rollback=True):
        yield


async def _touched(connection: Connection, done: Done) -> set[int]:
    """The companies that an act touched itself."""
    moved = await journal.of_events(connection, [done.event_id])
    refs = {RecordRef(*ref) for ref in done.outcome.get('dirty', ())}
    refs |= {RecordRef(row['record_type'], row['record_id']) for row in moved}
    graph = await graphs.load(connection, graphs.Wanted(records=refs), lock=False)
    return {company.ref.id for company in graph.companies()}


async def _plan(
    engine: Engine, connection: Connection, companies: Sequence[int], *, explained: bool = True
) -> list[Planned]:
    known = await engine.known(connection)
    shut = {name: await planned.closed(engine, connection, each, known) for name, each in engine.systems.items()}
    return await planned.of_companies(engine, connection, known, companies, None, shut, explained=explained)


async def _moved(connection: Connection, event_ids: Sequence[int]) -> list[Moved]:
    """What some events changed of records."""
    return [
        Moved(f'{row["record_type"]}:{row["record_id"]}', row['field'], row['old'], row['new'], row['rule'])
        for row in await journal.of_events(connection, event_ids)
    ]


async def _carry_out(engine: Engine, connection: Connection, act: Act, by: str) -> Done:
    """A changed field is as it is when its values are gathered, and nothing holds it up any more."""
    if isinstance(act, ChangeField):
        act = ChangeField(act.linked, act.machine_name, {'problem': '', **act.to})
    return await apply_command(engine, connection, act, by, marking=False)


def _pages(companies: Sequence[int]) -> list[list[int]]:
    return [list(companies[first : first + PAGE]) for first in range(0, len(companies), PAGE)]


async def _follow(
    engine: Engine, connection: Connection, act: Act, known: Knowledge, companies: list[int], by: str
) -> list[Moved]:
    """What follows an act on a field (sync/cataloguing.py): its values are gathered from what is known."""
    if isinstance(act, AddField):
        item = CustomField(**act.field)
    elif isinstance(act, ChangeField):
        item = find(known.catalogue, act.linked, act.machine_name)
    else:
        return []
    seen, _ = await cataloguing.said_before(engine, connection, item, companies)
    gathered = FillField(item.linked_object_type, item.machine_name, seen, companies)
    done = await _carry_out(engine, connection, gathered, by)
    return await _moved(connection, [done.event_id])


def _knowledge_moved(before: Knowledge, after: Knowledge) -> list[Moved]:
    """Settings and fields that are others."""
    names = sorted(before.settings.keys() | after.settings.keys())
    settings = [(name, before.settings.get(name), after.settings.get(name)) for name in names]
    told = [
        Moved('setting', name, _effective(name, old), _effective(name, new))
        for name, old, new in settings
        if old != new
    ]
    old_fields, new_fields = ({label(item): asdict(item) for item in each.catalogue.custom} for each in (before, after))
    for name in sorted(old_fields.keys() | new_fields.keys()):
        old, new = old_fields.get(name, {}), new_fields.get(name, {})
        told += [
            Moved(f'field {name}', key, old.get(key), new.get(key))
            for key in dict.fromkeys(chain(old, new))
            if old.get(key) != new.get(key) and FILLING not in (old.get(key), new.get(key))
        ]
    return told


def _effective(name: str, value: Value) -> Value:
    """What holds where nobody has set it."""
    return KEYS[name].default if value is None and name in KEYS else value


def _is_new(each: Planned, before: dict[tuple[str, RecordRef], Planned]) -> bool:
    """Whether it is another call than was to be made anyway."""
    old = before.get((each.system, each.record))
    return old is None or (old.op, old.type) != (each.op, each.type) or bool(_fields_of(each, old))


def _fields_of(each: Planned, old: Planned | None) -> list[Sent]:
    """What goes out that was not to go out anyway; a deletion goes out as a whole."""
    if old is not None and old.op == each.op and not each.differences:
        return []
    known = {item.field: item.would_be for item in old.differences} if old is not None and old.op == each.op else {}
    said = [item for item in each.differences if item.field not in known or known[item.field] != item.would_be]
    if not each.differences:
        return [Sent(each.system, each.record, each.op, '', each.remote_id, None, '', each.waits)]
    return [
        Sent(each.system, each.record, each.op, item.field, item.shows, item.would_be, item.rule, each.waits)
        for item in said
    ]
