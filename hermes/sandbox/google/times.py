"""Times on Google's wire: RFC 3339 with an offset, a day without one, milliseconds for stamps."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hermes.sandbox.google.errors import Refused, invalid, required

RFC3339 = re.compile(r'\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?')
Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.') + f'{moment.microsecond // 1000:03d}Z'


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """In `zone`, whole seconds, `Z` where its offset is nought."""
    text = moment.astimezone(zone).isoformat(timespec='seconds')
    return f'{text[:-6]}Z' if text.endswith('+00:00') else text


def read_moment(raw: Any, name: str) -> datetime:
    """A query or body time that needs an offset. Raises Refused (400)."""
    if not isinstance(raw, str) or not (found := RFC3339.fullmatch(raw)) or not found.group(2):
        raise Refused(400, 'badRequest', 'Bad Request', at=f'parameter {name}')
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, 'badRequest', 'Bad Request', at=f'parameter {name}') from None


def read_zone(raw: Any, message: str = 'Invalid time zone.') -> ZoneInfo:
    """Raises Refused (400)."""
    try:
        return ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise invalid(message) from None


def read_edge(raw: Any, edge: str) -> Json:
    """`start` or `end` of a body as it is kept: `{'date'}`, or `{'dateTime'}` in UTC with the `timeZone` if told.

    Raises Refused (400).
    """
    if not isinstance(raw, dict) or not (raw.get('date') or raw.get('dateTime')):
        raise required(f'Missing {edge} time.')
    if raw.get('date') and raw.get('dateTime'):
        raise invalid('Invalid start or end time: both a date and a dateTime.')
    if raw.get('date'):
        try:
            return {'date': date.fromisoformat(raw['date']).isoformat()}
        except (TypeError, ValueError):
            raise invalid(f'Invalid value for: {edge}.date') from None
    zone = raw.get('timeZone')
    known = read_zone(zone, f'Invalid time zone definition for {edge} time.') if zone else None
    text = raw['dateTime']
    if not isinstance(text, str) or not (found := RFC3339.fullmatch(text)):
        raise invalid(f'Invalid value for: {edge}.dateTime')
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise invalid(f'Invalid value for: {edge}.dateTime') from None
    if not found.group(2):
        if known is None:
            raise required(f'Missing time zone definition for {edge} time.')
        moment = moment.replace(tzinfo=known)
    kept: Json = {'dateTime': moment.astimezone(UTC).replace(microsecond=0).isoformat()}
    return kept | ({'timeZone': zone} if zone else {})


def instant(edge: Json, zone: ZoneInfo) -> datetime:
    """The moment of a kept edge, UTC; a day begins at midnight of the calendar's zone."""
    if 'date' in edge:
        return datetime.fromisoformat(edge['date']).replace(tzinfo=zone).astimezone(UTC)
    return datetime.fromisoformat(edge['dateTime'])


def edge_shown(edge: Json, zone: ZoneInfo) -> Json:
    """A kept edge as it is answered."""
    if 'date' in edge:
        return dict(edge)
    return {
        'dateTime': shown(datetime.fromisoformat(edge['dateTime']), zone),
        'timeZone': edge.get('timeZone', zone.key),
    }
