"""The web application, put together from what it is given: plain values and protocols, nothing that it looks up itself.

Errors are JSON, `{"status": "error", "message": ...}`, or a page where one is asked for, and never carry an
exception's text (S8). No path redirects to
its other form: senders of webhooks do not follow (one of them does not retry 3xx). /docs, /openapi.json and
/metrics answer only to this machine, and to whoever has METRICS_TOKEN.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from hermes.kit.clock import Clock
from hermes.ports import Source
from hermes.web.as_pages import AsPages
from hermes.web.bodies import SmallBodies
from hermes.web.door import Door, LocalOnly, faces_the_world
from hermes.web.errors import add_error_answers
from hermes.web.health import Health, health_routes
from hermes.web.intake import Intake
from hermes.web.metrics import Metrics
from hermes.web.refusals import Counts, Refusals
from hermes.web.security import SafeHeaders, trusted_networks
from hermes.web.webhooks import Callback, EventInbox

PUBLIC = (
    '/callbooker/', '/booking/', '/book-a-call/', '/support-call/', '/embed/', '/desk/', '/login', '/init', '/welcome/',
    '/logout',
)  # fmt: skip
"""Where forms come from."""
AT_THE_DOOR = {
    '414': 'The path or the query is too long', '421': 'Hermes is not known by this name',
    '431': 'The headers are too long',
}  # fmt: skip


class Resource(Protocol):
    """Something that lives as long as the application."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class WebInbox(EventInbox, Resource, Protocol):
    """hermes.db.inbox.Inbox, as the web sees it."""

    on_commit: Any

    async def write_refusals(self, counts: Counts) -> None: ...


def create_app(
    inbox: WebInbox,
    sources: Sequence[Source],
    health: Health,
    clock: Clock,
    *,
    version: str = '0',
    trusted_proxies: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    hosts: Collection[str] | None = None,
    metrics_token: str = '',
    routers: Sequence[APIRouter] = (),
    resources: Sequence[Resource] = (),
) -> FastAPI:
    """The application. It starts and stops `inbox` and `resources` (in this order, stopped in reverse) with itself.

    `trusted_proxies`: addresses or networks whose forwarding headers are believed (ValueError for anything else).
    `cors_origins`: whose pages may read our answers in a browser; nobody else's. `hosts`: the names under which we are
    asked (None: any). `metrics_token`: who has it sees what is for this machine only. `routers`: further pages and
    APIs.
    """
    metrics = Metrics({source.name: source.listed for source in sources})
    inbox.on_commit = metrics.committed
    refusals = Refusals(inbox.write_refusals, clock)

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            everything: tuple[Resource, ...] = (inbox, refusals, *resources)
            for resource in everything:
                await resource.start()
                stack.push_async_callback(resource.stop)
            yield

    app = FastAPI(
        title='Hermes',
        version=version,
        lifespan=live,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url='/openapi.json',
        # Hermes tells its own spans (kit/tracing.py); the framework's hold paths and texts of exceptions (S8).
        telemetry={'tracing': False, 'metrics': False, 'logs': False},
    )
    app.state.metrics = metrics
    app.state.refusals = refusals
    app.state.intake = intake = Intake()
    for source in sources:
        _add_callback(app, source, inbox, refusals, metrics, intake)
    app.include_router(health_routes(health, metrics, clock))
    app.include_router(_docs(app))
    for router in routers:
        app.include_router(router)
    add_error_answers(app)
    app.add_middleware(SmallBodies, prefixes=PUBLIC, intake=intake)
    app.add_middleware(AsPages)
    local = not faces_the_world(hosts or (), trusted_networks(trusted_proxies))
    app.add_middleware(LocalOnly, local=local, token=metrics_token)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=['GET', 'POST', 'DELETE'],
            allow_headers=['Content-Type', 'Idempotency-Key', 'X-Altcha'],
            expose_headers=['Retry-After'],
        )
    app.add_middleware(Door, hosts=hosts)
    app.add_middleware(SafeHeaders)
    _describe_the_rest(app, sources)
    return app


def _add_callback(
    app: FastAPI, source: Source, inbox: EventInbox, refusals: Refusals, metrics: Metrics, intake: Intake
) -> None:
    callback = Callback(source, inbox, refusals, metrics, intake)
    for path in (source.path, source.path + '/'):
        app.router.routes.append(Route(path, callback))
    if source.extensions:
        extension = Callback(source, inbox, refusals, metrics, intake, extension=True)
        app.router.routes.append(Route(source.path + '/{extension:path}', extension))


def _docs(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get('/docs')
    async def show_docs() -> HTMLResponse:
        return HTMLResponse(render_docs(app.openapi()))

    return router


def render_docs(schema: dict[str, Any]) -> str:
    """The API as a plain page: no script, nothing from elsewhere."""
    rows = [
        f'<tr><td>{escape(method.upper())}</td><td><code>{escape(path)}</code></td>'
        f'<td>{escape(told.get("summary", ""))}</td></tr>'
        for path, methods in schema['paths'].items()
        for method, told in methods.items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Hermes API</title><h1>Hermes API</h1>'
        '<p>The whole description, for machines: <a href="/openapi.json">openapi.json</a></p>'
        '<table><thead><tr><th>Method</th><th>Path</th><th>What it does</th></tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></html>'
    )


def _describe_the_rest(app: FastAPI, sources: Sequence[Source]) -> None:
    """What is no route of the framework, callbacks and the door, is described all the same."""
    describe: Callable[[], dict[str, Any]] = app.openapi
    answers = {
        '200': 'Stored (or it was there already)',
        '400': 'Not JSON',
        '413': 'Larger than 2 MB',
        '422': 'Not storable',
        '503': 'Send it again later',
    }

    def describe_all() -> dict[str, Any]:
        schema = describe()
        for source in sources:
            codes = {**answers, str(source.refused_status): 'Not authenticated'}
            schema['paths'].setdefault(source.path + '/', {})['post'] = {
                'tags': ['callbacks'],
                'summary': f'Deliveries from {source.name}',
                'operationId': f'callback_{source.name}',
                'requestBody': {'required': True, 'content': {'application/json': {'schema': {}}}},
                'responses': {code: {'description': told} for code, told in sorted(codes.items())},
            }
        for operations in schema['paths'].values():
            for told in operations.values():
                told['responses'] |= {code: {'description': why} for code, why in AT_THE_DOOR.items()}
        return schema

    app.openapi = describe_all  # type: ignore[method-assign]
