"""Pages of the desk out of templates: one environment, one set of headers, nothing from elsewhere."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hermes.db.pool import DatabaseAway
from hermes.domain.errors import OverLimit, Refused
from hermes.kit.ids import new_token
from hermes.web.assets import SHARED, Assets
from hermes.web.desk.shown import FILTERS
from hermes.web.errors import status_of

if TYPE_CHECKING:
    from hermes.web.desk.parts import DeskParts
    from hermes.web.desk.visit import Visit

ASSETS: Final = Assets('hermes.web.desk', ('desk.css', 'desk.js'))
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    'content-security-policy': CSP,
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-robots-tag': 'noindex',
    'vary': 'cookie',
}
"""`same-origin`: with `no-referrer` browsers send `Origin: null` with a form, and nobody could log in (ADM-12)."""
SEE_OTHER: Final = 303


class Problem(Enum):
    """What may speak against a page, with its status."""

    FORBIDDEN = 403, 'Your role does not allow this.'
    FOREIGN = (
        403,
        'This form did not come from a page of the desk, or the page was open for too long. Nothing was changed.',
    )
    NOT_FOUND = 404, 'There is no such page.'
    METHOD = 405, 'This address shows nothing, and changes nothing by itself.'
    TOO_LARGE = 413, 'This form is too large. Nothing was changed.'
    AWAY = 503, 'The database does not answer. Nothing was changed; try again in a moment.'
    FAILURE = 500, 'Something went wrong here. It has been noted, and nothing was changed.'


def show(visit: 'Visit', template: str, status: int = 200, **given: Any) -> HTMLResponse:
    """A page."""
    page = environment().get_template(template)
    content = page.render(
        visit=visit, query=visit.query, user=visit.user if visit.known else None, csrf=visit.csrf, key=new_token(16),
        brand=visit.parts.brand, version=visit.parts.version, static=static, **given,
    )  # fmt: skip
    return HTMLResponse(content, status, headers=dict(HEADERS))


def lead(address: str) -> Response:
    """On to another page after an act, so that a reload repeats nothing."""
    return RedirectResponse(address, SEE_OTHER, headers={'referrer-policy': 'same-origin'})


def tell(visit: 'Visit', error: Exception) -> Response:
    """What went wrong, as a page of its own."""
    if isinstance(error, DatabaseAway):
        return show_problem(visit, Problem.AWAY)
    status = status_of(error) if isinstance(error, Refused) else 503
    answer = show(visit, 'problem.html', status, sentence=str(error), needs=None)
    if isinstance(error, OverLimit):
        answer.headers['retry-after'] = str(error.retry_after_s)
    return answer


def show_problem(visit: 'Visit', problem: Problem, needs: str | None = None) -> Response:
    status, sentence = problem.value
    return show(visit, 'problem.html', status, sentence=sentence, needs=needs)


def tell_status(parts: 'DeskParts', request: Request, status: int) -> Response:
    """What tells of what never came to a page."""
    from hermes.web.desk.visit import Visit

    problem = next(
        (each for each in Problem if each.value[0] == status and each is not Problem.FOREIGN), Problem.FAILURE
    )
    answer = show_problem(Visit(request, parts, ''), problem)
    answer.status_code = status
    return answer


@cache
def environment() -> Environment:
    """The templates. Whatever a page is not given is a mistake, and no empty place."""
    made = Environment(
        loader=PackageLoader('hermes.web.desk', 'templates'),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals['dict'] = dict
    return made


def static(name: str) -> str:
    """The address of a file of ours."""
    return (SHARED if name in SHARED.names else ASSETS).address(name)
