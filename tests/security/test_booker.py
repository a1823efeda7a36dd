"""The booker's pages under hostile visitors: whatever is sent, a page answers, and it costs only who sent it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.flows.house import HERMES, PRIYA, House, open_house
from tests.flows.test_booker_pages import DETAILS, fields
from tests.flows.visitors import TEN, number

START = TEN.isoformat()


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as house:
        yield house


async def path_of(house: House, base: str = '') -> str:
    return f'{base}/book-a-call/{await number(house, PRIYA)}/'


def in_parts(**fields: str) -> bytes:
    """A form in parts."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{told}' for name, told in fields.items()]
    return '\r\n'.join((*parts, '--b--\r\n')).encode()


@pytest.mark.parametrize('charset', ['undefined', 'punycode', 'idna', 'utf-16', 'unicode_escape', 'hex', 'none at all'])
async def test_a_form_in_an_odd_encoding_is_a_form_that_says_little(house: House, charset: str) -> None:
    body = in_parts(action='refresh', start=START, name='Lee \\ud800 a:-9\xff')
    kind = f'multipart/form-data; boundary=b; charset={charset}'
    for path in (await path_of(house), '/book-a-call/revenue/', '/embed/booking/none/'):
        answer = await house.web.post(path, content=body, headers={'content-type': kind})
        assert answer.status_code in (200, 403, 422)
        assert answer.headers['content-type'].startswith('text/html')


async def test_a_draft_always_fits_a_cookie(house: House) -> None:
    """What a browser drops is lost as a whole, and a header that is too long is an error of the proxy in front."""
    long = {'company_name': 'я' * 4000, 'website': 'x' * 4000}
    typed = {**DETAILS, **long, 'action': 'times', 'start': START}
    answer = await house.web.post(await path_of(house), data=typed)
    assert answer.status_code == 303
    assert len(answer.headers['set-cookie']) < 4096
    form = await house.web.get(await path_of(house), params={'start': START})
    assert fields(form.text).items() >= {name: DETAILS[name] for name in ('name', 'email')}.items()


async def test_bytes_of_no_encoding_in_an_address_are_text_of_nobody(house: House) -> None:
    """Browsers never send them, scanners do."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {'type': 'http.request', 'body': b'', 'more_body': False}

    path = await path_of(house)
    scope = {
        'type': 'http', 'asgi': {'version': '3.0'}, 'http_version': '1.1', 'method': 'GET', 'scheme': 'http',
        'path': path, 'raw_path': path.encode(), 'root_path': '', 'query_string': b'name=\xff&zone=\xc3',
        'client': ('127.0.0.1', 1), 'headers': [(b'host', b'127.0.0.1:8000')], 'server': ('127.0.0.1', 8000),
    }  # fmt: skip
    await house.web._transport.app(scope, receive, send)  # type: ignore[attr-defined]
    assert sent[0]['status'] == 200


PAGE = {'accept': 'text/html,application/xhtml+xml,*/*;q=0.8'}
FORM = {'content-type': 'application/x-www-form-urlencoded'}


@pytest.mark.parametrize(
    ('method', 'path', 'status'),
    [
        ('GET', '/book-a-call/priya/times/', 404), ('GET', '/embed/', 404), ('GET', '/booking/', 404),
        ('GET', '/support-call', 404), ('PUT', '/book-a-call/', 405), ('DELETE', '/booking/none/', 405),
        ('OPTIONS', '/embed/book-a-call/', 405), ('GET', f'/booking/{"a" * 400}/', 403),
        ('GET', '/booking/none/invite.ics', 403), ('HEAD', '/booking/none/', 403),
    ],
)  # fmt: skip
async def test_an_error_at_an_address_of_pages_is_a_page(house: House, method: str, path: str, status: int) -> None:
    for language, told in (('en', 'lang="en"'), ('de', 'lang="de"')):
        page = await house.web.request(method, path, headers={**PAGE, 'accept-language': language})
        assert page.status_code == status
        assert page.headers['x-robots-tag'] == 'noindex'
        assert method == 'HEAD' or all(each in page.text for each in (told, 'data-step="problem"'))
    machine = await house.web.request(method, path, headers={'accept': 'application/json'})
    assert machine.status_code in (status, 200)
    if method != 'HEAD':
        assert machine.json()['status'] == 'error'


async def test_a_body_that_nobody_reads_is_refused_by_a_page(house: House) -> None:
    for path in (await path_of(house), await path_of(house, '/embed'), '/booking/none/', '/book-a-call/revenue/'):
        for body, status in (('name=' + 'a' * 40_000, 413), ('&'.join(['a=b'] * 70), 400)):
            page = await house.web.post(path, content=body, headers={**PAGE, **FORM})
            assert page.status_code == status
            assert 'data-step="problem"' in page.text
            assert (await house.web.post(path, content=body, headers=FORM)).json()['status'] == 'error'


async def test_what_nobody_thought_of_is_a_page_that_says_nothing_of_it(house: House) -> None:
    path = await path_of(house)
    async with house.engine.database.transaction() as connection:
        await connection.execute('alter table meeting rename to a_secret')
    transport = httpx2.ASGITransport(house.web._transport.app, raise_app_exceptions=False)  # type: ignore[attr-defined]
    with capture_logs() as said:
        async with httpx2.AsyncClient(transport=transport, base_url=HERMES) as web:
            page, told = await web.get(path, headers=PAGE), await web.get(path)
        assert page.status_code == 500
        assert 'data-step="problem"' in page.text
        assert 'secret' not in page.text
        assert told.json()['code'] == 'failure'
        assert told.headers['cache-control'] == 'no-store'
        for answer in (page, told):
            assert answer.headers['x-content-type-options'] == 'nosniff'
            assert answer.headers['referrer-policy'] == 'no-referrer'
            assert 'frame-ancestors' in answer.headers['content-security-policy']
    assert {line['path'] for line in said if line['event'] == 'request failed'} == {'/book-a-call'}


async def test_a_visitor_who_asks_too_often_hears_when_to_come_back(database_url: str) -> None:
    """Views count whatever page is asked for, and what was typed comes back with the button that sends it again."""
    async with open_house(database_url, rate_limits='on', secret_key='a secret of the tests') as house:
        paths = ['/book-a-call/', '/book-a-call/question/', '/embed/book-a-call/', await path_of(house)]
        statuses = [(await house.web.get(paths[number % 4])).status_code for number in range(60)]
        assert set(statuses) == {200}
        late = await house.web.post(paths[3], data={**DETAILS, 'action': 'book', 'start': START})
        assert late.status_code == 429
        assert 0 < int(late.headers['retry-after']) <= 60
        assert fields(late.text)['name'] == DETAILS['name']
        assert len(await house.rows('select id from meeting')) == 0


async def test_nobody_waits_for_a_style_that_never_comes(database_url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'brand.css')
    async with open_house(database_url, reps_dir=str(tmp_path)) as house:
        assert 'brand.css' not in (await house.web.get('/book-a-call/')).text
