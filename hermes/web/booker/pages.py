"""Pages out of templates: one environment a language, one set of headers, nothing from elsewhere."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import structlog
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

from hermes.booking.choose import Turns
from hermes.booking.letters import LetterWriter
from hermes.booking.reps_files import RepsFiles
from hermes.booking.service import BookingService
from hermes.db.pool import DatabaseAway
from hermes.domain.errors import HermesError, OverLimit
from hermes.kit.languages import language
from hermes.web.as_pages import TellPage
from hermes.web.assets import SHARED, Assets
from hermes.web.booker.brand import Brand
from hermes.web.booker.sentences import sentence_of, sentence_of_status, status_of
from hermes.web.booker.shown import GLOBALS
from hermes.web.booker.typed import read_form
from hermes.web.booker.visitor import Visitor
from hermes.web.security import Network, client_address

log = structlog.get_logger(__name__)
SEE_OTHER: Final = 303
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors {framing}"
)
CHECKED: Final = 'private, no-cache'
"""Asked for again each time, and still there when a visitor goes back: with all that was typed."""
ASSETS: Final = Assets('hermes.web.booker', ('booker.css', 'booker.js'))
EMBED: Final = '/embed'
Page = Callable[[Visitor], Awaitable[Response]]
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class BookerParts:
    """What the pages work with. `locate`: the country of whoever asks, as the proxy says; `embed_origins`: whose pages
    may frame ours.
    """

    service: BookingService
    writer: LetterWriter
    turns: Turns
    reps: RepsFiles
    style: Brand
    locate: Callable[[Request], str | None]
    trusted: Sequence[Network] = ()
    embed_origins: Sequence[str] = ()

    @property
    def brand(self) -> str:
        return self.service.terms.brand

    def address(self, path: str) -> str:
        """A whole address of ours."""
        return f'{self.service.terms.hermes_url}{path}'

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.service.terms.hermes_url.startswith('https://')


def serve(parts: BookerParts, page: Page, base: str = '') -> Answer:
    """The page as an endpoint: every visit is counted, and whatever goes wrong is told as a page."""

    async def answer(request: Request) -> Response:
        client = parts.service.terms.client_of(client_address(request.scope, parts.trusted))
        visitor = Visitor(request, client, base, parts.locate(request))
        try:
            if parts.service.limits is not None:
                parts.service.limits.reading(client)
            return await page(visitor)
        except (HermesError, DatabaseAway) as error:
            sent = await read_form(request) if request.method == 'POST' else {}
            return tell(parts, visitor, error, sent)

    return answer


def show(
    parts: BookerParts,
    visitor: Visitor,
    template: str,
    status: int = 200,
    *,
    index: bool = False,
    headers: Mapping[str, str] | None = None,
    **given: Any,
) -> HTMLResponse:
    """A page. `index`: search engines may list it."""
    page = environment(visitor.language.code).get_template(template)
    framing = ' '.join(parts.embed_origins) or "'none'"
    told = {
        'content-security-policy': CSP.format(framing=framing if visitor.base == EMBED else "'none'"),
        'vary': 'accept, accept-language, cookie',
        'cache-control': CHECKED,
        'content-language': visitor.language.code,
        **({} if index else {'x-robots-tag': 'noindex'}),
        **(headers or {}),
    }
    content = page.render(
        brand=parts.brand, visitor=visitor, language=visitor.language, embedded=visitor.base == EMBED, static=static,
        origins=list(parts.embed_origins), index=index, canonical=parts.address,
        style=parts.style.address(),
        **given,
    )  # fmt: skip
    return HTMLResponse(content, status, headers=told)


def tell(parts: BookerParts, visitor: Visitor, error: Exception, sent: Mapping[str, str]) -> HTMLResponse:
    """What went wrong, as a page of its own, which keeps what was `sent` where the same may be tried again."""
    status = status_of(error)
    wait_s = error.retry_after_s if isinstance(error, OverLimit) else 60
    retry = {'retry-after': str(wait_s)} if status in (429, 503) else {}
    return show(
        parts, visitor, 'problem.html', status, headers=retry, sentence=sentence_of(error, visitor.language),
        again=status in (429, 503), sent=sent, support=visitor.at_support,
    )  # fmt: skip


def page_teller(parts: BookerParts) -> TellPage:
    """What tells of what never came to a page: an address that is none, a form that is too large."""

    def tell_page(request: Request, status: int) -> Response:
        base = EMBED if request.scope['path'].startswith(f'{EMBED}/') else ''
        visitor = Visitor(request, b'', base, parts.locate(request))
        return show(
            parts, visitor, 'problem.html', status, sentence=sentence_of_status(status, visitor.language),
            again=status in (429, 503) and request.method == 'GET', sent={}, support=visitor.at_support,
        )  # fmt: skip

    return tell_page


def lead(address: str) -> RedirectResponse:
    """On to another page after an act, so that a reload repeats nothing."""
    return RedirectResponse(address, SEE_OTHER)


@cache
def environment(code: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=PackageLoader('hermes.web.booker', 'templates'),
        autoescape=select_autoescape(default=True, default_for_string=True),
        extensions=['jinja2.ext.i18n'],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(GLOBALS)
    made.install_gettext_translations(language(code).translations, newstyle=True)  # type: ignore[attr-defined]
    return made


def static(name: str) -> str:
    """The address of a file of ours."""
    return (SHARED if name in SHARED.names else ASSETS).address(name)
