"""The calendars' page: a week per person, what stands in it, and what a person can do or break there.

Times are shown and read in the zone of the calendar's owner.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hermes.sandbox.google import Refused
from hermes.sandbox.google.events import RESPONSES, Event
from hermes.sandbox.google.people import Person
from hermes.sandbox.pages.forms import NotDone

if TYPE_CHECKING:
    from hermes.sandbox.google import GoogleCalendar
    from hermes.sandbox.world import World

LETTERS = 20
SLOW_S = 8.0
Json = dict[str, Any]


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `week` (any day of it, YYYY-MM-DD), `who` (an address)."""
    account = world.google
    account.ripen()
    today = world.clock.now().date()
    monday = _monday(query.get('week', ''), today)
    people = [one for one in account.people.values() if query.get('who', '') in ('', one.email)]
    days = [monday + timedelta(days=count) for count in range(7)]
    return {
        'people': [_person(account, one, days, place) for place, one in enumerate(people)],
        'everybody': [(one.email, one.name) for one in account.people.values()],
        'who': query.get('who', ''),
        'week': monday.isoformat(),
        'earlier': (monday - timedelta(days=7)).isoformat(),
        'later': (monday + timedelta(days=7)).isoformat(),
        'today': today,
        'letters': list(account.post.sent)[-LETTERS:][::-1],
        'channels': list(account.channels.live.values()),
        'delegated': account.tokens.delegated,
        'responses': RESPONSES,
    }


def _monday(told: str, today: date) -> date:
    try:
        day = date.fromisoformat(told) if re.fullmatch(r'\d{4}-\d\d-\d\d', told) else today
    except ValueError:
        day = today
    day = min(max(day, date(2000, 1, 3)), date(2100, 1, 1))
    return day - timedelta(days=day.weekday())


def _person(account: 'GoogleCalendar', person: Person, days: list[date], place: int) -> Json:
    faults, email = account.faults, person.email
    broken = [
        *(['away'] if email in faults.away else []),
        *([f'slow, {faults.slow[email]:g} s'] if email in faults.slow else []),
        *(['next free/busy fails'] if faults.free_busy.get(email) else []),
        *(['next insert: 409'] if faults.inserts.get(email) else []),
    ]
    events = sorted(account.visible(email), key=lambda one: one.span(person.tz))
    first_free = datetime.combine(max(days[0], account.now().astimezone(person.tz).date()), time(14), person.tz)
    return {
        'email': email,
        'name': person.name,
        'zone': person.zone,
        'place': f'person-{place}',
        'broken': broken,
        'away': email in faults.away,
        'slow': email in faults.slow,
        'from': local_value(first_free, person.tz),
        'to': local_value(first_free + timedelta(hours=1), person.tz),
        'days': [
            {'day': day, 'events': [_event(one, person, day) for one in events if _on(one, person, day)]}
            for day in days
        ],
    }


def _on(event: Event, person: Person, day: date) -> bool:
    start, end = event.span(person.tz)
    begin = datetime.combine(day, time(), person.tz)
    return start < begin + timedelta(days=1) and end > begin


def _event(event: Event, person: Person, day: date) -> Json:
    start, end = (moment.astimezone(person.tz) for moment in event.span(person.tz))
    whole = 'date' in event.fields['start']
    guest = event.guests.get(person.email)
    conference = event.fields.get('conferenceData', {}).get('createRequest', {}).get('status', {}).get('statusCode')
    return {
        'id': event.id,
        'summary': event.fields.get('summary') or '(no title)',
        'when': 'all day'
        if whole
        else f'{start:%H:%M} to {end:%H:%M}'
        if start.date() == day
        else f'until {end:%H:%M}',
        'start': local_value(start, person.tz),
        'description': event.fields.get('description', ''),
        'cancelled': event.is_cancelled,
        'free': not event.blocks(person.email),
        'own': event.organizer == person.email,
        'organizer': event.organizer,
        'guests': list(event.guests.values()),
        'answer': guest and guest['responseStatus'],
        'meet': event.fields.get('hangoutLink') or (conference and f'Meet link: {conference}') or '',
        'sequence': event.sequence,
        'private': event.fields.get('extendedProperties', {}).get('private', {}),
    }


