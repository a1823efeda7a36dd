"""The mailbox's page: every letter that Hermes sent, to whomever, as text, as HTML in a frame that may do nothing, and
with its calendar file; and what a person can break about the mail server.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException
from fastapi.responses import Response

from hermes.sandbox.mailbox import FAULTS, Received, Refused
from hermes.sandbox.pages.forms import NotDone

if TYPE_CHECKING:
    from hermes.sandbox.world import World

SHOWN = 100
SAID = {
    'later': 'The next letter is put off (451).',
    'never': 'The next letter is refused for good (550).',
    'lost': 'The next letter is taken, and the connection breaks before Hermes hears of it.',
    'lost_before': 'The connection breaks while the next letter is handed over; it is not taken.',
}
FRAME = {
    'Content-Security-Policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
}
FILE = {**FRAME, 'Content-Disposition': 'attachment; filename="invite.ics"'}
Json = dict[str, Any]


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `letter` (a number), `to` (part of an address)."""
    mailbox, to = world.mailbox, query.get('to', '').strip().lower()
    chosen = find(world, query.get('letter', ''))
    found = [one for one in reversed(mailbox.letters.values()) if to in ' '.join(one.to).lower()]
    return {
        'letters': [_line(one) for one in found[:SHOWN]],
        'count': len(found),
        'to': to,
        'letter': _whole(world, chosen) if chosen else None,
        'missing': bool(query.get('letter')) and chosen is None,
        'faults': list(mailbox.faults),
        'port': mailbox.port,
    }


def find(world: 'World', number: str) -> Received | None:
    return world.mailbox.find(int(number)) if number.isdecimal() and len(number) < 10 else None


def _line(letter: Received) -> Json:
    return {
        'number': letter.number,
        'at': letter.at,
        'to': ', '.join(letter.to),
        'subject': letter.subject,
        'count': letter.count,
    }


def _whole(world: 'World', letter: Received) -> Json:
    text = letter.body('plain')
    calendar, method = letter.calendar()
    links = re.findall(r'https?://[^\s<>"]+', text)
    return {
        **_line(letter),
        'headers': [(name, str(value)) for name, value in letter.message.items()],
        'text': text,
        'has_html': bool(letter.body('html')),
        'calendar': calendar.decode('utf-8', 'replace'),
        'method': method,
        'links': [link for link in dict.fromkeys(links) if link.startswith(f'{world.hermes_url}/')],
    }


def show_html(world: 'World', number: str) -> Response:
    """The letter's HTML, for the frame. 404 without one."""
    letter = find(world, number)
    html = letter.body('html') if letter else ''
    if not html:
        raise HTTPException(404)
    return Response(html, media_type='text/html', headers=FRAME)


def show_file(world: 'World', number: str) -> Response:
    """The letter's calendar file. 404 without one."""
    letter = find(world, number)
    content = letter.calendar()[0] if letter else b''
    if not content:
        raise HTTPException(404)
    return Response(content, media_type='text/calendar', headers=FILE)


def carry_out(world: 'World', form: Mapping[str, str]) -> tuple[str, str]:
    """An act of the form: (where to look, what to say). Raises NotDone."""
    name = form.get('act', '')
    try:
        if name in FAULTS:
            world.mailbox.act('break', fault=name)
            return 'break', SAID[name]
        world.mailbox.act(name)
    except Refused as refusal:
        raise NotDone(str(refusal)) from None
    return '', {'mend': 'The mail server works again.', 'empty': 'The mailbox is empty.'}.get(name, '')
