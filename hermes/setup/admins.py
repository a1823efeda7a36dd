"""Our people out of the CRM's users, each with the id that the product knows (SETUP-3).

A new admin is a sales and support person who sells every plan in every region, until somebody says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from hermes.db.connections import Connection
from hermes.db.reads.checks import read_admins
from hermes.domain.acts import SaveAdmin
from hermes.domain.errors import Refused
from hermes.domain.model import Event, Record, Value
from hermes.domain.staff import full_name
from hermes.kit.spelling import fold_email
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM_TITLE, PRODUCT_TITLE
from hermes.ports import Request, encode_answer
from hermes.setup.findings import Finding, some
from hermes.setup.site import crm_of
from hermes.sync import connect, setup
from hermes.sync.acts.commands import SETUP
from hermes.sync.engine import Engine

EVERYTHING: Final = {
    'is_sales_person': True,
    'is_support_person': True,
    **{f'sells_{plan}': True for plan in ('payg', 'startup', 'enterprise')},
    **{f'sells_{region}': True for region in ('gb', 'us', 'au', 'ca', 'eu', 'row')},
}


def examine_admins(connection: Connection) -> Iterator[Finding]:
    """Who takes calls, and whose ids are missing."""
    admins = read_admins(connection)
    if not admins:
        yield Finding('admins', 'todo', 'nobody takes calls yet', 'run "hermes setup admins"')
        return
    lacking = {
        f'sales people without a {CRM_TITLE} user': [
            str(item['id']) for item in admins if item['lacks_pd'] and item['is_sales_person']
        ],
        f'without a {PRODUCT_TITLE} id': [str(item['id']) for item in admins if item['lacks_tc2']],
    }
    for said, found in lacking.items():
        if found:
            yield Finding('admins', 'todo', f'{said}: {some(found)}', 'run "hermes setup admins"')
    if not any(lacking.values()):
        yield Finding('admins', 'ok', f'{len(admins)} take calls, each with both ids')


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who is an admin already."""

    id: int
    name: str
    email: str | None
    tc2: int | None
    pd: int | None


@dataclass(frozen=True, slots=True)
class User:
    """A user of the CRM. `admin`: whom they are with us already, None for nobody; `is_new`: they are active there, and
    no admin has their id.
    """

    name: str
    first_name: str | None
    last_name: str | None
    email: str
    pd: int
    active: bool
    admin: Admin | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class AdminOffer:
    """Who is an admin, and the CRM's users, in its order."""

    admins: tuple[Admin, ...]
    users: tuple[User, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a user: the admin's number, what was done, and whether the product's id is missing."""

    id: int
    done: Literal['created', 'updated', 'there']
    lacks_tc2: bool


async def offer_admins(engine: Engine) -> AdminOffer:
    """Costs one call. Raises HermesError."""
    users, records = await read_users(engine), await _admins(engine)
    admins = tuple(_shown(number, one) for number, one in sorted(records.items()) if not one.gone)
    taken = {admin.pd for admin in admins}
    offered = []
    for user in users:
        number = _find(user, records)
        admin = None if number is None else _shown(number, records[number])
        offered.append(replace(user, admin=admin, is_new=user.active and user.pd not in taken))
    return AdminOffer(admins, tuple(offered))


async def make_admin(engine: Engine, user: User, tc2_id: int | None = None, by: str = SETUP) -> Made:
    """Make an admin of a user, or complete the one that they are; without a `tc2_id` theirs stays as it is. Raises
    Refused for an id that somebody else has.
    """
    records = await _admins(engine)
    number = _find(user, records)
    standing = None if number is None else records[number]
    told = {'first_name': user.first_name, 'last_name': user.last_name, 'email': user.email}
    fields: dict[str, Any] = {name: value for name, value in told.items() if value} | {'pd_owner_id': user.pd}
    if tc2_id is not None:
        fields['tc2_admin_id'] = tc2_id
    lacks = not (tc2_id or (standing and standing.fields.get('tc2_admin_id')))
    same = standing is not None and all(standing.fields.get(name) == value for name, value in fields.items())
    if number is not None and standing and same and not standing.gone:
        return Made(number, 'there', lacks)
    fields = fields if standing else {**EVERYTHING, 'active': user.active, **fields}
    outcome = await setup.act(engine, SaveAdmin(fields), by)
    return Made(int(outcome['id']), 'updated' if standing else 'created', lacks)


async def read_tc2_id(engine: Engine, user: User, text: str) -> int | None:
    """What somebody wrote as the product's id of a user; None for nothing. Raises Refused for what is none, and for
    somebody else's.
    """
    if not text.strip():
        return None
    number = read_number(text.strip())
    if not number:
        raise Refused(f'"{text}" is no id of {PRODUCT_TITLE}: a number, or nothing.')
    async with engine.database.transaction() as connection:
        directory = (await engine.known(connection)).directory
    holder = directory.by_tc2.get(number)
    if holder is not None and holder != _find(user, directory.admins):
        admin = directory.admins[holder].fields
        raise Refused(f'{admin.get("first_name") or ""} {admin.get("last_name") or ""} has the TC2 ID {text} already.')
    return number


async def read_users(engine: Engine) -> list[User]:
    """The CRM's users, in its order. Costs one call. Raises HermesError."""
    crm, request = crm_of(engine), Request('users')
    answer = await connect.ask(engine, crm, request)
    event = Event(0, crm.name, 'page', encode_answer(request, answer), engine.clock.now())
    async with engine.database.transaction() as connection:
        elements = crm.observe(event, (await engine.known(connection)).catalogue)
    users = [seen for element in elements for seen in element.observations if seen.ref.type == 'user']
    return [
        User(
            str(seen.fields.get('name') or ''),
            _text(seen.fields.get('first_name')),
            _text(seen.fields.get('last_name')),
            str(seen.fields.get('email') or ''),
            int(seen.ref.remote_id),
            bool(seen.fields.get('active', True)),
        )
        for seen in users
    ]


async def _admins(engine: Engine) -> Mapping[int, Record]:
    async with engine.database.transaction() as connection:
        return (await engine.known(connection)).directory.admins


def _find(user: User, admins: Mapping[int, Record]) -> int | None:
    """The admin that a user is already, also one who was removed: by the CRM's id, or by the address."""
    return next(
        (
            number
            for number, admin in admins.items()
            if admin.fields.get('pd_owner_id') == user.pd
            or fold_email(str(admin.fields.get('email') or '')) == fold_email(user.email) != ''
        ),
        None,
    )


def _shown(number: int, admin: Record) -> Admin:
    told: Mapping[str, Any] = admin.fields
    return Admin(
        number, full_name(told), told.get('email'), told.get('tc2_admin_id'), told.get('pd_owner_id')
    )  # fmt: skip


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
