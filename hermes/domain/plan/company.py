"""What has to be sent of a company."""

from hermes.domain.plan.steps import corrected, deleted, made, marked, unread
from hermes.domain.plan.values import Noop, Plan, Subject


def plan(asked: Subject) -> Plan:
    return deleted(asked) or marked(asked) or _standing(asked)


def _standing(asked: Subject) -> Plan:
    if asked.mirror is not None:
        return unread(asked.mirror) or corrected(asked, asked.mirror)
    needed = made(asked)
    return needed if 'name' in needed.fields else Noop('it has no name yet')
