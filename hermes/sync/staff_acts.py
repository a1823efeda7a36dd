"""A person's acts on admins: make, change, take back, remove. Each is an event like any other (SETUP-3).

A removed admin keeps what refers to them (companies, past calls) and is nobody's choice any more; to save them again
takes them back.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from hermes.db import diary, graphs
from hermes.db.catalogue import Knowledge, bump
from hermes.db.pool import Connection
from hermes.domain.config import KEYS
from hermes.domain.errors import Refused
from hermes.domain.graph import Graph
from hermes.domain.model import Change, Event, Record, RecordRef, Tombstone
from hermes.domain.staff import IDS, check_staff, named_alike

Outcome = dict[str, Any]
Act = Callable[[Connection, Event, Mapping[str, Any], Knowledge], Awaitable[Outcome]]
RULE: Final = 'SETUP-3'
BY: Final = 'operator'


async def _save(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """Write an admin, known by its id, else by its e-mail, its TC2 id or its CRM user id (D-10: 0 means none)."""
    fields = check_staff(told['fields'])
    number = find(told.get('id'), fields, known)
    old = known.directory.admins.get(number) if number else None
    number = number or (await graphs.allocate_ids(connection, 1))[0]
    before = dict(old.fields) if old else {}
    record = replace(
        old or Record(RecordRef('admin', number), born_event=event.id),
        fields={'active': True, **before, **fields},
        tombstone=None,
    )
    changes = [
        Change(record.ref, name, before.get(name), value, BY, RULE)
        for name, value in fields.items()
        if before.get(name) != value
    ]
    if old is None:
        changes.insert(0, Change(record.ref, 'born', None, RULE, BY, RULE))
    elif old.tombstone is not None:
        changes.insert(0, Change(record.ref, 'tombstone', old.tombstone.kind, None, BY, RULE))
    await _store(connection, record, changes, event)
    meetings = await diary.find_coming(connection, number) if changes else []
    return {'notes': [f'admin {number}'], 'id': number, 'dirty': [['meeting', each] for each in meetings]}


def find(asked: int | None, fields: Mapping[str, Any], known: Knowledge) -> int | None:
    """The admin that is meant: by the id, else by what names a person. Raises Refused where several are named, or an
    address or an id belongs to somebody else.
    """
    admins = {number: admin.fields for number, admin in known.directory.admins.items() if admin.alias_of is None}
    if asked is not None and asked not in admins:
        raise Refused(f'There is no admin {asked}.')
    named = named_alike(fields, admins)
    number = asked if asked is not None else next(iter(named.values()), None)
    for name, other in named.items():
        if other != number:
            who = ' '.join(str(admins[other][part]) for part in ('first_name', 'last_name') if admins[other].get(part))
            raise Refused(
                f'{name}: the {IDS[name]} {fields[name]} belongs to {who or "somebody"} (ID: {other}) already.'
            )
    return number


async def _remove(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """Nobody is given to them any more. Raises Refused while calls are planned with them, or a setting names them."""
    number = int(told['id'])
    old = known.directory.admins.get(number)
    if old is None or old.gone:
        raise Refused(f'There is no admin {number}.')
    coming = await diary.find_coming(connection, number)
    if coming:
        some = ', '.join(str(each) for each in coming[:3]) + (', ...' if len(coming) > 3 else '')
        raise Refused(f'{len(coming)} calls are planned with admin {number} ({some}): cancel or move them first.')
    using = [key.name for key in KEYS.values() if key.type == 'admin' and known.settings.get(key.name) == number]
    if using:
        raise Refused(f'The setting {using[0]} names admin {number}: change it first.')
    record = replace(old, tombstone=Tombstone(BY, event.received_at, event.id))
    await _store(connection, record, [Change(record.ref, 'tombstone', None, BY, BY, RULE)], event)
    return {'notes': [f'admin {number} was removed'], 'id': number}


async def _store(connection: Connection, record: Record, changes: list[Change], event: Event) -> None:
    graph = Graph()
    graph.put_record(record)
    await graphs.store(connection, graph, {}, event.id)
    await graphs.journal(connection, [(change, event.id) for change in changes], event.received_at)
    await bump(connection, 'directory')


STAFF_ACTS: Final[Mapping[str, Act]] = {'admin.save': _save, 'admin.remove': _remove}
