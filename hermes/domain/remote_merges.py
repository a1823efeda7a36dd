"""Merges: one remote object went into another one, so two records are one from now on (PD-MERGE-1, PD-MERGE-2).

The loser's record becomes an alias of the survivor's: its links, its children and its first values move, and whatever
is told of it later lands on the survivor. The facts may come in any order and any number of times: what stands in the
end is the same (I5), and nothing that was merged away comes back (I16).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hermes.domain.applied import Applied, ask
from hermes.domain.graph import Context, Graph
from hermes.domain.history import absorbed, blank
from hermes.domain.identity import addresses
from hermes.domain.merge import settle_fields
from hermes.domain.model import (
    UNSETTLED,
    UNTOLD,
    Change,
    Decree,
    Mirror,
    Observation,
    Record,
    RecordRef,
    RemoteRef,
    Version,
)  # fmt: skip
from hermes.domain.record_types import MERGED, UNDER_COMPANY
from hermes.domain.tombstones import bury, hanging, lift
from hermes.parts.roles import CRM, PRODUCT

ASKED_OF: Final = ('duplicate', 'identity', 'match', 'merged?')
"""Kinds of decisions about one remote object, which end when it is merged."""
RULE: Final = 'PD-MERGE-1'
NAMES: Final = {name: f'{name}_id' for name in MERGED}
"""Under which attribute our other records name one of this type."""
SAID_FIRST: Final = ('initial', 'fallback')
"""Claims that hold values."""
NAMED_BY: Final = {
    'person': 'contact_id', 'organization': 'company_id', 'pipeline': 'pipeline_id', 'stage': 'stage_id',
}  # fmt: skip
"""Under which field other objects of the CRM name one of this type."""


def observe_merge(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """The loser's own webhook (a `delete` with merged_to_id). The survivor is read: its values came with the merge,
    and its own webhook may never come (PD-MERGE-2).
    """
    survivor = seen.ref._replace(remote_id=str(seen.merged_into))
    second = seen.version.seconds
    within = (Version(second - 1, UNSETTLED), Version(second, UNSETTLED))
    absorb(graph, seen.ref, survivor, within, context, done)
    kept = graph.mirrors.get(survivor)
    if kept is not None and kept.live:
        ask(graph, survivor, context, after_s=1 if kept.runs else 0)
    done.note(f'{seen.ref.type} {seen.ref.remote_id} was merged into {seen.merged_into}')


def absorb(
    graph: Graph, loser: RemoteRef, survivor: RemoteRef, versions: tuple[Version, ...], context: Context, done: Applied
) -> None:
    """`loser` went into `survivor`. `versions`: where the survivor was written by that, or (UNSETTLED) the seconds in
    which it may have been; that is no person's edit (PD-MERGE-2).
    """
    if _leads_to(graph, survivor, loser):
        done.note(
            f'{loser.type} {loser.remote_id} and {survivor.remote_id} are merged in a circle: it is left as it is'
        )
        return
    gone = graph.mirrors.get(loser) or blank(loser)
    if gone.merged_into is None:
        graph.put_mirror(replace(gone, merged_into=survivor.remote_id, primary=False, reread_at=None))
    kept = graph.mirrors.get(survivor) or blank(survivor)
    written = absorbed(kept, loser.remote_id, versions)
    if written != kept or survivor not in graph.mirrors:
        graph.put_mirror(written)
    done.closed += [(kind, f'{kind}:{":".join(loser)}') for kind in ASKED_OF]
    done.closed += [(kind, f'{kind}:{":".join(survivor)}') for kind in ASKED_OF if kind != 'merged?']
    join(graph, loser, context, done)
    done.changes += fill_references(graph, loser, context, done)


def _leads_to(graph: Graph, start: RemoteRef, end: RemoteRef) -> bool:
    """Whether they are one object, or the merges that are known lead from one to the other."""
    found = graph.resolve(start)
    return start == end or (found is not None and found.ref == end)


def join(graph: Graph, loser: RemoteRef, context: Context, done: Applied) -> None:
    """Bring together the records of a merged object and of what is left of it."""
    gone, kept = graph.mirrors[loser], graph.resolve(loser)
    if kept is None or kept.merged_into is not None:
        return
    mine, theirs = graph.record(gone.record), graph.record(kept.record)
    if mine is None:
        if theirs is not None:
            graph.put_mirror(replace(gone, record=theirs.ref, primary=False))
        return
    apart = theirs is None or theirs.ref != mine.ref
    if apart and gone.deleted is not None and mine.tombstone is not None and mine.tombstone.kind == 'crm':
        lift(graph, mine, CRM, 'PD-MERGE-2', context, done)
        mine = graph.records[mine.ref]
    done.remember(graph, mine)
    if theirs is None:
        _relink(graph, mine, kept, context, done)
    elif theirs.ref != mine.ref:
        other = graph.primary(mine.ref, loser.system)
        if other is None or other.ref == kept.ref:
            unite(graph, mine, theirs, RULE, context, done)
        else:
            graph.put_mirror(replace(gone, record=theirs.ref, primary=False))


def fill_references(graph: Graph, ref: RemoteRef, context: Context, done: Applied) -> list[Change]:
    """PD-DEAL-2, PD-PER-4, PD-STAGE-1: what names this object, in whichever company, finds it now."""
    changes: list[Change] = []
    name = NAMED_BY.get(ref.type, '')
    for mirror in list(graph.mirrors.values()) if name and ref.system == CRM else ():
        record = graph.record(mirror.record) if mirror.ref.type in ('person', 'deal', 'stage') else None
        named = mirror.current(name)
        if record is not None and named and _leads_to(graph, ref._replace(remote_id=str(named)), ref):
            done.remember(graph, record)
            changes += settle_fields(graph, record, context)
            done.remember(graph, graph.records[record.ref])
    return changes


def _relink(graph: Graph, record: Record, kept: Mirror, context: Context, done: Applied) -> None:
    """PD-MERGE-1: the survivor is nobody's yet, so it is the loser's record from now on."""
    primary = graph.primary(record.ref, kept.ref.system) is None
    graph.put_mirror(replace(kept, record=record.ref, primary=primary))
    done.changes.append(
        Change(record.ref, f'{kept.ref.system} link', None, f'{kept.ref.type} {kept.ref.remote_id}', CRM, RULE)
    )
    if kept.deleted is not None and not kept.live:
        bury(graph, record, 'crm', Observation(kept.ref, 'deleted', kept.deleted), context, done)
    elif not kept.runs:
        ask(graph, kept.ref, context)
    done.changes += settle_fields(graph, graph.records[record.ref], context)


def unite(graph: Graph, loser: Record, survivor: Record, rule: str, context: Context, done: Applied) -> None:
    """Two records become one: `loser` is an alias of `survivor` from now on, and everything of it moves."""
    done.remember(graph, loser)
    done.remember(graph, survivor)
    _agree_on_tombstone(graph, loser, survivor, context, done)
    moved_up = _move_links(graph, loser.ref, survivor.ref, rule, done)
    moved = _move_children(graph, loser, survivor, rule, done)
    kept = graph.records[survivor.ref]
    graph.put_record(replace(kept, claims=replace(kept.claims, **_said_first(loser, kept))))
    claims = replace(loser.claims, undecided=UNTOLD)
    graph.put_record(replace(graph.records[loser.ref], alias_of=survivor.ref.id, tombstone=None, claims=claims))
    done.changes += [
        Change(loser.ref, 'alias of', None, survivor.ref.id, CRM, rule),
        Change(survivor.ref, 'merged', None, loser.ref.id, CRM, rule),
    ]
    if moved_up:
        before = done.before[survivor.ref]
        told = {**before.fields, 'tc2_status': loser.fields.get('tc2_status')}
        done.before[survivor.ref] = replace(before, fields=told)
    done.changes += settle_fields(graph, graph.records[survivor.ref], context)
    for ref in moved:
        done.changes += settle_fields(graph, graph.records[ref], context)
    if survivor.ref.type == 'company':
        _join_people(graph, survivor.ref, moved, context, done)
    done.remember(graph, graph.records[survivor.ref])


def _said_first(loser: Record, kept: Record) -> dict[str, Any]:
    """What both were told before any system spoke; the survivor's own stands. Of two decrees the newer one (D-22)."""
    both = {kind: {**getattr(loser.claims, kind), **getattr(kept.claims, kind)} for kind in SAID_FIRST}
    decrees = dict(kept.claims.decree)
    for name, decree in loser.claims.decree.items():
        mine = decrees.get(name)
        if decree.by_hand and (mine is None or (mine.by_hand and _said_at(mine) < _said_at(decree))):
            decrees[name] = decree
    both['decree'] = decrees
    return {kind: told for kind, told in both.items() if told}


