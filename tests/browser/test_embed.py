"""The booking pages in another website's page: a host that allows Hermes's scripts and frames alone, that tells no
referrer, in a browser that blocks third parties' cookies.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Page, expect

from tests.browser.booker import CHROMIUM, NO_STORAGE, Who, at, chromium, fill, find_who, opened, typed
from tests.waiting import PATIENCE_S, wait_for
from tests.whole.run import Home, Running, free_ports

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]
LARGEST = 4_000
"""Bytes of the loader as it is (WEB-18)."""
HEARD = """window.heard = [];
for (const type of ['ready', 'height', 'slot_selected', 'booked', 'error'])
    addEventListener(`hermes:${type}`, event => heard.push({ ...event.detail, by: event.target.name }));
window.posted = [];
addEventListener('message', event => posted.push([event.origin, event.data]));"""
IN_FRAMES = f'if (window !== window.top) {{ {NO_STORAGE} }} else {{ {HEARD} }}'
SETTLED = """() => new Promise(done => { let left = 30; const next = () => left-- ? requestAnimationFrame(next)
    : done(innerHeight); next(); })"""
expect.set_options(timeout=PATIENCE_S * 1000)


class Host:
    """Somebody's website: one page, whose body a test writes."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.hermes = self.body = ''
        self.server = ThreadingHTTPServer(('127.0.0.1', self.port), self._handler())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                policy = f"default-src 'none'; script-src {host.hermes}; frame-src {host.hermes}"
                self.send_response(200)
                self.send_header('content-type', 'text/html; charset=utf-8')
                self.send_header('content-security-policy', policy)
                self.send_header('referrer-policy', 'no-referrer')
                self.end_headers()
                self.wfile.write(f'<!doctype html><title>A website</title><h1>A website</h1>{host.body}'.encode())

            def log_message(self, *_: Any) -> None: ...

        return Handler

    def script(self, **told: str) -> str:
        """The loader's element."""
        return f'<script src="{self.hermes}/static/embed.js"{_attributes(told)}></script>'

    def address(self, query: str = '', name: str = 'localhost') -> str:
        return f'http://{name}:{self.port}/{query}'


def _attributes(told: dict[str, str]) -> str:
    return ''.join(f' data-{name}="{value}"' for name, value in told.items())


@pytest.fixture(scope='module')
def host() -> Iterator[Host]:
    host = Host()
    thread = Thread(target=host.server.serve_forever, daemon=True)
    thread.start()
    yield host
    host.server.shutdown()
    host.server.server_close()
    thread.join()


@pytest.fixture(scope='module')
def hermes(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Running]:
    home = Home(tmp_path_factory.mktemp('embed'), variables={'EMBED_ORIGINS': f'http://localhost:{host.port}'})
    with home.running() as run:
        run.await_ready()
        host.hermes = at(run, '')
        yield run
        run.interrupt()


@pytest.fixture(scope='module')
def who(hermes: Running) -> Who:
    return find_who(hermes)


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium('--test-third-party-cookie-phaseout') as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = opened(browser, width=390)
    context.add_init_script(IN_FRAMES)
    page = context.new_page()
    yield page
    page.goto('about:blank')
    context.close()


def frames_of(page: Page) -> list[Frame]:
    return [frame for frame in page.frames if '/embed/' in frame.url]


def heard(page: Page, kind: str) -> list[dict[str, Any]]:
    return [each for each in page.evaluate('heard') if each['type'] == kind]


def await_heard(page: Page, kind: str, count: int = 1) -> list[dict[str, Any]]:
    return wait_for(kind, lambda: told if len(told := heard(page, kind)) >= count else [])


def choose_last(frame: FrameLocator) -> str:
    """Choose the last of the next free times; when it is."""
    frame.get_by_test_id('grid').wait_for()
    start = frame.get_by_test_id('next-time').last.get_attribute('value') or ''
    frame.get_by_test_id('next-time').last.click()
    frame.get_by_test_id('form').wait_for()
    return start


