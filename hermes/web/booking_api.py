"""The booking API that the website calls: availability, holds, bookings, support links. Paths and answers stay what
they were; every path answers with and without its last slash and never redirects.

Nothing here decides anything: it reads what was sent, asks the service, and tells what became of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

from hermes.booking.book import Booked, Visit
from hermes.booking.forms import HoldForm, Id, Moment, SalesForm, SupportForm
from hermes.booking.links import WHOLE, LinkRefused, make_manage_token, public_number, read_support_query
from hermes.booking.service import BookingService
from hermes.domain.errors import Unreadable
from hermes.domain.slots import Interval
from hermes.parts.roles import PRODUCT_TITLE
from hermes.web.errors import warnings_of
from hermes.web.security import Network, client_address

KEY: Final = 'Repeat a request under the same key, and it is the same booking.'
TOKEN: Final = 'The token of a support link, from /callbooker/support-link/validate/.'  # noqa: S105 - a description
NUMBER: Final = "The booking's number in answers, drawn apart from all other numbers; its name is the link."
Key = Annotated[str | None, Header(alias='Idempotency-Key', max_length=255, description=KEY)]
Proof = Annotated[
    str | None,
    Header(alias='X-Altcha', max_length=4096, description='The solved challenge of a 429, as ALTCHA sends it.'),
]
Client = Callable[[Request], bytes]


class Problem(BaseModel):
    """A field that is wrong, or odd."""

    where: str
    field: str
    what: str


class Failed(BaseModel):
    """What went wrong: a sentence for people, a code for machines."""

    status: Literal['error'] = 'error'
    message: str
    code: str = ''
    problems: list[Problem] | None = None


class SlotsAnswer(BaseModel):
    """Slots in UTC, in order: [start, end) each."""

    status: Literal['ok'] = 'ok'
    slots: list[tuple[datetime, datetime]]


class BookedAnswer(BaseModel):
    """A booking that stands."""

    status: Literal['ok'] = 'ok'
    message: str
    meeting: int = Field(description=NUMBER)
    admin: str = Field(description='Who is met.')
    start: datetime
    end: datetime
    invitation: Literal['sent', 'follows'] = Field(description="Whether the calendar's invitation is out already.")
    manage: str = Field(description='The link by which the visitor moves or cancels the call.')
    ics: str = Field(description='The link to the ICS file.')
    warnings: list[Problem] = Field(
        description='Fields that could not be read, were cut or are missed; the call is booked all the same.'
    )


class HoldAnswer(BaseModel):
    """A slot that is kept for a while."""

    status: Literal['ok'] = 'ok'
    hold: str
    expires_at: datetime


class DoneAnswer(BaseModel):
    """Done."""

    status: Literal['ok'] = 'ok'


class LinkAnswer(BaseModel):
    """A link to a support call."""

    status: Literal['ok'] = 'ok'
    link: str


class AllowedAnswer(BaseModel):
    """What a support link allows."""

    status: Literal['ok'] = 'ok'
    company_name: str
    express: bool
    token: str = Field(description='For /callbooker/availability/ and /callbooker/hold/.')


TOLD: Final = {
    400: 'A rule speaks against it', 401: 'The key is missing', 403: 'The key or the link is not valid',
    404: 'There is no such thing',
    409: 'The time is taken', 413: 'The body is larger than 32 KB', 422: 'Something that was sent is wrong',
    429: 'Too much was asked for', 503: 'The calendar cannot be read',
}  # fmt: skip


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for its description."""
    return {status: {'model': Failed, 'description': TOLD[status]} for status in (*statuses, 422)}


def both(router: APIRouter, method: str, path: str, **described: Any) -> Callable[[Any], Any]:
    """Serve `path` (with its last slash) and the same without it; the first is described."""

    def add(endpoint: Any) -> Any:
        router.add_api_route(path, endpoint, methods=[method], **described)
        router.add_api_route(
            path.rstrip('/'), endpoint, methods=[method], **{**described, 'responses': None, 'include_in_schema': False}
        )
        return endpoint

    return add


def client_of(service: BookingService, trusted: Sequence[Network]) -> Client:
    """Who asks, as a keyed hash of their address (S14)."""
    return lambda request: service.terms.client_of(client_address(request.scope, trusted))


def read_counter(service: BookingService, trusted: Sequence[Network] = ()) -> Callable[[Request], Awaitable[None]]:
    """Counts a public read of whoever asks. Raises OverLimit."""
    client = client_of(service, trusted)

    async def count(request: Request) -> None:
        if service.limits is not None:
            service.limits.reading(client(request))

    return count


def booking_routes(service: BookingService, trusted: Sequence[Network] = ()) -> APIRouter:
    """The API under /callbooker/."""
    router = APIRouter(prefix='/callbooker', tags=['call-booker'])
    client = client_of(service, trusted)
    counted = [Depends(read_counter(service, trusted))]
    _add_availability(router, service, client, counted)
    _add_bookings(router, service, client)
    _add_holds(router, service, client)
    _add_support_links(router, service, counted)
    return router


def _add_availability(router: APIRouter, service: BookingService, client: Client, counted: Sequence[Any]) -> None:
    @both(
        router,
        'GET',
        '/availability/',
        summary='Slots that can be booked',
        dependencies=counted,
        responses=told(403, 404, 429, 503),
    )
    async def show_slots(
        request: Request,
        admin_id: Annotated[Id, Query(description='Who is to be met.')],
        start_dt: Annotated[Moment, Query(description='From here. ISO 8601 or seconds since 1970; naive is UTC.')],
        end_dt: Annotated[Moment, Query(description='To here, at most 62 days later.')],
        token: Annotated[str | None, Query(max_length=300, description=TOKEN)] = None,
    ) -> SlotsAnswer:
        permit = partial(service.limits.looking, client(request)) if service.limits else None
        express = service.support.is_express(admin_id, token) if token else False
        window = Interval(start_dt, end_dt)
        found = await service.availability.slots(admin_id, window, express=express, permit=permit)
        return SlotsAnswer(slots=[(slot.start, slot.end) for slot in found])


