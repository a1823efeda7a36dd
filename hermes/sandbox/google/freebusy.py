"""Free/busy: merged intervals per calendar. What goes wrong with one calendar is said inside of a 200."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hermes.sandbox.google import times
from hermes.sandbox.google.errors import Refused, invalid, required, scope_missing, time_range_empty
from hermes.sandbox.google.service_account import FREE_BUSY, Grant

if TYPE_CHECKING:
    from hermes.sandbox.google.account import Account

Json = dict[str, Any]
MOST_CALENDARS, MOST_MEMBERS = 50, 100


def query(account: Account, grant: Grant, body: Any) -> Json:
    """Raises Refused (400, 403)."""
    if not grant.scopes & FREE_BUSY:
        raise scope_missing()
    if not isinstance(body, dict):
        raise Refused(400, 'parseError', 'Parse Error')
    for name in ('timeMin', 'timeMax'):
        if not body.get(name):
            raise required(f'Missing {name} parameter.')
    start, end = (times.read_moment(body[name], name) for name in ('timeMin', 'timeMax'))
    if end <= start:
        raise time_range_empty()
    zone = times.read_zone(body.get('timeZone') or 'UTC', 'Invalid time zone.')
    most = _limit(body, 'calendarExpansionMax', MOST_CALENDARS)
    _limit(body, 'groupExpansionMax', MOST_MEMBERS)
    ids = _ids(body)
    calendars = {}
    for place, calendar in enumerate(ids):
        reason = 'tooManyCalendarsRequested' if place >= most else _trouble(account, grant, calendar)
        if reason:
            calendars[calendar] = {'errors': [{'domain': 'global', 'reason': reason}], 'busy': []}
            continue
        busy = busy_spans(account, _own(grant, calendar), start, end)
        calendars[calendar] = {
            'busy': [{'start': times.shown(first, zone), 'end': times.shown(last, zone)} for first, last in busy]
        }
    return {
        'kind': 'calendar#freeBusy',
        'timeMin': times.stamp(start),
        'timeMax': times.stamp(end),
        'calendars': calendars,
    }


def busy_spans(account: Account, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Merged and cut to [start, end), UTC."""
    zone = account.people[calendar].tz
    spans = (one.span(zone) for one in account.visible(calendar) if one.blocks(calendar))
    return merge((max(first, start), min(last, end)) for first, last in spans if first < end and last > start)


def merge(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """In order; what overlaps or touches is one."""
    found: list[tuple[datetime, datetime]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _own(grant: Grant, calendar: str) -> str:
    return grant.user if calendar == 'primary' else calendar.lower()


def _trouble(account: Account, grant: Grant, calendar: str) -> str:
    """Why this calendar cannot be told; '' if it can."""
    email = _own(grant, calendar)
    if email not in account.people or (not grant.user and email not in account.shared):
        return 'notFound'
    if email in account.faults.away:
        return 'internalError'
    planned = account.faults.free_busy.get(email)
    return planned.pop(0) if planned else ''


def _limit(body: Json, name: str, most: int) -> int:
    told = body.get(name, most)
    if isinstance(told, bool) or not isinstance(told, int) or not 0 < told <= most:
        raise invalid(f'Invalid value for: {name}', f'parameter {name}')
    return told


def _ids(body: Json) -> list[str]:
    items = body.get('items', [])
    if not isinstance(items, list) or not all(
        isinstance(one, dict) and isinstance(one.get('id'), str) for one in items
    ):
        raise Refused(400, 'parseError', 'Parse Error: items')
    return list(dict.fromkeys(one['id'] for one in items))