@pytest.mark.behaviour('WEB-16', 'WEB-26')
def test_a_call_is_booked_within_somebody_elses_page(hermes: Running, who: Who, host: Host, page: Page) -> None:
    requested: list[str] = []
    page.on('request', lambda request: requested.append(request.url))
    host.body = host.script(
        mode='inline', who=who.slug, name='Ana Silva', company_name='Silva Tutors', utm_source='site'
    )
    page.goto(host.address('?utm_campaign=spring&gclid=g-1&utm_source=other'))
    frame = page.frame_locator('iframe')
    start = choose_last(frame)
    query = parse_qs(urlsplit(frames_of(page)[0].url).query)
    assert query['origin'] == [f'http://localhost:{host.port}']
    assert (query['utm_campaign'], query['gclid'], query['utm_source']) == (['spring'], ['g-1'], ['site'])
    assert frame.get_by_test_id('field-name').input_value() == 'Ana Silva'
    assert frame.get_by_test_id('field-company_name').input_value() == 'Silva Tutors'
    (selected,) = await_heard(page, 'slot_selected')
    assert selected == {**selected, 'start': start, 'who': who.slug, 'source': 'hermes-booker', 'version': 1}
    frame.get_by_test_id('field-email').fill('ana@customer.example')
    frame.get_by_test_id('field-country').select_option('GB')
    frame.get_by_test_id('field-bracket').select_option(index=1)
    frame.get_by_test_id('book').click()
    expect(frame.get_by_test_id('booked')).to_be_visible()
    assert '/embed/booking/' in frames_of(page)[0].url
    (booked,) = await_heard(page, 'booked')
    assert booked['start'] == start
    assert 'ana@' not in str(page.evaluate('heard')), 'nothing personal is told'
    assert [url for url in requested if urlsplit(url).port not in (host.port, hermes.home.ports[0])] == []


@pytest.mark.behaviour('WEB-16', 'WEB-26')
def test_the_frame_is_as_high_as_its_content_and_stays_so(who: Who, host: Host, page: Page) -> None:
    host.body = host.script(mode='inline', who=who.slug)
    page.goto(host.address())
    page.frame_locator('iframe').get_by_test_id('grid').wait_for()
    await_heard(page, 'height')
    (inner,) = frames_of(page)

    def fits() -> bool:
        told = inner.evaluate('[innerHeight, document.body.getBoundingClientRect().height]')
        return bool(0 <= told[0] - told[1] < 1)

    wait_for('the frame fits', fits)
    high = inner.evaluate(SETTLED)
    assert inner.evaluate('document.documentElement.scrollHeight') == high
    assert inner.evaluate('document.documentElement.scrollWidth') <= 390
    page.set_viewport_size({'width': 1100, 'height': 800})
    wait_for('the frame fits a wide page', lambda: fits() and inner.evaluate('innerHeight') != high)
    wide = inner.evaluate(SETTLED)
    assert inner.evaluate(SETTLED) == wide, 'it does not grow by itself'


@pytest.mark.behaviour('WEB-26')
def test_on_a_phone_the_times_of_a_day_come_into_view(who: Who, host: Host, page: Page) -> None:
    host.body = '<p>Words.</p>' * 60 + host.script(mode='inline', who=who.slug)
    page.set_viewport_size({'width': 390, 'height': 420})
    page.goto(host.address())
    frame = page.frame_locator('iframe')
    frame.get_by_test_id('month-after').click()
    frame.get_by_test_id('times-name').wait_for(state='detached')
    frame.get_by_test_id('day').first.click()
    frame.get_by_test_id('times-count').wait_for()

    def in_view() -> bool:
        box = frame.get_by_test_id('times-name').bounding_box()
        return box is not None and 0 <= box['y'] < 420

    wait_for('the times are in view', in_view)


@pytest.mark.behaviour('WEB-16')
def test_any_element_opens_it_in_a_dialog_that_keeps_what_was_typed(who: Who, host: Host, page: Page) -> None:
    host.body = f'<button data-hermes-booker data-who="{who}">Talk to us</button>{host.script()}'
    page.goto(host.address())
    assert page.locator('iframe').count() == 0, 'nothing is loaded before it is wanted'
    button = page.get_by_role('button', name='Talk to us')
    button.click()
    frame = page.frame_locator('iframe')
    choose_last(frame)
    frame.get_by_test_id('field-name').fill('Ana Silva')
    page.get_by_role('button', name='Close').click()
    expect(page.locator('dialog')).to_be_hidden()
    expect(button).to_be_focused()
    button.press('Enter')
    expect(frame.get_by_test_id('field-name')).to_have_value('Ana Silva')
    page.get_by_role('button', name='Close').press('Escape')
    expect(page.locator('dialog')).to_be_hidden()


@pytest.mark.behaviour('WEB-16')
def test_a_button_floats_over_the_page(host: Host, page: Page) -> None:
    host.body = host.script(mode='button', label='Meet us', close='Shut', title='Meet us')
    page.goto(host.address())
    page.get_by_role('button', name='Meet us').click()
    expect(page.frame_locator('iframe[title="Meet us"]').get_by_test_id('cards')).to_be_visible()
    page.get_by_role('button', name='Shut').click()
    expect(page.locator('dialog')).to_be_hidden()


