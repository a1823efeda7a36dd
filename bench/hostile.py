"""What one request of a stranger costs before it is refused: the worst text in every field, header and part of a
request, one at a time, in CPU milliseconds of one process (the client's own share included).

The limit beside it: the same for a request that is refused at once, with next to nothing in it.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import httpx2

from bench.table import Row
from hermes.app import add_pages, build_desk, sources
from hermes.booking.forms import HoldForm, SalesForm, SupportForm
from hermes.booking.service import BookingService
from hermes.db.inbox import Inbox
from hermes.db.reads.health import Vitals
from hermes.kit.clock import SystemClock
from hermes.parts.assembly import build_booking_service, build_engine
from hermes.settings import load
from hermes.web.application import create_app
from hermes.web.booker.manage import Change

NOWHERE: Final = 'postgresql://nobody@127.0.0.1:9/nothing'
"""What gets as far as the database is answered 503."""
KEY: Final = 'a-key-of-the-bench-only-0123456789abcdef'
LIMIT_MS: Final = 20
TIMES: Final = 3
MARKS: Final = '\u0301\u0316\u0323\u0307'
TEXTS: Final = {
    'unordered marks': MARKS * 3_900, 'marks that hide': '\u0f73' * 10_000, 'letters': 'x' * 31_000,
    'spaces': ' ' * 31_000, 'digits': '9' * 31_000, 'dots': 'a.' * 15_000, 'ats': 'a@' * 15_000,
    'domains': f'a@{"a-" * 15_000}.example', 'schemes': 'http://' * 4_000, 'quotes': '\\"' * 7_000,
    'ligatures': '\ufdfa' * 10_000, 'brackets': '([{' * 10_000, 'signs': '+0 (' * 7_500,
}  # fmt: skip
BODIES: Final = {
    'a list without end': b'[' * 32_000, 'a deep list': b'[' * 900 + b']' * 900,
    'many lists': b'[' + b'[],' * 10_000 + b'1]',
    'many keys': json.dumps({f'k{n}': n for n in range(2_400)}).encode(), 'digits': b'9' * 32_000,
    'a text without end': b'"' + b'\\"' * 15_000, 'many fields': b'a=1&' * 8_000, 'nothing but signs': b'&' * 32_000,
    'percent signs': b'%' * 32_000,
}  # fmt: skip
HEADERS: Final = {
    'Content-Type': 'a/b;' + 'x="y";' * 8_000, 'X-Forwarded-For': '10.0.0.1, ' * 5_000,
    'Forwarded': 'for="[2001:db8::1]:1";' * 2_500, 'Accept': 'text/html;q=0.1,' * 3_500, 'Authorization': 'x ' * 30_000,
    'X-Altcha': 'W1tb' * 1_000, 'Idempotency-Key': 'x' * 60_000, 'Cookie': 'a=b; ' * 12_000, 'X-Any': 'x' * 60_000,
}  # fmt: skip
Ask = Callable[..., Awaitable[float]]


def run(duration_s: float = 5.0) -> list[Row]:
    """Every text in every place."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    given = {
        '_env_file': None, 'database_url': NOWHERE, 'signing_key': KEY, 'secret_key': KEY, 'api_key': KEY,
        'trusted_proxies': '10.0.0.0/8', 'hermes_url': 'http://127.0.0.1', 'rate_limits': 'off', 'tc2_api_key': KEY,
    }  # fmt: skip
    settings, clock = load(given), SystemClock()
    office: BookingService = build_booking_service(settings, build_engine(settings, clock=clock))
    app: Any = create_app(
        Inbox(NOWHERE, clock), sources(settings), Vitals(NOWHERE), clock, hosts=['127.0.0.1'],
        trusted_proxies=settings.trusted_proxies,
    )  # fmt: skip
    add_pages(app, office, build_desk(settings, office, clock), settings)
    transport = httpx2.ASGITransport(app=app, client=('10.0.0.9', 1), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url='http://127.0.0.1', trust_env=False) as client:

        async def ask(method: str, path: str, **more: Any) -> float:
            """CPU milliseconds, the least of some times."""
            took = []
            for _ in range(TIMES):
                began = time.process_time()
                answer = await client.request(method, path, **more)
                took.append((time.process_time() - began) * 1000)
                assert answer.status_code in (400, 401, 403, 404, 413, 414, 422, 431, 503), answer.text
            return min(took)

        least = await ask('POST', '/callbooker/sales/book/', json={})
        rows = [
            _row('text of 32 KB in a field of a form', await _forms(ask), least),
            _row('body of 32 KB', await _bodies(ask), least),
            _row('query, path or header', await _around(ask), least),
        ]
    return rows


async def _forms(ask: Ask) -> dict[str, float]:
    forms: dict[str, Any] = {
        '/callbooker/sales/book/': SalesForm, '/callbooker/support/book/': SupportForm, '/callbooker/hold/': HoldForm,
        '/booking/a.b/': Change,
    }  # fmt: skip
    known = {'admin_id': 0, 'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition'}
    return {
        f'{what} in {name}': await ask('POST', path, json={**known, name: text})
        for path, form in forms.items()
        for name in cast(Any, form).model_fields
        for what, text in TEXTS.items()
    }


async def _bodies(ask: Ask) -> dict[str, float]:
    kinds = ('application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a', '')
    took: dict[str, float] = {}
    for path in ('/callbooker/sales/book/', '/booking/a.b/', '/callbooker/hold/'):
        for kind in kinds:
            headers = {'Content-Type': kind} if kind else {}
            for what, body in BODIES.items():
                name = f'{what} as {kind or "nothing"}'
                took[name] = max(took.get(name, 0.0), await ask('POST', path, content=body, headers=headers))
    return took


async def _around(ask: Ask) -> dict[str, float]:
    took: dict[str, float] = {}
    for what, text in (('marks', '%CC%81%CC%96' * 5_000), ('parts', '&a=b' * 9_000), ('letters', 'x' * 60_000)):
        took[f'{what} in a query'] = await ask('GET', f'/callbooker/availability/?admin_id={text}')
        took[f'{what} in a path'] = await ask('GET', f'/booking/{text}')
    for name, value in HEADERS.items():
        for path in ('/callbooker/sales/book/', '/tc2/callback/', '/booking/a.b/'):
            took[name] = max(took.get(name, 0.0), await ask('POST', path, content=b'{}', headers={name: value}))
    return took


def _row(what: str, took: dict[str, float], least: float) -> Row:
    worst = max(took, key=lambda name: took[name])
    return Row('M-1', f'{what}, {len(took)} of them', f'at most {took[worst]:.1f} ms ({worst})',
               f'< {LIMIT_MS} ms of CPU before it is refused', f'a body of two letters {least:.1f} ms')  # fmt: skip
