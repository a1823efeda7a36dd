"""Who may enter: the session, the role, and whether a change was asked for by a page of ours (S5, S6, S11).

Each address with its method is declared with the least role (`routes.py`); what is not declared does not exist.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from hermes.db import acts, users
from hermes.db.pool import DatabaseAway
from hermes.domain.errors import HermesError
from hermes.domain.users import Role
from hermes.kit.ids import new_token
from hermes.kit.texts import read_number
from hermes.web.desk.pages import Problem, lead, show_problem, tell
from hermes.web.desk.parts import DeskParts
from hermes.web.desk.undo import find_undo
from hermes.web.desk.visit import Flash, Visit, read_sent
from hermes.web.security import origin_of

Who = Role | Literal['nobody']
"""The least that somebody must be: a role, or nobody at all."""
Page = Callable[[Visit], Awaitable[Response]]
SESSION: Final = 'hermes_session'
VISIT: Final = 'hermes_visit'
"""The cookie of a login, and that of a browser without one, on which the forms before the login stand."""


@dataclass(frozen=True, slots=True)
class Route:
    """One page of the desk, or one act: where, for whom at least."""

    path: str
    page: Page
    who: Who
    method: Literal['GET', 'POST'] = 'GET'


def guarded(parts: DeskParts, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """The page as an endpoint: whatever speaks against it is told as a page, and nothing is changed."""

    async def answer(request: Request) -> Response:
        visit = Visit(request, parts, '')
        try:
            await _recognise(visit)
            if route.who != 'nobody' and not visit.known:
                return _to_login(visit)
            if route.who != 'nobody' and not visit.may(route.who):
                return show_problem(visit, Problem.FORBIDDEN, needs=route.who)
            if route.method == 'POST':
                visit.sent = await read_sent(request)
                if not is_same_origin(visit) or not visit.is_ours:
                    visit.refuse('foreign form')
                    return show_problem(visit, Problem.FOREIGN)
            elif visit.known and (done := read_number(visit.query.get('done', ''))):
                visit.flash = await _find_flash(visit, done)
            return _remember(visit, await route.page(visit))
        except (HermesError, DatabaseAway) as error:
            return _remember(visit, tell(visit, error))

    return answer


async def _recognise(visit: Visit) -> None:
    """Find the session of a browser, or give it something on which forms can stand."""
    token = visit.request.cookies.get(cookie_name(visit, SESSION), '')
    if 20 <= len(token) <= 100:
        async with visit.parts.database.transaction() as connection:
            visit.session = await users.find_session(connection, token)
    if visit.session is not None:
        visit.token = token
    else:
        kept = visit.request.cookies.get(cookie_name(visit, VISIT), '')
        visit.token = kept if 20 <= len(kept) <= 100 else new_token()


async def _find_flash(visit: Visit, event_id: int) -> Flash | None:
    """What the act said that led here, as its event keeps it."""
    async with visit.parts.database.transaction() as connection:
        notes = await acts.find_notes(connection, event_id)
    return None if notes is None else Flash(event_id, notes, bool(notes and await find_undo(visit, event_id)))


def _remember(visit: Visit, response: Response) -> Response:
    """A browser without a session keeps what its forms stand on."""
    if visit.session is None and visit.request.cookies.get(cookie_name(visit, VISIT)) != visit.token:
        set_cookie(visit, response, VISIT, visit.token)
    return response


def _to_login(visit: Visit) -> Response:
    """To the login, and back to where somebody wanted to go."""
    wanted = visit.path if visit.request.method == 'GET' else '/'
    if visit.request.method == 'GET' and visit.request.url.query:
        wanted += f'?{visit.request.url.query}'
    door = '/login' if visit.session is None else '/login/code'
    return lead(door if wanted == '/' else f'{door}?to={quote(wanted)}')


def is_same_origin(visit: Visit) -> bool:
    """Whether a browser says that the form is of a page of ours: of HERMES_URL, whatever Host a proxy makes of it, or
    of the name under which we were asked. What is no browser says nothing of it (S5).
    """
    headers = visit.request.headers
    if headers.get('sec-fetch-site', 'same-origin') != 'same-origin':
        return False
    told = headers.get('origin') or headers.get('referer')
    ours = {origin_of(visit.parts.address('')), origin_of(f'{visit.scheme}://{headers.get("host", "")}')} - {None}
    return told is None or origin_of(told) in ours


def set_cookie(visit: Visit, response: Response, name: str, value: str, lasting: int | None = None) -> None:
    """A cookie that no script reads and that no other site's form brings along; `lasting`: seconds."""
    response.set_cookie(
        cookie_name(visit, name), value, lasting, httponly=True, secure=visit.secure, samesite='lax', path='/'
    )


def drop_cookie(visit: Visit, response: Response, name: str) -> None:
    response.delete_cookie(cookie_name(visit, name), httponly=True, secure=visit.secure, samesite='lax', path='/')


def cookie_name(visit: Visit, name: str) -> str:
    """Over https a name that no neighbouring host can set."""
    return f'__Host-{name}' if visit.secure else name
