"""What an operator writes, makes, deletes and takes back (D-22, D-2): pure functions on the graph, as in any replay.

A value that an operator writes is a decree: it stands over what every system says and goes out, until a person writes
that field in the CRM afterwards, or somebody releases it. When that is follows from the versions of what was seen, not
from the order in which it came (I5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import NEVER
from hermes.domain.merge import NOTHING, believe, decreed, settle_fields, standing_edit
from hermes.domain.model import (
    OPERATOR,
    ByField,
    Change,
    Decree,
    Observation,
    Record,
    RecordRef,
    RemoteRef,
    Tombstone,
    Value,
    Version,
)  # fmt: skip
from hermes.domain.rules import DELETION, claim, kept_despite_deletion, unclaim
from hermes.domain.tombstones import bury, lift, rehome
from hermes.parts.roles import CRM, PRODUCT, PRODUCT_TITLE

RULE: Final = 'D-22'
RELEASE: Final = 'release'
UNDO: Final = 'ADM-13'
ERASED: Final = 'erased'
STONES: Final = {
    'tc2': f'was deleted in {PRODUCT_TITLE}: recover it there, and it comes back here',
    ERASED: 'was erased: nothing brings it back',
}
"""Who deleted it -> why it cannot be restored here (D-2)."""


def moment(at: datetime) -> Version:
    """A moment as a version of the CRM's: what was written there later is newer."""
    return Version(int(at.timestamp()), int(at.timestamp() * 1000))


def write(
    graph: Graph, ref: RecordRef, values: Mapping[str, Value], reason: str, context: Context, done: Applied
) -> None:
    """D-22: these values stand from now on, whatever any system says. Each is a line of the journal, changed or not."""
    record = graph.records[ref]
    done.remember(graph, record)
    crm = graph.voice(ref, CRM)
    after = max(crm.version if crm else NEVER, moment(context.now))
    for name, value in values.items():
        claim(graph, ref, 'decree', name, Decree(value, after, RULE, OPERATOR, reason, context.event_id))
        if name in record.claims.substituted:
            unclaim(graph, ref, 'substituted', name)
    done.changes += _told(graph, record, values, RULE, reason, settle_fields(graph, graph.records[ref], context))
    done.remember(graph, graph.records[ref])


def _told(
    graph: Graph, before: Record, names: Iterable[str], rule: str, note: str, changes: list[Change]
) -> list[Change]:
    """The changes, and a line for each of these fields that says what it said before."""
    changed = {change.field for change in changes}
    now = graph.records[before.ref].fields
    return changes + [
        Change(before.ref, name, before.fields.get(name), now.get(name), OPERATOR, rule, note)
        for name in names
        if name not in changed
    ]


def release(graph: Graph, ref: RecordRef, name: str, context: Context, done: Applied) -> str:
    """FIELD-2, D-22: a decree ends, else a person's edit in the CRM no longer holds the field. Returns what was let go.
    Raises Refused where nothing holds it.
    """
    record, crm = graph.records[ref], graph.voice(ref, CRM)
    done.remember(graph, record)
    if name in decreed(graph, record):
        unclaim(graph, ref, 'decree', name)
        done.changes += _let_go(graph, record, name, None, RELEASE, context)
        done.remember(graph, graph.records[ref])
        return 'the decree'
    if crm is None:
        raise Refused(f'{ref.type} {ref.id} has no field {name} that the CRM could hold.')
    if standing_edit(record, name, crm, graph.voice(ref, PRODUCT)) is None:
        raise Refused(f'{name} is not held back by an edit: there is nothing to release.')
    claim(graph, ref, 'released', name, crm.version)
    done.changes += [replace(change, rule=RELEASE) for change in settle_fields(graph, record, context)]
    return 'the edit'


def _let_go(graph: Graph, before: Record, name: str, nothing: Value, rule: str, context: Context) -> list[Change]:
    """What the systems say of a field stands again, `nothing` where none of them ever said anything."""
    ref = before.ref
    changes = settle_fields(graph, graph.records[ref], context)
    record = graph.records[ref]
    attribute = context.catalogue.attributes(ref.type)[name]
    if believe(graph, record, attribute, context) is NOTHING and record.fields.get(name) != nothing:
        graph.put_record(replace(record, fields={**record.fields, name: nothing}))
        changes.append(Change(ref, name, before.fields.get(name), nothing, OPERATOR, rule))
    changes = [replace(change, rule=rule) if change.field == name else change for change in changes]
    return _told(graph, before, (name,), rule, '', changes)


