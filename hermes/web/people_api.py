"""The API of app users that the host application calls (docs/reference/app-users.md): a key, JSON, and answers that
wait for no CRM. Every path answers with and without its last slash and never redirects.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel

from hermes.domain.model import Record
from hermes.people.forms import LONGEST, Asked, Changed, Merged, Moderation, NewSubscription, NewUser
from hermes.people.service import People, Receipt
from hermes.web.booking_api import both, told

PAGE: Final = 1000
Key = Annotated[
    str,
    Header(alias='Idempotency-Key', max_length=255, description='The same request under the same key is done once.'),
]
Who = Annotated[
    str, Path(max_length=LONGEST + 10, description="Our number, `host:` and your own id, or `crm:` and the CRM's.")
]


class ReceiptAnswer(BaseModel):
    """What is known right after a write."""

    status: Literal['ok'] = 'ok'
    id: int
    state: str
    crm_id: str | None


class UserAnswer(ReceiptAnswer):
    """An app user."""

    user_id: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    lang: str | None
    educator: bool
    lists: list[str]
    legacy_id: str | None
    is_sustainer: bool
    moderation: str
    target: str
    deleted: bool


class Change(BaseModel):
    """One line of the feed: how an app user stands since then."""

    number: int
    at: datetime
    type: str
    id: int
    user_id: str | None
    crm_id: str | None
    state: str
    is_sustainer: bool
    deleted: bool


class ChangesAnswer(BaseModel):
    """The feed. `next`: what to send as `after` the next time; `more`: whether there is more now."""

    status: Literal['ok'] = 'ok'
    changes: list[Change]
    next: int
    more: bool


class FoundAnswer(BaseModel):
    """AU-7."""

    status: Literal['ok'] = 'ok'
    crm_ids: list[str]


class ListsAnswer(BaseModel):
    """AU-8."""

    status: Literal['ok'] = 'ok'
    lists: list[str]


class SyncedAnswer(BaseModel):
    """AU-6: how many were read, and whose status changed, by our numbers."""

    status: Literal['ok'] = 'ok'
    read: int
    on: list[int]
    off: list[int]


class LentAnswer(BaseModel):
    """The access that is lent. `headers`: what lets in at `url`; `expires_at`: None where the CRM does not say."""

    status: Literal['ok'] = 'ok'
    target: str
    url: str
    headers: dict[str, str]
    expires_at: datetime | None


def requires_key(
    keys: Sequence[str], name: str = 'PEOPLE_API_KEY', others: Sequence[str] = ()
) -> Callable[[Request], Awaitable[None]]:
    """Lets in whoever shows one of the keys (`Authorization: token ...` or `Bearer ...`), before the body is read.
    `others`: keys that are ours, and not good enough here.
    """

    async def check(request: Request) -> None:
        if not keys:
            raise HTTPException(503, f'No {name} is configured, so that this is closed.')
        scheme, _, given = request.headers.get('authorization', '').strip().partition(' ')
        told = given.strip().encode('utf-8', 'replace') if scheme.lower() in ('token', 'bearer') else b''
        good, known = ([hmac.compare_digest(told, key.encode()) for key in some] for some in (keys, others))
        if not any(good):
            if any(known):
                raise HTTPException(403, f'That key is not for this: it needs the one of {name}.')
            raise HTTPException(401, 'This needs the key: Authorization: token ...', {'WWW-Authenticate': 'token'})

    return check


def people_routes(people: People, keys: Sequence[str], connection_keys: Sequence[str] = ()) -> APIRouter:
    """The API under /people/. `connection_keys`: of whom the CRM's access is lent to."""
    router = APIRouter()
    lending = APIRouter(
        prefix='/people', tags=['people'],
        dependencies=[Depends(requires_key(connection_keys, 'PEOPLE_CONNECTION_KEY', keys))],
    )  # fmt: skip
    _add_lending(lending, people)
    others = APIRouter(prefix='/people', tags=['people'], dependencies=[Depends(requires_key(keys))])
    _add_reads(others, people)
    _add_writes(others, people)
    router.include_router(lending)
    router.include_router(others)
    return router


