"""Meet links: asked for with an event, made a moment later. A repeated request id is no second request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.sandbox.google.errors import invalid
from hermes.sandbox.google.events import Event

if TYPE_CHECKING:
    import random

Json = dict[str, Any]
MEET = 'hangoutsMeet'
READY_AFTER = timedelta(seconds=2)
LETTERS = 'abcdefghijkmnopqrstuvwxyz'


def ask(event: Event, body: Json, now: datetime) -> bool:
    """Take over `conferenceData` of a body that may change it: null removes it. True if a link is under way now.

    Raises Refused (400).
    """
    if 'conferenceData' not in body:
        return False
    told = body['conferenceData']
    if told is None:
        forget(event)
        return False
    wanted = told.get('createRequest') if isinstance(told, dict) else None
    if wanted is None:
        return False
    request_id = wanted.get('requestId') if isinstance(wanted, dict) else None
    if not isinstance(request_id, str) or not request_id:
        raise invalid('Missing conference request id.')
    if (wanted.get('conferenceSolutionKey') or {}).get('type', MEET) != MEET:
        raise invalid('Invalid conference type value.')
    known = event.fields.get('conferenceData', {}).get('createRequest', {})
    if known.get('requestId') == request_id:
        return False
    event.fields.pop('hangoutLink', None)
    event.fields['conferenceData'] = {'createRequest': _request(request_id, 'pending')}
    event.meet_due_at = now + READY_AFTER
    return True


def forget(event: Event) -> None:
    event.fields.pop('conferenceData', None)
    event.fields.pop('hangoutLink', None)
    event.meet_due_at = None


def finish(event: Event, chance: random.Random, *, fails: bool = False) -> None:
    """The link is there, or Google could not make one."""
    event.meet_due_at = None
    request_id = event.fields['conferenceData']['createRequest']['requestId']
    if fails:
        event.fields['conferenceData'] = {'createRequest': _request(request_id, 'failure')}
        return
    code = '-'.join(''.join(chance.choice(LETTERS) for _ in range(size)) for size in (3, 4, 3))
    address = f'https://meet.google.com/{code}'
    event.fields['hangoutLink'] = address
    event.fields['conferenceData'] = {
        'createRequest': _request(request_id, 'success'),
        'entryPoints': [{'entryPointType': 'video', 'uri': address, 'label': address.removeprefix('https://')}],
        'conferenceSolution': {'key': {'type': MEET}, 'name': 'Google Meet'},
        'conferenceId': code,
    }


def _request(request_id: str, status: str) -> Json:
    return {'requestId': request_id, 'conferenceSolutionKey': {'type': MEET}, 'status': {'statusCode': status}}
