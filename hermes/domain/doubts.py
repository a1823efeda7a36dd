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
from hermes.domain.meeting import is_declined, is_planned, moment, rearrange
from hermes.domain.model import OPERATOR, Change, Doubt, Record, RecordRef
from hermes.parts.roles import CALENDAR, PRODUCT_TITLE

PROMISED, DECLINED = 'promised', 'declined'
BURIED: Final[Mapping[str, str]] = {
    'crm': 'its company was deleted in the CRM',
    'tc2': f'its company was deleted in {PRODUCT_TITLE}',
    OPERATOR: 'its company was deleted here',
}
MARKED: Final = 'its company is marked as not a real customer'
SAYS_NO: Final = 'the visitor answers No in the calendar'
RULES: Final[Mapping[str, str]] = {PROMISED: 'CB-7', DECLINED: 'CB-15'}
"""Kind of doubt, which is the kind of its decision, -> the rule for the journal."""
ENDED_BY: Final[Mapping[str, str]] = {PROMISED: 'admin', DECLINED: 'visitor'}
"""Kind of doubt -> who cancels the call when it is canceled for that."""
Doubts = Mapping[str, str]
"""Kind -> what it is."""


def look(graph: Graph, company_id: int, context: Context, done: Applied) -> None:
    """Bring the doubts about a company's calls to what holds now. Idempotent."""
    company = graph.records.get(RecordRef('company', company_id))
    if company is None or company.alias_of is not None:
        return
    for record in graph.children(company_id, 'meeting'):
        now = find(graph, record, company, context)
        begins = DECLINED in now.keys() - record.claims.doubts.keys()
        if begins and context.settings.get('decline_cancels'):
            done.changes += _cancel(graph, record, DECLINED, CALENDAR, context)
            now = {}
        _keep(graph, graph.records[record.ref], now, context, done)


def find(graph: Graph, record: Record, company: Record, context: Context) -> dict[str, str]:
    """Kind of doubt -> what it is; nothing about what is off or over."""
    if not is_planned(record) or moment(record.fields['end_at']) <= context.now:
        return {}
    found = {DECLINED: SAYS_NO} if is_declined(graph, record, context.directory) else {}
    if company.tombstone is not None:
        found[PROMISED] = BURIED.get(company.tombstone.kind, 'its company was deleted')
    elif company.fields.get('narc'):
        found[PROMISED] = MARKED
    return found


def _keep(graph: Graph, record: Record, now: Doubts, context: Context, done: Applied) -> None:
    """`claims.doubts`: kind -> the event that brought the doubt, and what it is; the question has both in its key."""
    before = record.claims.doubts
    ended = {kind: told for kind, told in before.items() if now.get(kind) != told.reason}
    begun = {kind: reason for kind, reason in now.items() if kind not in before or kind in ended}
    if not ended and not begun:
        return
    done.remember(graph, record)
    done.closed += [(kind, _key(record, kind, told.event_id)) for kind, told in ended.items()]
    for kind, reason in begun.items():
        detail = {'reason': reason, 'start_at': record.fields['start_at']}
        done.decisions.append(Decision(kind, _key(record, kind, context.event_id), record.ref, detail))
        done.note(f'needs a decision: the call of {record.fields["start_at"]}, {reason}')
    flagged, over = record.fields.get('flags'), {told.reason for told in ended.values()}
    flags = [*(flag for flag in flagged or () if flag not in over), *begun.values()]
    rule = RULES[next(iter({**begun, **ended}))]
    done.changes.append(Change(record.ref, 'flags', flagged, flags or None, 'hermes', rule))
    doubts = {kind: told for kind, told in before.items() if kind not in ended}
    doubts |= {kind: Doubt(context.event_id, reason) for kind, reason in begun.items()}
    fields = {name: value for name, value in {**record.fields, 'flags': flags}.items() if value != []}
    graph.put_record(replace(record, fields=fields, claims=replace(record.claims, doubts=doubts)))


def _key(record: Record, kind: str, event_id: int) -> str:
    return f'{kind}:{record.ref.id}:{event_id}'


def call_off(graph: Graph, record: Record, kind: str, context: Context, done: Applied) -> None:
    """A person decides that a doubtful call does not take place: whoever was promised it is told. Raises Refused for
    one that nobody waits for any more.
    """
    if not is_planned(record):
        raise Refused('This call is cancelled already: answer "keep".')
    if moment(record.fields['end_at']) <= context.now:
        raise Refused('This call is over: answer "keep".')
    done.remember(graph, record)
    done.changes += _cancel(graph, record, kind, 'operator', context)


def _cancel(graph: Graph, record: Record, kind: str, system: str, context: Context) -> list[Change]:
    values = {'status': 'canceled', 'canceled_by': ENDED_BY[kind]}
    return [replace(line, system=system) for line in rearrange(graph, record.ref, values, RULES[kind], context)]
