"""What has to be sent of an app user: all that the host says, to the target in force, once nobody doubts who is who
there (AU-1, AU-4, AU-13).
"""

from hermes.domain.app_user_states import HELD
from hermes.domain.plan.steps import made, renewed
from hermes.domain.plan.values import Noop, Plan, Subject


def plan(asked: Subject) -> Plan:
    if asked.mirror is not None:
        return renewed(asked, asked.mirror, always=[item.key for item in asked.outgoing])
    if asked.record.gone:
        return Noop('the account is deleted')
    if asked.says('moderation') == 'spam':
        return Noop('AU-4: marked as spam before it was made there')
    if asked.says('state') in HELD and asked.says('decided') != 'create':
        return Noop(f'AU-13: held in the state {asked.says("state")}')
    return made(asked)
