"""The emulated mail server by real SMTP: what arrives is kept once, and what breaks is told by the reaction it asks
for (S22: a name never becomes a header).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermes.domain.errors import Ambiguous, AuthBroken, Reaction, Refused, Rejected, Retry
from hermes.sandbox.app import create_app
from hermes.sandbox.mailbox import Mailbox, Received
from hermes.sandbox.world import World
from hermes.systems.mail import Account, Smtp, parse_address
from tests.sandbox.google import SANDBOX, make_world
from tests.sandbox.letters import SENDER, letter, mailer, open_post

PAGE = '/pages/mailbox'
ICS = b'BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n'


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url=SANDBOX, follow_redirects=True) as client:
        yield client


def only(mailbox: Mailbox) -> Received:
    [found] = mailbox.letters.values()
    return found


async def test_a_letter_arrives_as_it_was_written(world: World) -> None:
    async with open_post(world) as url:
        given = letter(name='Łukasz "Ł" 👩‍💻', subject='Rückruf: Mo 2 März ✓', calendar=ICS, method='REQUEST')
        await mailer(url).send(given)
    found = only(world.mailbox)
    message = found.message
    assert (found.to, found.sender) == (['lee@customer.example'], SENDER)
    assert message['To'].addresses[0].display_name == 'Łukasz "Ł" 👩‍💻'
    assert message['From'].addresses[0].display_name == 'Beispiel & Söhne'
    assert found.subject == 'Rückruf: Mo 2 März ✓'
    assert found.body('plain').replace('\r\n', '\n') == 'Hello\n.\nBye\n', 'a line with a dot alone comes through'
    assert found.calendar() == (ICS, 'REQUEST')
    assert message['Auto-Submitted'] == 'auto-generated'
    assert found.content.isascii()


async def test_the_same_letter_twice_is_shown_once(world: World) -> None:
    async with open_post(world) as url:
        for number in (1, 1, 2):
            await mailer(url).send(letter(number))
    told = world.mailbox.state()['letters']
    assert [(one['subject'], one['count']) for one in told] == [('Letter 1', 2), ('Letter 2', 1)]


@pytest.mark.parametrize(
    ('fault', 'reaction', 'arrived'),
    [('later', Retry, 0), ('never', Rejected, 0), ('lost', Ambiguous, 1), ('lost_before', Ambiguous, 0)],
)
async def test_what_breaks_is_told_by_the_reaction(
    world: World, fault: str, reaction: type[Reaction], arrived: int
) -> None:
    async with open_post(world) as url:
        world.mailbox.act('break', fault=fault)
        with pytest.raises(reaction) as told:
            await mailer(url).send(letter())
        assert 'lee@' not in str(told.value)
        assert len(world.mailbox.letters) == arrived
        await mailer(url).send(letter())
    assert only(world.mailbox).count == arrived + 1


async def test_who_cannot_sign_in_is_told_so(world: World) -> None:
    world.mailbox.password = 'right & proper'
    async with open_post(world) as url:
        port = url.rpartition(':')[2]
        for wrong in (url, f'smtp://hermes:wrong@127.0.0.1:{port}'):
            with pytest.raises(AuthBroken):
                await mailer(wrong).send(letter())
        right = mailer(f'smtp://hermes:right%20%26%20proper@127.0.0.1:{port}')
        await right.check()
        await right.send(letter())
    assert only(world.mailbox).count == 1


async def test_a_server_that_is_away_is_tried_again(world: World) -> None:
    async with open_post(world) as url:
        pass
    with pytest.raises(Retry):
        await mailer(url).send(letter())
    with pytest.raises(Retry):
        await mailer(url).check()


@pytest.mark.invariant('S22')
async def test_no_name_and_no_address_becomes_a_header_or_a_second_recipient(world: World) -> None:
    async with open_post(world) as url:
        for wrong in ('a@b.example\r\nBcc: x@y.example', 'a@b.example, x@y.example', 'nobody', '@b.example', 'a b@c.d'):
            with pytest.raises(Rejected):
                await mailer(url).send(letter(to=wrong))
        with pytest.raises(Rejected):
            await mailer(url).send(letter(name='Lee\r\nBcc: x@y.example'))
        await mailer(url).send(letter(name='Lee, <x@y.example>'))
    assert only(world.mailbox).to == ['lee@customer.example']


async def test_addresses_of_any_alphabet(world: World) -> None:
    async with open_post(world) as url:
        await mailer(url).send(letter(1, to='lee@bücher.example'))
        await mailer(url).send(letter(2, to='лида@customer.example'))
    assert [one.to for one in world.mailbox.letters.values()] == [
        ['lee@xn--bcher-kva.example'],
        ['лида@customer.example'],
    ]


async def test_a_password_never_goes_over_a_network_in_clear() -> None:
    """The server on this machine is asked for by a name that is not this machine's, and offers no encryption."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'220 mail\r\n')
        while line := await reader.readline():
            heard.append(line)
            writer.write(b'250-mail\r\n250 AUTH PLAIN LOGIN\r\n' if line.startswith(b'EHLO') else b'250 OK\r\n')
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(converse, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        account = Account('127.1', port, 'hermes', 'secret')
        with pytest.raises(AuthBroken):
            await Smtp(account, SENDER, 'Brand').send(letter())
        await ended.wait()
    assert not any(b'AUTH' in line for line in heard)


def test_smtp_urls() -> None:
    assert parse_address('smtp://u%40x:p%3A@mail.example') == Account('mail.example', 587, 'u@x', 'p:')
    assert parse_address('smtps://mail.example') == Account('mail.example', 465, tls=True)
    for wrong in ('', 'mail.example:25', 'https://mail.example', 'smtp://', 'smtp://x:99999999', 'smtp://h/secret'):
        with pytest.raises(Refused) as told:
            parse_address(wrong)
        assert 'secret' not in str(told.value)
    with pytest.raises(Refused):
        Smtp(Account('mail.example', 25), 'nobody', 'Brand')


async def test_the_page_shows_letters_without_running_anything_of_them(
    browser: httpx2.AsyncClient, world: World
) -> None:
    html = '<script>alert(1)</script><p>Hi</p>'
    async with open_post(world) as url:
        text = f'See {world.hermes_url}/booking/abc and https://elsewhere.example/\n'
        given = letter(subject='<img src=x>', html=html, text=text, calendar=ICS, method='REQUEST')
        await mailer(url).send(given)
        await mailer(url).send(given)
    answer = await browser.get('/mailbox')
    assert str(answer.url) == f'{SANDBOX}{PAGE}'
    assert '&lt;img src=x&gt;' in answer.text
    assert '2 times' in answer.text
    shown = await browser.get(PAGE, params={'letter': '1'})
    assert '<script>alert' not in shown.text
    assert "frame-src 'self'" in shown.headers['Content-Security-Policy']
    assert f'<a href="{world.hermes_url}/booking/abc"' in shown.text
    assert 'href="https://elsewhere.example' not in shown.text
    frame = await browser.get(f'{PAGE}/1/html')
    assert frame.text.strip() == html
    assert frame.headers['Content-Security-Policy'].startswith('sandbox; ')
    file = await browser.get(f'{PAGE}/1/invite.ics')
    assert file.content == ICS
    for missing in ('9', 'x', '0' * 40):
        assert (await browser.get(f'{PAGE}/{missing}/html')).status_code == 404
    assert 'no such letter' in (await browser.get(PAGE, params={'letter': '9'})).text
    assert 'Nothing yet' in (await browser.get(PAGE, params={'to': 'nobody'})).text


async def test_the_server_is_broken_and_mended_by_form(browser: httpx2.AsyncClient, world: World) -> None:
    answer = await browser.post(PAGE, data={'act': 'never'})
    assert 'refused for good' in answer.text
    assert list(world.mailbox.faults) == ['never']
    await browser.post(PAGE, data={'act': 'mend'})
    assert 'there are break' in (await browser.post(PAGE, data={'act': 'nonsense'})).text
    assert list(world.mailbox.faults) == []
    state = (await browser.get('/_world/state')).json()['mailbox']
    assert (state['count'], state['faults']) == (0, [])
    told = await browser.post('/_world/act', json={'system': 'mailbox', 'act': 'break', 'fault': 'lost', 'count': 2})
    assert told.json()['result']['faults'] == ['lost', 'lost']
    assert (await browser.post('/_world/act', json={'system': 'mailbox', 'act': 'break'})).status_code == 422


async def test_letters_outlive_the_process(world: World, tmp_path: Path) -> None:
    async with open_post(world) as url:
        await mailer(url).send(letter())
        await mailer(url).send(letter())
    world.snapshot(tmp_path / 'world.json')
    other = make_world()
    assert other.restore(tmp_path / 'world.json')
    assert (only(other.mailbox).count, only(other.mailbox).subject) == (2, 'Letter 1')
    other.raise_systems()
    assert not other.mailbox.letters


async def test_the_weather_reaches_the_mail_server(world: World) -> None:
    world.weather.change(lost_answer_p=1.0)
    async with open_post(world) as url:
        for _ in range(2):
            with contextlib.suppress(Ambiguous):
                await mailer(url).send(letter())
    assert only(world.mailbox).count == 2
