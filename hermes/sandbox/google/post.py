"""The letters that Google itself sends about an event: who was told what, with the sequence of the invitation.

Nothing is mailed; the list is what a test or a person looks at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hermes.sandbox.google import times
from hermes.sandbox.google.errors import invalid
from hermes.sandbox.google.events import Event

Json = dict[str, Any]
KEPT = 5000
TOLD = ('summary', 'description', 'location', 'start', 'end')


class Post:
    """`sent`: one entry per letter, oldest first: at, calendar, event, uid, to, kind, sequence, summary, start."""

    def __init__(self) -> None:
        self.sent: deque[Json] = deque(maxlen=KEPT)

    def tell(self, event: Event, before: Json | None, whom: str, people: Iterable[str], now: datetime) -> None:
        """Letters about what became of `event`. `before`: its fields before, None for a new one.

        `whom`: all, externalOnly (guests outside of the office) or none. `people`: the office's addresses.
        """
        if whom == 'none':
            return
        office = set(people)
        old = {one['email'] for one in (before or {}).get('attendees', ())}
        was_live = before is not None and before.get('status') != 'cancelled'
        changed = before is not None and any(before.get(name) != event.fields.get(name) for name in TOLD)
        for email in sorted(old | set(event.guests)):
            if email == event.organizer or (whom == 'externalOnly' and email in office):
                continue
            if event.is_cancelled or email not in event.guests:
                kind = 'cancellation' if was_live and email in old else ''
            elif not was_live or email not in old:
                kind = 'invitation'
            else:
                kind = 'update' if changed else ''
            if kind:
                self._add(event, email, kind, now)

    def _add(self, event: Event, email: str, kind: str, now: datetime) -> None:
        self.sent.append(
            {
                'at': times.stamp(now),
                'calendar': event.home,
                'event': event.id,
                'uid': event.uid,
                'to': email,
                'kind': kind,
                'sequence': event.sequence,
                'summary': event.fields.get('summary', ''),
                'start': event.fields['start'],
            }
        )


def read_whom(send_updates: str | None, send_notifications: str | None) -> str:
    """all, externalOnly or none; `sendNotifications` is the old word for all. Raises Refused (400)."""
    if send_updates is None:
        return 'all' if send_notifications == 'true' else 'none'
    if send_updates not in ('all', 'externalOnly', 'none'):
        raise invalid('Invalid value for: sendUpdates', 'parameter sendUpdates')
    return send_updates
