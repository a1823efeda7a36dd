"""The entrance of the desk from outside: behind proxies that rename it, among strangers who guess, and by browsers that
say where a form comes from (ADM-2, ADM-12, S5, S6, S14).
"""

import asyncio
import re
from base64 import b32decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from hermes.db import users
from hermes.kit.codes import read_code
from hermes.web.desk import totp
from tests.flows.desk import PASSWORD, Browser, add_user, browser, logged_in, said
from tests.flows.house import House, open_house

PUBLIC: Final = 'https://localhost'
"""Where browsers believe to be."""
INSIDE: Final = '127.0.0.1:8000'
"""What a proxy that changes Host makes of it."""
NEW: Final = 'another password of words'


@asynccontextmanager
async def proxied(url: str, **more: Any) -> AsyncIterator[House]:
    async with open_house(url, **{'hermes_url': PUBLIC, **more}) as house:
        yield house


async def add(ada: Browser, headers: Mapping[str, str], email: str = 'kim@desk.example') -> int:
    """Somebody is added by a form that comes with these headers; its status."""
    page = await ada.get('/desk/users/', headers=headers)
    hidden = dict(re.findall(r'name="(csrf|key)" value="([^"]*)"', page.text))
    sent = hidden | {'email': email, 'name': 'Kim', 'role': 'viewer'}
    return (await ada.http.post('/desk/users/', data=sent, headers=headers)).status_code


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S5')
@pytest.mark.lesson('M-91')
async def test_a_proxy_that_changes_the_host_makes_no_form_of_ours_foreign(database_url: str) -> None:
    async with proxied(database_url) as house, browser(house) as ada:
        email = await add_user(house, 'admin')
        ada.http.base_url = f'https://{INSIDE}'  # so that the jar gives a Secure cookie back
        answer = await ada.login(email, headers={'origin': PUBLIC})
        assert answer.status_code == 303
        assert all('Secure' in each for each in answer.headers.get_list('set-cookie'))
        assert any(each.startswith('__Host-hermes_session=') for each in answer.headers.get_list('set-cookie'))
        for foreign in (
            {'origin': 'https://evil.example'}, {'origin': 'https://localhost.evil.example'}, {'origin': 'null'},
            {'origin': 'http://localhost'}, {'origin': 'https://localhost:444'}, {'origin': 'https://[::1'},
            {'origin': 'https://evil@localhost'}, {'origin': 'https://localhost:x'}, {'origin': 'file://localhost'},
            {'referer': 'https://evil.example/localhost'}, {'referer': 'rubbish'},
            {'origin': PUBLIC, 'sec-fetch-site': 'cross-site'}, {'origin': f'{PUBLIC}, https://evil.example'},
        ):  # fmt: skip
            assert await add(ada, foreign) == 403, foreign
        assert await add(ada, {'origin': PUBLIC}) == 200
        assert await add(ada, {'referer': f'{PUBLIC}/desk/users/'}, 'lee@desk.example') == 200


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S5')
@pytest.mark.invariant('S14')
@pytest.mark.lesson('M-91')
async def test_a_trusted_proxy_alone_says_that_a_visitor_came_over_tls(database_url: str) -> None:
    told = {'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7'}
    for trusted, secure in (('127.0.0.1', True), ('10.0.0.0/8', False)):
        async with proxied(database_url, hermes_url='http://127.0.0.1:8000', trusted_proxies=trusted) as house:
            email = await add_user(house, 'admin')
            async with browser(house) as ada:
                ada.http.headers.update(told)
                page = await ada.get('/login')
                form = dict(re.findall(r'name="(csrf|key)" value="([^"]*)"', page.text))
                form |= {'email': email, 'password': PASSWORD}
                given = page.headers['set-cookie'].partition(';')[0]
                told_by = {'origin': f'https://{INSIDE}', 'cookie': given}
                answer = await ada.http.post('/login', data=form, headers=told_by)
                assert (answer.status_code == 303) is secure
                cookies = [*page.headers.get_list('set-cookie'), *answer.headers.get_list('set-cookie')]
                assert all(('Secure' in each) is secure for each in cookies)
                assert all(each.startswith('__Host-hermes_') is secure for each in cookies)