def _add_bookings(router: APIRouter, service: BookingService, client: Client) -> None:
    answers = told(400, 403, 404, 409, 413, 429, 503)

    @both(router, 'POST', '/sales/book/', summary='Book a sales call', responses=answers)
    async def book_sales(
        request: Request, form: SalesForm, idempotency_key: Key = None, x_altcha: Proof = None
    ) -> BookedAnswer:
        visit = Visit(client(request), idempotency_key or '', x_altcha or '')
        return _tell(service, await service.bookings.book('sales', form, visit), form)

    @both(router, 'POST', '/support/book/', summary='Book a support call, by a signed link', responses=answers)
    async def book_support(
        request: Request, form: SupportForm, idempotency_key: Key = None, x_altcha: Proof = None
    ) -> BookedAnswer:
        visit = Visit(client(request), idempotency_key or '', x_altcha or '')
        return _tell(service, await service.bookings.book('support', form, visit), form)


def _tell(service: BookingService, booked: Booked, form: SalesForm | SupportForm) -> BookedAnswer:
    """Raises Unreadable where the calendar refused the booking for good: it does not stand (CB-7)."""
    if booked.invitation == 'refused':
        raise Unreadable('the calendar refused the meeting')
    sent = booked.invitation == 'sent'
    link = manage_link(service, booked.uid)
    return BookedAnswer(
        message='Your call is booked; the invitation was sent.'
        if sent
        else 'Your call is booked; the invitation follows.',
        meeting=public_number(booked.uid),
        admin=booked.person,
        start=booked.start,
        end=booked.end,
        invitation='sent' if sent else 'follows',
        manage=link,
        ics=f'{link}/invite.ics',
        warnings=[Problem.model_validate(each) for each in warnings_of(form.warnings)],
    )


def manage_link(service: BookingService, uid: str) -> str:
    """Where a visitor manages a booking."""
    return f'{service.terms.hermes_url}/booking/{make_manage_token(uid, service.terms.signing_keys)}'


def _add_holds(router: APIRouter, service: BookingService, client: Client) -> None:
    @both(
        router, 'POST', '/hold/', summary='Keep a slot for five minutes', responses=told(400, 403, 404, 409, 429, 503)
    )
    async def hold_slot(request: Request, form: HoldForm, x_altcha: Proof = None) -> HoldAnswer:
        express = service.support.is_express(form.admin_id, form.token) if form.token else False
        held = await service.holds.take(
            form.admin_id,
            form.start,
            client(request),
            express=express,
            instead_of=form.hold or '',
            proof=x_altcha or '',
        )
        return HoldAnswer(hold=held.token, expires_at=held.expires_at)

    @both(router, 'DELETE', '/hold/{hold}/', summary='Give a slot back; also one that was given back', responses=told())
    async def release_slot(
        hold: Annotated[str, Path(max_length=100, description='The token of the hold.')],
    ) -> DoneAnswer:
        await service.holds.release(hold)
        return DoneAnswer()


def require_key(service: BookingService) -> Callable[..., Awaitable[None]]:
    """Whoever makes links has the key (S1: closed where none is configured)."""

    async def check(
        authorization: Annotated[str, Header(description='Any scheme, then SUPPORT_LINK_KEY.')] = '',
    ) -> None:
        known = service.support.is_key(authorization)
        if known is None:
            raise HTTPException(503, 'No key for support links is configured.')
        if not known:
            raise HTTPException(403, 'Wrong key.')

    return check


def _add_support_links(router: APIRouter, service: BookingService, counted: Sequence[Any]) -> None:
    @both(
        router,
        'GET',
        '/support-link/generate/tc2/',
        summary=f'Make a link to a support call for a client of {PRODUCT_TITLE}',
        dependencies=[Depends(require_key(service))],
        responses=told(403, 404, 503),
    )
    async def make_link(
        tc2_admin_id: Annotated[Id, Query(description=f"The admin's id in {PRODUCT_TITLE}.")],
        tc2_cligency_id: Annotated[Id, Query(description=f"The client's id in {PRODUCT_TITLE}.")],
        express: Annotated[bool, Query(description='The call may start in 15 minutes.')] = False,
    ) -> LinkAnswer:
        return LinkAnswer(link=await service.support.make(tc2_admin_id, tc2_cligency_id, express=express))

    @both(
        router,
        'GET',
        '/support-link/validate/',
        summary='What a support link allows',
        dependencies=counted,
        responses=told(403, 404, 429),
    )
    async def check_link(
        request: Request,
        admin_id: Annotated[str, Query(max_length=20, description='As in the link.')] = '',
        company_id: Annotated[str, Query(max_length=20, description='As in the link.')] = '',
        e: Annotated[str, Query(max_length=20, description='As in the link.')] = '',
        s: Annotated[str, Query(max_length=128, description='As in the link.')] = '',
        x: Annotated[str, Query(max_length=5, description='As in the link.')] = '',
    ) -> AllowedAnswer:
        query = {'admin_id': admin_id, 'company_id': company_id, 'e': e, 's': s, 'x': x}
        if not (admin_id and company_id and e and s):
            raise LinkRefused(WHOLE, 'link_invalid')
        allowed = await service.support.validate(*read_support_query(query))
        return AllowedAnswer(company_name=allowed.company_name, express=allowed.link.express, token=allowed.token)
