"""The calls as they leave: a small ASGI application plays the vendor and writes down what it got."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from hermes.kit.http import Line
from hermes.ports import Op, Request
from hermes.systems.pipedrive.system import Pipedrive
from hermes.systems.tutorcruncher.system import TutorCruncher
from tests.systems.support import CATALOGUE, CODES

TOKEN = 'canary-token-7f3a'
Scope = MutableMapping[str, Any]


class Vendor:
    """Answers everything with what it was told to, and remembers the calls."""

    def __init__(
        self, status: int = 200, body: bytes = b'{"success": true, "data": {"id": 1}}', delay_s: float = 0
    ) -> None:
        self.status, self.body, self.delay_s = status, body, delay_s
        self.headers = [
            (b'date', b'Mon, 02 Mar 2026 09:30:07 GMT'),
            (b'set-cookie', b'a=b'),
            (b'X-RateLimit-Remaining', b'7'),
        ]
        self.calls: list[tuple[str, str, dict[str, str], Any]] = []

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Scope]],
        send: Callable[[Scope], Awaitable[None]],
    ) -> None:
        body = (await receive()).get('body', b'')
        query = scope['query_string'].decode()
        headers = {name.decode(): value.decode() for name, value in scope['headers']}
        url = scope['path'] + (f'?{query}' if query else '')
        self.calls.append((scope['method'], url, headers, json.loads(body) if body else None))
        await asyncio.sleep(self.delay_s)
        await send({'type': 'http.response.start', 'status': self.status, 'headers': self.headers})
        await send({'type': 'http.response.body', 'body': self.body})


def pipedrive(vendor: Vendor, timeout_s: float = 5.0) -> Pipedrive:
    return Pipedrive(
        TOKEN,
        base_v2='http://crm.test/api/v2/',
        base_v1='http://crm.test/v1',
        line=Line(httpx2.ASGITransport(app=vendor), timeout_s=timeout_s),
    )


SINCE = datetime(2026, 3, 2, 9, 30, 5, 999_999, tzinfo=UTC)
PAGE = 'limit=500&sort_by=id&sort_direction=asc'


@pytest.mark.lesson('F-13')
@pytest.mark.parametrize(
    ('request_', 'method', 'url', 'body'),
    [
        (Request('create', 'organization', fields={'name': 'B'}), 'POST', '/api/v2/organizations', {'name': 'B'}),
        (
            Request('update', 'organization', '12', {'website': 'https://b.example'}),
            'PATCH',
            '/api/v2/organizations/12',
            {'custom_fields': {CODES['website']: 'https://b.example'}},
        ),
        (Request('delete', 'deal', '9'), 'DELETE', '/api/v2/deals/9', None),
        (Request('read', 'person', '8'), 'GET', '/api/v2/persons/8', None),
        (Request('read', 'user', '31'), 'GET', '/v1/users/31', None),
        (
            Request('list', 'deal', params={'since': SINCE, 'cursor': 'c1', 'status': ['open', 'deleted']}),
            'GET',
            f'/api/v2/deals?{PAGE}&updated_since=2026-03-02T09%3A30%3A05Z&status=open%2Cdeleted&cursor=c1',
            None,
        ),
        (Request('list', 'stage'), 'GET', f'/api/v2/stages?{PAGE}', None),
        (Request('pipelines'), 'GET', f'/api/v2/pipelines?{PAGE}', None),
        (Request('list', 'person', params={'ids': [1, 2]}), 'GET', f'/api/v2/persons?{PAGE}&ids=1%2C2', None),
        (Request('users'), 'GET', '/v1/users', None),
        (Request('me'), 'GET', '/v1/users/me', None),
        (Request('fields', 'deal', params={'cursor': 'x'}), 'GET', '/api/v2/dealFields?limit=500&cursor=x', None),
        (
            Request('add_field', 'organization', fields={'field_name': 'W', 'field_type': 'enum', 'options': ['a']}),
            'POST',
            '/api/v2/organizationFields',
            {'field_name': 'W', 'field_type': 'enum', 'options': [{'label': 'a'}]},
        ),
        (Request('webhooks'), 'GET', '/v1/webhooks', None),
        (
            Request('add_webhook', fields={'subscription_url': 'https://h.example/x', 'http_auth_user': 'u'}),
            'POST',
            '/v1/webhooks',
            {'event_action': '*', 'event_object': '*', 'name': 'Hermes', 'version': '2.0',
             'subscription_url': 'https://h.example/x', 'http_auth_user': 'u'},
        ),
        (Request('drop_webhook', remote_id='4'), 'DELETE', '/v1/webhooks/4', None),
    ],
)  # fmt: skip
async def test_calls_to_pipedrive(request_: Request, method: str, url: str, body: Any) -> None:
    vendor = Vendor()
    system = pipedrive(vendor)
    answer = await system.send(request_, CATALOGUE)
    await system.aclose()
    ((seen_method, seen_url, headers, seen_body),) = vendor.calls
    assert (seen_method, seen_url, seen_body) == (method, url, body)
    assert headers['x-api-token'] == TOKEN
    assert headers.get('content-type') == ('application/json' if body else None)
    assert (answer.status, answer.headers) == (
        200,
        {'date': 'Mon, 02 Mar 2026 09:30:07 GMT', 'x-ratelimit-remaining': '7'},
    )


@pytest.mark.lesson('K-7')
async def test_the_token_is_in_no_url_text_or_answer() -> None:
    vendor = Vendor(status=401, body=b'{"success": false, "error": "unauthorized access"}')
    system = pipedrive(vendor)
    answer = await system.send(Request('read', 'deal', '1'), CATALOGUE)
    with pytest.raises(Exception, match='401') as caught:
        system.judge(Request('read', 'deal', '1'), answer, CATALOGUE)
    told = f'{vendor.calls[0][1]} {answer!r} {caught.value!r} {system!r} {system._client!r}'
    assert TOKEN not in told
    await system.aclose()


async def test_a_redirect_is_not_followed() -> None:
    vendor = Vendor(status=302, body=b'')
    vendor.headers.append((b'location', b'http://elsewhere.test/'))
    system = pipedrive(vendor)
    answer = await system.send(Request('read', 'deal', '1'), CATALOGUE)
    assert (answer.status, len(vendor.calls)) == (302, 1)
    await system.aclose()


async def test_an_answer_that_never_comes_was_sent() -> None:
    system = pipedrive(Vendor(delay_s=30), timeout_s=0.05)
    answer = await system.send(Request('update', 'deal', '1', {'status': 'lost'}), CATALOGUE)
    assert (answer.status, answer.sent) == (None, True)
    await system.aclose()


@pytest.mark.parametrize('op', ['create', 'read'])
async def test_a_refused_connection_never_left(op: Op) -> None:
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        base = f'http://127.0.0.1:{unused.getsockname()[1]}'
        system = Pipedrive(TOKEN, base_v2=base, base_v1=base)
        answer = await system.send(Request(op, 'deal', '1', {'title': 'x'}), CATALOGUE)
        await system.aclose()
    assert (answer.status, answer.sent, answer.error) == (None, False, 'ConnectError')


async def test_what_cannot_be_encoded_never_leaves() -> None:
    vendor = Vendor()
    system = pipedrive(vendor)
    answer = await system.send(Request('update', 'organization', '1', {'price_plan': 'no such option'}), CATALOGUE)
    assert (answer.status, answer.sent, vendor.calls) == (None, False, [])
    await system.aclose()


@pytest.mark.parametrize(
    ('request_', 'method', 'url', 'body'),
    [
        (Request('read', 'client', '7'), 'GET', '/api/clients/7/', None),
        (Request('list', 'client', params={'page': 2}), 'GET', '/api/clients/?page=2', None),
        (
            Request('update', 'client', '7', {'extra_attrs.pipedrive_id': '12', 'extra_attrs.pipedrive_url': None}),
            'POST',
            '/api/clients/7/',
            {'extra_attrs': {'pipedrive_id': '12', 'pipedrive_url': None}},
        ),
    ],
)
async def test_calls_to_tutorcruncher(request_: Request, method: str, url: str, body: Any) -> None:
    vendor = Vendor(body=b'{"id": 7}')
    system = TutorCruncher(TOKEN, base='http://tc.test/api/', line=Line(httpx2.ASGITransport(app=vendor)))
    answer = await system.send(request_, CATALOGUE)
    await system.aclose()
    ((seen_method, seen_url, headers, seen_body),) = vendor.calls
    assert (seen_method, seen_url, seen_body, answer.status) == (method, url, body, 200)
    assert headers['authorization'] == f'token {TOKEN}'