def _said_at(decree: Decree) -> tuple[Version, int]:
    return decree.after, decree.event_id


def join_listed(graph: Graph, seen: Observation, record: Record, context: Context, done: Applied) -> Record:
    """D-15: the survivor of a merge lists the ids of all who went into it. One of them may be a creation of ours whose
    outcome nobody knows yet: it is what was merged away, and is not made again (OUT-4).
    """
    for number in seen.fields.get('hermes_id') or () if graph.mirrors[seen.ref].merges else ():
        other = graph.record(RecordRef(record.ref.type, number))
        if other is not None and other.ref != record.ref and (other.ref, seen.ref.system) in graph.creating:
            unite(graph, other, record, 'PD-MERGE-1 hermes_id', context, done)
            record = graph.records[record.ref]
    return record


def _agree_on_tombstone(graph: Graph, loser: Record, survivor: Record, context: Context, done: Applied) -> None:
    """What one of them still has is alive: TC2's tombstone stands when both have it. What the CRM deleted stays
    deleted, with whatever went into it.
    """
    stone, company = survivor.tombstone, graph.company(survivor)
    under_stone = company is not None and company.ref != survivor.ref and company.gone
    if stone is None:
        if loser.tombstone is not None and loser.tombstone.kind != 'erased' and not under_stone:
            lift(graph, loser, CRM, RULE, context, done)
        return
    if stone.kind == 'tc2' and not loser.gone and not under_stone:
        lift(graph, survivor, CRM, RULE, context, done)
        return
    at = max((Version(*version) for key, version in stone.seen.items() if key.startswith(CRM)), default=Version(-1, 0))
    for child in hanging(graph, loser.ref.id, stone.kind, context) if loser.ref.type == 'company' else ():
        own = loser.tombstone.event_id if loser.tombstone else 0
        if child.tombstone is None:
            bury(graph, child, stone.kind, Observation(RemoteRef(CRM, '', ''), 'deleted', at), context, done)
        elif child.tombstone.event_id != own:
            continue
        buried = graph.records[child.ref]
        if buried.tombstone is not None:
            same = replace(buried.tombstone, kind=stone.kind, event_id=stone.event_id, at=stone.at)
            graph.put_record(replace(buried, tombstone=same))


