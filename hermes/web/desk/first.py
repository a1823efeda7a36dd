"""The first user (ADM-1, S16): made at /init, only while there is none, with a one-time code that the console shows.
The first visitor of a fresh server is nobody.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from hermes.db import allowances, users
from hermes.db.pool import DatabaseAway
from hermes.domain.acts import AddUser
from hermes.domain.errors import Refused
from hermes.kit.codes import new_code, read_code
from hermes.kit.passwords import check_password, hash_password
from hermes.sync.acts.commands import apply_command
from hermes.web.desk.login import open_session
from hermes.web.desk.pages import lead, show
from hermes.web.desk.parts import DeskParts
from hermes.web.desk.visit import Visit
from hermes.web.security import client_address

WRONG: Final = 'This is not the code that the console shows. "hermes user code" shows a new one.'


async def show_init(visit: Visit) -> Response:
    """The form, while there is no user."""
    async with visit.parts.database.transaction() as connection:
        if await users.is_any(connection):
            return lead('/login')
    return show(visit, 'init.html', wrong={}, given={})


async def make_first(visit: Visit) -> Response:
    """Make the first user, an admin, and log them in. Raises OverLimit after too many wrong codes."""
    parts, given = visit.parts, {name: visit.field(name).strip() for name in ('code', 'name', 'email')}
    wrong: dict[str, str] = {}
    try:
        check_password(visit.field('password'), given['email'], given['name'], given['email'].partition('@')[0])
    except ValueError as error:
        wrong['password'] = str(error)
    if visit.field('password') != visit.field('again'):
        wrong['again'] = 'The two passwords are not the same.'
    address = parts.hashed('client', client_address(visit.request.scope, parts.trusted))
    user_id = 0
    try:
        async with parts.database.transaction() as connection:
            await users.lock_first(connection)
            if await users.is_any(connection):
                return lead('/login')
            await parts.check_tries(connection, 'first code', address)
            if not await users.use_code(connection, read_code(given['code'])):
                await allowances.count(connection, 'first code', address)
                wrong = {'code': WRONG}
            elif wrong:
                raise _Wrong
            else:
                act = AddUser(given['email'], given['name'], 'admin')
                user_id = (await apply_command(parts.engine, connection, act, 'first login')).outcome['id']
                kept = await asyncio.to_thread(hash_password, visit.field('password'))
                await users.set_password(connection, user_id, kept)
    except _Wrong:
        pass
    except Refused as error:
        if error.code:
            raise
        wrong = {'email': str(error)}
    if wrong:
        if 'code' in wrong:
            visit.refuse('wrong code')
        return show(visit, 'init.html', 422, wrong=wrong, given=given)
    async with parts.database.transaction() as connection:
        user = await users.find(connection, user_id)
    assert user is not None
    return await open_session(visit, user, verified=True, to='/desk/setup/')


class _Wrong(Exception):
    """The code is right and something else is not: the code stays good."""


class FirstCode:
    """Shows a one-time code on the console when the web starts and there is no user."""

    def __init__(self, parts: DeskParts, say: Callable[[str], None]) -> None:
        self._parts, self._say = parts, say

    async def start(self) -> None:
        try:
            async with self._parts.database.transaction() as connection:
                if await users.is_any(connection):
                    return
                code = new_code()
                await users.add_code(connection, read_code(code))
        except DatabaseAway:
            return
        self._say(f'Nobody can log in yet. Open {self._parts.address("/init")} and give this code: {code}')

    async def stop(self) -> None:
        """Nothing is left of it."""
