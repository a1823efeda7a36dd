"""What has to be sent of a meeting: its event in a calendar, its activity in the CRM."""

from datetime import timedelta
from typing import Final

from hermes.domain.meeting import TIMES, calendar_of, is_planned, moment, stands_in
from hermes.domain.model import RecordRef
from hermes.domain.plan.steps import deleted, homeless, made, marked, renewed
from hermes.domain.plan.values import Delete, Noop, Plan, Subject, Wait
from hermes.domain.record_types import IN_CRM
from hermes.parts.roles import CALENDAR

TOLD_LATE: Final = timedelta(days=7)
"""So long after its end a talk is still noted in the CRM."""


def plan(asked: Subject) -> Plan:
    if asked.system == CALENDAR:
        return _event(asked)
    return deleted(asked) or marked(asked) or _activity(asked)


def _event(asked: Subject) -> Plan:
    """CB-7, CB-15, CB-22: one event, in the calendar of the meeting's admin, whatever became of the company: a visitor
    was promised it. None for what is cancelled; what a person deleted there is.
    """
    graph, record, context = asked.graph, asked.record, asked.context
    home = calendar_of(record, context.directory).lower()
    live = [event for event in graph.mirrors_of(record.ref, CALENDAR) if event.live]
    if asked.says('status') == 'canceled':
        return Delete(live[0]) if live else Noop('the meeting is cancelled')
    if record.gone or asked.company is None or not home:
        return Noop('it takes place in no calendar')
    elsewhere = [event for event in live if stands_in(event).lower() != home]
    if elsewhere:
        return Delete(elsewhere[0])
    if moment(record.fields['end_at']) <= context.now:
        return Noop('it is over')
    return renewed(asked, live[0], always=TIMES) if live else _made(asked)


def _activity(asked: Subject) -> Plan:
    """OUT-10, PD-ACT-1: made once, changed where we have something new to say, deleted when the call is cancelled."""
    mirror, record = asked.mirror, asked.record
    if not is_planned(record):
        return Delete(mirror) if mirror else Noop('the meeting is cancelled')
    if mirror is not None:
        return renewed(asked, mirror)
    if any(other.deleted_by != 'hermes' for other in asked.graph.mirrors_of(record.ref, asked.system)):
        return Noop('PD-ACT-1: a person deleted it, and it is not made again')
    if moment(record.fields['end_at']) + TOLD_LATE <= asked.context.now:
        return Noop('it was over long ago')
    waits = '' if asked.ahead else homeless(asked) or _part(asked)
    return Wait(waits) if waits else _made(asked)


def _part(asked: Subject) -> str:
    """Which contact or deal must be there before an activity can name it (OUT-3); '' when all is."""
    for kind in ('contact', 'deal'):
        part = asked.graph.record(RecordRef(kind, asked.says(f'{kind}_id') or 0))
        coming = part is not None and (part.is_open if kind == 'deal' else not part.gone)
        if part is not None and coming and not asked.graph.linked(part.ref, asked.system):
            return f'waits for its {IN_CRM[kind]}'
    return ''


def _made(asked: Subject) -> Plan:
    return made(asked) if asked.outgoing else Noop('nothing of it goes out')