def _move_links(graph: Graph, loser: RecordRef, survivor: RecordRef, rule: str, done: Applied) -> bool:
    """Every remote object of the loser is the survivor's: a secondary one, unless there was none that is alive.

    Returns whether a TC2 object moved up to be the primary one.
    """
    moved_up = False
    for mirror in graph.mirrors_of(loser):
        system = mirror.ref.system
        marked = [other for other in graph.mirrors_of(survivor, system) if other.primary]
        alive = [other for other in marked if other.live]
        primary = mirror.primary and mirror.merged_into is None and not (alive or (marked and not mirror.live))
        if primary:
            for other in marked:
                graph.put_mirror(replace(other, primary=False))
            moved_up |= system == PRODUCT
        graph.put_mirror(replace(mirror, record=survivor, primary=primary))
        link = f'{mirror.ref.type} {mirror.ref.remote_id}'
        note = '' if primary else 'merged away' if mirror.merged_into else 'secondary'
        done.changes.append(Change(survivor, f'{system} link', None, link, CRM, rule, note))
    return moved_up


def _move_children(graph: Graph, loser: Record, survivor: Record, rule: str, done: Applied) -> list[RecordRef]:
    """What hung under the loser, or named it, does so with the survivor. Returns what moved."""
    name = NAMES.get(loser.ref.type)
    if name is None:
        return []
    moved = []
    for child in list(graph.records.values()):
        if child.ref.type not in UNDER_COMPANY or child.fields.get(name) != loser.ref.id:
            continue
        done.remember(graph, child)
        claims = child.claims
        for kind in SAID_FIRST:
            said: Mapping[str, Any] = getattr(claims, kind)
            if name in said:
                moves: dict[str, Any] = {kind: {**said, name: replace(said[name], value=survivor.ref.id)}}
                claims = replace(claims, **moves)
        if name in claims.decree and claims.decree[name].value == loser.ref.id:
            moved_to = replace(claims.decree[name], value=survivor.ref.id)
            claims = replace(claims, decree={**claims.decree, name: moved_to})
        company_id = survivor.ref.id if name == 'company_id' else child.company_id
        fields = {**child.fields, name: survivor.ref.id}
        graph.put_record(replace(child, fields=fields, claims=claims, company_id=company_id))
        if child.alias_of is None:
            done.changes.append(Change(child.ref, name, loser.ref.id, survivor.ref.id, CRM, rule))
            moved.append(child.ref)
    return moved


def _join_people(graph: Graph, company: RecordRef, moved: list[RecordRef], context: Context, done: Applied) -> None:
    """MATCH-3 after a merge: somebody whom only TC2 knows and somebody whom only the CRM knows, with one e-mail, are
    one person: nobody is made in the CRM twice.
    """
    contacts = [each for each in graph.children(company.id, 'contact') if not each.gone]
    only_here = [each for each in contacts if not graph.linked(each.ref, CRM) and (each.ref, CRM) not in graph.creating]
    for one in only_here:
        theirs = addresses(graph, one)
        found = [
            other
            for other in contacts
            if not theirs.isdisjoint(addresses(graph, other))
            and (one.ref in moved) != (other.ref in moved)
            and graph.linked(other.ref, CRM)
            and not any(mirror.live for mirror in graph.mirrors_of(other.ref, PRODUCT))
        ]
        if len(found) == 1:
            unite(graph, graph.records[one.ref], graph.records[found[0].ref], 'MATCH-3 e-mail', context, done)
