"""Users of the desk and their sessions (S6). Tokens, codes and invitations are kept as hashes alone; passwords by
Argon2id (`kit/passwords.py`); the secret of a second factor is sealed by whoever stores it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.users import Role, User

IDLE: Final = timedelta(hours=12)
ABSOLUTE: Final = timedelta(days=7)
"""A session ends when nobody used it for so long, and in any case after so long."""
HALF: Final = timedelta(minutes=10)
"""How long the second factor may be waited for."""
INVITED: Final = timedelta(hours=48)
CODE: Final = timedelta(hours=24)
USER: Final = """
    u.id, u.email, u.name, u.role, u.disabled_at is not null as disabled, u.password_hash <> '' as has_password,
    u.totp_secret is not null as has_totp, u.made_at
"""
LIVE: Final = """
    s.seen_at > hermes_now() - %(idle)s and s.made_at > hermes_now() - %(absolute)s and u.disabled_at is null
    and (s.verified or s.made_at > hermes_now() - %(half)s)
"""
SPANS: Final = {'idle': IDLE, 'absolute': ABSOLUTE, 'half': HALF}


@dataclass(frozen=True, slots=True)
class Session:
    """One login: whose, and whether the second factor came."""

    id: int
    user: User
    verified: bool
    made_at: datetime
    seen_at: datetime
    agent: str = ''


def digest(token: str) -> bytes:
    """How a token is kept: it has so much chance in it that no salt is needed."""
    return hashlib.sha256(token.encode()).digest()


async def is_any(connection: Connection) -> bool:
    """Whether anybody may log in, ever."""
    return bool((await the_row(connection, 'select exists (select from desk_user) as found'))['found'])


async def lock_first(connection: Connection) -> None:
    """Nobody else makes the first user, or takes an admin away, before this transaction ends."""
    await connection.execute('select pg_advisory_xact_lock(47295, 1)')


async def add_code(connection: Connection, code: str) -> None:
    """A one-time code that the console shows, beside those that it showed before."""
    await connection.execute('delete from first_code where made_at < hermes_now() - %s', (CODE,))
    await connection.execute('insert into first_code (digest) values (%s) on conflict do nothing', (digest(code),))


async def use_code(connection: Connection, code: str) -> bool:
    """Whether the console showed this code. It is good once, and so is every other one from then on."""
    rows = await connection.execute(
        'delete from first_code where digest = %s and made_at > hermes_now() - %s returning digest',
        (digest(code), CODE),
    )
    if await rows.fetchone() is None:
        return False
    await connection.execute('delete from first_code')
    return True


async def add(connection: Connection, email: str, name: str, role: Role) -> int | None:
    """A user without a password; None where there is one of this address."""
    rows = await connection.execute(
        'insert into desk_user (email, name, role) values (%s, %s, %s) on conflict do nothing returning id',
        (email, name, role),
    )
    row = await rows.fetchone()
    return int(row['id']) if row else None


async def find(connection: Connection, user_id: int) -> User | None:
    return _user(await _one(connection, f'select {USER} from desk_user u where id = %s', (user_id,)))


async def find_by_email(connection: Connection, email: str) -> User | None:
    return _user(await _one(connection, f'select {USER} from desk_user u where lower(email) = lower(%s)', (email,)))


async def read_secrets(connection: Connection, user_id: int) -> Row:
    """password_hash, totp_secret (sealed; None without), totp_step (the last one that was used), recovery (hashes)."""
    query = 'select password_hash, totp_secret, totp_step, recovery from desk_user where id = %s'
    return await the_row(connection, query, (user_id,))


async def set_role(connection: Connection, user_id: int, role: Role) -> None:
    await connection.execute('update desk_user set role = %s where id = %s', (role, user_id))


async def rename(connection: Connection, user_id: int, name: str) -> None:
    await connection.execute('update desk_user set name = %s where id = %s', (name, user_id))


async def disable(connection: Connection, user_id: int, off: bool) -> None:
    """Whoever is disabled is logged out everywhere."""
    await connection.execute(
        'update desk_user set disabled_at = case when %s then hermes_now() end, invite_hash = null where id = %s',
        (off, user_id),
    )
    if off:
        await end_sessions(connection, user_id)


async def count_other_admins(connection: Connection, user_id: int) -> int:
    """Enabled admins with a way in, beside this one."""
    row = await the_row(
        connection,
        "select count(*) as n from desk_user where role = 'admin' and disabled_at is null and password_hash <> '' "
        'and id <> %s',
        (user_id,),
    )
    return int(row['n'])


async def invite(connection: Connection, user_id: int, token: str) -> None:
    """A link with which a user chooses a password, once; it takes the place of an earlier one."""
    await connection.execute(
        'update desk_user set invite_hash = %s, invited_until = hermes_now() + %s where id = %s',
        (digest(token), INVITED, user_id),
    )


async def find_invited(connection: Connection, token: str) -> User | None:
    """Whose link this is, while it is good."""
    query = f"""
        select {USER} from desk_user u
        where invite_hash = %s and invited_until > hermes_now() and disabled_at is null
    """
    return _user(await _one(connection, query, (digest(token),)))


async def set_password(connection: Connection, user_id: int, password_hash: str, keep: int | None = None) -> None:
    """Another password: every session ends but the one to `keep`, and no invitation is left."""
    await connection.execute(
        'update desk_user set password_hash = %s, password_at = hermes_now(), invite_hash = null where id = %s',
        (password_hash, user_id),
    )
    await end_sessions(connection, user_id, keep)


async def set_totp(connection: Connection, user_id: int, sealed: bytes | None, recovery: Sequence[bytes] = ()) -> None:
    """A second factor, or none any more; `recovery`: the hashes of its recovery codes."""
    await connection.execute(
        'update desk_user set totp_secret = %s, totp_step = 0, recovery = %s where id = %s',
        (sealed, dump([each.hex() for each in recovery]), user_id),
    )


async def use_step(connection: Connection, user_id: int, step: int) -> bool:
    """Use a code's half minute; False where it, or a later one, was used before (S6)."""
    rows = await connection.execute(
        'update desk_user set totp_step = %(step)s where id = %(id)s and totp_step < %(step)s returning id',
        {'id': user_id, 'step': step},
    )
    return await rows.fetchone() is not None