@pytest.mark.behaviour('WEB-26')
def test_twice_on_one_page_are_two(hermes: Running, who: Who, host: Host, page: Page) -> None:
    host.body = host.script(mode='inline', name='One One') + host.script(mode='inline', who=who.slug, name='Two Two')
    page.goto(host.address())
    first, second = page.frame_locator('iframe').nth(0), page.frame_locator('iframe').nth(1)
    first.get_by_test_id('cards').wait_for()
    choose_last(second)
    assert second.get_by_test_id('field-name').input_value() == 'Two Two'
    expect(first.get_by_test_id('cards')).to_be_visible()
    ready = await_heard(page, 'ready', 2)
    assert {each['by'] for each in ready} == {each['id'] for each in ready} == {'hermes-booker-0', 'hermes-booker-1'}
    await_heard(page, 'slot_selected')
    assert {each['by'] for each in heard(page, 'slot_selected')} == {'hermes-booker-1'}


@pytest.mark.behaviour('WEB-16', 'WEB-26')
def test_who_is_not_allowed_sees_and_hears_nothing(hermes: Running, who: Who, host: Host, page: Page) -> None:
    host.body = host.script(mode='inline', who=who.slug)
    with page.expect_event('console', lambda message: 'frame-ancestors' in message.text):
        page.goto(host.address(name='127.0.0.1'))
    assert page.evaluate('heard') == page.evaluate('posted') == []


@pytest.mark.behaviour('WEB-16', 'WEB-26')
def test_the_frame_tells_nobody_but_who_was_told_and_is_allowed(
    hermes: Running, who: Who, host: Host, page: Page
) -> None:
    foreign = at(hermes, f'/embed/book-a-call/{who}/?origin=https://somebody-else.example')
    host.body = f'<iframe src="{foreign}"></iframe>{host.script(mode="inline", who=who.slug)}'
    page.goto(host.address())
    for number in (0, 1):
        page.frame_locator('iframe').nth(number).get_by_test_id('grid').wait_for()
    await_heard(page, 'height')
    assert {told[1]['id'] for told in page.evaluate('posted')} == {'hermes-booker-0'}


@pytest.mark.behaviour('WEB-16')
def test_the_loader_listens_to_its_own_frame_alone(hermes: Running, who: Who, host: Host, page: Page) -> None:
    other_frame = f'<iframe name="other" src="{at(hermes, "/embed/book-a-call/")}"></iframe>'
    host.body = other_frame + host.script(mode='inline', who=who.slug)
    page.goto(host.address())
    await_heard(page, 'height')
    forged = {'source': 'hermes-booker', 'version': 1, 'id': 'hermes-booker-0', 'type': 'booked'}
    before = len(page.evaluate('posted'))
    page.frame_locator('[name=other]').get_by_test_id('cards').wait_for()
    other = next(frame for frame in page.frames if frame.name == 'other')
    other.evaluate("told => parent.postMessage(told, '*')", forged)
    page.evaluate("told => window.postMessage(told, '*')", forged)
    next(frame for frame in frames_of(page) if frame != other).evaluate(
        "told => parent.postMessage(told, '*')", {**forged, 'version': 2}
    )
    wait_for('all three arrived', lambda: len(page.evaluate('posted')) >= before + 3)
    assert heard(page, 'booked') == []


@pytest.mark.behaviour('WEB-16', 'WEB-12')
def test_what_goes_wrong_is_told_to_the_page(hermes: Running, who: Who, host: Host, page: Page) -> None:
    host.body = host.script(mode='inline', who=who.slug)
    page.goto(host.address())
    frame = page.frame_locator('iframe')
    choose_last(frame)
    fill(frame, 'wrong@customer.example')
    page.route('**/embed/**', lambda route: route.abort() if route.request.method == 'POST' else route.continue_())
    frame.get_by_test_id('book').click()
    expect(frame.get_by_test_id('unsent')).to_be_visible()
    assert typed(frame)['email'] == 'wrong@customer.example'
    assert await_heard(page, 'error')[0]['code'] == 'unsent'


@pytest.mark.behaviour('WEB-16')
def test_a_page_can_mount_it_itself(hermes: Running, who: Who, host: Host, page: Page) -> None:
    host.body = f'<div id="here"></div>{host.script()}'
    page.goto(host.address())
    page.evaluate("who => { HermesBooker.mount(document.querySelector('#here'), { who, lang: 'de' }); }", who.slug)
    frame = page.frame_locator('#here iframe')
    frame.get_by_test_id('grid').wait_for()
    assert frame.locator('html').get_attribute('lang') == 'de'


@pytest.mark.behaviour('WEB-18')
def test_the_loader_is_light() -> None:
    assert len(files('hermes.web.booker').joinpath('static', 'embed.js').read_bytes()) < LARGEST
