"""The calendar file of a booking, for whoever has its signed link (CB-14).

The link is the only key; a file is made anew for every request, so it always holds the booking as it is now. It names
no guest: whoever typed an address and has the link learns nothing of whose it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from hermes.booking import ics
from hermes.booking.letters import LetterWriter
from hermes.booking.links import OVER, LinkRefused, read_manage_token
from hermes.db import letters
from hermes.domain.errors import NotFound
from hermes.domain.notice import Person
from hermes.sync.engine import Engine

HEADERS = {
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Robots-Tag': 'noindex',
    'Content-Disposition': 'attachment; filename="invite.ics"',
}
Token = Annotated[str, Path(description="The token of a booking's link.")]


def file_routes(engine: Engine, writer: LetterWriter, counted: Sequence[Any] = ()) -> APIRouter:
    """`GET /booking/{token}/invite.ics`: 200 with the file; 403 for a link that is none or over, 404 for a booking that
    is gone. The engine's database is opened by whoever owns it.
    """
    router = APIRouter(tags=['call-booker'], dependencies=counted)

    @router.get(
        '/booking/{token}/invite.ics',
        summary="A booking's calendar file",
        response_class=Response,
        responses={200: {'content': {'text/calendar': {}}}, 403: {}, 404: {}},
    )
    async def show_file(token: Token) -> Response:
        uid = read_manage_token(token, writer.keys)
        async with engine.database.transaction() as connection:
            notice = await letters.find_notice(connection, uid)
        if notice is None:
            raise NotFound('There is no such booking any more.')
        now = engine.clock.now()
        if notice.end_at <= now:
            raise LinkRefused(OVER, 'link_expired')
        method: ics.Method = 'PUBLISH' if notice.planned else 'CANCEL'
        content = ics.encode(replace(writer.invitation(notice), attendee=Person()), method, now)
        return Response(content, headers={**HEADERS, 'Content-Type': f'text/calendar; charset=utf-8; method={method}'})

    return router
