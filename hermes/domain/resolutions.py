"""What a person may answer to a question that Hermes does not answer itself (MATCH-7), and what each answer does.

The answers are functions on the graph like every rule: no I/O, and the same in a replay (I14).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hermes.domain.applied import Applied, ask
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.merge import settle_fields
from hermes.domain.model import OPERATOR, UNTOLD, Change, Observation, Record, RecordRef, RemoteRef, Tombstone
from hermes.domain.remote_merges import absorb, fill_references, unite
from hermes.domain.rules import DELETION, claim
from hermes.domain.tombstones import lay_down, promote
from hermes.parts.roles import CRM

LEAVE: Final = 'leave everything as it is; the question is not asked again'
CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    'match': {
        'same': 'it is this candidate (name it): both become one record',
        'separate': 'it is none of them: a record of its own, which goes out now',
    },
    'gone': {
        'relink': 'it is this remote object now (name its id)',
        'recreate': 'make it again in the CRM',
        'drop': 'it was deleted: the record is tombstoned',
    },
    'narc': {
        'delete': 'delete it in the CRM although something speaks against it',
        'keep': 'keep it in the CRM; nothing is sent while the mark stands',
    },
    DELETION: {
        'delete': 'delete it in the CRM although something speaks against it',
        'keep': 'keep it in the CRM; it stays deleted here',
    },
    'fought over': {
        'ours': 'send our value again, and go on correcting the field',
        'theirs': 'leave the value of the CRM there; the field is not sent any more',
    },
    'merged?': {
        'accept': 'it was merged into the suggested object (or into the one you name)',
        'deleted': 'it was deleted: the record is tombstoned',
    },
    'missing': {
        'accept': 'they are gone: all is listed again, each missing one is read, and what is gone goes here too'
    },
    'by name only': {'keep': 'the call belongs to this company; else move its person and its deal in the CRM'},
    'duplicate': {'keep': LEAVE},
    'identity': {'keep': LEAVE},
    'tc16': {'keep': LEAVE},
    'no-pipeline': {'keep': LEAVE},
    'promised': {
        'keep': 'the call takes place; the CRM is told nothing of it',
        'cancel': 'the call is cancelled, and the visitor is told by letter',
    },
    'declined': {
        'keep': 'the call stays as it was booked; the visitor is not reminded while the answer is No',
        'cancel': 'the call is cancelled, and the visitor is told by letter',
    },
    'calendar': {'keep': 'the meeting stays as it was booked'},
    'overlap': {'keep': 'both stay as they are; nothing else is booked at that time'},
}
"""Kind of decision -> what may be answered -> what that means."""


def make_same(graph: Graph, record: Record, other: RecordRef, context: Context, done: Applied) -> None:
    """MATCH-7: the record is one of its candidates. A deal that was only made because it seemed to be new goes (TC-6).

    Raises Refused when the candidate is not there, or both have a live object in the CRM.
    """
    found = graph.record(other)
    if found is None or found.ref.type != record.ref.type or found.gone:
        raise Refused(f'{other.type}:{other.id} is not there (any more); nothing was done.')
    if found.ref == record.ref:
        raise Refused('They are one record already; nothing was done.')
    if graph.linked(found.ref, CRM) and graph.linked(record.ref, CRM):
        raise Refused(f'Both stand in the CRM: merge them there, and {record.ref.type}:{record.ref.id} follows.')
    if graph.children(found.ref.id, 'deal') and record.ref.type == 'company':
        for deal in graph.children(record.ref.id, 'deal'):
            if not graph.mirrors_of(deal.ref) and (deal.ref, CRM) not in graph.creating:
                stone = Tombstone('operator', context.now, context.event_id)
                graph.put_record(replace(deal, tombstone=stone))
                done.changes.append(Change(deal.ref, 'tombstone', None, 'operator', 'operator', 'TC-6'))
    unite(graph, record, found, 'MATCH-7', context, done)


def make_separate(graph: Graph, record: Record, done: Applied) -> None:
    """MATCH-7: the record is none of its candidates."""
    done.remember(graph, record)
    graph.put_record(replace(record, claims=replace(record.claims, undecided=UNTOLD)))
    done.changes.append(Change(record.ref, 'decision', 'undecided', 'separate', 'operator', 'MATCH-7'))


def relink(graph: Graph, old: RemoteRef, new: RemoteRef, context: Context, done: Applied) -> None:
    """OUT-5, PD-GAP-1: the one object is the other one now, as if it had been merged into it."""
    kept = graph.resolve(new)
    if kept is not None and kept.runs and not kept.live:
        raise Refused(f'{new.type} {new.remote_id} is deleted in the CRM; nothing was done.')
    if new == old or (kept is not None and kept.ref == old):
        raise Refused('That is the same object; nothing was done.')
    absorb(graph, old, new, (), context, done)
    ask(graph, new, context)


def recreate(graph: Graph, ref: RemoteRef, context: Context, done: Applied) -> None:
    """OUT-5: the object is gone for good, so another one is made. Should it turn up again, it is a secondary one."""
    mirror = graph.mirrors.get(ref)
    record = graph.record(mirror.record) if mirror else None
    if mirror is None or record is None:
        raise Refused(f'{ref.type} {ref.remote_id} belongs to no record; nothing was done.')
    done.remember(graph, record)
    deleted = max(mirror.deleted or mirror.version, mirror.version)
    graph.put_mirror(replace(mirror, deleted=deleted, deleted_by='operator', primary=False, reread_at=None))
    done.changes.append(Change(record.ref, f'{CRM} link', f'{ref.type} {ref.remote_id}', None, 'operator', 'OUT-5'))
    done.changes += settle_fields(graph, record, context)


def drop(graph: Graph, ref: RemoteRef, context: Context, done: Applied) -> None:
    """OUT-5, PD-GAP-1: the object was deleted, as if its lost webhook had come."""
    mirror = graph.mirrors.get(ref)
    if mirror is None or not mirror.live:
        raise Refused(f'{ref.type} {ref.remote_id} does not stand in the CRM; nothing was done.')
    lay_down(graph, Observation(ref, 'deleted', mirror.version, origin='act'), context, done)


def delete_anyway(graph: Graph, record: Record, kind: str, done: Applied) -> None:
    """D-6, D-2, S21: a person lets go what spoke against it; the end of the mark or of the deletion takes that back."""
    done.remember(graph, record)
    claim(graph, record.ref, 'settled', kind, 'delete')
    rule = 'D-6' if kind == 'narc' else 'D-2'
    done.changes.append(Change(record.ref, 'decision', kind, 'delete', OPERATOR, rule))


def keep_there(graph: Graph, record: Record, done: Applied) -> None:
    """D-2, S21: what an operator deleted here stays in the CRM, whatever becomes of the reason."""
    done.remember(graph, record)
    claim(graph, record.ref, 'settled', DELETION, 'keep')
    done.changes.append(Change(record.ref, 'decision', DELETION, 'keep', OPERATOR, 'D-2'))


def fight_again(graph: Graph, record: Record, fields: tuple[str, ...], done: Applied) -> None:
    """EDIT-3: the fields are corrected again, counted from nothing."""
    done.remember(graph, record)
    mirror = graph.primary(record.ref, CRM)
    if mirror is not None:
        kept = {name: times for name, times in mirror.corrections.items() if name not in fields}
        graph.put_mirror(replace(mirror, corrections=kept))


def unlink(graph: Graph, record: Record, ref: RemoteRef, context: Context, done: Applied) -> RecordRef:
    """ADM-4: an object of the CRM is none of this record's. It becomes a record of its own, with what belongs to it
    there; what the record lacks then is made anew. Raises Refused for what does not stand for it, or is gone.
    """
    mirror = graph.mirrors.get(ref)
    owner = graph.record(mirror.record) if mirror else None
    if mirror is None or owner is None or owner.ref != record.ref or ref.system != CRM:
        raise Refused(f'{ref.type} {ref.remote_id} is no object of the CRM that {record.ref.type} {record.ref.id} has.')
    if not mirror.live:
        raise Refused(f'{ref.type} {ref.remote_id} is gone there: there is nothing to unlink.')
    done.remember(graph, record)
    made = RecordRef(record.ref.type, graph.new_id())
    fields = {} if record.company_id is None else {'company_id': record.company_id}
    graph.put_record(Record(made, fields, company_id=record.company_id, born_event=context.event_id))
    graph.put_mirror(replace(mirror, record=made, primary=True, ours=False, sent={}))
    link = f'{ref.type} {ref.remote_id}'
    done.created.add(made)
    done.changes += [
        Change(made, 'born', None, 'ADM-4', OPERATOR, 'ADM-4'),
        Change(record.ref, f'{CRM} link', link, None, OPERATOR, 'ADM-4'),
        Change(made, f'{CRM} link', None, link, OPERATOR, 'ADM-4'),
    ]
    promote(graph, record.ref, CRM, context, done)
    for each in (made, record.ref):
        done.changes += settle_fields(graph, graph.records[each], context)
    done.changes += fill_references(graph, ref, context, done)
    done.remember(graph, graph.records[made])
    return made
