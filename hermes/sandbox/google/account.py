"""The office's calendars: who has one, what stands in it, and every change of it, told to channels and guests.

`changes` numbers every change of the account; a sync token is such a number. Time and chance are the world's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from hermes.sandbox.google import conference, keeping
from hermes.sandbox.google.channels import Channels
from hermes.sandbox.google.errors import (
    Refused,
    backend_error,
    bad_gateway_page,
    condition_not_met,
    deleted,
    duplicate,
    invalid,
    json_answer,
    no_delegation,
    not_found,
    not_organizer,
    rate_limited,
    scope_missing,
    user_rate_limited,
    writer_needed,
)
from hermes.sandbox.google.events import CLIENT_ID, Event, merged, read_fields, read_guests, shown
from hermes.sandbox.google.people import Faults, Person
from hermes.sandbox.google.post import Post
from hermes.sandbox.google.service_account import CLIENT_EMAIL, READING, WRITING, Grant, TokenDesk
from hermes.sandbox.weather import Kind

if TYPE_CHECKING:
    from hermes.sandbox.outbox import Delivery
    from hermes.sandbox.world import World

Json = dict[str, Any]
MINUTE = timedelta(seconds=60)
PER_USER, PER_PROJECT = 600, 10_000
GUESTS_OWN = frozenset({'attendees', 'reminders', 'colorId', 'transparency'})
ALPHABET = '0123456789abcdefghijklmnopqrstuv'


class Account:
    """All calendars of the office. `epochs` counts, by calendar, how often its sync tokens were made worthless."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[str, Person] = {}
        self.shared: set[str] = set()
        self.events: dict[tuple[str, str], Event] = {}
        self.changes = 0
        self.epochs: dict[str, int] = {}
        self.faults = Faults()
        self.post = Post()
        self.channels = Channels(world)
        self.tokens = TokenDesk(world)
        self.spent: dict[str, deque[datetime]] = {}
        self.overruns = 0

    def now(self) -> datetime:
        return self.world.clock.now()

    def add_person(self, email: str, name: str, zone: str) -> Person:
        """Give somebody an empty calendar. Raises ZoneInfoNotFoundError."""
        person = Person(email.lower(), name, zone)
        _ = person.tz
        self.people[person.email] = person
        return person

    def reach(self, grant: Grant, calendar: str, *, writing: bool = False) -> Person:
        """The calendar of that id for this caller. Raises Refused (403, 404, 503)."""
        if not grant.scopes & (WRITING if writing else READING):
            raise scope_missing()
        email = (grant.user or CLIENT_EMAIL) if calendar == 'primary' else calendar.lower()
        person = self.people.get(email)
        if person is None or (not grant.user and email not in self.shared):
            raise not_found()
        if writing and grant.user and grant.user != email:
            raise writer_needed()
        if email in self.faults.away:
            raise backend_error(503)
        return person

    def charge(self, user: str) -> None:
        """Count one call. Raises Refused (403) beyond the quota of a user or of the project."""
        now = self.now()
        for key, most in ((user, PER_USER), ('', PER_PROJECT)):
            calls = self.spent.setdefault(key, deque())
            while calls and calls[0] <= now - MINUTE:
                calls.popleft()
            if len(calls) >= most:
                self.overruns += 1
                raise user_rate_limited() if key else rate_limited()
        self.spent[user].append(now)
        if user:
            self.spent[''].append(now)

    def visible(self, calendar: str) -> Iterator[Event]:
        """Every event that stands in that calendar, canceled ones too."""
        return (one for one in self.events.values() if one.home == calendar or calendar in one.guests)

    def find(self, calendar: str, event_id: str) -> Event | None:
        own = self.events.get((calendar, event_id))
        return own or next((one for one in self.visible(calendar) if one.id == event_id), None)

    def get(self, calendar: str, event_id: str) -> Event:
        """Raises Refused (404)."""
        found = self.find(calendar, event_id)
        if found is None:
            raise not_found()
        return found

    def show(self, event: Event, calendar: str, zone: ZoneInfo | None = None, most: int | None = None) -> Json:
        return shown(event, calendar, zone or self.people[calendar].tz, most)

    def insert(
        self, calendar: str, body: Json, *, by: str, whom: str = 'none', meets: bool = False, delegated: bool = True
    ) -> Event:
        """Raises Refused (400, 403, 409)."""
        event_id = self._chosen_id(calendar, body)
        fields = read_fields(body)
        if fields.get('attendees') and not delegated:
            raise no_delegation()
        uid = body.get('iCalUID') if isinstance(body.get('iCalUID'), str) else f'{event_id}@google.com'
        now = self.now()
        event = Event(event_id, calendar, calendar, by, str(uid), fields, now, now, sequence=_sequence(body, 0))
        asked = conference.ask(event, body, now) if meets else False
        if any(one.uid == uid and one.home == calendar for one in self.events.values()):
            raise duplicate()
        self.events[calendar, event_id] = event
        self.touch(event, None, whom, asked=asked)
        return event

    def _chosen_id(self, calendar: str, body: Json) -> str:
        told = body.get('id')
        if told is None:
            return ''.join(self.world.chance.choice(ALPHABET) for _ in range(26))
        if not isinstance(told, str) or not CLIENT_ID.fullmatch(told):
            raise invalid('Invalid resource id value.')
        if body.get('iCalUID'):
            raise invalid('An event id and an iCalUID must not both be given.')
        if self.find(calendar, told) is not None:
            raise duplicate()
        return told

    def planned_refusal(self, calendar: str) -> str:
        """What `refuse_insert` has in store for this call: '', 'with' (the event is made) or 'without'."""
        planned = self.faults.inserts.get(calendar)
        return planned.pop(0) if planned else ''

    def patch(self, calendar: str, event_id: str, body: Json, **more: Any) -> Event:
        """Change what `body` names. Raises Refused (400, 403, 404, 412)."""
        event = self.get(calendar, event_id)
        return self._write(event, calendar, merged(event.fields, body), body, **more)

    def update(self, calendar: str, event_id: str, body: Json, **more: Any) -> Event:
        """Replace the writable part by `body`. Raises Refused (400, 403, 404, 412)."""
        return self._write(self.get(calendar, event_id), calendar, body, body, **more)

    def _write(
        self,
        event: Event,
        calendar: str,
        whole: Json,
        told: Json,
        *,
        whom: str = 'none',
        meets: bool = False,
        delegated: bool = True,
        etag: str = '',
    ) -> Event:
        check_etag(event, etag)
        if event.organizer != calendar:
            return self._answer_as_guest(event, calendar, told, whom)
        fields = read_fields(whole)
        if fields.get('attendees', []) != event.fields.get('attendees', []) and not delegated:
            raise no_delegation()
        sequence = _sequence(told, event.sequence)
        before, event.fields = event.fields, fields
        for name in ('conferenceData', 'hangoutLink'):
            if name in before:
                fields[name] = before[name]
        asked = conference.ask(event, told, self.now()) if meets else False
        moved = any(before.get(name) != fields.get(name) for name in ('start', 'end', 'location'))
        if fields == before and sequence == event.sequence:
            return event
        event.sequence = max(sequence, event.sequence + (moved or (event.is_cancelled and not _cancelled(before))))
        self.touch(event, before, whom, asked=asked)
        return event

    def _answer_as_guest(self, event: Event, calendar: str, told: Json, whom: str) -> Event:
        """A guest may say yes or no, and nothing else. Raises Refused (403)."""
        known = event.fields.get('attendees', [])
        wanted = {one['email']: one for one in read_guests(told.get('attendees', known))}
        others = {email: one for email, one in wanted.items() if email != calendar}
        if set(told) - GUESTS_OWN or others != {email: one for email, one in event.guests.items() if email != calendar}:
            raise not_organizer()
        if calendar in wanted and wanted[calendar] != event.guests.get(calendar):
            before = event.fields
            event.fields = before | {'attendees': [others.get(email, wanted[email]) for email in sorted(wanted)]}
            self.touch(event, before, whom)
        return event

    def delete(self, calendar: str, event_id: str, *, whom: str = 'none', etag: str = '') -> Event:
        """Cancel it; on a guest's calendar: decline it. Raises Refused (404, 410, 412)."""
        event = self.get(calendar, event_id)
        if event.is_cancelled:
            raise deleted()
        check_etag(event, etag)
        before = event.fields
        if event.organizer != calendar and event.home != calendar:
            guests = [
                one | ({'responseStatus': 'declined'} if one['email'] == calendar else {})
                for one in before['attendees']
            ]
            event.fields = before | {'attendees': guests}
        else:
            event.fields = before | {'status': 'cancelled'}
            event.sequence += 1
        self.touch(event, before, whom)
        return event

    def touch(self, event: Event, before: Json | None, whom: str = 'none', *, asked: bool = False) -> None:
        """Number and stamp a change, tell the channels now (and when a link under way will be there) and the guests."""
        self.changes += 1
        event.changed, event.updated_at = self.changes, self.now()
        gone = {one['email'] for one in (before or {}).get('attendees', ())}
        for calendar in {event.home, *event.guests, *gone} & set(self.people):
            self.channels.announce(calendar)
            if asked and event.meet_due_at is not None:
                self.channels.announce(calendar, event.meet_due_at)
        self.post.tell(event, before, whom, self.people, self.now())

    def ripen(self) -> None:
        """Finish the links whose moment has come."""
        now = self.now()
        for event in self.events.values():
            if event.meet_due_at is not None and event.meet_due_at <= now:
                fails = self.faults.meets > 0
                self.faults.meets -= fails
                conference.finish(event, self.world.chance, fails=fails)
                self.changes += 1
                event.changed, event.updated_at = self.changes, now

    def error_answer(self, kind: Kind) -> Response:
        """What the weather makes Google say."""
        if kind == 'rate_limited':
            refusals = (user_rate_limited(), rate_limited(), rate_limited(429))
            return refused(self.world.chance.choice(refusals))
        if kind == 'blocked':
            return bad_gateway_page()
        return refused(backend_error(self.world.chance.choice((500, 503))))

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        self.channels.on_delivered(delivery, status)

    def state(self) -> Json:
        """What a test looks at: calendars with their events as their owner sees them, letters, channels, faults."""
        self.ripen()
        return {
            'calendars': {
                email: {
                    'name': person.name,
                    'timeZone': person.zone,
                    'events': [self.show(one, email) for one in self.visible(email)],
                }
                for email, person in self.people.items()
            },
            'mails': list(self.post.sent),
            'channels': [one.shown() | {'calendar': one.calendar} for one in self.channels.live.values()],
            'changes': self.changes,
            'overruns': self.overruns,
            'faults': keeping.plain_faults(self.faults),
        }

    def dump(self) -> Json:
        return keeping.dump(self)

    def load(self, kept: Json) -> None:
        keeping.load(self, kept)


def refused(refusal: Refused) -> Response:
    return json_answer(refusal.as_body(), refusal.status)


def check_etag(event: Event, etag: str) -> None:
    """If-Match. Raises Refused (412)."""
    if etag and etag != '*' and event.etag not in [one.strip() for one in etag.split(',')]:
        raise condition_not_met()


def _cancelled(fields: Json) -> bool:
    return fields.get('status') == 'cancelled'


def _sequence(body: Json, known: int) -> int:
    told = body.get('sequence', known)
    if isinstance(told, bool) or not isinstance(told, int):
        raise Refused(400, 'parseError', 'Parse Error: sequence')
    if told < known:
        raise invalid(
            'Invalid sequence value. The specified sequence number is below the current sequence number of the '
            'resource. Re-fetch the resource and use its sequence number on the following request.'
        )
    return told
