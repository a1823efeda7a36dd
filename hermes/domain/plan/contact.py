"""What has to be sent of a contact."""

from dataclasses import replace

from hermes.domain.plan.steps import corrected, deleted, homeless, made, marked, unread
from hermes.domain.plan.values import Noop, Plan, Subject, Wait


def plan(asked: Subject) -> Plan:
    return deleted(asked) or marked(asked) or _standing(asked)


def _standing(asked: Subject) -> Plan:
    if asked.mirror is not None:
        return unread(asked.mirror) or corrected(asked, asked.mirror)
    if not asked.ahead and (waits := homeless(asked)):
        return Wait(waits)
    needed = made(asked)
    email = needed.fields.get('email')
    if 'name' in needed.fields:
        return needed
    if email is None:
        return Noop('it has neither a name nor an e-mail yet')
    return replace(needed, fields={**needed.fields, 'name': email, 'last_name': email})
