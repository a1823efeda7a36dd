"""The page behind a booking's link (CB-13): GET shows, POST acts, with a form that needs no script; JSON for whoever
accepts that, with the same facts (CB-7, CB-14, CB-21). The token in the path is the only key to it: nobody's cookie is
asked for, and no answer names it to another site.
"""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hermes.booking.book import Invitation
from hermes.booking.forms import Moment, Start
from hermes.booking.letters import LetterWriter
from hermes.booking.limits import QUOTAS
from hermes.booking.links import public_number
from hermes.booking.manage import Appointment
from hermes.booking.recap import Recap, recap
from hermes.booking.service import BookingService
from hermes.domain.errors import HermesError, NotFound, OverLimit, Refused, Unreadable
from hermes.domain.slots import Interval
from hermes.parts.roles import ADD_TO, ADD_TO_TITLE
from hermes.web.booking_api import NUMBER, both, told
from hermes.web.errors import UNREADABLE, problems_of, status_of

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DAYS: Final = 14
"""How far ahead one page offers other times."""
SAID: Final = {
    'sent': 'Your call was moved; the new invitation was sent.',
    'follows': 'Your call was moved; the new invitation follows.',
    'refused': 'The calendar refused this time. Please choose another one.',
    '': '',
}
Token = Annotated[str, Path(max_length=300, description="The token of a booking's link.")]


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


templates: Final = Environment(
    loader=PackageLoader('hermes.web', 'pages'),
    autoescape=select_autoescape(default=True, default_for_string=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_routes(service: BookingService, writer: LetterWriter) -> APIRouter:
    """`/booking/{token}` and its stylesheet."""
    router = APIRouter(tags=['call-booker'])
    style = files('hermes.web').joinpath('pages/booking.css').read_bytes()

    @router.get('/static/booking.css', include_in_schema=False)
    async def show_style() -> Response:
        return Response(style, media_type='text/css', headers={'cache-control': 'public, max-age=3600'})

    @both(
        router,
        'GET',
        '/booking/{token}/',
        summary='A booking; changes nothing',
        response_model=AppointmentAnswer,
        responses=told(403, 404),
    )
    async def show_booking(
        request: Request,
        token: Token,
        after: Annotated[Moment | None, Query(description='Offer other times from here on.')] = None,
    ) -> Response:
        try:
            at = await service.appointments.find(token)
        except HermesError as error:
            if wants_json(request):
                raise
            return problem_page(service, error)
        told = recap(at, await service.appointments.look(at), writer, service.terms)
        return _json(at, told) if wants_json(request) else await _page(service, at, told, after=after)

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
                'content': {
                    kind: {'schema': Change.model_json_schema()}
                    for kind in ('application/json', 'application/x-www-form-urlencoded')
                },
            }
        },
    )
    async def change_booking(request: Request, token: Token) -> Response:
        if _is_form(request) and not wants_json(request):
            return await _change_by_form(service, writer, request, token)
        at, invitation = await _change(service, token, await _read_change(request))
        return _json(at, recap(at, invitation, writer, service.terms))

    return router


def wants_json(request: Request) -> bool:
    """Whether JSON is accepted and a page is not preferred."""
    accepted = request.headers.get('accept', '')
    return 'application/json' in accepted and 'text/html' not in accepted


def _is_form(request: Request) -> bool:
    return request.headers.get('content-type', '').partition(';')[0].strip() == 'application/x-www-form-urlencoded'


async def _read_form(request: Request) -> dict[str, str]:
    given = await request.form(max_fields=10, max_files=0)
    return {name: str(value) for name, value in given.items() if value}


async def _read_change(request: Request) -> Change:
    try:
        if _is_form(request):
            return Change.model_validate(await _read_form(request))
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


async def _change_by_form(service: BookingService, writer: LetterWriter, request: Request, token: str) -> Response:
    """Do it, and show what became of it; what cannot be done is told above the same page."""
    given = await _read_form(request)
    wrong, status, invitation = '', 200, None
    try:
        before = at = await service.appointments.find(token)
        try:
            at, invitation = await _change(service, token, Change.model_validate(given))
        except ValidationError as error:
            wrong, status = f'Please choose a time. {_wrong_start(error)}'.strip(), 422
        except Refused as error:
            at, wrong, status = await service.appointments.find(token), str(error), status_of(error)
        except Unreadable:
            wrong, status = UNREADABLE, 503
        told = recap(at, invitation or await service.appointments.look(at), writer, service.terms)
    except HermesError as error:
        return problem_page(service, error)
    said = SAID[invitation or ''] if at.planned else ''
    if at.planned and invitation and at.start == before.start:
        said = 'Your call stays where it was.'
    return await _page(service, at, told, said=said, wrong=wrong, status=status)


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


async def _page(
    service: BookingService,
    at: Appointment,
    told: Recap,
    *,
    after: datetime | None = None,
    said: str = '',
    wrong: str = '',
    status: int = 200,
) -> HTMLResponse:
    now = service.engine.clock.now()
    first = max(after or now, now)
    last = first + timedelta(days=DAYS)
    offered: list[Interval] = []
    closed = False
    if at.planned:
        try:
            offered = await service.appointments.times(at, Interval(first, last))
        except (Unreadable, NotFound, OverLimit):
            closed = True
    later = last if last < now + timedelta(days=service.terms.horizon_days) else None
    return render(
        'booking.html', status, brand=service.terms.brand, at=at, told=told,
        days=_days(offered, at, ZoneInfo(told.zone)), closed=closed, said=said, wrong=wrong,
        later=later.isoformat() if later else '', earlier=bool(after), ics_path=urlsplit(told.ics_url).path,
        moves=QUOTAS['move'].most,
    )  # fmt: skip


def _days(offered: list[Interval], at: Appointment, zone: ZoneInfo) -> dict[str, list[dict[str, str]]]:
    """Times to choose from, by the day on a zone's wall clock."""
    days: dict[str, list[dict[str, str]]] = {}
    for slot in offered:
        local = slot.start.astimezone(zone)
        days.setdefault(f'{local:%A}, {local.day} {local:%B %Y}', []).append(
            {
                'value': slot.start.astimezone(UTC).isoformat(),
                'shown': f'{local:%H:%M}' + (' (as now)' if slot.start == at.start else ''),
            }
        )
    return days


def problem_page(service: BookingService, error: HermesError) -> HTMLResponse:
    """What is wrong, as a page."""
    status = status_of(error) if isinstance(error, Refused) else 503
    return render('problem.html', status, brand=service.terms.brand, wrong=str(error))


def render(name: str, status: int, **given: Any) -> HTMLResponse:
    """A page of a template."""
    return HTMLResponse(
        templates.get_template(name).render(**given),
        status,
        headers={'content-security-policy': CSP, 'x-robots-tag': 'noindex', 'vary': 'accept'},
    )
