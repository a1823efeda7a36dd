"""Who may log in (ADM-2): add, invite, another role, end and return of their access. For admins."""

from starlette.responses import Response

from hermes.db import users
from hermes.db.audit import note
from hermes.domain.acts import AddUser, ChangeUser
from hermes.domain.errors import NotFound, Refused
from hermes.domain.users import MEANING, User
from hermes.kit.ids import new_token
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

PAGE = '/desk/users/'


async def show_users(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, **told: object) -> Response:
    async with visit.parts.database.transaction() as connection:
        everybody = await users.list_users(connection)
    given = {'wrong': '', 'given': {}, 'link': '', 'invited': None} | told
    return show(visit, 'users.html', status, everybody=everybody, meaning=MEANING, **given)


async def add_user(visit: Visit) -> Response:
    """Add somebody, and show the link with which they choose a password, once."""
    given = {name: visit.field(name) for name in ('email', 'name', 'role')}
    try:
        done = await visit.act(AddUser(given['email'], given['name'], given['role']))
    except Refused as error:
        return await _show(visit, 422, wrong=str(error), given=given)
    return await _invite(visit, int(done.outcome['id']))


async def invite_user(visit: Visit) -> Response:
    """Another link for somebody, who may have lost their password; what they have holds until it is used."""
    return await _invite(visit, (await _user(visit)).id)


async def _invite(visit: Visit, user_id: int) -> Response:
    token = new_token()
    async with visit.parts.database.transaction() as connection:
        await users.invite(connection, user_id, token)
        user = await users.find(connection, user_id)
        await note(connection, 'user.invite', visit.user.email, user=user_id)
    return await _show(visit, link=visit.parts.address(f'/welcome/{token}'), invited=user)


async def change_user(visit: Visit) -> Response:
    """Another role, or an end or return of their access; it holds from their next click."""
    user, role, access = await _user(visit), visit.field('role'), visit.field('access')
    act = ChangeUser(user.id, role=role or None, disabled={'end': True, 'return': False}.get(access))
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show(visit, 422, wrong=str(error))
    return lead(visit.link(PAGE, done=done.event_id))


async def drop_factor(visit: Visit) -> Response:
    """Take a lost second factor away."""
    user = await _user(visit)
    async with visit.parts.database.transaction() as connection:
        await users.set_totp(connection, user.id, None)
        event_id = await note(connection, 'user.totp.off', visit.user.email, user=user.id)
    return lead(visit.link(PAGE, done=event_id))


async def _user(visit: Visit) -> User:
    async with visit.parts.database.transaction() as connection:
        user = await users.find(connection, visit.number('user'))
    if user is None:
        raise NotFound('There is no such user.')
    return user