def local_value(moment: datetime, zone: ZoneInfo) -> str:
    """As an input of the kind `datetime-local` holds it."""
    return moment.astimezone(zone).strftime('%Y-%m-%dT%H:%M')


def carry_out(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Do what the form asks. Returns the place on the page to go to, and a sentence. Raises NotDone."""
    account, act, email = world.google, form.get('act', ''), form.get('email', '')
    if act in WHOLE_OFFICE:
        return 'faults', _in_the_office(account, act)
    person = account.people.get(email)
    if person is None:
        raise NotDone('Nobody of that address has a calendar here.')
    place = form.get('place', '')
    try:
        if act in BREAKS:
            return place, _break(account, person, act)
        if act == 'block':
            summary, free = form.get('summary') or 'Busy', form.get('free') == 'on'
            start, end = (read_local(form.get(name, ''), person.tz) for name in ('start', 'end'))
            account.block(email, start, end, summary, free=free)
            return place, f'{person.name} has put time aside: {summary}.'
        return place, _act_on(account, person, act, form)
    except Refused as refusal:
        raise NotDone(refusal.message) from None
    except (LookupError, ValueError) as problem:
        raise NotDone(str(problem).strip('\'"')) from None


def _act_on(account: 'GoogleCalendar', person: Person, act: str, form: dict[str, str]) -> str:
    event = form.get('event', '')
    name = account.get(person.email, event).fields.get('summary', event)
    if act == 'move':
        account.move(person.email, event, read_local(form.get('start', ''), person.tz))
        return f'“{name}” is moved, its guests are told.'
    if act == 'rename':
        account.edit(person.email, event, summary=form.get('summary', ''))
        return f'“{name}” has another title.'
    if act == 'delete':
        account.delete(person.email, event)
        return f'“{name}” is gone from the calendar of {person.name}.'
    if act == 'undelete':
        account.undelete(person.email, event)
        return f'“{name}” is back.'
    if act in ('accepted', 'declined', 'tentative'):
        account.respond(person.email, event, act, form.get('guest') or None)
        return f'“{name}”: {form.get("guest") or person.name} says {act}.'
    raise NotDone('There is no such act.')


WHOLE_OFFICE = ('expire_tokens', 'delegate', 'undelegate', 'fail_meet', 'mend_all')
BREAKS = (
    'lapse_watches',
    'expire_sync_tokens',
    'fail_free_busy',
    'refuse_insert',
    'refuse_insert_made',
    'away',
    'back',
    'slow',
    'quick',
    'mend',
)


def _in_the_office(account: 'GoogleCalendar', act: str) -> str:
    if act == 'expire_tokens':
        return f'{account.expire_tokens()} access tokens are void.'
    if act in ('delegate', 'undelegate'):
        account.delegate(act == 'delegate')
        return 'Delegation is granted.' if act == 'delegate' else 'Delegation is taken back, every token is void.'
    if act == 'fail_meet':
        account.fail_meet()
        return 'The next Meet link cannot be made.'
    account.mend()
    return 'Everything is mended.'


def _break(account: 'GoogleCalendar', person: Person, act: str) -> str:
    email, name = person.email, person.name
    if act == 'lapse_watches':
        return f'{account.lapse_watches(email)} watches of {name} have lapsed without a word.'
    if act == 'expire_sync_tokens':
        account.expire_sync_tokens(email)
        return f'The next sync token for {name} is answered with 410.'
    if act == 'fail_free_busy':
        account.fail_free_busy(email)
        return f'The next free/busy answer cannot tell about {name}.'
    if act in ('refuse_insert', 'refuse_insert_made'):
        account.refuse_insert(email, with_event=act == 'refuse_insert_made')
        made = 'is made and' if act == 'refuse_insert_made' else 'is not made and'
        return f'The next event for {name} {made} answered with 409.'
    if act in ('away', 'back'):
        account.set_away(email, act == 'away')
        return f'The calendar of {name} is {act}.'
    if act in ('slow', 'quick'):
        account.set_slow(email, SLOW_S if act == 'slow' else 0)
        return f'The calendar of {name} is {act} now.'
    account.mend(email)
    return f'The calendar of {name} is mended.'


def read_local(text: str, zone: ZoneInfo) -> datetime:
    """What an input of the kind `datetime-local` says, in `zone`. Raises NotDone."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise NotDone('A day and a time are missing.') from None
