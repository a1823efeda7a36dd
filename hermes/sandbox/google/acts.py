"""What people do in their calendars, and what somebody breaks by hand: `world.google.<act>`.

Each act changes the state first and is then told to channels the way Google tells it. Times are aware datetimes, or ISO
text with an offset where they come from the control API.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hermes.sandbox.google.account import Account
from hermes.sandbox.google.events import RESPONSES, Event, read_fields
from hermes.sandbox.google.times import stamp

Json = dict[str, Any]
ACTS = frozenset(
    (
        'add_person',
        'allow_scopes',
        'block',
        'delegate',
        'delete',
        'edit',
        'expire_sync_tokens',
        'expire_tokens',
        'fail_free_busy',
        'fail_meet',
        'invite',
        'lapse_watches',
        'leave',
        'mend',
        'move',
        'refuse_insert',
        'respond',
        'set_away',
        'set_slow',
        'share',
        'undelete',
    )
)


class GoogleCalendar(Account):
    """The account together with the people who work in it."""

    def act(self, act: str, /, **arguments: Any) -> Any:
        """Carry out the act of that name; its result as JSON values. Raises LookupError, Refused, TypeError."""
        if act not in ACTS:
            raise LookupError(f'no act is called {act!r}: there are {", ".join(sorted(ACTS))}')
        result = getattr(self, act)(**arguments)
        if isinstance(result, Event):
            return self.show(result, result.home)
        return result if isinstance(result, int | str | None) else str(result)

    def block(
        self,
        email: str,
        start: datetime | str,
        end: datetime | str,
        summary: str = 'Busy',
        *,
        free: bool = False,
        kind: str = 'default',
    ) -> Event:
        """Somebody puts time aside in their own calendar. `free`: shown as available. Raises LookupError, Refused."""
        self._person(email)
        body = {'summary': summary, 'start': edge(start), 'end': edge(end)}
        event = self.insert(email, body | ({'transparency': 'transparent'} if free else {}), by=email)
        event.kind = kind
        return event

    def invite(self, email: str, organizer: str, start: datetime | str, end: datetime | str, summary: str) -> Event:
        """Somebody outside of the office invites a person of it. Raises LookupError, Refused."""
        self._person(email)
        guests = [{'email': email}, {'email': organizer, 'responseStatus': 'accepted'}]
        body = {'summary': summary, 'start': edge(start), 'end': edge(end), 'attendees': guests}
        fields, now = read_fields(body), self.now()
        event_id = self._chosen_id(email, {})
        event = Event(event_id, email, organizer, organizer, f'{event_id}@{organizer}', fields, now, now)
        self.events[email, event_id] = event
        self.touch(event, None)
        return event

    def move(self, email: str, event_id: str, start: datetime | str, end: datetime | str | None = None) -> Event:
        """The owner drags an event to another time, guests are told; without `end` it keeps its length.

        Raises LookupError, Refused.
        """
        first, last = self._event(email, event_id).span(self._person(email).tz)
        begin = moment(start)
        until = begin + (last - first) if end is None else moment(end)
        return self.patch(email, event_id, {'start': edge(begin), 'end': edge(until)}, whom='all')

    def edit(self, email: str, event_id: str, **values: Any) -> Event:
        """The owner changes other fields (`summary`, `description`, `location`, ...), guests are told."""
        self._event(email, event_id)
        return self.patch(email, event_id, values, whom='all')

    def delete(self, email: str, event_id: str, *, whom: str = 'all', etag: str = '') -> Event:
        """The owner throws an event away. Raises Refused (404, 410)."""
        return super().delete(email, event_id, whom=whom, etag=etag)

    def undelete(self, email: str, event_id: str) -> Event:
        """The owner takes an event out of the bin."""
        self._event(email, event_id)
        return self.patch(email, event_id, {'status': 'confirmed'}, whom='all')

    def respond(self, email: str, event_id: str, response: str, guest: str | None = None) -> Event:
        """A guest (by default the owner of the calendar) answers an invitation. Raises LookupError, ValueError."""
        event, who = self._event(email, event_id), (guest or email).lower()
        if response not in RESPONSES:
            raise ValueError(f'a response is one of {", ".join(RESPONSES)}')
        if who not in event.guests:
            raise LookupError(f'{who} is not invited')
        guests = [one | ({'responseStatus': response} if one['email'] == who else {}) for one in event.guests.values()]
        before, event.fields = event.fields, event.fields | {'attendees': guests}
        self.touch(event, before)
        return event

    def leave(self, email: str) -> int:
        """Somebody leaves the office: no calendar, no delegation for them. The number of events that went along."""
        self._person(email)
        del self.people[email]
        gone = [key for key in self.events if key[0] == email]
        for key in gone:
            del self.events[key]
        self.channels.lapse(lambda one: one.calendar == email)
        return len(gone)

    def share(self, email: str, on: bool = True) -> None:
        """Share a calendar with the service account itself, which needs no delegation then."""
        self._person(email)
        (self.shared.add if on else self.shared.discard)(email)

    def delegate(self, on: bool = True) -> None:
        """The office's administrator grants domain-wide delegation, or takes it back."""
        self.tokens.delegated = on
        if not on:
            self.tokens.revoke_all()

    def allow_scopes(self, scopes: list[str]) -> None:
        """The scopes that delegation covers."""
        self.tokens.allowed_scopes = set(scopes)

    def expire_tokens(self) -> int:
        """Every access token is void from now on; how many there were."""
        return self.tokens.revoke_all()

    def lapse_watches(self, email: str | None = None) -> int:
        """Channels end without a word, as when they are not renewed in time; how many."""
        return self.channels.lapse(lambda one: email in (None, one.calendar))

    def expire_sync_tokens(self, email: str | None = None) -> None:
        """Every sync token given so far is answered with 410."""
        for one in [email] if email else list(self.people):
            self._person(one)
            self.epochs[one] = self.epochs.get(one, 0) + 1

    def fail_free_busy(self, email: str, reason: str = 'internalError', times: int = 1) -> None:
        """The next `times` free/busy answers say that this calendar cannot be told, within a 200."""
        self._person(email)
        self.faults.free_busy[email] = [reason] * times

    def refuse_insert(self, email: str, *, with_event: bool = False, times: int = 1) -> None:
        """The next `times` inserts are answered with 409 duplicate, the event being made or not."""
        self._person(email)
        self.faults.inserts[email] = ['with' if with_event else 'without'] * times

    def fail_meet(self, times: int = 1) -> None:
        """The next Meet links cannot be made."""
        self.faults.meets = times

    def set_away(self, email: str, on: bool = True) -> None:
        """A calendar that answers 503, and `internalError` in free/busy, until it is back."""
        self._person(email)
        (self.faults.away.add if on else self.faults.away.discard)(email)

    def set_slow(self, email: str, slow_s: float = 8.0) -> None:
        """Every answer about this calendar takes that long; 0 ends it."""
        self._person(email)
        self.faults.slow.pop(email, None)
        if slow_s > 0:
            self.faults.slow[email] = float(slow_s)

    def mend(self, email: str | None = None) -> None:
        """Take the faults of one calendar, or all, away."""
        for one in [email] if email else list(self.people):
            self.faults.away.discard(one)
            for kept in (self.faults.slow, self.faults.free_busy, self.faults.inserts):
                kept.pop(one, None)
        if email is None:
            self.faults.meets = 0

    def _person(self, email: str) -> Any:
        if email not in self.people:
            raise LookupError(f'{email} has no calendar here')
        return self.people[email]

    def _event(self, email: str, event_id: str) -> Event:
        found = self.find(email, event_id)
        if found is None:
            raise LookupError(f'{email} has no event {event_id}')
        return found


def moment(told: datetime | str) -> datetime:
    """Aware. Raises ValueError."""
    found = datetime.fromisoformat(told) if isinstance(told, str) else told
    if found.tzinfo is None:
        raise ValueError('a time needs an offset')
    return found


def edge(told: datetime | str) -> Json:
    """A start or an end for a body: a bare day stays a day."""
    if isinstance(told, str) and len(told) == 10:
        return {'date': told, 'dateTime': None, 'timeZone': None}
    return {'dateTime': stamp(moment(told)), 'date': None}