async def use_recovery(connection: Connection, user_id: int, code: bytes) -> bool:
    """Use a recovery code up; False where there is none such."""
    rows = await connection.execute(
        'update desk_user set recovery = recovery - %(code)s where id = %(id)s and recovery ? %(code)s returning id',
        {'id': user_id, 'code': code.hex()},
    )
    return await rows.fetchone() is not None


async def open_session(connection: Connection, user_id: int, token: str, agent: str, *, verified: bool) -> None:
    """A login. Sessions that are over are forgotten meanwhile."""
    await connection.execute(
        'delete from desk_session where user_id = %s and (seen_at < hermes_now() - %s or made_at < hermes_now() - %s)',
        (user_id, IDLE, ABSOLUTE),
    )
    await connection.execute(
        'insert into desk_session (token_hash, user_id, verified, agent) values (%s, %s, %s, %s)',
        (digest(token), user_id, verified, agent),
    )


async def find_session(connection: Connection, token: str) -> Session | None:
    """The session of a token while it lasts; it was seen now (written at most once a minute)."""
    query = f"""
        with seen as (
          update desk_session set seen_at = hermes_now()
          where token_hash = %(token)s and seen_at < hermes_now() - interval '1 minute'
            and seen_at > hermes_now() - %(idle)s
        )
        select s.id as session_id, s.verified, s.made_at as begun_at, s.seen_at, s.agent, {USER}
        from desk_session s join desk_user u on u.id = s.user_id
        where s.token_hash = %(token)s and {LIVE}
    """
    row = await _one(connection, query, {'token': digest(token), **SPANS})
    return _session(row) if row else None


async def list_sessions(connection: Connection, user_id: int) -> list[Session]:
    """Those that last, the one seen last first."""
    query = f"""
        select s.id as session_id, s.verified, s.made_at as begun_at, s.seen_at, s.agent, {USER}
        from desk_session s join desk_user u on u.id = s.user_id
        where s.user_id = %(user)s and s.verified and {LIVE} order by s.seen_at desc, s.id desc
    """
    rows = await connection.execute(query, {'user': user_id, **SPANS})
    return [_session(row) for row in await rows.fetchall()]


async def end_session(connection: Connection, user_id: int, session_id: int) -> bool:
    """Whether one of this user's sessions ended by it."""
    rows = await connection.execute(
        'delete from desk_session where user_id = %s and id = %s returning id', (user_id, session_id)
    )
    return await rows.fetchone() is not None


async def end_sessions(connection: Connection, user_id: int, keep: int | None = None) -> None:
    """Log a user out everywhere, but for the session to `keep`."""
    await connection.execute('delete from desk_session where user_id = %s and id is distinct from %s', (user_id, keep))


async def list_users(connection: Connection) -> list[User]:
    """Everybody who may log in, and those who might once, by their addresses."""
    rows = await connection.execute(f'select {USER} from desk_user u order by disabled_at is not null, lower(email)')
    return [user for row in await rows.fetchall() if (user := _user(row))]


async def _one(connection: Connection, query: str, parameters: Any) -> Row | None:
    return await (await connection.execute(query, parameters)).fetchone()


def _user(row: Row | None) -> User | None:
    if row is None:
        return None
    return User(
        row['id'], row['email'], row['name'], row['role'], row['disabled'], row['has_password'], row['has_totp'],
        row['made_at'],
    )  # fmt: skip


def _session(row: Row) -> Session:
    user = _user(row)
    assert user is not None
    return Session(row['session_id'], user, row['verified'], row['begun_at'], row['seen_at'], row['agent'])
