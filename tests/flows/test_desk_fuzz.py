"""Nothing that somebody puts into an address or a form of the desk makes it fail: each is answered, in words."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final
from urllib.parse import quote

import pytest

from hermes.web.desk.routes import ROUTES
from tests.flows.companies import later, sign_up
from tests.flows.desk import Browser, logged_in
from tests.flows.house import House

pytestmark = pytest.mark.lesson('M-90')
NASTY: Final = (
    '%00', 'a%00b', '%FF%FE', '%ED%A0%80', '%C2%B2', '%D9%A3', '-1', '9223372036854775808', '9' * 5000, '1e400',
    '0001-01-01T00:00', '9999-12-31T23:59:59-14:00', '2026-02-30', '%5B' * 300, '..%2F..%2Fetc%2Fpasswd',
    '%0D%0Aa:%20b', '%27%22%3B--%25_%5C', 'company:99999999999999999999', '00010000000000000',
)  # fmt: skip
"""As they stand in an address: NUL, no UTF-8, digits that are none to `int`, too many of them, the ends of time."""
ASKED: Final = (
    'admin', 'after', 'answer', 'at', 'before', 'day', 'days', 'done', 'from', 'keep', 'kind', 'object', 'outcome',
    'page', 'put', 'q', 'queue', 'range', 'record', 'side', 'sort', 'subject', 'system', 'to', 'week', 'when', 'with',
)  # fmt: skip
FORM: Final = re.compile(r'<form\b([^>]*)>(.*?)</form>', re.DOTALL)
FIELD: Final = re.compile(r'<(?:input|select|textarea|button)\b[^>]*?\bname="([^"]+)"(?:[^>]*?value="([^"]*)")?')
NO_PAGES: Final = ('/logout', '/desk/setup/{step}/')
"""Whoever is logged out sees no more, and steps of the set-up ask the world outside."""
RESOURCES: Final = ('companies', 'contacts', 'deals', 'meetings', 'admins', 'pipelines', 'stages', 'fields')


async def fill(house: House) -> dict[str, str]:
    """A world with something in it, and what stands in the places of addresses."""
    sign_up(house)
    await later(house)
    tables = {'event': 'event', 'decision': 'decision', 'user': 'desk_user'} | dict.fromkeys(
        ('id', 'which', 'record', 'company'), 'company'
    )
    known = {name: str((await house.rows(f'select max(id) as id from {of}'))[0]['id']) for name, of in tables.items()}
    return known | {
        'resource': 'companies', 'type': 'company', 'setting': 'deal_max_age_days', 'step': 'hours', 'rule': 'TC-1',
        'system': 'pipedrive', 'field': 'name',
    }  # fmt: skip


def filled(path: str, known: dict[str, str]) -> str:
    return re.sub(r'\{(\w+)\}', lambda part: known.get(part[1], '0'), path)


async def ask(found: list[str], ada: Browser, method: str, path: str, body: str = '') -> str:
    """An answer, whatever is asked; what is none is put into `found`."""
    typed = {'content-type': 'application/x-www-form-urlencoded'}
    asked = f'{method} {path[:150]} {body[-150:]}'
    more: dict[str, Any] = {'content': body, 'headers': typed} if method == 'POST' else {}
    try:
        answer = await ada.http.request(method, path, **more)
    except Exception as error:
        found.append(f'{asked}: {type(error).__name__} {error}'[:400])
        return ''
    if answer.status_code >= 500 or 'content-security-policy' not in answer.headers:
        found.append(f'{asked}: {answer.status_code}')
    return answer.text


async def test_nothing_in_an_address_makes_a_page_fail(house: House) -> None:
    known, found = await fill(house), list[str]()
    async with logged_in(house) as ada:
        for route in ROUTES:
            if route.path in NO_PAGES:
                continue
            for name in re.findall(r'\{(\w+)\}', route.path):
                for nasty in NASTY:
                    if len(nasty) < 1000:
                        await ask(found, ada, route.method, filled(route.path, known | {name: nasty}))
            if route.method == 'GET':
                page = await ask(found, ada, 'GET', filled(route.path, known))
                forms = {
                    name for told, body in FORM.findall(page) if 'post' not in told for name, _ in FIELD.findall(body)
                }
                for name in {*ASKED, *forms}:
                    for nasty in ('%00', '%C2%B2', '9' * 5000, '0001-01-01T00:00', '9999-12-31T23:59:59-14:00', '%27'):
                        await ask(found, ada, 'GET', f'{filled(route.path, known)}?{name}={nasty}')
    assert found == []


def forms_on(page: str, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each form of a page is sent, and what stands in it."""
    for told, body in FORM.findall(page):
        action = re.search(r'action="([^"]*)"', told)
        target = unescape(action[1]) if action and action[1] else path
        if 'method="post"' in told and target.partition('?')[0] != '/logout':
            yield target, {name: quote(unescape(value)) for name, value in FIELD.findall(body)}


async def test_nothing_in_a_form_makes_an_act_fail(house: House) -> None:
    known, found, forms = await fill(house), list[str](), dict[str, dict[str, str]]()
    async with logged_in(house) as ada:
        for route in ROUTES:
            if route.method != 'GET' or route.path in NO_PAGES:
                continue
            for resource in RESOURCES if '{resource}' in route.path else ('',):
                which = {'resource': resource} | ({'which': 'company.website'} if resource == 'fields' else {})
                path = filled(route.path, known | which)
                for target, given in forms_on(await ask(found, ada, 'GET', path), path):
                    forms.setdefault(target, {}).update(given)
        assert len(forms) > 20
        for target, given in forms.items():
            for name in given.keys() - {'csrf'}:
                for nasty in NASTY:
                    told = given | {name: nasty}
                    await ask(found, ada, 'POST', target, '&'.join(f'{key}={value}' for key, value in told.items()))
        odd = (
            'entry-x=1&plan-%00=%00',
            'csrf=x&' * 63,
            '=&=&=',
            '%',
            '%ZZ=%',
            'days=00010000000000000',
            'session=%C2%B2',
        )
        for target, given in forms.items():
            for each in odd:
                await ask(found, ada, 'POST', target, f'csrf={given["csrf"]}&{each}')
    assert found == []
