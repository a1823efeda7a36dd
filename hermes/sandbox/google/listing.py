"""Lists of events: windows, order, pages, and sync tokens that say what has changed since.

Page and sync tokens are opaque to the caller: base64 of what the next call must know. A sync token is void after seven
days, and when somebody made it so by hand.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hermes.sandbox.google import times
from hermes.sandbox.google.errors import (
    Refused,
    full_sync_required,
    invalid,
    time_range_empty,
    updated_min_too_long_ago,
)
from hermes.sandbox.google.events import Event

if TYPE_CHECKING:
    from hermes.sandbox.google.account import Account
    from hermes.sandbox.google.people import Person

Json = dict[str, Any]
Query = Mapping[str, list[str]]
TOKEN_LIFE = timedelta(days=7)
UPDATED_MIN_LIFE = timedelta(days=28)
PAGE, LONGEST_PAGE = 250, 2500
NOT_WITH_SYNC = (
    'iCalUID',
    'orderBy',
    'privateExtendedProperty',
    'q',
    'sharedExtendedProperty',
    'timeMin',
    'timeMax',
    'updatedMin',
)
NO_SYNC_AFTER = ('iCalUID', 'orderBy', 'privateExtendedProperty', 'q', 'sharedExtendedProperty', 'updatedMin')


@dataclass(frozen=True)
class Wanted:
    """A checked query. `since` counts changes (None: everything), `as_of` is the change that the listing began at,
    `after` the place of the last event of the page before.
    """

    query: Query
    zone: ZoneInfo
    start: datetime | None
    end: datetime | None
    updated_from: datetime | None
    with_deleted: bool
    since: int | None
    as_of: int
    after: list[str]
    most: int

    def has(self, name: str) -> bool:
        return bool(self.query.get(name))


def list_events(account: Account, person: Person, query: Query) -> Json:
    """One page. Raises Refused (400, 410)."""
    wanted = read_query(account, person, query)
    found = [one for one in account.visible(person.email) if _fits(one, person, wanted)]
    found.sort(key=lambda one: _place(one, person, _first(query, 'orderBy')))
    rest = [one for one in found if _place(one, person, _first(query, 'orderBy')) > wanted.after]
    page = rest[: wanted.most]
    most_guests = _whole(query, 'maxAttendees', 10_000)
    body: Json = {
        'kind': 'calendar#events',
        'etag': f'"p{account.changes}"',
        'summary': person.email,
        'description': '',
        'updated': times.stamp(max((one.updated_at for one in found), default=account.now())),
        'timeZone': wanted.zone.key,
        'accessRole': 'owner',
        'defaultReminders': [{'method': 'popup', 'minutes': 10}],
        'items': [account.show(one, person.email, wanted.zone, most_guests) for one in page],
    }
    if len(page) < len(rest):
        told = {
            'as_of': wanted.as_of,
            'after': _place(page[-1], person, _first(query, 'orderBy')),
            'since': wanted.since,
        }
        return body | {'nextPageToken': packed(told | {'calendar': person.email})}
    if any(wanted.has(name) for name in NO_SYNC_AFTER):
        return body
    return body | {'nextSyncToken': sync_token(account, person.email, wanted.as_of)}


def sync_token(account: Account, calendar: str, as_of: int) -> str:
    epoch, at = account.epochs.get(calendar, 0), account.now().timestamp()
    return packed({'calendar': calendar, 'since': as_of, 'epoch': epoch, 'at': at})


def read_query(account: Account, person: Person, query: Query) -> Wanted:
    """Raises Refused (400, 410)."""
    order, single = _first(query, 'orderBy'), _truth(query, 'singleEvents')
    if order not in ('', 'startTime', 'updated'):
        raise invalid(f'Invalid value for: orderBy: {order}', 'parameter orderBy')
    if order == 'startTime' and not single:
        words = 'The requested ordering is not available for the particular query.'
        raise Refused(400, 'badRequest', words, at='parameter orderBy')
    start, end, updated_from = (
        times.read_moment(_first(query, name), name) if query.get(name) else None
        for name in ('timeMin', 'timeMax', 'updatedMin')
    )
    if start and end and end <= start:
        raise time_range_empty()
    if updated_from and updated_from < account.now() - UPDATED_MIN_LIFE:
        raise updated_min_too_long_ago()
    since, with_deleted = None, _truth(query, 'showDeleted')
    if query.get('syncToken'):
        since, with_deleted = _since(account, person, query), True
    told: Json = {'as_of': account.changes, 'after': [], 'since': since}
    if query.get('pageToken'):
        told = _unpacked(_first(query, 'pageToken'))
        if told.get('calendar') != person.email or 'after' not in told:
            raise invalid('Invalid page token value.', 'parameter pageToken')
    return Wanted(
        query,
        times.read_zone(_first(query, 'timeZone')) if query.get('timeZone') else person.tz,
        start,
        end,
        updated_from,
        with_deleted or updated_from is not None,
        told['since'],
        int(told['as_of']),
        list(told['after']),
        min(_whole(query, 'maxResults', PAGE), LONGEST_PAGE),
    )


def _since(account: Account, person: Person, query: Query) -> int:
    if any(query.get(name) for name in NOT_WITH_SYNC):
        words = 'The sync token cannot be combined with other restrictions of the query.'
        raise Refused(400, 'invalid', words, at='parameter syncToken')
    if _first(query, 'showDeleted') == 'false':
        words = 'Deleted events cannot be left out when a sync token is used.'
        raise Refused(400, 'invalid', words, at='parameter showDeleted')
    try:
        told = _unpacked(_first(query, 'syncToken'))
        age = account.now().timestamp() - float(told['at'])
        since = int(told['since'])
    except (Refused, KeyError, TypeError, ValueError):
        raise invalid('Invalid sync token value.', 'parameter syncToken') from None
    if told.get('calendar') != person.email or since > account.changes:
        raise full_sync_required()
    if told.get('epoch') != account.epochs.get(person.email, 0) or age > TOKEN_LIFE.total_seconds():
        raise full_sync_required()
    return since


def _place(event: Event, person: Person, order: str) -> list[str]:
    """Where an event stands in a listing. It keeps its place while pages are read, unless its own times change."""
    if order == 'startTime':
        return [*(moment.isoformat() for moment in event.span(person.tz)), event.id]
    return [times.stamp(event.updated_at), event.id] if order == 'updated' else [event.id]


def _fits(event: Event, person: Person, wanted: Wanted) -> bool:
    if event.is_cancelled and not wanted.with_deleted:
        return False
    if wanted.since is not None and event.changed <= wanted.since:
        return False
    if wanted.updated_from is not None and event.updated_at < wanted.updated_from:
        return False
    start, end = event.span(person.tz)
    if (wanted.start and end <= wanted.start) or (wanted.end and start >= wanted.end):
        return False
    if wanted.has('iCalUID') and event.uid != _first(wanted.query, 'iCalUID'):
        return False
    if wanted.has('q') and not _mentions(event, _first(wanted.query, 'q').lower()):
        return False
    if wanted.has('eventTypes') and event.kind not in wanted.query['eventTypes']:
        return False
    properties = event.fields.get('extendedProperties', {})
    private = properties.get('private', {}) if event.home == person.email else {}
    return _has_all(private, wanted.query.get('privateExtendedProperty', [])) and _has_all(
        properties.get('shared', {}), wanted.query.get('sharedExtendedProperty', [])
    )


def _mentions(event: Event, words: str) -> bool:
    texts = [event.fields.get(name, '') for name in ('summary', 'description', 'location')]
    return any(words in text.lower() for text in [*texts, *event.guests])


def _has_all(properties: Mapping[str, str], asked: list[str]) -> bool:
    for one in asked:
        name, equals, value = one.partition('=')
        if not equals:
            raise invalid('Invalid extended property constraint.')
        if properties.get(name) != value:
            return False
    return True


def _first(query: Query, name: str) -> str:
    return (query.get(name) or [''])[0]


def _truth(query: Query, name: str) -> bool:
    return _first(query, name).lower() == 'true'


def _whole(query: Query, name: str, default: int) -> int:
    told = _first(query, name) or str(default)
    if not told.isascii() or not told.isdigit() or int(told) < 1:
        raise invalid(f'Invalid integer value: {told!r}.', f'parameter {name}')
    return int(told)


def packed(told: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(told, separators=(',', ':')).encode()).decode().rstrip('=')


def _unpacked(token: str) -> Json:
    try:
        told = json.loads(base64.urlsafe_b64decode(token + '=' * (-len(token) % 4)))
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise invalid('Invalid page token value.', 'parameter pageToken')
    return told
