"""One's own account (ADM-2): password, second factor, and where one is logged in."""

import asyncio
from base64 import b32decode

from starlette.responses import Response

from hermes.db import allowances, users
from hermes.db.audit import note
from hermes.domain.errors import NotFound, Refused
from hermes.domain.users import User
from hermes.kit.passwords import check_password, hash_password, verify_password
from hermes.kit.texts import read_number
from hermes.web.desk import totp
from hermes.web.desk.login import open_session
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

PAGE = '/desk/account/'


async def show_account(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, **wrong: str) -> Response:
    assert visit.session is not None
    async with visit.parts.database.transaction() as connection:
        sessions = await users.list_sessions(connection, visit.user.id)
    return show(visit, 'account.html', status, sessions=sessions, own=visit.session.id, wrong=wrong)


async def change_password(visit: Visit) -> Response:
    """Another password; every other session ends (S6)."""
    parts, user, chosen = visit.parts, visit.user, visit.field('password')
    if not await _knows_password(visit):
        return await _show(visit, 422, current='This is not your password.')
    if problem := problem_of(chosen, visit.field('again'), user.email, user.name):
        return await _show(visit, 422, **problem)
    hashed = await asyncio.to_thread(hash_password, chosen)
    async with parts.database.transaction() as connection:
        await users.set_password(connection, user.id, hashed, visit.session.id if visit.session else None)
        event_id = await note(connection, 'user.password', user.email, user=user.id)
    return lead(visit.link(PAGE, done=event_id))


async def _knows_password(visit: Visit) -> bool:
    """Whether whoever sits here knows the password of the account that is open. Raises OverLimit after too many that
    were wrong, of this session alone: nobody else's tries keep its owner from changing anything.
    """
    assert visit.session is not None
    parts, whose = visit.parts, visit.parts.hashed('session', str(visit.session.id))
    async with parts.database.transaction() as connection:
        await parts.check_tries(connection, 'own password', whose)
        kept = (await users.read_secrets(connection, visit.user.id))['password_hash']
        right = await asyncio.to_thread(verify_password, visit.field('current'), kept)
        if not right:
            await allowances.count(connection, 'own password', whose)
    if not right:
        visit.refuse('wrong password')
    return right


async def end_session(visit: Visit) -> Response:
    """Log out somewhere else, or everywhere else."""
    assert visit.session is not None
    chosen = visit.field('session')
    async with visit.parts.database.transaction() as connection:
        if chosen == 'others':
            await users.end_sessions(connection, visit.user.id, visit.session.id)
        elif not await users.end_session(connection, visit.user.id, read_number(chosen) or 0):
            raise NotFound('This session is over already.')
        event_id = await note(connection, 'user.logout', visit.user.email, user=visit.user.id)
    return lead(visit.link(PAGE, done=event_id))


async def show_second_factor(visit: Visit) -> Response:
    """A new secret, which holds once a code of it was given."""
    return _show_secret(visit, totp.new_secret())


def _show_secret(visit: Visit, secret: bytes, status: int = 200, wrong: str = '') -> Response:
    address = totp.address(secret, visit.user.email, visit.parts.brand)
    return show(
        visit, 'second_factor.html', status, secret=totp.as_text(secret), address=address, wrong=wrong, codes=[]
    )


async def enable_second_factor(visit: Visit) -> Response:
    """It holds from now on; the recovery codes are shown this once."""
    try:
        secret = b32decode(''.join(visit.field('secret').split()))
    except ValueError:
        secret = b''
    step = totp.matching_step(secret, visit.field('code'), visit.parts.engine.clock.now().timestamp())
    if len(secret) != 20 or step is None:
        wrong = 'This is not the code that belongs to the secret: is the clock of the phone right?'
        return _show_secret(visit, secret if len(secret) == 20 else totp.new_secret(), 422, wrong)
    async with visit.parts.database.transaction() as connection:
        kept = (await users.read_secrets(connection, visit.user.id))['totp_secret']
        if kept is not None and totp.open_secret(visit.parts, visit.user.id, kept) != secret:
            raise Refused('There is a second factor already: drop it first, which asks for your password.')
        codes = await totp.enable(connection, visit.parts, visit.user.id, secret)
        await users.use_step(connection, visit.user.id, step)
        await note(connection, 'user.totp.on', visit.user.email, user=visit.user.id)
    return show(visit, 'second_factor.html', codes=codes, secret='', address='', wrong='')


async def drop_second_factor(visit: Visit) -> Response:
    """A password alone from now on; the password is asked for."""
    if not await _knows_password(visit):
        return await _show(visit, 422, factor='This is not your password.')
    async with visit.parts.database.transaction() as connection:
        await users.set_totp(connection, visit.user.id, None)
        event_id = await note(connection, 'user.totp.off', visit.user.email, user=visit.user.id)
    return lead(visit.link(PAGE, done=event_id))


async def show_welcome(visit: Visit) -> Response:
    """Where somebody who was invited chooses a password. Raises NotFound for a link that is over."""
    user = await _invited(visit)
    return show(visit, 'welcome.html', called=user.called, email=user.email, wrong={})


async def welcome(visit: Visit) -> Response:
    """The link is good once."""
    user = await _invited(visit)
    if problem := problem_of(visit.field('password'), visit.field('again'), user.email, user.name):
        return show(visit, 'welcome.html', 422, called=user.called, email=user.email, wrong=problem)
    hashed = await asyncio.to_thread(hash_password, visit.field('password'))
    async with visit.parts.database.transaction() as connection:
        if await users.find_invited(connection, visit.part('token')) is None:
            raise NotFound(GONE)
        await users.set_password(connection, user.id, hashed)
        await note(connection, 'user.password', user.email, user=user.id)
    return await open_session(visit, user, verified=not user.has_totp, to='/')


GONE = 'This link was used, or is too old. Ask an admin for another one.'


async def _invited(visit: Visit) -> User:
    async with visit.parts.database.transaction() as connection:
        user = await users.find_invited(connection, visit.part('token'))
    if user is None:
        raise NotFound(GONE)
    return user


def problem_of(password: str, again: str, *names: str) -> dict[str, str]:
    """What speaks against a password, by the field."""
    try:
        check_password(password, *names)
    except ValueError as error:
        return {'password': str(error)}
    return {} if password == again else {'again': 'The two passwords are not the same.'}
