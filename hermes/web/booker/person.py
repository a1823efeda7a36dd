"""The page of one call: times to choose from, the form, and what a visitor does with them (WEB-7 to WEB-15, WEB-20 to
WEB-31). Sales and support calls share it; they differ in how the call is found and in what the form asks.

GET shows: times, or with `start` in the address the form. POST acts and leads on: `hold` keeps a time and leads to its
form, `book` books, `refresh` shows the form again with what was typed, `times` leads back to the times, `release` gives
a held time back.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from hermes.booking.book import Booked, Visit
from hermes.booking.brackets import SUPPORTED, brackets
from hermes.booking.hold import hash_of
from hermes.booking.links import make_manage_token
from hermes.booking.values import check_minute, read_moment
from hermes.domain.errors import OverLimit, Refused, Unreadable
from hermes.domain.slots import Interval
from hermes.kit.countries import iso_codes
from hermes.kit.languages import in_order
from hermes.web.booker import forms, zones
from hermes.web.booker.call import Call, bookable
from hermes.web.booker.month import Offer, month_shown, offer_of
from hermes.web.booker.pages import BookerParts, Page, lead, show
from hermes.web.booker.sentences import challenge_of, sentence_of, status_of
from hermes.web.booker.typed import read_form
from hermes.web.booker.visitor import AFTER, Visitor

PATIENCE: Final = 20
"""How often a booking that another request is just making is looked for."""
AGAIN_S: Final = 0.25
NO_TIME: Final = Refused('A time is needed.', 'no_time')
Find = Callable[[BookerParts, Visitor], Awaitable[Call]]


def call_page(parts: BookerParts, find: Find) -> Page:
    """The page of whatever call `find` finds."""

    async def page(visitor: Visitor) -> Response:
        call = await find(parts, visitor)
        if visitor.request.method != 'POST':
            if visitor.start is None:
                return await show_times(parts, visitor, call)
            chosen = {name: visitor.query[name] for name in ('start', 'hold', 'until') if name in visitor.query}
            return await show_form(parts, visitor, call, {**forms.read_draft(visitor.request), **chosen})
        typed = await read_form(visitor.request)
        act = take_instead if 'instead' in typed else ACTS.get(typed.get('action', ''), show_again)
        return await act(parts, visitor, call, typed)

    return page


async def read_offer(parts: BookerParts, visitor: Visitor, call: Call, hold: str = '') -> Offer:
    """Every time on offer, the visitor's own held one among them (WEB-20). Raises Unreadable, OverLimit."""
    service = parts.service
    now = service.engine.clock.now()
    permit = partial(service.limits.looking, visitor.client) if service.limits else None
    slots = await service.availability.slots(
        call.rep.admin_id, Interval(now, now + timedelta(days=service.terms.horizon_days)), express=call.express,
        own_hold=hash_of(hold) if hold else b'', permit=permit,
    )  # fmt: skip
    return offer_of(slots, visitor.zone(call.person.hours.zone), now)


async def show_times(
    parts: BookerParts,
    visitor: Visitor,
    call: Call,
    *,
    status: int = 200,
    refusal: Refused | None = None,
    wanted: datetime | None = None,
) -> Response:
    """Month, times of a day, and the next free ones. `refusal`: why the time that was `wanted` is not to be had."""
    hold = visitor.query.get('hold', '')
    offer, failure = None, ''
    try:
        offer = await read_offer(parts, visitor, call, hold)
    except (Unreadable, OverLimit) as error:
        failure, status = sentence_of(error, visitor.language), status_of(error)
    zone = visitor.zone(call.person.hours.zone)
    day = visitor.date('day') or (offer.first_day() if offer and not visitor.date('month') else None)
    now, days = parts.service.engine.clock.now(), parts.service.terms.horizon_days
    return show(
        parts, visitor, 'times.html', status, index=call.kind == 'sales' and status == 200 and not visitor.base,
        call=call, zone=zone, zones=zones.groups(visitor.language.code), offer=offer, failure=failure, day=day,
        hold=hold, **month_shown(offer, visitor.date('month') or day, day, zone, now, days, visitor.language),
        refusal=sentence_of(refusal, visitor.language) if refusal else '',
        nearest=offer.nearest(wanted) if offer and wanted else [],
        colleague=None if status == 429 else await find_colleague(parts, call, offer),
        now=now,
    )  # fmt: skip


async def find_colleague(parts: BookerParts, call: Call, offer: Offer | None) -> Any:
    """Who has times when this one has next to none (WEB-14): whom the file names, else whoever is free first."""
    if call.kind != 'sales' or (offer is not None and not offer.is_full_week()):
        return None
    others = {rep.admin_id: rep for rep in await bookable(parts, 'sales') if rep.admin_id != call.rep.admin_id}
    times = await parts.service.next_times.of(others, 1)
    free = sorted((at[0], who) for who, at in times.items() if at)
    named = [each for each in free if each[1] == call.rep.alternative]
    return next(((others[who], at) for at, who in (*named, *free)), None)


