"""What puts a promised call in doubt: its company is no customer any more, or the visitor answers No in the calendar.

The call stands all the same (CB-7): it is flagged, and a person is asked once for each time that it became doubtful. A
doubt that is over takes its flag and its question along.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.meeting import is_planned, moment, rearrange
from hermes.domain.model import Change, Record, RecordRef

PROMISED: Final = 'promised'
BURIED: Final[Mapping[str, str]] = {
    'crm': 'its company was deleted in the CRM',
    'tc2': 'its company was deleted in TutorCruncher',
}
MARKED: Final = 'its company is marked as not a real customer'
RULES: Final[Mapping[str, str]] = {PROMISED: 'CB-7'}
"""Kind of doubt, which is the kind of its decision, -> the rule for the journal."""


def look(graph: Graph, company_id: int, context: Context, done: Applied) -> None:
    """Bring the doubts about a company's calls to what holds now. Idempotent."""
    company = graph.records.get(RecordRef('company', company_id))
    if company is None or company.alias_of is not None:
        return
    for record in graph.children(company_id, 'meeting'):
        coming = is_planned(record) and moment(record.fields['end_at']) > context.now
        _keep(graph, record, find(company) if coming else {}, context, done)


def find(company: Record) -> dict[str, str]:
    """Kind of doubt -> what it is."""
    if company.tombstone is not None:
        return {PROMISED: BURIED.get(company.tombstone.kind, 'its company was deleted')}
    return {PROMISED: MARKED} if company.fields.get('narc') else {}


def _keep(graph: Graph, record: Record, now: Mapping[str, str], context: Context, done: Applied) -> None:
    """`claims.doubts`: kind -> the event that brought the doubt, and what it is; the question has both in its key."""
    before = record.claims.get('doubts', {})
    ended = {kind: told for kind, told in before.items() if now.get(kind) != told[1]}
    begun = {kind: reason for kind, reason in now.items() if before.get(kind, (0, ''))[1] != reason}
    if not ended and not begun:
        return
    doubts = {kind: told for kind, told in before.items() if kind not in ended}
    doubts |= {kind: [context.event_id, reason] for kind, reason in begun.items()}
    done.closed += [(kind, _key(record, kind, told[0])) for kind, told in ended.items()]
    over = {told[1] for told in ended.values()}
    flags = [*(flag for flag in record.fields.get('flags') or () if flag not in over), *begun.values()]
    done.remember(graph, record)
    for kind, reason in begun.items():
        detail = {'reason': reason, 'start_at': record.fields['start_at']}
        key = _key(record, kind, context.event_id)
        done.decisions.append(Decision(kind, key, record.ref, detail))
        done.note(f'needs a decision: the call of {record.fields["start_at"]}, {reason}')
    done.changes.append(
        Change(record.ref, 'flags', record.fields.get('flags'), flags or None, 'hermes', RULES[PROMISED])
    )
    fields = {name: value for name, value in {**record.fields, 'flags': flags}.items() if value != []}
    graph.put_record(replace(record, fields=fields, claims={**record.claims, 'doubts': doubts}))


def _key(record: Record, kind: str, event_id: int) -> str:
    return f'{kind}:{record.ref.id}:{event_id}'


def call_off(graph: Graph, record: Record, context: Context, done: Applied) -> None:
    """A person decides that a doubtful call does not take place: whoever was promised it is told. Raises Refused for
    one that nobody waits for any more.
    """
    if not is_planned(record):
        raise Refused('This call is canceled already: answer "keep".')
    if moment(record.fields['end_at']) <= context.now:
        raise Refused('This call is over: answer "keep".')
    done.remember(graph, record)
    values = {'status': 'canceled', 'canceled_by': 'admin'}
    done.changes += [replace(line, system='operator') for line in rearrange(graph, record.ref, values, 'CB-7', context)]
