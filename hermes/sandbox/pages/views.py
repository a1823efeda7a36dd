"""The routes of the pages: look by GET, act by POST and be sent back, so that a reload never repeats an act.

Rendered on the server and usable without JavaScript. A form is taken from the page itself only: same host, same port.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hermes.sandbox.pages import (
    feed,
    google,
    mailbox,
    nationbuilder,
    pipedrive,
    salesforce,
    support_links,
    tutorcruncher,
)  # fmt: skip
from hermes.sandbox.pages.forms import NotDone, read_form
from hermes.sandbox.weather import PRESETS

if TYPE_CHECKING:
    from hermes.sandbox.world import World

HERE = Path(__file__).parent
LOOPBACK = ('127.0.0.1', 'localhost', '::1')
MEDIA = {'.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml'}
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}
DESKS: Mapping[str, Any] = {
    'tutorcruncher': tutorcruncher, 'pipedrive': pipedrive, 'google': google, 'salesforce': salesforce,
    'nationbuilder': nationbuilder, 'mailbox': mailbox,
}  # fmt: skip
"""Each shows its part of the world (`shown`) and does what its forms ask (`carry_out`)."""
SHORT = ('google', 'mailbox')
FEED_SHORT, FEED_LONG = 14, 120
KEPT = ('page', 'week', 'who')


def routes(world: 'World') -> APIRouter:
    """`/` and `/pages/...` of this world."""
    pages = Pages(world)
    router = APIRouter(dependencies=[Depends(check_caller)], include_in_schema=False)
    router.add_api_route('/', pages.index, methods=['GET'])
    for name in DESKS:
        router.add_api_route(f'/pages/{name}', partial(pages.show_desk, name), methods=['GET'])
        router.add_api_route(f'/pages/{name}', partial(pages.act, name), methods=['POST'])
    router.add_api_route('/pages/tutorcruncher/support-link', pages.make_support_link, methods=['POST'])
    for name in SHORT:
        router.add_api_route(f'/{name}', partial(to_desk, name), methods=['GET'])
    router.add_api_route('/pages/mailbox/{number}/html', pages.letter_html, methods=['GET'])
    router.add_api_route('/pages/mailbox/{number}/invite.ics', pages.letter_file, methods=['GET'])
    router.add_api_route('/pages/lists', pages.lists, methods=['GET'])
    router.add_api_route('/pages/nationbuilder/lists', pages.nation_lists, methods=['GET'])
    router.add_api_route('/nationbuilder/oauth/authorize', pages.ask_consent, methods=['GET'])
    router.add_api_route('/nationbuilder/oauth/authorize', pages.take_consent, methods=['POST'])
    router.add_api_route('/pages/travel', pages.travel, methods=['GET'])
    router.add_api_route('/pages/weather', pages.set_weather, methods=['POST'])
    router.add_api_route('/pages/static/{name}', static, methods=['GET'])
    return router


async def check_caller(request: Request) -> None:
    """403 for another Host, and for a form that another page sends."""
    if request.url.hostname not in LOOPBACK:
        raise HTTPException(403, 'this page is for this machine only')
    if request.method != 'POST':
        return
    origin, site = request.headers.get('origin'), request.headers.get('sec-fetch-site', 'same-origin')
    if (origin is not None and urlsplit(origin).netloc != request.url.netloc) or site not in ('same-origin', 'none'):
        raise HTTPException(403, 'forms are taken from this page only')


async def to_desk(name: str) -> Response:
    return RedirectResponse(f'/pages/{name}', 303)


async def static(name: str) -> Response:
    file = HERE / 'static' / Path(name).name
    if file.suffix not in MEDIA or not file.is_file():
        raise HTTPException(404)
    return Response(file.read_bytes(), media_type=MEDIA[file.suffix], headers={'X-Content-Type-Options': 'nosniff'})


class Pages:
    """The pages of one world. `said` is what the last act came to, shown once."""

    def __init__(self, world: 'World') -> None:
        self.world = world
        self.said: tuple[str, str] | None = None
        self.templates = Environment(
            loader=FileSystemLoader(HERE / 'templates'),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters['moment'] = feed.moment_text

    async def index(self, request: Request) -> Response:
        world = self.world
        counts = {
            'clients': sum(1 for one in world.tutorcruncher.clients.values() if not one.deleted),
            'organisations': len(world.pipedrive.live('organization')),
            'deals': len(world.pipedrive.live('deal')),
            'calendars': len(world.google.people),
            'events': sum(1 for one in world.google.events.values() if not one.is_cancelled),
            'app_users': sum(1 for _ in world.salesforce.kind('app_user').live()),
            'contacts': sum(1 for _ in world.salesforce.contacts.live()),
            'letters': len(world.mailbox.letters),
            'subscriptions': len(world.pipedrive.subscriptions.rows),
            'people': len(world.nationbuilder.store.tables['signups']),
            'lists': len(world.nationbuilder.store.tables['lists']),
        }
        return self._show(request, 'index.html', counts=counts, presets=list(PRESETS), feed=self._feed(FEED_SHORT))

    async def show_desk(self, name: str, request: Request) -> Response:
        shown = DESKS[name].shown(self.world, request.query_params)
        answer = self._show(request, f'{name}.html', **shown, feed=self._feed(FEED_SHORT))
        if name == 'mailbox':
            answer.headers['Content-Security-Policy'] += "; frame-src 'self'"
        return answer

    async def letter_html(self, number: str) -> Response:
        return mailbox.show_html(self.world, number)

    async def letter_file(self, number: str) -> Response:
        return mailbox.show_file(self.world, number)

    async def lists(self, request: Request) -> Response:
        return self._show(request, 'lists.html', **salesforce.shown_lists(self.world))

    async def nation_lists(self, request: Request) -> Response:
        return self._show(request, 'nation_lists.html', **nationbuilder.readers(self.world))

    async def ask_consent(self, request: Request) -> Response:
        return self._consent(request, nationbuilder.consent(self.world, request.query_params))

    async def take_consent(self, request: Request) -> Response:
        return self._consent(request, nationbuilder.decide(self.world, await read_form(request)))

    def _consent(self, request: Request, found: dict[str, Any]) -> Response:
        """The way back to the app, or the page; browsers let its form lead there only if the page says so."""
        if found['back']:
            return RedirectResponse(found['back'], 303)
        answer = self._show(request, 'consent.html', **found)
        if found['wrong']:
            answer.status_code = 400
        else:
            app = urlsplit(found['asked']['redirect_uri'])
            told = HEADERS['Content-Security-Policy'].replace(
                "form-action 'self'", f"form-action 'self' {app.scheme}://{app.netloc}"
            )
            answer.headers['Content-Security-Policy'] = told
        return answer

    async def travel(self, request: Request) -> Response:
        return self._show(request, 'travel.html', feed=self._feed(FEED_LONG))

    async def act(self, name: str, request: Request) -> Response:
        form = await read_form(request)
        try:
            place, said = DESKS[name].carry_out(self.world, form)
            self.said = ('done', said)
        except NotDone as refusal:
            place, self.said = form.get('place', ''), ('failed', str(refusal))
        return self._back(f'/pages/{name}', form, place)

    async def make_support_link(self, request: Request) -> Response:
        form = await read_form(request)
        try:
            place, said = await support_links.make(self.world, form)
            self.said = ('done', said)
        except NotDone as refusal:
            place, self.said = f'company-{form.get("client", "")}', ('failed', str(refusal))
        return self._back('/pages/tutorcruncher', form, place)

    async def set_weather(self, request: Request) -> Response:
        name = (await read_form(request)).get('name', '')
        if name not in PRESETS:
            raise HTTPException(422, 'no such weather')
        self.world.weather.change(name=name)
        self.said = ('done', f'The weather is {name} now.')
        return RedirectResponse('/', 303)

    def _back(self, path: str, form: dict[str, str], place: str) -> Response:
        kept = {key: form[key] for key in KEPT if form.get(key)}
        query = urlencode({key: value for key, value in kept.items() if key != 'page' or value.isdecimal()})
        anchor = f'#{place}' if place.replace('-', '').isalnum() else ''
        return RedirectResponse(f'{path}{"?" if query else ""}{query}{anchor}', 303)

    def _feed(self, count: int) -> list[feed.Item]:
        return feed.newest(self.world, count)

    def _show(self, request: Request, template: str, **values: object) -> Response:
        said = None
        if request.headers.get('x-refresh') != '1':
            said, self.said = self.said, None
        world = self.world
        html = self.templates.get_template(template).render(
            values,
            said=said,
            now=world.clock.now(),
            weather=world.weather.name,
            hermes_url=world.hermes_url,
            waiting=len(world.outbox.waiting),
            path=request.url.path,
        )
        return Response(html, media_type='text/html', headers=HEADERS)