def _add_lending(router: APIRouter, people: People) -> None:
    @both(router, 'POST', '/connection/', summary='The access to the CRM', responses=told(400, 401, 403, 503))
    async def lend(response: Response) -> LentAnswer:
        response.headers['Cache-Control'] = 'no-store'
        target, lent = await people.lend_access()
        return LentAnswer(target=target, url=lent.url, headers=dict(lent.headers), expires_at=lent.expires_at)


def _add_writes(router: APIRouter, people: People) -> None:
    answers: dict[str, Any] = {'responses': told(400, 401, 403, 404, 409, 429, 503), 'status_code': 202}

    @both(router, 'POST', '/', summary='Somebody signed up', **answers)
    async def add_user(form: NewUser, idempotency_key: Key = '') -> ReceiptAnswer:
        return _tell(await people.add(form.model_dump(), idempotency_key))

    @both(router, 'POST', '/subscriptions/', summary='An address wants mail', **answers)
    async def subscribe(form: NewSubscription, idempotency_key: Key = '') -> ReceiptAnswer:
        return _tell(await people.subscribe(form.model_dump(), idempotency_key))

    @both(router, 'PATCH', '/{who}/', summary='Something about somebody changed', **answers)
    async def change_user(who: Who, form: Changed, idempotency_key: Key = '') -> ReceiptAnswer:
        to = {name: value for name, value in form.model_dump(exclude_unset=True).items()}
        return _tell(await people.change(who, to, idempotency_key))

    @both(router, 'POST', '/{who}/moderation/', summary='Somebody is spam, or to be looked at', **answers)
    async def moderate(who: Who, form: Moderation, idempotency_key: Key = '') -> ReceiptAnswer:
        return _tell(await people.moderate(who, form.action, idempotency_key))

    @both(router, 'POST', '/{who}/merge/', summary='Two accounts are one', **answers)
    async def merge(who: Who, form: Merged, idempotency_key: Key = '') -> ReceiptAnswer:
        return _tell(await people.merge(who, form.into, idempotency_key))

    @both(router, 'DELETE', '/{who}/', summary='An account was deleted', **answers)
    async def remove(who: Who, idempotency_key: Key = '') -> ReceiptAnswer:
        return _tell(await people.remove(who, idempotency_key))


def _add_reads(router: APIRouter, people: People) -> None:
    @both(router, 'GET', '/changes/', summary='What changed, in order', responses=told(401, 503))
    async def show_changes(
        after: Annotated[int, Query(ge=0, le=2**62, description='The last number that you have; 0: everything.')] = 0,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    ) -> ChangesAnswer:
        found = await people.changes(after, limit)
        changes = [Change(number=each.number, at=each.at, **each.says) for each in found]
        return ChangesAnswer(changes=changes, next=found[-1].number if found else after, more=len(found) == limit)

    @both(router, 'POST', '/lookup/', summary='Whom the CRM knows under an address', responses=told(401, 503))
    async def look_up(form: Asked) -> FoundAnswer:
        return FoundAnswer(crm_ids=await people.lookup(form.email))

    @both(router, 'GET', '/lists/', summary='The mailing lists of the CRM', responses=told(401, 503))
    async def show_lists() -> ListsAnswer:
        return ListsAnswer(lists=await people.lists())

    @both(router, 'POST', '/sustainers/sync/', summary='Read who is a sustainer', responses=told(400, 401, 503))
    async def sync_sustainers() -> SyncedAnswer:
        done = await people.sync_sustainers()
        return SyncedAnswer(read=done.read, on=list(done.on), off=list(done.off))

    @both(router, 'GET', '/{who}/', summary='An app user', responses=told(401, 404, 503))
    async def show_user(who: Who, response: Response) -> UserAnswer:
        return _tell_user(await people.get(who))


def _tell(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer(id=receipt.id, state=receipt.state, crm_id=receipt.crm_id)


def _tell_user(record: Record) -> UserAnswer:
    says = record.fields.get
    return UserAnswer(
        id=record.ref.id,
        state=str(says('state') or ''),
        crm_id=says('crm_id'),
        user_id=says('user_id'),
        email=says('email'),
        first_name=says('first_name'),
        last_name=says('last_name'),
        lang=says('lang'),
        educator=bool(says('educator')),
        lists=list(says('lists') or ()),
        legacy_id=says('legacy_id'),
        is_sustainer=bool(says('is_sustainer')),
        moderation=str(says('moderation') or ''),
        target=str(says('target') or ''),
        deleted=record.tombstone is not None,
    )
