"""`hermes user`: who may log in to the desk, with which role (ADM-2)."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import Column, JsonFlag, plain_errors, print_json, print_rows, say
from hermes.domain.errors import Refused
from hermes.domain.users import MEANING

if TYPE_CHECKING:
    from hermes.db.pool import Connection
    from hermes.domain.acts import Act
    from hermes.domain.users import User
    from hermes.sync.engine import Engine

COLUMNS = [
    Column('id', 'ID', True), Column('email', 'E-MAIL'), Column('name', 'NAME'), Column('role', 'ROLE'),
    Column('state', 'STATE'), Column('second_factor', 'SECOND FACTOR'),
]  # fmt: skip
BY = 'command line'
Email = Annotated[str, typer.Argument(metavar='EMAIL')]
Role = Annotated[str, typer.Option('--role', help='; '.join(f'{role}: {told}' for role, told in MEANING.items()))]


def list_users(as_json: JsonFlag = False) -> None:
    """List everybody who may log in."""
    from hermes.cli.database import reading
    from hermes.db.reads.users import list_users as read_users

    with reading() as connection:
        told = read_users(connection)
    if as_json:
        return print_json(told)
    shown = [line | {'second_factor': 'yes' if line['second_factor'] else 'no'} for line in told]
    print_rows(COLUMNS, shown, empty='nobody may log in: "hermes user add EMAIL --role admin"')


def add(
    email: Email,
    role: Role = 'viewer',
    name: Annotated[str, typer.Option('--name', help='What they are called.')] = '',
) -> None:
    """Add somebody, and show a link with which they choose a password."""
    from hermes.domain.acts import AddUser

    done = _carry_out(AddUser(email, name, role))
    say(f'{email} was added as {role}.')
    _show_link(int(done['id']))


def password(
    email: Email,
    link: Annotated[bool, typer.Option('--link', help='Show a link with which they choose one themselves.')] = False,
) -> None:
    """Choose another password for somebody; every session of theirs ends."""
    user = _find(email)
    if link:
        return _show_link(user.id)
    from hermes.kit.passwords import check_password, hash_password

    with plain_errors():
        told = str(typer.prompt('Password', hide_input=True, confirmation_prompt=True))
        try:
            check_password(told, user.email, user.name)
        except ValueError as error:
            raise Refused(str(error)) from None

    async def store(connection: 'Connection') -> None:
        from hermes.db import users
        from hermes.db.audit import note

        await users.set_password(connection, user.id, await asyncio.to_thread(hash_password, told))
        await note(connection, 'user.password', BY, user=user.id)

    _within(store)
    say(f'{user.email} has another password, and is logged out everywhere.')


def set_role(email: Email, role: Annotated[str, typer.Argument(metavar='ROLE')]) -> None:
    """Give somebody another role; it holds from their next click."""
    from hermes.domain.acts import ChangeUser

    _carry_out(ChangeUser(_find(email).id, role=role))
    say(f'{email} is {role} now.')


def disable(email: Email) -> None:
    """End somebody's access, and every session of theirs."""
    from hermes.domain.acts import ChangeUser

    _carry_out(ChangeUser(_find(email).id, disabled=True))
    say(f'{email} cannot log in any more.')


def enable(email: Email) -> None:
    """Let somebody log in again."""
    from hermes.domain.acts import ChangeUser

    _carry_out(ChangeUser(_find(email).id, disabled=False))
    say(f'{email} can log in again.')


def drop_second_factor(email: Email) -> None:
    """Take a lost second factor away."""
    user = _find(email)

    async def drop(connection: 'Connection') -> None:
        from hermes.db import users
        from hermes.db.audit import note

        await users.set_totp(connection, user.id, None)
        await note(connection, 'user.totp.off', BY, user=user.id)

    _within(drop)
    say(f'{user.email} logs in without a second factor.')


def show_code() -> None:
    """Show a new one-time code for /init, where the first user is made."""
    from hermes.kit.codes import new_code, read_code

    code = new_code()

    async def store(connection: 'Connection') -> None:
        from hermes.db import users

        if await users.is_any(connection):
            raise Refused('There are users already: "hermes user add EMAIL --role admin" adds one more.')
        await users.add_code(connection, read_code(code))

    _within(store)
    say(f'Open {_address("/init")} and give this code: {code}')


def _find(email: str) -> 'User':
    from hermes.cli.engine import with_engine
    from hermes.db import users

    async def find(engine: 'Engine') -> 'User':
        async with engine.database.transaction() as connection:
            user = await users.find_by_email(connection, email.strip())
        if user is None:
            raise Refused(f'There is no user {email}.')
        return user

    return with_engine(find, greeted=False)


def _carry_out(act: 'Act') -> dict[str, Any]:
    from hermes.cli.engine import with_engine
    from hermes.sync.acts.commands import carry_out
    from hermes.sync.acts.scope import OPERATOR

    async def run(engine: 'Engine') -> dict[str, Any]:
        return dict((await carry_out(engine, act, source=OPERATOR, by=BY)).outcome)

    return with_engine(run, greeted=False)


def _within(act: Any) -> None:
    from hermes.cli.engine import with_engine

    async def run(engine: 'Engine') -> None:
        async with engine.database.transaction() as connection:
            await act(connection)

    with_engine(run, greeted=False)


def _show_link(user_id: int) -> None:
    from hermes.kit.ids import new_token

    token = new_token()

    async def store(connection: 'Connection') -> None:
        from hermes.db import users
        from hermes.db.audit import note

        await users.invite(connection, user_id, token)
        await note(connection, 'user.invite', BY, user=user_id)

    _within(store)
    say(f'They choose a password here, once, within 48 hours: {_address(f"/welcome/{token}")}')


def _address(path: str) -> str:
    from hermes.cli.world import load_settings

    return f'{load_settings().hermes_url}{path}'


COMMANDS = {
    'list': list_users, 'add': add, 'role': set_role, 'password': password, 'disable': disable, 'enable': enable,
    'drop-second-factor': drop_second_factor, 'code': show_code,
}  # fmt: skip
