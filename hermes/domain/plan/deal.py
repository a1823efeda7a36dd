"""What has to be sent of a deal: while it is open (OUT-9), and never of one that was archived (PD-DEAL-8)."""

from dataclasses import replace

from hermes.domain.merge import decreed
from hermes.domain.model import Mirror, RecordRef
from hermes.domain.plan.steps import corrected, deleted, homeless, made, marked, unread
from hermes.domain.plan.values import Noop, Plan, Subject, Update, Wait


def plan(asked: Subject) -> Plan:
    return deleted(asked) or _archived(asked) or marked(asked) or _standing(asked)


def _archived(asked: Subject) -> Plan | None:
    if asked.mirror is not None and asked.mirror.current('archived'):
        return Noop('PD-DEAL-8: an archived deal receives nothing')
    return None


def _standing(asked: Subject) -> Plan:
    if asked.mirror is not None:
        return unread(asked.mirror) or _closed(asked, asked.mirror) or corrected(asked, asked.mirror)
    waits = '' if asked.ahead else homeless(asked)
    if waits:
        return Wait(waits)
    if asked.says('status') != 'open':
        return Noop('a closed deal is not made in the CRM')
    if not asked.ahead and _is_alone(asked):
        return Wait('waits for its person')
    return made(asked)


def _closed(asked: Subject, mirror: Mirror) -> Plan | None:
    """A closed deal receives what an operator decreed, and nothing else (D-22)."""
    if mirror.current('status') == 'open':
        return None
    said = decreed(asked.graph, asked.record)
    needed = corrected(replace(asked, outgoing=[item for item in asked.outgoing if item.key in said]), mirror)
    return needed if isinstance(needed, Update) else Noop('OUT-9: a closed deal receives nothing')


def _is_alone(asked: Subject) -> bool:
    """Whether its contact is still to come."""
    contact = asked.graph.record(RecordRef('contact', asked.says('contact_id') or 0))
    return contact is not None and not contact.gone and not asked.graph.linked(contact.ref, asked.system)
