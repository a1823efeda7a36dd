"""The web application: settings become doors, pages and the booking API (`hermes.app:app`), out of the `parts`.

What a worker is made of stands in `worker`; no command and no worker loads a web server.
"""

import contextlib
from functools import partial
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from hermes import __version__
from hermes.booking.reps_files import RepsFiles
from hermes.booking.service import BookingService
from hermes.db.heartbeats import Heartbeat
from hermes.db.inbox import Inbox
from hermes.db.reading import Reading
from hermes.db.reads.health import Vitals
from hermes.kit.clock import Clock, SystemClock
from hermes.parts.assembly import build_booking_service, build_engine, build_letter_writer, limit_bytes, observe
from hermes.parts.granting import grants
from hermes.parts.secrets import hash_key, secrets_of
from hermes.parts.site import site_of
from hermes.parts.systems import sources
from hermes.people.service import People
from hermes.settings import Settings, load, reveal
from hermes.web.application import create_app
from hermes.web.as_pages import DESK, TellPage, is_under
from hermes.web.booker.brand import Brand
from hermes.web.booker.pages import BookerParts, page_teller
from hermes.web.booker.routes import booker_routes
from hermes.web.booking_api import booking_routes, read_counter
from hermes.web.booking_files import file_routes
from hermes.web.connect_api import connect_routes
from hermes.web.core_api import CoreParts, core_routes, country_of
from hermes.web.desk.first import FirstCode
from hermes.web.desk.pages import tell_status
from hermes.web.desk.parts import DeskParts
from hermes.web.desk.routes import desk_routes
from hermes.web.people_api import people_routes
from hermes.web.security import trusted_networks

WEB_CONNECTIONS = 6
"""Of the booking API, in one web process, beside the inbox's own."""


def build_web(settings: Settings) -> FastAPI:
    """The web application."""
    clock = SystemClock()
    observe(settings, 'web')
    inbox = Inbox(settings.database_url, clock)
    service = build_booking_service(settings, build_engine(settings, clock=clock, connections=WEB_CONNECTIONS))
    desk = build_desk(settings, service, clock)
    application = create_app(
        inbox,
        sources(settings),
        Vitals(settings.database_url),
        clock,
        version=__version__,
        trusted_proxies=settings.trusted_proxies,
        cors_origins=settings.cors_origins,
        hosts=[urlsplit(settings.hermes_url).hostname or '', *settings.allowed_hosts],
        metrics_token=settings.metrics_token.get_secret_value(),
        resources=[
            Heartbeat(settings.database_url),
            service,
            desk.reading,
            FirstCode(desk, partial(print, flush=True)),
        ],
    )
    add_pages(application, service, desk, settings)
    return application


def build_desk(settings: Settings, service: BookingService, clock: Clock) -> DeskParts:
    """What the desk works with."""
    return DeskParts(
        service,
        Reading(settings.database_url, clock),
        site_of(settings),
        hash_key(settings),
        secrets_of(settings),
        __version__,
        trusted_networks(settings.trusted_proxies),
        limit_bytes(settings),
    )


def add_pages(application: FastAPI, service: BookingService, desk: DeskParts, settings: Settings) -> None:
    """The booking API, the pages behind links, a booking's calendar file, the core API, and the desk."""
    trusted = trusted_networks(settings.trusted_proxies)
    core = CoreParts(
        service.engine.database,
        service.terms.client_of,
        settings.api_key.get_secret_value(),
        settings.dft_timezone,
        trusted,
        count_read=service.limits.reading if service.limits else None,
        systems=service.engine.systems,
        knowledge=service.engine.knowledge,
    )
    writer = build_letter_writer(settings)
    files = file_routes(service.engine, writer, [Depends(read_counter(service, trusted))])
    pages = BookerParts(
        service,
        writer,
        core.turns,
        RepsFiles(settings.reps_folder),
        Brand(settings.reps_folder),
        lambda request: country_of(request, core),
        trusted,
        settings.embed_origins,
    )
    app_users = people_routes(
        People(service.engine), reveal(settings.people_api_key), reveal(settings.people_connection_key)
    )
    routers = (
        booking_routes(service, trusted),
        files,
        booker_routes(pages),
        core_routes(core),
        connect_routes(grants(service.engine, settings)),
        app_users,
        desk_routes(desk),
    )
    for router in routers:
        application.include_router(router)
    application.state.tell_page = tell_page(page_teller(pages), desk)


def tell_page(at_the_booker: TellPage, desk: DeskParts) -> TellPage:
    """What tells of an error as a page: the desk of its own, the call-booker of all others."""

    def tell(request: Request, status: int) -> Response:
        at_the_desk = is_under(request.scope['path'], DESK)
        return tell_status(desk, request, status) if at_the_desk else at_the_booker(request, status)

    return tell


def __getattr__(name: str) -> FastAPI:
    """`hermes.app:app`, built when it is first asked for."""
    if name == 'app':
        with contextlib.suppress(KeyError):
            return globals()['_app']  # type: ignore[no-any-return]
        settings = load()
        settings.require_secrets()
        globals()['_app'] = build_web(settings)
        return globals()['_app']  # type: ignore[no-any-return]
    raise AttributeError(name)