@pytest.mark.behaviour('ADM-2')
@pytest.mark.invariant('S6')
@pytest.mark.lesson('M-92')
async def test_nobody_locks_an_owner_out_of_a_browser_in_which_they_were(house: House) -> None:
    """Wrong passwords of strangers close the account to strangers, for as long as they go on."""
    async with logged_in(house) as owner, browser(house) as eve:
        await owner.send('/logout', '/')
        for _ in range(3):
            guessed = [(await eve.login('admin@desk.example', f'guess number {n}')).status_code for n in range(40)]
            assert (guessed.count(401), guessed[-1]) == (10, 429)
            assert (await eve.login('admin@desk.example')).status_code == 429
            assert (await owner.login('admin@desk.example')).status_code == 303
            await owner.act(
                '/desk/account/password/', '/desk/account/', current=PASSWORD, password=PASSWORD, again=PASSWORD
            )
            await owner.send('/logout', '/')
            house.clock.advance(15 * 60)
        eve.http.cookies.update(owner.http.cookies)
        mine = [(await owner.login('admin@desk.example', f'guess number {n}')).status_code for n in range(20)]
        assert mine == [401] * 10 + [429] * 10, 'nor does such a browser guess for ever'
        other = await add_user(house, 'viewer')
        theirs = [(await owner.login(other, f'guess number {n}')).status_code for n in range(11)]
        assert theirs[-1] == 429, 'what is known of one account opens no other'
    forged = 'x' * 22
    async with browser(house) as mallory:
        house.clock.advance(16 * 60)
        for n in range(12):
            mallory.http.cookies.set('hermes_device', f'{forged}{n}.{"0" * 64}', '127.0.0.1')
            await mallory.login('admin@desk.example', 'guess')
        assert (await mallory.login('admin@desk.example', 'guess')).status_code == 429


@pytest.mark.invariant('S6')
@pytest.mark.lesson('M-92')
async def test_whoever_finds_an_open_session_guesses_no_password_there(house: House) -> None:
    """To change a password, and to drop a second factor, are guesses like any other."""
    async with logged_in(house) as thief:
        for path in ('/desk/account/second-factor/drop/', '/desk/account/password/'):
            tried = [
                (await thief.send(path, '/desk/account/', current=f'guess {n}', password=NEW, again=NEW)).status_code
                for n in range(20)
            ]
            assert set(tried) <= {422, 429}
            assert tried[-1] == 429, path
        assert (await thief.send('/desk/account/password/', '/desk/account/', current=PASSWORD)).status_code == 429


@pytest.mark.invariant('S6')
@pytest.mark.lesson('M-92')
async def test_a_second_factor_is_not_put_in_the_place_of_another_without_the_password(house: House) -> None:
    async with logged_in(house) as ada:

        def code(secret: str) -> str:
            raw = b32decode(secret.replace(' ', ''))
            return totp._totp(raw).generate(int(house.clock.now().timestamp())).decode()

        async def put(form_on: str) -> Any:
            page = await ada.see(form_on)
            secret = re.search(r'name="secret" value="([^"]+)"', page)
            assert secret is not None
            return await ada.send('/desk/account/second-factor/', form_on, secret=secret[1], code=code(secret[1]))

        assert (await put('/desk/account/second-factor/')).status_code == 200
        [before] = await house.rows('select totp_secret, recovery from desk_user')
        again = await put('/desk/account/second-factor/')
        assert (again.status_code, 'drop it first' in said(again.text)) == (400, True)
        assert await house.rows('select totp_secret, recovery from desk_user') == [before]


@pytest.mark.behaviour('ADM-2')
async def test_two_admins_who_demote_each_other_at_once_leave_one(house: House) -> None:
    async with logged_in(house) as ada, browser(house) as ben:
        await ben.login(await add_user(house, 'admin', 'ben'))
        ids = {row['email']: row['id'] for row in await house.rows('select id, email from desk_user')}
        for fields in ({'role': 'viewer'}, {'access': 'end'}):
            await asyncio.gather(
                ada.send(f'/desk/users/{ids["ben@desk.example"]}/', '/desk/users/', **fields),
                ben.send(f'/desk/users/{ids["admin@desk.example"]}/', '/desk/users/', **fields),
            )
            left = await house.rows("select id from desk_user where role = 'admin' and disabled_at is null")
            assert len(left) == 1


@pytest.mark.behaviour('ADM-1')
@pytest.mark.invariant('S16')
async def test_two_who_know_the_code_make_one_first_user(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await users.add_code(connection, read_code('K7QF-2MXB-9HTD-4WZP'))
    async with browser(house) as ada, browser(house) as eve:
        told = {'name': 'Ada', 'password': PASSWORD, 'again': PASSWORD, 'code': 'K7QF-2MXB-9HTD-4WZP'}
        answers = await asyncio.gather(
            ada.send('/init', email='ada@desk.example', **told), eve.send('/init', email='eve@desk.example', **told)
        )
        assert sorted(answer.headers.get('location', '') for answer in answers) == ['/desk/setup/', '/login']
    assert len(await house.rows('select id from desk_user')) == 1


@pytest.mark.behaviour('ADM-2')
async def test_a_name_has_nothing_in_it_that_steers_what_is_around_it(house: House) -> None:
    hostile = 'Ki\u202em\u200b <script>alert(1)</script> {{ 7 * 7 }}'
    async with logged_in(house) as ada:
        page = (await ada.send('/desk/users/', email='kim@desk.example', name=hostile, role='viewer')).text
        page += await ada.see('/desk/users/') + await ada.see('/desk/audit/')
    assert '<script>alert' not in page
    assert not set('\u202e\u200b') & set(page)
    [kim] = await house.rows("select name from desk_user where email like 'kim%%'")
    assert kim['name'] == 'Kim <script>alert(1)</script> {{ 7 * 7 }}'
