"""An error at an address of pages is a page for whoever prefers one, whoever found it: the router, what reads bodies,
or a handler of errors. Machines are told as everywhere.
"""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DESK: Final = ('/desk', '/login', '/logout', '/init', '/welcome')
"""Where the desk is, beside `/`."""
PAGES: Final = ('/booking', '/book-a-call', '/support-call', '/embed', *DESK)
TAKEN_ALONG: Final = ('allow', 'connection', 'retry-after')
"""Headers of an error that its page carries, too."""
TellPage = Callable[[Request, int], Response]


class AsPages:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http' or not _prefers_page(scope):
            return await self.app(scope, receive, send)
        page: Response | None = None

        async def send_page(message: Message) -> None:
            nonlocal page
            if message['type'] == 'http.response.start':
                page = _page_instead(scope, message)
            if page is None:
                await send(message)
            elif message['type'] == 'http.response.start':
                await page(scope, receive, send)

        await self.app(scope, receive, send_page)


def page_for(scope: Scope, status: int) -> Response | None:
    """The page of an error; None where nobody asked for a page."""
    tell: TellPage | None = getattr(scope['app'].state, 'tell_page', None)
    return tell(Request(scope), status) if tell is not None and _prefers_page(scope) else None


def _page_instead(scope: Scope, message: Message) -> Response | None:
    told = Headers(raw=message.get('headers', []))
    if message['status'] < 400 or not told.get('content-type', '').startswith('application/json'):
        return None
    page = page_for(scope, message['status'])
    if page is not None:
        page.headers.update({name: told[name] for name in TAKEN_ALONG if name in told})
    return page


def is_under(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith(f'{prefix}/') for prefix in prefixes)


def _prefers_page(scope: Scope) -> bool:
    return is_under(scope['path'], PAGES) and 'text/html' in Headers(scope=scope).get('accept', '')
