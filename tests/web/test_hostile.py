"""No input of any endpoint gives a 5xx: what an attacker writes, in every place of every request, one at a time.

`make verify` tries every one everywhere (HOSTILE=all), `make test` every seventh.
"""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
import pytest

from hermes.kit.signing import basic_auth, channel_token, sign
from tests.flows.companies import client, envelope, event
from tests.flows.house import SECRETS, SIGNING_KEY, House, open_house
from tests.flows.visitors import FORM, TEN, book, number
from tests.web.hostile import HEADERS, JSON, READ_HEADERS, TEXT, planted

EVERY = 1 if os.environ.get('HOSTILE') == 'all' else 7
KEY = 'an-api-key-of-the-tests-only'
pytestmark = [pytest.mark.lesson('M-10')]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(
        database_url,
        api_key=KEY,
        support_booking_needs_link=False,
        trusted_proxies='127.0.0.1',
        cors_origins='http://a.b',
    ) as opened:
        yield opened


class Asked:
    """Requests, and what became of them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.place = 0
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    async def ask(self, told: str, method: str, path: str, **more: object) -> None:
        """Every seventh request, or every one."""
        self.place += 1
        if self.place % EVERY:
            return
        request = httpx2.Request(method, 'http://127.0.0.1:8000/', **more)  # type: ignore[arg-type]
        request.url = request.url.copy_with(raw_path=path.encode('latin-1'))
        answer = await self.house.web.send(request)
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.wrong.append(f'{told}: {method} {path[:60]} -> {answer.status_code} {answer.text[:100]}')

    def check(self) -> None:
        print(dict(self.statuses))
        assert self.wrong == []
        assert sum(self.statuses.values()) == self.place // EVERY


async def forms(house: House) -> dict[str, dict[str, object]]:
    [company] = await house.rows('select min(id) as id from company')
    who, at = await number(house), TEN.isoformat()
    more = {'zone': 'Asia/Kolkata', 'hold': 'a-hold'}
    sales = {
        **FORM, **more, 'admin_id': who, 'meeting_dt': at, 'company_id': company['id'], 'phone': '020 7946 0011',
        'website': 'adams.example', 'bdr_person_id': 1, 'utm_campaign': 'a', 'utm_source': 'b', 'gclid': 'c',
    }  # fmt: skip
    return {
        '/callbooker/sales/book/': sales,
        '/callbooker/support/book/': {
            'admin_id': who, 'name': 'Lee Adams', 'email': 'lee@customer.example', 'meeting_dt': at,
            'company_id': company['id'], 'e': 1, 's': 'a', 'x': 1, **more,
        },
        '/callbooker/hold/': {'admin_id': who, 'start': at, 'token': '1.2.3.4', 'hold': 'a-hold'},
    }  # fmt: skip


async def test_nothing_in_a_body_is_an_error_of_ours(house: House) -> None:
    link = (await book(house, TEN.replace(day=5))).json()['manage'].partition('127.0.0.1:8000')[2]
    asked, json_type = Asked(house), {'Content-Type': 'application/json'}
    told = await forms(house) | {link: {'action': 'move', 'start': TEN.isoformat()}}
    for path, form in told.items():
        for what, value in JSON.items():
            await asked.ask(what, 'POST', path, content=value.encode(), headers=json_type)
            await asked.ask(what, 'POST', path, content=value.encode('utf-16'), headers=json_type)
            await asked.ask(what, 'POST', path, content=value.encode())
            for name in (*form, 'what-is-not-known'):
                await asked.ask(
                    f'{what} in {name}', 'POST', path, content=planted(form, name, value), headers=json_type
                )
    form_type = {'Content-Type': 'application/x-www-form-urlencoded'}
    for what, text in TEXT.items():
        for body in (f'action={text}', f'action=move&start={text}', f'{text}=1', text, '&' * 30_000 + text):
            for accept in ('text/html', 'application/json'):
                headers = {**form_type, 'Accept': accept}
                await asked.ask(what, 'POST', link, content=body.encode(), headers=headers)
    asked.check()


async def test_nothing_in_a_path_or_a_query_is_an_error_of_ours(house: House) -> None:
    link = (await book(house)).json()['manage'].partition('127.0.0.1:8000')[2]
    token = link.rpartition('/')[2]
    who, at = await number(house), quote(TEN.isoformat())
    known = {
        '/callbooker/availability/': {'admin_id': str(who), 'start_dt': at, 'end_dt': at, 'token': '1.2.3.4'},
        '/callbooker/support-link/generate/tc2/': {'tc2_admin_id': '1', 'tc2_cligency_id': '1', 'express': '1'},
        '/callbooker/support-link/validate/': {'admin_id': '1', 'company_id': '1', 'e': '1', 's': 'a', 'x': '1'},
        '/choose-roundrobin/sales/': {'plan': 'payg', 'country_code': 'GB'},
        '/choose-roundrobin/support/': {},
        '/companies/': dict.fromkeys(('id', 'name', 'pd_org_id', 'tc2_cligency_id', 'tc2_agency_id', 'country'), '1'),
        '/loc/': {},
        link: {'after': at},
        '/health': {}, '/metrics': {}, '/docs': {}, '/': {}, '/nothing': {},
    }  # fmt: skip
    asked = Asked(house)
    key = {'Authorization': f'token {KEY}'}
    for what, text in TEXT.items():
        for path, query in known.items():
            for name in (*query, 'what-is-not-known'):
                told = '&'.join(f'{one}={value}' for one, value in {**query, name: text}.items())
                await asked.ask(f'{what} in {name}', 'GET', f'{path}?{told}', headers=key)
            await asked.ask(what, 'GET', f'{path}?{text}={text}', headers=key)
            await asked.ask(what, 'GET', f'{path}{text}', headers=key)
        for method in ('GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'HEAD', 'X'):
            for path in ('/callbooker/hold/{}', '/booking/{}', '/booking/{}/invite.ics', '/tc2/callback/{}', '/{}'):
                await asked.ask(what, method, path.format(text))
                await asked.ask(what, method, path.format(f'{token[:-3]}{text}'))
    asked.check()


async def test_nothing_in_a_header_is_an_error_of_ours(house: House) -> None:
    link = (await book(house)).json()['manage'].partition('127.0.0.1:8000')[2]
    asked = Asked(house)
    bodies = {path: json.dumps(form).encode() for path, form in (await forms(house)).items()}
    bodies |= {
        link: b'{"action": "cancel"}',
        '/tc2/callback/': b'{}',
        '/pipedrive/callback/': b'{}',
        '/google/callback/': b'',
    }
    for what, value in HEADERS.items():
        for name in READ_HEADERS:
            for path, body in bodies.items():
                await asked.ask(f'{what} in {name}', 'POST', path, content=body, headers={name: value})
            for path in (link, '/choose-roundrobin/support/', '/loc/', '/companies/?id=1', '/metrics'):
                await asked.ask(f'{what} in {name}', 'GET', path, headers={name: value})
    asked.check()


async def test_nothing_that_a_known_sender_delivers_is_an_error_of_ours(house: House) -> None:
    """What is authenticated is stored or refused, and whatever is stored is applied or parked."""
    asked = Asked(house)
    good = json.loads(envelope(event(client(4711), 'CREATED_A_CLIENT')))
    meta = {'entity': 'person', 'action': 'change', 'id': 'a', 'entity_id': '8', 'timestamp': '2026-03-02T09:00:00Z'}
    hook = {'meta': meta, 'data': {'id': 8, 'name': 'Ada'}, 'previous': None}

    async def deliver(told: str, path: str, body: bytes) -> None:
        headers = {
            'Webhook-Signature': sign(body, SECRETS.tc2_api_key),
            'Authorization': basic_auth(SECRETS.pd_webhook_user, SECRETS.pd_webhook_password),
            'X-Goog-Channel-Id': told, 'X-Goog-Channel-Token': channel_token(told, SIGNING_KEY),
        }  # fmt: skip
        await asked.ask(told, 'POST', path, content=body, headers=headers)

    for what, value in JSON.items():
        for path in ('/tc2/callback/', '/pipedrive/callback/', '/google/callback/', '/tc2/callback/anything'):
            await deliver(what, path, value.encode())
        for name in ('id', 'model', 'user', 'paid_recipients', 'extra_attrs', 'meta_agency', 'status'):
            told = json.loads(json.dumps(good))
            told['events'][0]['subject'][name] = '@'
            await deliver(f'{what} in {name}', '/tc2/callback/', json.dumps(told).replace('"@"', value).encode())
        for name in ('action', 'verb', 'timestamp', 'subject'):
            told = json.loads(json.dumps(good))
            told['events'][0][name] = '@'
            await deliver(f'{what} in {name}', '/tc2/callback/', json.dumps(told).replace('"@"', value).encode())
        for part, names in (
            ('meta', ('entity', 'action', 'id', 'entity_id', 'timestamp')),
            ('data', ('id', 'name', 'emails')),
        ):
            for name in names:
                told = json.loads(json.dumps(hook))
                told[part][name] = '@'
                await deliver(
                    f'{what} in {name}', '/pipedrive/callback/', json.dumps(told).replace('"@"', value).encode()
                )
    asked.check()
    await house.settle()
    states = {
        row['state']: row['n'] for row in await house.rows('select state, count(*) as n from event group by state')
    }
    print(states)
    assert not {'new', 'waiting'} & states.keys()
