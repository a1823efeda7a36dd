"""The page behind a booking's link (CB-13): GET shows, POST acts, with a form that needs no script; JSON for whoever
accepts that, with the same facts (CB-7, CB-14, CB-21). The token in the path is the only key to it: nobody's cookie is
asked for, and no answer names it to another site.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hermes.booking.book import Invitation
from hermes.booking.forms import Start
from hermes.booking.letters import LetterWriter
from hermes.booking.limits import QUOTAS
from hermes.booking.links import public_number
from hermes.booking.manage import Appointment
from hermes.booking.recap import Recap, recap
from hermes.booking.service import BookingService
from hermes.domain.errors import NotFound, OverLimit, Refused, Unreadable
from hermes.domain.slots import Interval
from hermes.kit.languages import N_
from hermes.parts.roles import ADD_TO, ADD_TO_TITLE
from hermes.web.bodies import read_fields
from hermes.web.booker.month import month_shown, offer_of
from hermes.web.booker.pages import Answer, BookerParts, Page, lead, show
from hermes.web.booker.sentences import UNMOVED, sentence_of, status_of, wrong_fields
from hermes.web.booker.visitor import Visitor
from hermes.web.booker.zones import zone_of
from hermes.web.booking_api import NUMBER, both, told
from hermes.web.errors import problems_of

SAID: Final = {
    'sent': N_('Your call was moved; the new invitation was sent.'),
    'follows': N_('Your call was moved; the new invitation follows.'),
    'refused': N_('The calendar refused this time. Please choose another one.'),
}
FORM: Final = 'application/x-www-form-urlencoded'
NOT_KEPT: Final = {'cache-control': 'no-store'}
"""Nothing is typed there, and Back has to show a booking as it is now, to whoever has its link."""
Count = Callable[[Request], Awaitable[None]]
"""Counts a read of whoever asks. Raises OverLimit."""
Token = Annotated[str, Path(description="The token of a booking's link.")]


class AppointmentAnswer(BaseModel):
    """A booking as its visitor sees it; times in UTC."""

    status: Literal['ok'] = 'ok'
    meeting: int = Field(description=NUMBER)
    kind: str
    state: str = Field(description='planned or canceled')
    admin_id: int
    admin: str
    start: datetime
    end: datetime
    zone: str = Field(description="The visitor's time zone (IANA); the admin's where it is not known.")
    admin_zone: str = Field(description="The admin's time zone (IANA).")
    canceled_by: str = Field('', description='visitor, admin, calendar or refused; empty while it is planned.')
    invitation: Literal['sent', 'follows', 'refused', ''] = Field(
        '', description='How far the calendar was told; refused: it could not take the call.'
    )
    meet: str = Field('', description='The link to join, as soon as it is known.')
    reminders: bool = Field(True, description='Whether reminders are sent.')
    ics: str = Field('', description='The link to the ICS file.')
    event: str = Field('', serialization_alias=ADD_TO, description=f'The link that adds it to {ADD_TO_TITLE}.')
    outlook: str = Field('', description='The link that adds it to Outlook on the web.')


class Change(BaseModel):
    """What is to become of a booking."""

    model_config = ConfigDict(extra='ignore')

    action: Literal['move', 'cancel'] = Field(description='move, to `start`; or cancel.')
    start: Start | None = Field(None, description='When the call starts instead.')


def manage_routes(service: BookingService, writer: LetterWriter, page: Answer, count: Count) -> APIRouter:
    """`/booking/{token}/`, as JSON, and as the `page` for whoever prefers that, which counts for itself."""
    router = APIRouter(tags=['call-booker'])

    @both(
        router,
        'GET',
        '/booking/{token}/',
        summary='A booking; changes nothing',
        response_model=AppointmentAnswer,
        responses=told(403, 404, 429),
    )
    async def show_booking(request: Request, token: Token) -> Response:
        if not wants_json(request):
            return await page(request)
        await count(request)
        at = await service.appointments.find(token)
        return _json(at, recap(at, await service.appointments.look(at), writer, service.terms))

    @both(
        router,
        'POST',
        '/booking/{token}/',
        summary='Move or cancel a booking',
        response_model=AppointmentAnswer,
        responses=told(400, 403, 404, 409, 413, 429, 503),
        openapi_extra={
            'requestBody': {
                'required': True,
                'content': {kind: {'schema': Change.model_json_schema()} for kind in ('application/json', FORM)},
            }
        },
    )
    async def change_booking(request: Request, token: Token) -> Response:
        if _is_form(request) and not wants_json(request):
            return await page(request)
        await count(request)
        at, invitation = await _change(service, token, await _read_change(request))
        return _json(at, recap(at, invitation, writer, service.terms))

    return router


def wants_json(request: Request) -> bool:
    """Whether JSON is accepted and a page is not preferred."""
    accepted = request.headers.get('accept', '')
    return 'application/json' in accepted and 'text/html' not in accepted


def _is_form(request: Request) -> bool:
    return request.headers.get('content-type', '').partition(';')[0].strip().lower() == FORM


async def _read_change(request: Request) -> Change:
    try:
        if _is_form(request):
            return Change.model_validate(await read_fields(request))
        return Change.model_validate_json(await request.body())
    except ValidationError as error:
        told = _wrong_start(error) or 'Say what to do: {"action": "cancel"}, or "move" with a start.'
        raise Refused(told, 'invalid') from None


def _wrong_start(error: ValidationError) -> str:
    """What is wrong with the time of a change, in a sentence; '' for nothing."""
    return next((f'start: {each["what"]}.' for each in problems_of(error) if each['field'] == 'start'), '')


async def _change(service: BookingService, token: str, change: Change) -> tuple[Appointment, Invitation]:
    if change.action == 'cancel':
        return await service.appointments.cancel(token)
    if change.start is None:
        raise Refused('start: is needed to move a call.', 'invalid')
    return await service.appointments.move(token, change.start)


def manage_page(parts: BookerParts) -> Page:
    """A booking, what can be done with it, and what became of that."""

    async def page(visitor: Visitor) -> Response:
        token = visitor.request.path_params['token']
        if visitor.request.method != 'POST':
            at = await parts.service.appointments.find(token)
            return await _show(parts, visitor, at)
        return await _change_by_form(parts, visitor, token)

    return page


def booked_page(parts: BookerParts) -> Page:
    """The confirmation of a booking that was just made (WEB-12)."""

    async def page(visitor: Visitor) -> Response:
        token = visitor.request.path_params['token']
        at = await parts.service.appointments.find(token)
        if not at.planned:
            return lead(visitor.link(f'/booking/{token}/'))
        told = recap(at, await parts.service.appointments.look(at), parts.writer, parts.service.terms)
        return show(
            parts, visitor, 'booked.html', at=at, told=told, token=token, headers=NOT_KEPT, **_zones(visitor, told)
        )

    return page


async def _change_by_form(parts: BookerParts, visitor: Visitor, token: str) -> Response:
    """Do it, and show what became of it; what cannot be done is told above the same page."""
    service, language = parts.service, visitor.language
    given = await read_fields(visitor.request)
    wrong, status, invitation = '', 200, None
    before = at = await service.appointments.find(token)
    try:
        at, invitation = await _change(service, token, Change.model_validate(given))
    except ValidationError:
        wrong, status = wrong_fields([{'loc': ['meeting_dt']}], language)['meeting_dt'], 422
    except (Refused, Unreadable) as error:
        at = await service.appointments.find(token)
        wrong, status = sentence_of(error, language, UNMOVED), status_of(error)
    said = ''
    if at.planned and invitation:
        stays = at.start == before.start
        said = language.gettext(N_('Your call stays where it was.') if stays else SAID[invitation])
    return await _show(parts, visitor, at, invitation, said=said, wrong=wrong, status=status)


async def _show(
    parts: BookerParts,
    visitor: Visitor,
    at: Appointment,
    invitation: Invitation | None = None,
    *,
    said: str = '',
    wrong: str = '',
    status: int = 200,
) -> Response:
    service = parts.service
    told = recap(at, invitation or await service.appointments.look(at), parts.writer, service.terms)
    zones = _zones(visitor, told)
    now = service.engine.clock.now()
    offer = None
    if at.planned:
        with suppress(Unreadable, NotFound, OverLimit):
            window = Interval(now, now + timedelta(days=service.terms.horizon_days))
            offer = offer_of(await service.appointments.times(at, window), zones['zone'], now)
    day = visitor.date('day')
    if offer and day is None and visitor.date('month') is None:
        own = at.start.astimezone(offer.zone).date()
        day = own if offer.times(own) else offer.first_day()
    wanted, days = visitor.date('month') or day, service.terms.horizon_days
    return show(
        parts, visitor, 'manage.html', status, at=at, told=told, said=said, wrong=wrong, offer=offer, day=day,
        moves=QUOTAS['move'].most, headers=NOT_KEPT,
        **month_shown(offer, wanted, day, zones['zone'], now, days, visitor.language), **zones,
    )  # fmt: skip


def _zones(visitor: Visitor, told: Recap) -> dict[str, Any]:
    """The clocks of a page about a booking: the visitor's, and the admin's where it shows another hour (WEB-23)."""
    zone, there = zone_of(visitor.query.get('zone', '')) or ZoneInfo(told.zone), ZoneInfo(told.admin_zone)
    same = told.start.astimezone(zone).utcoffset() == told.start.astimezone(there).utcoffset()
    return {'zone': zone, 'there': None if same else there, 'ics_path': urlsplit(told.ics_url).path}


def _json(at: Appointment, told: Recap) -> JSONResponse:
    answer = AppointmentAnswer(
        meeting=public_number(at.uid),
        kind=at.kind,
        state=at.status,
        admin_id=at.admin_id,
        admin=at.person,
        start=at.start,
        end=at.end,
        zone=told.zone,
        admin_zone=told.admin_zone,
        canceled_by=at.canceled_by,
        invitation=told.invitation,
        meet=told.meet_url,
        reminders=told.reminders,
        ics=told.ics_url,
        event=told.event_url,
        outlook=told.outlook_url,
    )
    return JSONResponse(
        answer.model_dump(mode='json', by_alias=True), headers={'x-robots-tag': 'noindex', 'vary': 'accept'}
    )
