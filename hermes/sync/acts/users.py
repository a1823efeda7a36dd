"""Who may log in to the desk, and with which role. Nobody can lock the last admin out (ADM-2)."""

from email_validator import EmailNotValidError, validate_email

from hermes.db import users
from hermes.domain.acts import AddUser, ChangeUser
from hermes.domain.errors import Refused
from hermes.domain.users import check_role
from hermes.kit import texts
from hermes.sync.acts.scope import Outcome, Scope

LONGEST_NAME = 200


async def add(scope: Scope, act: AddUser) -> Outcome:
    """Raises Refused for an address that is none or is taken, and for an unknown role."""
    try:
        email = validate_email(act.email.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Refused(f'{act.email} is no e-mail address: {error}') from None
    user_id = await users.add(scope.connection, email, _name(act.name), check_role(act.role))
    if user_id is None:
        raise Refused(f'There is a user {email} already.')
    return {'notes': [f'user {user_id} was added as {act.role}'], 'id': user_id}


async def change(scope: Scope, act: ChangeUser) -> Outcome:
    """Raises Refused where nobody could log in as an admin any more."""
    connection, notes = scope.connection, []
    await users.lock_first(connection)
    user = await users.find(connection, act.user)
    if user is None:
        raise Refused(f'There is no user {act.user}.')
    role = None if act.role is None else check_role(act.role)
    leaves = user.role == 'admin' and not user.disabled and (act.disabled or (role is not None and role != 'admin'))
    if leaves and user.has_password and not await users.count_other_admins(connection, user.id):
        raise Refused(f'{user.called} is the only admin who can log in: make somebody else an admin first.')
    if role is not None and role != user.role:
        await users.set_role(connection, user.id, role)
        notes.append(f'user {user.id}: {user.role} -> {role}')
    if act.name is not None:
        await users.rename(connection, user.id, _name(act.name))
        notes.append(f'user {user.id} is renamed')
    if act.disabled is not None and act.disabled != user.disabled:
        await users.disable(connection, user.id, act.disabled)
        notes.append(
            f'user {user.id} {"cannot" if act.disabled else "can"} log in {"any more" if act.disabled else "again"}'
        )
    return {'notes': notes or ['nothing was changed'], 'id': user.id}


def _name(name: str) -> str:
    told = texts.clean(texts.cut(name, LONGEST_NAME + 1))
    if len(told) > LONGEST_NAME:
        raise Refused(f'A name has at most {LONGEST_NAME} characters.')
    return told
