"""A person's acts on admins: make, change, take back, remove. Each is an event like any other (SETUP-3).

A removed admin keeps what refers to them (companies, past calls) and is nobody's choice any more; to save them again
takes them back.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hermes.db import graphs, occupancy
from hermes.db.catalogue import Knowledge, bump
from hermes.domain.acts import RemoveAdmin, SaveAdmin
from hermes.domain.config import KEYS
from hermes.domain.errors import Refused
from hermes.domain.graph import Graph
from hermes.domain.model import Change, Record, RecordRef, Tombstone
from hermes.domain.staff import IDS, check_staff, full_name, named_alike
from hermes.sync.acts import steps
from hermes.sync.acts.scope import Outcome, Scope

RULE: Final = 'SETUP-3'
BY: Final = 'operator'


async def save(scope: Scope, act: SaveAdmin) -> Outcome:
    """Write an admin, known by its id, else by its e-mail, its TC2 id or its CRM user id (D-10: 0 means none)."""
    connection, event, known = scope.connection, scope.event, scope.known
    fields = check_staff(act.fields)
    number = find(act.id, fields, known)
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
    await _store(scope, record, changes)
    meetings = await occupancy.find_coming(connection, number) if changes else []
    came = old is None or old.tombstone is not None
    back = steps.joined(number) if came else steps.admin(number, {change.field: change.old for change in changes})
    return {
        'notes': [f'admin {number}'],
        'id': number,
        'dirty': [['meeting', each] for each in meetings],
        'undo': [back] if changes else [],
    }


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
            who = full_name(admins[other]) or 'somebody'
            raise Refused(f'{name}: the {IDS[name]} {fields[name]} belongs to {who} (ID: {other}) already.')
    return number


async def remove(scope: Scope, act: RemoveAdmin) -> Outcome:
    """Nobody is given to them any more. Raises Refused while calls are planned with them, or a setting names them."""
    number, known = act.id, scope.known
    old = known.directory.admins.get(number)
    if old is None or old.gone:
        raise Refused(f'There is no admin {number}.')
    coming = await occupancy.find_coming(scope.connection, number)
    if coming:
        some = ', '.join(str(each) for each in coming[:3]) + (', ...' if len(coming) > 3 else '')
        raise Refused(f'{len(coming)} calls are planned with admin {number} ({some}): cancel or move them first.')
    using = [key.name for key in KEYS.values() if key.type == 'admin' and known.settings.get(key.name) == number]
    if using:
        raise Refused(f'The setting {using[0]} names admin {number}: change it first.')
    record = replace(old, tombstone=Tombstone(BY, scope.event.received_at, scope.event.id))
    await _store(scope, record, [Change(record.ref, 'tombstone', None, BY, BY, RULE)])
    return {'notes': [f'admin {number} was removed'], 'id': number, 'undo': [steps.left(number)]}


async def _store(scope: Scope, record: Record, changes: list[Change]) -> None:
    graph = Graph()
    graph.put_record(record)
    await graphs.commit(scope.connection, graph, graphs.Effects.of(changes, scope.event.id), scope.event)
    await bump(scope.connection, 'directory')
