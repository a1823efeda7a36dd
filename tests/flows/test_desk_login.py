"""Who gets in to the desk, and who does not (ADM-1, ADM-2, S5, S6, S11, S16)."""

import re
from base64 import b32decode
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from hermes.db import users
from hermes.kit.codes import read_code
from hermes.web.desk import totp
from hermes.web.desk.routes import ROUTES
from tests.flows.desk import PASSWORD, add_user, browser, logged_in, said, text
from tests.flows.house import House

CODE = 'K7QF-2MXB-9HTD-4WZP'
FIRST = {'name': 'Ada Byron', 'email': 'ada@desk.example', 'password': PASSWORD, 'again': PASSWORD}


async def show_code(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await users.add_code(connection, read_code(CODE))


@pytest.mark.behaviour('ADM-1')
@pytest.mark.behaviour('D-13')
@pytest.mark.invariant('S16')
async def test_the_first_user_needs_the_code_of_the_console_and_is_the_only_one_made_that_way(house: House) -> None:
    async with browser(house) as ada, browser(house) as eve:
        await show_code(house)
        assert (await eve.get('/')).headers['location'] == '/login'
        assert (await eve.get('/login')).headers['location'] == '/init'
        stranger = await eve.send('/init', **FIRST | {'email': 'eve@desk.example'}, code='AAAA-AAAA-AAAA-AAAA')
        assert (stranger.status_code, 'not the code' in stranger.text) == (422, True)
        typed = await ada.send('/init', **FIRST | {'again': 'something else'}, code=CODE)
        assert said(typed.text).endswith('The two passwords are not the same.')
        made = await ada.send('/init', **FIRST, code=CODE.lower().replace('-', ' '))
        assert made.status_code == 303
        assert 'Ada Byron' in await ada.see('/')
        again = await eve.send('/init', form_on='/login', **FIRST | {'email': 'eve@desk.example'}, code=CODE)
        assert again.headers['location'] == '/login'
        assert (await eve.get('/init')).headers['location'] == '/login'
    assert len(await house.rows('select id from desk_user')) == 1
    assert await house.rows('select digest from first_code') == []


@pytest.mark.invariant('S16')
async def test_a_wrong_code_twenty_times_is_over_after_ten(house: House) -> None:
    async with browser(house) as eve:
        await show_code(house)
        answers = [(await eve.send('/init', **FIRST, code=f'WRONG{n}')).status_code for n in range(20)]
        assert answers == [422] * 10 + [429] * 10
        late = await eve.send('/init', **FIRST, code=CODE)
        assert (late.status_code, int(late.headers['retry-after']) > 60) == (429, True)
        house.clock.advance(16 * 60)
        assert (await eve.send('/init', **FIRST, code=CODE)).status_code == 303


@pytest.mark.behaviour('ADM-2')
@pytest.mark.invariant('S6')
async def test_a_wrong_password_is_counted_against_account_and_address(house: House) -> None:
    email = await add_user(house, 'viewer')
    async with browser(house) as eve, browser(house) as owner:
        wrong = [await eve.login(email, f'guess number {n}') for n in range(10)]
        assert {answer.status_code for answer in wrong} == {401}
        assert 'address or the password is wrong' in said(wrong[0].text)
        unknown = await eve.login('nobody@desk.example', 'guess')
        assert said(unknown.text) == said(wrong[0].text)
        assert (await owner.login(email)).status_code == 429
        others = [await eve.login(f'n{n}@desk.example', 'guess') for n in range(25)]
        assert [answer.status_code for answer in others].count(429) == 6
        house.clock.advance(16 * 60)
        assert (await owner.login(email)).status_code == 303


@pytest.mark.invariant('S6')
async def test_a_session_is_new_at_each_login_and_ends_by_idleness_and_by_age(house: House) -> None:
    email = await add_user(house, 'viewer')
    async with browser(house) as ada:
        ada.http.cookies.set('hermes_session', 'a-token-that-somebody-else-chose-before', '127.0.0.1')
        ada.http.cookies.set('hermes_visit', 'a-token-that-somebody-else-chose-before', '127.0.0.1')
        first = await ada.login(email)
        token = ada.http.cookies['hermes_session']
        assert token != 'a-token-that-somebody-else-chose-before'
        for cookie in first.headers.get_list('set-cookie'):
            assert all(each in cookie for each in ('HttpOnly', 'SameSite=lax', 'Path=/')), cookie
        house.clock.advance(11 * 3600)
        await ada.see('/')
        house.clock.advance(11 * 3600)
        await ada.see('/')
        house.clock.advance(13 * 3600)
        assert (await ada.get('/')).headers['location'] == '/login'
        await ada.login(email)
        assert ada.http.cookies['hermes_session'] != token
        for _ in range(16):
            house.clock.advance(10 * 3600)
            await ada.see('/')
        house.clock.advance(10 * 3600)
        assert (await ada.get('/')).status_code == 303
    kept = await house.rows('select token_hash from desk_session')
    assert token.encode() not in b''.join(bytes(row['token_hash']) for row in kept)


@pytest.mark.invariant('S6')
async def test_another_password_ends_every_other_session(house: House) -> None:
    async with logged_in(house, 'operator') as here, browser(house) as there:
        await there.login('operator@desk.example')
        new = 'another password of words'
        refused = await here.send(
            '/desk/account/password/', '/desk/account/', current='wrong one', password=new, again=new
        )
        assert 'not your password' in said(refused.text)
        short = await here.send(
            '/desk/account/password/', '/desk/account/', current=PASSWORD, password='short', again='short'
        )
        assert 'at least 12 characters' in said(short.text)
        page = await here.act('/desk/account/password/', '/desk/account/', current=PASSWORD, password=new, again=new)
        assert 'data-testid="flash"' in page
        assert (await there.get('/')).status_code == 303
        assert (await there.login('operator@desk.example')).status_code == 401
        assert (await there.login('operator@desk.example', new)).status_code == 303
        await here.act('/desk/account/sessions/', '/desk/account/', session='others')
        assert (await there.get('/')).status_code == 303
        await here.see('/')


@pytest.mark.behaviour('ADM-2')
@pytest.mark.invariant('S6')
@pytest.mark.invariant('S9')
async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(house: House) -> None:
    async with logged_in(house, 'operator') as ada, browser(house) as other:
        page = await ada.see('/desk/account/second-factor/')
        secret = re.search(r'name="secret" value="([^"]+)"', page)
        assert secret is not None
        raw = b32decode(secret[1].replace(' ', ''))

        def code() -> str:
            return totp._totp(raw).generate(int(house.clock.now().timestamp())).decode()

        wrong = await ada.send('/desk/account/second-factor/', secret=secret[1], code='000000')
        assert 'not the code' in said(wrong.text)
        shown = await ada.send('/desk/account/second-factor/', secret=secret[1], code=code())
        recovery = re.findall(r'<li><code>([^<]+)</code>', shown.text)
        assert len(recovery) == 10
        asked = await other.login('operator@desk.example')
        assert asked.headers['location'].startswith('/login/code')
        assert (await other.get('/')).headers['location'] == '/login/code'
        used = await other.send('/login/code', code=code())
        assert (used.status_code, 'used already' in used.text) == (401, True)
        house.clock.advance(31)
        assert (await other.send('/login/code', code=code())).status_code == 303
        await other.see('/')
        await other.send('/logout', '/')
        await other.login('operator@desk.example')
        assert (await other.send('/login/code', code=recovery[0].upper())).status_code == 303
        await other.send('/logout', '/')
        await other.login('operator@desk.example')
        assert (await other.send('/login/code', code=recovery[0])).status_code == 401
    [row] = await house.rows('select totp_secret, recovery from desk_user')
    assert raw not in bytes(row['totp_secret'])
    assert recovery[1] not in str(row['recovery'])


@pytest.mark.behaviour('ADM-2')
async def test_nobody_can_lock_the_last_admin_out(house: House) -> None:
    async with logged_in(house) as ada:
        [row] = await house.rows('select id from desk_user')
        own = f'/desk/users/{row["id"]}/'
        for fields in ({'role': 'viewer'}, {'access': 'end'}):
            refused = await ada.send(own, '/desk/users/', **fields)
            assert (refused.status_code, 'only admin' in refused.text) == (422, True)
        invited = await ada.send('/desk/users/', email='kim@desk.example', name='Kim', role='admin')
        link = re.search(r'data-testid="link">([^<]+)<', invited.text)
        assert link is not None
        assert (await ada.send(own, '/desk/users/', role='viewer')).status_code == 422
        async with browser(house) as kim:
            path = link[1].removeprefix('http://127.0.0.1:8000')
            assert (await kim.send(path, password='short', again='short')).status_code == 422
            assert (await kim.send(path, password=PASSWORD, again=PASSWORD)).status_code == 303
            assert (await kim.get(path)).status_code == 404
            assert 'Users' in await kim.see('/desk/users/')
            await kim.act(own, '/desk/users/', role='viewer')
            assert (await ada.get('/desk/users/')).status_code == 403
            assert (await ada.send('/desk/users/', '/', email='x@desk.example', role='admin')).status_code == 403
            await kim.act(own, '/desk/users/', access='end')
            assert (await ada.get('/')).headers['location'] == '/login'


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S5')
@pytest.mark.lesson('K-9')
async def test_a_form_of_another_site_changes_nothing_though_the_cookie_is_there(house: House) -> None:
    async with logged_in(house) as ada:
        foreign = (
            {'origin': 'https://evil.example'}, {'origin': 'null'}, {'sec-fetch-site': 'cross-site'},
            {'sec-fetch-site': 'same-site'}, {'origin': 'http://127.0.0.1:8001'},
        )  # fmt: skip
        for headers in foreign:
            answer = await ada.send('/desk/users/', email='eve@desk.example', role='admin', headers=headers)
            assert answer.status_code == 403, headers
        without = await ada.http.post('/desk/users/', data={'email': 'eve@desk.example', 'role': 'admin'})
        forged = await ada.send('/desk/users/', email='eve@desk.example', role='admin', csrf='0' * 64)
        async with browser(house) as eve:
            theirs = re.search(r'name="csrf" value="([^"]+)"', await eve.see('/login'))
            assert theirs is not None
            swapped = await ada.send('/desk/users/', email='eve@desk.example', role='admin', csrf=theirs[1])
        assert {answer.status_code for answer in (without, forged, swapped)} == {403}
        assert len(await house.rows('select id from desk_user')) == 1
        own = {'origin': 'http://127.0.0.1:8000', 'sec-fetch-site': 'same-origin'}
        assert (await ada.send('/desk/users/', email='kim@desk.example', role='viewer', headers=own)).status_code == 200


def whole(house: House) -> Any:
    """The web application with everything in it."""
    entrance: Any = house.web._transport
    return entrance.app.whole()


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, those of included routers too."""
    for route in routes:
        inner = getattr(route, 'original_router', None)
        yield from [route] if inner is None else flat(inner.routes)


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S11')
@pytest.mark.lesson('K-9')
async def test_every_address_opens_for_its_roles_and_for_nobody_else(house: House) -> None:
    """The routing table itself is read: an address without a declaration is found here."""
    declared = {(route.method, path) for route in ROUTES for path in (route.path, route.path.rstrip('/') or '/')}
    async with (
        browser(house) as nobody,
        logged_in(house, 'viewer') as viewer,
        logged_in(house, 'operator') as operator,
        logged_in(house, 'admin') as admin,
    ):
        standing = {
            (method, route.path)
            for route in flat(whole(house).routes)
            if route.path == '/' or route.path.startswith(('/desk', '/login', '/logout', '/init', '/welcome'))
            for method in route.methods - {'HEAD'}
        }
        assert standing == declared
        roles = {'viewer': viewer, 'operator': operator, 'admin': admin}
        rank = ['nobody', *roles]
        for route in ROUTES:
            path = re.sub(r'\{[^}]*\}', '0', route.path)
            for role, one in [('nobody', nobody), *roles.items()]:
                answer = await one.http.request(route.method, path)
                allowed = rank.index(role) >= rank.index(route.who)
                where = f'{route.method} {path} as {role}'
                if role == 'nobody' and not allowed:
                    assert answer.headers.get('location', '').startswith('/login'), where
                elif not allowed:
                    assert (answer.status_code, 'role' in answer.text) == (403, True), where
                elif route.method == 'POST':
                    assert (answer.status_code, 'did not come from a page' in answer.text) == (403, True), where
                else:
                    assert answer.status_code in (200, 303, 404, 400), where


@pytest.mark.invariant('S15')
@pytest.mark.invariant('S18')
async def test_what_happens_around_security_is_journalled_without_a_secret(house: House) -> None:
    async with logged_in(house) as ada:
        for n in range(3):
            async with browser(house) as eve:
                await eve.login('admin@desk.example', f'guess number {n}')
        await ada.send('/desk/users/', email='kim@desk.example', role='operator')
        [kim] = await house.rows("select id from desk_user where email like 'kim%%'")
        await ada.act(f'/desk/users/{kim["id"]}/', '/desk/users/', role='viewer')
    await whole(house).state.refusals.flush()
    told = await house.rows(
        "select convert_from(body, 'UTF8') as body from event where headers ->> 'by' = 'admin@desk.example'"
    )
    acts = [row['body'] for row in told]
    for what in ('user.login', 'user.add', 'user.invite', 'user.change'):
        assert any(what in body for body in acts), what
    assert PASSWORD not in str(acts)
    [refused] = await house.rows("select source, reason, count from refusal where source = 'desk'")
    assert (refused['reason'], refused['count']) == ('wrong password', 3)


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S7')
async def test_pages_of_the_desk_say_who_may_frame_and_keep_them(house: House) -> None:
    async with logged_in(house) as ada, browser(house) as nobody:
        for answer in (await ada.get('/'), await nobody.get('/login'), await ada.get('/desk/nothing/here')):
            headers = answer.headers
            assert headers['referrer-policy'] == 'same-origin'
            assert headers['cache-control'] == 'no-store'
            assert "frame-ancestors 'none'" in headers['content-security-policy']
            assert 'unsafe' not in headers['content-security-policy']
            assert 'style=' not in answer.text
        assert text((await ada.get('/desk/nothing/here')).text).count('There is no such page') == 1
