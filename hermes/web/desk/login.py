"""Logging in and out (S6): a password, then the second factor where there is one; each throttled per account and per
address, each failure counted (S15, S18). A login always begins a session of its own, whatever cookie came with it.
"""

import asyncio
import hmac
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from hermes.db import allowances, users
from hermes.db.audit import note
from hermes.domain.users import User
from hermes.kit.ids import new_token
from hermes.kit.passwords import verify_password
from hermes.kit.signing import sign
from hermes.kit.spelling import fold_email
from hermes.web.desk import totp
from hermes.web.desk.guard import SESSION, VISIT, cookie_name, drop_cookie, set_cookie
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit
from hermes.web.security import client_address

AT_ONCE = asyncio.Semaphore(2)
"""So many passwords are checked at a time: each takes 19 MB."""
DEVICE: Final = 'hermes_device'
"""The cookie of a browser in which an account was logged in to. Its tries are counted apart, so that nobody else's
wrong passwords keep its owner out, however many there are.
"""
YEAR_S: Final = 365 * 24 * 3600
WRONG = 'The e-mail address or the password is wrong.'
WRONG_CODE = 'This code is wrong, or was used already. Codes change every 30 seconds; wait for the next one.'


async def show_login(visit: Visit) -> Response:
    """The form; whoever is in already is led on."""
    if visit.known:
        return lead(_wanted(visit))
    async with visit.parts.database.transaction() as connection:
        if not await users.is_any(connection):
            return lead('/init')
    return show(visit, 'login.html', wrong='', email='', to=_wanted(visit))


async def login(visit: Visit) -> Response:
    """Check the password. Raises OverLimit after too many wrong ones."""
    email, parts = visit.field('email').strip(), visit.parts
    counted = _counted(visit, email)
    async with AT_ONCE, parts.database.transaction() as connection:
        for kind, whose in counted:
            await parts.check_tries(connection, kind, whose)
        user = await users.find_by_email(connection, email)
        kept = (await users.read_secrets(connection, user.id))['password_hash'] if user else ''
        right = await asyncio.to_thread(verify_password, visit.field('password'), kept)
        if not right or user is None or user.disabled:
            for kind, whose in counted:
                await allowances.count(connection, kind, whose)
            user = None
    if user is None:
        visit.refuse('wrong password')
        return show(visit, 'login.html', 401, wrong=WRONG, email=email, to=_wanted(visit))
    return await open_session(visit, user, verified=not user.has_totp)


async def open_session(visit: Visit, user: User, *, verified: bool, to: str = '') -> Response:
    """Begin a session with a token that nobody had before."""
    token, to = new_token(32), to or _wanted(visit)
    async with visit.parts.database.transaction() as connection:
        if visit.session is not None:
            await users.end_session(connection, visit.session.user.id, visit.session.id)
        agent = visit.request.headers.get('user-agent', '')[:200]
        await users.open_session(connection, user.id, token, agent, verified=verified)
        if verified:
            await note(connection, 'user.login', user.email, user=user.id)
    answer = lead(to if verified else f'/login/code?to={quote(to)}')
    set_cookie(visit, answer, SESSION, token)
    if verified:
        device = _device(visit, user.email) or new_token(16)
        set_cookie(visit, answer, DEVICE, f'{device}.{_sign_device(visit, user.email, device)}', YEAR_S)
    drop_cookie(visit, answer, VISIT)
    visit.session = None
    return answer


async def show_code(visit: Visit) -> Response:
    """The form for the second factor."""
    if visit.session is None or visit.known:
        return lead('/login')
    return show(visit, 'code.html', wrong='', to=_wanted(visit))


async def check_code(visit: Visit) -> Response:
    """Check the second factor, or a recovery code. Raises OverLimit after too many wrong ones."""
    if visit.session is None or visit.known:
        return lead('/login')
    user = visit.session.user
    device = _device(visit, user.email)
    whose = visit.parts.hashed('device', device) if device else visit.parts.hashed('account', _key(user.email))
    async with visit.parts.database.transaction() as connection:
        await visit.parts.check_tries(connection, 'second factor', whose)
        right = await totp.check(connection, visit.parts, user.id, visit.field('code'))
        if not right:
            await allowances.count(connection, 'second factor', whose)
    if not right:
        visit.refuse('wrong code')
        return show(visit, 'code.html', 401, wrong=WRONG_CODE, to=_wanted(visit))
    return await open_session(visit, user, verified=True)


async def logout(visit: Visit) -> Response:
    """End this session."""
    if visit.session is not None:
        async with visit.parts.database.transaction() as connection:
            await users.end_session(connection, visit.session.user.id, visit.session.id)
    answer = lead('/login')
    drop_cookie(visit, answer, SESSION)
    return answer


def _wanted(visit: Visit) -> str:
    """Where somebody wanted to go: a path of ours, nothing else."""
    to = visit.field('to') or visit.query.get('to', '')
    fits = to.startswith('/') and not to.startswith(('//', '/\\', '/login', '/logout')) and to.isprintable()
    return to if fits else '/'


def _counted(visit: Visit, email: str) -> list[tuple[str, bytes]]:
    """By what tries are counted: the address, and the account, whether there is one or not; a browser that was in this
    account before by itself alone.
    """
    parts = visit.parts
    if device := _device(visit, email):
        return [('login of an account', parts.hashed('device', device))]
    address = client_address(visit.request.scope, parts.trusted)
    return [
        ('login from an address', parts.hashed('client', address)),
        ('login of an account', parts.hashed('account', _key(email))),
    ]


def _device(visit: Visit, email: str) -> str:
    """By what a browser is known in which this account was logged in to; '' for any other."""
    device, _, signature = visit.request.cookies.get(cookie_name(visit, DEVICE), '').partition('.')
    known = hmac.compare_digest(signature.encode(), _sign_device(visit, email, device).encode())
    return device if device and known else ''


def _sign_device(visit: Visit, email: str, device: str) -> str:
    return sign(f'device {device} {_key(email)}'.encode(), visit.parts.secret)


def _key(email: str) -> str:
    return fold_email(email) or email.casefold()
