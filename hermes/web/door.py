"""The first thing that a request meets: is it meant for us, and is it of a size that anybody should read.

Everything is measured as bytes before anything parses, matches or logs it: path, query, headers; bodies are measured
by `bodies` and `webhooks`. Which Host it names is checked here too, so that no page of another site can reach us under
a name of its own (DNS rebinding).
"""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from hermes.web.answers import refuse
from hermes.web.security import Network, is_local, is_token

PATH_BYTES: Final = 2_048
QUERY_BYTES: Final = 8_192
QUERY_PARTS: Final = 64
HEADERS: Final = 100
HEADERS_BYTES: Final = 65_536
HEADER_BYTES: Final = 8_192
"""What anybody gets to see of one header."""
CONTENT_TYPE: Final = b'content-type'
TYPE_BYTES: Final = 256
LOCAL_NAMES: Final = frozenset({'localhost', '127.0.0.1', '::1'})
LOCAL_ONLY: Final = frozenset({'/docs', '/openapi.json', '/metrics'})


class Door:
    """ASGI middleware. `hosts`: the names under which we are asked, besides this machine's own; None: any."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self.app = app
        self._hosts = None if hosts is None else frozenset(name.lower().strip('[]') for name in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            return await self.app(scope, receive, send)
        if max(len(scope.get('raw_path') or b''), len(scope['path'])) > PATH_BYTES:
            return await refuse(send, 414, 'too_large', f'The path is longer than {PATH_BYTES} bytes.')
        query = scope['query_string']
        if len(query) > QUERY_BYTES or query.count(b'&') >= QUERY_PARTS:
            return await refuse(
                send, 414, 'too_large', f'The query is longer than {QUERY_BYTES} bytes or {QUERY_PARTS} parts.'
            )
        headers = scope['headers']
        if len(headers) > HEADERS or sum(len(name) + len(value) for name, value in headers) > HEADERS_BYTES:
            return await refuse(
                send, 431, 'too_large', f'There are more than {HEADERS} headers or {HEADERS_BYTES} bytes of them.'
            )
        if any(len(value) > TYPE_BYTES for _, value in headers):
            scope['headers'] = [(name, value[: room_of(name)]) for name, value in headers]
        if self._hosts is not None and not self._is_ours(scope):
            return await refuse(
                send, 421, 'misdirected', 'Hermes is not known by this name: see HERMES_URL and ALLOWED_HOSTS.'
            )
        await self.app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        told = [value for name, value in scope['headers'] if name == b'host']
        host = host_of(told[0].decode('latin-1')) if len(told) == 1 else ''
        return self._hosts is not None and (host in self._hosts or is_local_name(host))


def room_of(name: bytes) -> int:
    return TYPE_BYTES if name == CONTENT_TYPE else HEADER_BYTES


class LocalOnly:
    """ASGI middleware: what is for those who run Hermes looks to everybody else as if it were not there.

    Whoever carries `token` may see it, and whoever asks from this machine, as long as nobody forwards requests from
    it (`local` False: somebody may).
    """

    def __init__(self, app: ASGIApp, *, local: bool = True, token: str = '') -> None:
        self.app = app
        self._local = local
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'http' and scope['path'].rstrip('/') in LOCAL_ONLY and not self._may(scope):
            return await refuse(send, 404, 'not_found', 'There is nothing here.')
        await self.app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        given = next((value for name, value in scope['headers'] if name == b'authorization'), b'')
        return is_token(given.decode('latin-1'), self._token) or (self._local and is_local(scope))


def host_of(header: str) -> str:
    """The name in a Host header, in small letters and without its port; '' for what is none."""
    told = header.strip().lower()
    if told.startswith('['):
        return told[1:].partition(']')[0]
    return told.partition(':')[0].rstrip('.')


def is_local_name(host: str) -> bool:
    """True for a name of this machine."""
    try:
        return host in LOCAL_NAMES or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def faces_the_world(hosts: Collection[str], trusted: Sequence[Network]) -> bool:
    """Whether requests from elsewhere can arrive as if they came from this machine: where proxies stand in front, or
    somebody knows us by a public name.
    """
    return bool(trusted) or not all(is_local_name(host) for host in hosts)
