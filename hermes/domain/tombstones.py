"""Deletions and what takes them back (D-2): tombstones by TC2, by the CRM and by operators, links that move up,
revivals.

A tombstone hides a record and what hangs under it; rows and journal stay. Nothing older than it takes it back (I16).
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from hermes.domain.applied import Applied
from hermes.domain.graph import Context, Graph
from hermes.domain.merge import merge, settle_fields
from hermes.domain.model import OPERATOR, Change, Mirror, Observation, Record, RecordRef, Tombstone, Version
from hermes.domain.record_types import PARTS, SHARED, UNDER_COMPANY
from hermes.domain.rules import Ruled, assign, decree
from hermes.parts.roles import CRM, PRODUCT, ROLES

BURIED: Final = {'crm': UNDER_COMPANY, OPERATOR: UNDER_COMPANY}
"""Who deleted a company -> what goes with it; with TC2 it is its contacts alone."""


def lay_down(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """TC-3, PD-ORG-3, PD-PER-5, PD-DEAL-4, PD-PIPE-3: the object is deleted at its source."""
    known = graph.mirrors.get(seen.ref)
    merge(graph, None, seen, context)
    mirror = graph.mirrors[seen.ref]
    record = graph.record(mirror.record) or _being_made(graph, seen)
    if record is None:
        done.note(f'{seen.ref.type} {seen.ref.remote_id} is unknown here')
        return
    if mirror.record is None:
        mirror = replace(mirror, record=record.ref, primary=True)
        graph.put_mirror(mirror)
    survivor = seen.kind == 'missing' and any(
        other.merged_into == seen.ref.remote_id for other in graph.mirrors_of(record.ref, seen.ref.system)
    )
    if mirror.live or (seen.kind == 'missing' and not survivor):
        done.note('older than what is known' if mirror.live and seen.kind == 'deleted' else 'the object was not found')
        return
    done.remember(graph, record)
    if known is not None and not known.live:
        return
    link, further = f'{seen.ref.type} {seen.ref.remote_id}', seen.ref.system not in ROLES
    done.changes.append(Change(record.ref, f'{seen.ref.system} link', link, None, seen.ref.system, 'deleted there'))
    if record.ref.type in SHARED:
        ruled = Ruled()
        assign(graph, record.ref, {'active': False} if record.ref.type == 'admin' else {'archived': True}, 'D-8', ruled)
        done.changes += ruled.changes
    elif further or seen.ref.type == 'recipient' or mirror.deleted_by == 'hermes' or not mirror.primary:
        promote(graph, record.ref, seen.ref.system, context, done)
    elif seen.ref.type == 'client' and any(other.live for other in graph.mirrors_of(record.ref, PRODUCT)):
        promote(graph, record.ref, PRODUCT, context, done)
    else:
        bury(graph, record, 'tc2' if seen.ref.system == PRODUCT else 'crm', seen, context, done)


def _being_made(graph: Graph, seen: Observation) -> Record | None:
    """The record whose creation has no outcome yet, when what it made is deleted already: it is not made again."""
    record = graph.record(seen.record) if seen.kind == 'deleted' else None
    return record if record is not None and (record.ref, seen.ref.system) in graph.creating else None


def promote(graph: Graph, ref: RecordRef, system: str, context: Context, done: Applied) -> None:
    """When the primary object is gone, a live secondary one moves up."""
    if graph.primary(ref, system) is not None:
        return
    live = [mirror for mirror in graph.mirrors_of(ref, system) if mirror.live]
    if live:
        for mirror in graph.mirrors_of(ref, system):
            if mirror.primary:
                graph.put_mirror(replace(mirror, primary=False))
        graph.put_mirror(replace(live[0], primary=True))
        done.changes.append(
            Change(ref, f'{system} link', None, f'{live[0].ref.type} {live[0].ref.remote_id}', system, 'PD-MERGE-1')
        )
        done.changes += settle_fields(graph, graph.records[ref], context)


def keep_one_primary(graph: Graph, mirror: Mirror, record: Record, context: Context, done: Applied) -> None:
    """An object that came back is a secondary one where another has taken its place; where none has, it moves up."""
    others = [other for other in graph.mirrors_of(record.ref, mirror.ref.system) if other.ref != mirror.ref]
    if not any(other.primary and other.live for other in others):
        promote(graph, record.ref, mirror.ref.system, context, done)
    elif mirror.primary:
        graph.put_mirror(replace(mirror, primary=False))


def goes_with(kind: str) -> tuple[str, ...]:
    """The types under a company that a deletion of this kind takes along."""
    return BURIED.get(kind, ('contact',))


def hanging(graph: Graph, company_id: int, kind: str, context: Context) -> list[Record]:
    """What goes with a company: a call only when it is over (PD-ORG-3); somebody waits for one that is to come."""
    return [
        child
        for part in goes_with(kind)
        for child in graph.children(company_id, part)
        if part != 'meeting' or datetime.fromisoformat(child.fields['end_at']) <= context.now
    ]


def bury(graph: Graph, record: Record, kind: str, seen: Observation, context: Context, done: Applied) -> None:
    """A tombstone on a record and on what hangs under it (D-2); rows and journal stay. What its system said before
    the deletion is older than the tombstone, for every record under it. What the CRM deleted by itself while it lay
    under another's tombstone has its own from now on, and does not come back with that (I16).
    """
    under = [record]
    if record.ref.type == 'company':
        under += hanging(graph, record.ref.id, kind, context)
    before = record.tombstone
    for each in under:
        with_it = before is not None and each.tombstone is not None and each.tombstone.event_id == before.event_id
        if each.tombstone is not None and not (with_it and kind == 'crm' and each.tombstone.kind in ('crm', 'tc2')):
            continue
        known = {
            ':'.join(mirror.ref): max(mirror.version, seen.version)
            if mirror.ref.system == seen.ref.system
            else mirror.version
            for mirror in graph.mirrors_of(each.ref)
        }
        graph.put_record(
            replace(graph.records[each.ref], tombstone=Tombstone(kind, context.now, context.event_id, known))
        )
        by_crm = {'contact': 'PD-PER-5', 'deal': 'PD-DEAL-4'}.get(record.ref.type, 'PD-ORG-3')
        system, rule = {'tc2': (PRODUCT, 'TC-3'), OPERATOR: (OPERATOR, 'D-2')}.get(kind, (CRM, by_crm))
        old = each.tombstone.kind if each.tombstone else None
        done.changes.append(Change(each.ref, 'tombstone', old, kind, system, rule))
        if each.ref.type == 'deal' and kind != OPERATOR:
            ruled = Ruled()
            decree(graph, each.ref, 'status', 'deleted', rule, ruled)
            done.changes += ruled.changes


def _signed_up_again(stone: Tombstone, mirror: Mirror, seen: Observation) -> bool:
    """The agency has a new client, which nobody knew at the burial and which is newer than it."""
    if seen.ref.type != 'client' or not mirror.primary or ':'.join(seen.ref) in stone.seen:
        return False
    buried = [Version(*version) for key, version in stone.seen.items() if key.startswith(f'{PRODUCT}:client:')]
    return seen.version > max(buried, default=seen.version)


def revive(graph: Graph, record: Record, mirror: Mirror, seen: Observation, context: Context, done: Applied) -> None:
    """D-2: what takes a tombstone back. Nothing older than it does, and nothing revives what was erased."""
    stone = record.tombstone
    if stone is None or stone.kind == 'erased':
        return
    at_burial = stone.seen.get(':'.join(seen.ref), Version(-1, 0))
    newer = seen.version > Version(*at_burial)
    if stone.kind in ('tc2', OPERATOR):
        revived = seen.ref.system == CRM and newer and not (seen.by_api or seen.merged_from)
        revived = revived and seen.origin == 'webhook'
        if stone.kind == 'tc2':
            revived = revived or seen.kind == 'recovered' or _signed_up_again(stone, mirror, seen)
    else:
        revived = seen.ref.system == CRM and newer
    parent = graph.company(record)
    if record.ref.type != 'company' and parent is not None and parent.gone:
        revived = False
    if not revived:
        done.note(f'the record stays deleted ({stone.kind})')
        return
    lift(graph, record, seen.ref.system, 'D-2', context, done)


def lift(graph: Graph, record: Record, system: str, rule: str, context: Context, done: Applied) -> None:
    """Take a tombstone away, with those of the same burial under it."""
    stone = record.tombstone
    if stone is None:
        return
    under = [record]
    if record.ref.type == 'company':
        under += [child for part in BURIED['crm'] for child in graph.children(record.ref.id, part)]
    for each in under:
        if each.tombstone is None or each.tombstone.event_id != stone.event_id:
            continue
        claims = each.claims
        if each.ref.type == 'deal' and stone.kind != OPERATOR:
            claims = replace(claims, decree={name: it for name, it in claims.decree.items() if name != 'status'})
        graph.put_record(replace(graph.records[each.ref], tombstone=None, claims=claims))
        done.changes.append(Change(each.ref, 'tombstone', each.tombstone.kind, None, system, rule))
        done.changes += settle_fields(graph, graph.records[each.ref], context)


def rehome(graph: Graph, company: Record) -> None:
    """D-2: what stands in the CRM without its organisation moves to the one that is made anew."""
    if graph.linked(company.ref, CRM):
        return
    for part in PARTS:
        for child in graph.children(company.ref.id, part):
            mirror = graph.primary(child.ref, CRM)
            if mirror is not None and not child.gone:
                graph.put_record(replace(child, claims=replace(child.claims, rehomed=mirror.version)))