async def show_form(
    parts: BookerParts,
    visitor: Visitor,
    call: Call,
    typed: Mapping[str, str],
    *,
    status: int = 200,
    wrong: Mapping[str, str] | None = None,
    error: Exception | None = None,
) -> Response:
    """The form of a chosen time, filled in as far as is known. `error`: why it could not be booked; where somebody else
    has the time, the nearest ones are offered beside what was typed (WEB-13).
    """
    start = _start(typed)
    if start is None:
        return await show_times(parts, visitor, call, status=422, refusal=NO_TIME)
    filled = replace(forms.fill(visitor, typed), wrong=wrong or {})
    nearest: list[datetime] = []
    if isinstance(error, Refused) and not isinstance(error, OverLimit) and error.code not in ('busy', 'idempotency'):
        with suppress(Unreadable, OverLimit):
            nearest = (await read_offer(parts, visitor, call, typed.get('hold', ''))).nearest(start)
    return show(
        parts, visitor, 'form.html', status, call=call, zone=visitor.zone(call.person.hours.zone), start=start,
        end=start + timedelta(minutes=call.minutes), hold=typed.get('hold', ''), until=typed.get('until', ''),
        filled=filled, key=forms.next_key(typed) if wrong or error else forms.key_of(typed), nearest=nearest,
        countries=_countries(visitor), currencies=SUPPORTED, brackets=brackets(filled.currency),
        failure=sentence_of(error, visitor.language) if error else '', challenge=challenge_of(error) if error else None,
    )  # fmt: skip


def _countries(visitor: Visitor) -> list[tuple[str, str]]:
    """(code, name) in the order of the language."""
    return in_order((code, visitor.language.country(code)) for code in iso_codes())


async def hold_time(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """Keep a time and lead to its form."""
    start = _start(typed)
    if start is None:
        return await show_times(parts, visitor, call, status=422, refusal=NO_TIME)
    try:
        held = await _hold(parts, visitor, call, start, typed)
    except Refused as error:
        return await show_times(parts, visitor, call, status=status_of(error), refusal=error, wanted=start)
    return lead(visitor.link(call.path, **held))


async def take_instead(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """Another time for a form that is filled in already."""
    start = _start({'start': typed['instead']})
    if start is None:
        return await show_form(parts, visitor, call, typed, status=422, error=NO_TIME)
    typed = {**typed, 'start': typed['instead']}
    try:
        held = await _hold(parts, visitor, call, start, typed)
    except Refused as error:
        return await show_form(parts, visitor, call, typed, status=status_of(error), error=error)
    kept = {name: value for name, value in typed.items() if name not in ('hold', 'until', 'key')}
    return await show_form(parts, visitor, call, {**kept, **held})


async def _hold(
    parts: BookerParts, visitor: Visitor, call: Call, start: datetime, typed: Mapping[str, str]
) -> dict[str, str]:
    """What a held time adds to the address. Whoever may hold nothing more goes on without: the booking decides. Raises
    Refused, Unreadable.
    """
    chosen = {'start': start.isoformat()}
    try:
        held = await parts.service.holds.take(
            call.rep.admin_id, start, visitor.client, express=call.express, instead_of=typed.get('hold', '')
        )
    except OverLimit:
        return chosen
    return {**chosen, 'hold': held.token, 'until': str(int(held.expires_at.timestamp()))}


async def show_again(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """The form with what was typed, after the currency was changed."""
    return await show_form(parts, visitor, call, typed)


async def go_back(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """Back to the times; what was typed waits in this browser (WEB-9)."""
    start = _start(typed)
    day = start.astimezone(visitor.zone(call.person.hours.zone)).date() if start else None
    answer = lead(visitor.link(call.path, day=day, hold=typed.get('hold') or None))
    answer.set_cookie(
        forms.DRAFT, forms.pack_draft(typed), max_age=forms.DRAFT_S, path=f'{visitor.base}{call.path}', httponly=True,
        samesite='lax', secure=parts.secure,
    )  # fmt: skip
    return answer


async def release_time(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """Give a held time back: the visitor has left."""
    if hold := typed.get('hold'):
        await parts.service.holds.release(hold)
    return Response(status_code=204)


async def book(parts: BookerParts, visitor: Visitor, call: Call, typed: Mapping[str, str]) -> Response:
    """Book, and lead to the confirmation; whatever speaks against it is told with everything that was typed."""
    form, wrong = (forms.read_sales if call.kind == 'sales' else forms.read_support)(visitor, call, typed)
    if form is None:
        unseen = None if wrong else Refused('A field that is not shown is wrong.', 'invalid')
        return await show_form(parts, visitor, call, typed, status=422, wrong=wrong, error=unseen)
    visit = Visit(visitor.client, typed.get('key', ''), typed.get('altcha', ''))
    try:
        booked = await _book(parts, call, form, visit)
    except (Refused, Unreadable) as error:
        return await show_form(parts, visitor, call, typed, status=status_of(error), error=error)
    token = make_manage_token(booked.uid, parts.service.terms.signing_keys)
    answer = lead(visitor.link(f'/booking/{token}/booked/', AFTER))
    answer.delete_cookie(forms.DRAFT, path=f'{visitor.base}{call.path}')
    return answer


async def _book(parts: BookerParts, call: Call, form: Any, visit: Visit) -> Booked:
    """One booking, however often the same form is sent. Raises what a booking raises, and Unreadable where the calendar
    refused it for good: then it does not stand (CB-7).
    """
    for _ in range(PATIENCE):
        try:
            booked = await parts.service.bookings.book(call.kind, form, visit)
        except Refused as error:
            if error.code != 'busy':
                raise
            await parts.service.engine.clock.sleep(AGAIN_S)
            continue
        if booked.invitation == 'refused':
            raise Unreadable('the calendar refused the meeting')
        return booked
    raise Refused('Another request makes this booking just now.', 'busy')


def _start(typed: Mapping[str, str]) -> datetime | None:
    try:
        return check_minute(read_moment(typed.get('start', '')))
    except ValueError:
        return None


ACTS: Final = {
    'hold': hold_time, 'book': book, 'refresh': show_again, 'times': go_back, 'release': release_time,
}  # fmt: skip