@dataclass(frozen=True, slots=True)
class Held:
    """What held a field at some time: a decree, and up to which version edits were released."""

    decree: Decree | None
    released: Version | None


def give_back(
    graph: Graph, ref: RecordRef, name: str, held: Held, old: Value, reason: str, context: Context, done: Applied
) -> None:
    """ADM-13: a field is held as it was before an act, and says what it would say without that. What the CRM owns says
    by now what the act had sent there: then what it said before, `old`, is decreed.
    """
    before = graph.records[ref]
    done.remember(graph, before)
    kinds: tuple[tuple[ByField, Any], ...] = (('decree', held.decree), ('released', held.released))
    for kind, value in kinds:
        if value is not None:
            claim(graph, ref, kind, name, value)
        elif name in getattr(graph.records[ref].claims, kind):
            unclaim(graph, ref, kind, name)
    changes = _let_go(graph, before, name, old, UNDO, context)
    now = graph.records[ref].fields.get(name)
    if held.decree is None and now == before.fields.get(name) != old:
        write(graph, ref, {name: old}, reason, context, done)
    else:
        done.changes += changes
    done.remember(graph, graph.records[ref])


def delete(graph: Graph, ref: RecordRef, context: Context, done: Applied) -> str:
    """D-2: an operator's tombstone, on what hangs under it too. What speaks against deleting it in the CRM becomes a
    question (S21), and is returned. Raises Refused.
    """
    record = graph.records[ref]
    refuse_gone(record)
    done.remember(graph, record)
    bury(graph, record, OPERATOR, Observation(RemoteRef(CRM, '', ''), 'deleted', moment(context.now)), context, done)
    reason = kept_despite_deletion(graph, graph.records[ref])
    if reason and any(mirror.live for mirror in graph.mirrors_of(ref, CRM)):
        key = f'{_question(ref)}:{context.event_id}'
        done.decisions.append(Decision(DELETION, key, ref, {'reason': reason}))
        return reason
    return ''


def _question(ref: RecordRef) -> str:
    return f'{DELETION}:{ref.type}:{ref.id}'


def refuse_gone(record: Record) -> None:
    """Raises Refused for what is deleted."""
    if record.tombstone is not None:
        who = {'crm': 'in the CRM', 'tc2': f'in {PRODUCT_TITLE}', ERASED: 'for good'}.get(record.tombstone.kind, 'here')
        raise Refused(f'{record.ref.type} {record.ref.id} is deleted ({who}, event {record.tombstone.event_id}).')


def restore(graph: Graph, ref: RecordRef, context: Context, done: Applied) -> None:
    """D-2: a tombstone of an operator or of the CRM is taken back, with those of the same deletion; what was deleted in
    the CRM is made there anew. Raises Refused for what is not deleted, and for what this does not bring back.
    """
    record = graph.records[ref]
    stone, company = record.tombstone, graph.company(record)
    refuse_restoring(record, stone)
    if company is not None and company.ref != ref and company.gone:
        raise Refused(f'Its company ({company.ref.type} {company.ref.id}) is deleted: restore that first.')
    done.remember(graph, record)
    lift(graph, record, OPERATOR, 'D-2', context, done)
    if DELETION in record.claims.settled:
        unclaim(graph, ref, 'settled', DELETION)
    done.closed.append((DELETION, _question(ref)))
    if ref.type == 'company':
        rehome(graph, graph.records[ref])


def refuse_restoring(record: Record, stone: Tombstone | None) -> None:
    """Raises Refused where `restore` brings nothing back."""
    named = f'{record.ref.type} {record.ref.id}'
    if stone is None:
        raise Refused(f'{named} is not deleted: there is nothing to restore.')
    if stone.kind in STONES:
        raise Refused(f'{named} {STONES[stone.kind]}.')
