"""Where a vendor sends a person who allowed us to speak with a system of theirs (AU-16): the state that comes along is
the proof that we asked, good for once.
"""

from collections.abc import Mapping
from html import escape
from typing import Annotated, Protocol

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from hermes.domain.errors import Refused
from hermes.web.booking_api import both

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<title>Hermes</title><h1>{title}</h1><p>{words}</p></html>'
)


class Waiting(Protocol):
    """A grant that a person is about to give."""

    async def finish(self, state: str, code: str) -> None:
        """Raises Refused."""


def connect_routes(grants: Mapping[str, Waiting]) -> APIRouter:
    """The callback of every system that a person connects."""
    router = APIRouter(include_in_schema=False)

    @both(router, 'GET', '/people/connect/{name}/callback/')
    async def connected(
        name: str,
        state: Annotated[str, Query(max_length=200)] = '',
        code: Annotated[str, Query(max_length=2000)] = '',
    ) -> HTMLResponse:
        grant = grants.get(name)
        if grant is None:
            return _page(404, 'Not found', 'No system of this name can be connected.')
        try:
            await grant.finish(state, code)
        except Refused as refused:
            return _page(400, 'Not connected', str(refused))
        return _page(200, 'Connected', 'Hermes may speak with it now. This page can be closed.')

    return router


def _page(status: int, title: str, words: str) -> HTMLResponse:
    headers = {'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer'}
    return HTMLResponse(PAGE.format(title=escape(title), words=escape(words)), status, headers)
