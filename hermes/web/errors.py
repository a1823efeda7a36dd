"""What goes wrong, as an answer: `{"status": "error", "message": ..., "code": ...}`, in plain words, and never with an
exception's text or with a value that was sent (S8).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hermes.db.pool import DatabaseAway
from hermes.domain.errors import OverLimit, Refused, Unreadable
from hermes.web.as_pages import page_for
from hermes.web.security import SafeHeaders

log = structlog.get_logger(__name__)

STATUSES: Final = {
    'slot_taken': 409, 'busy': 409, 'not_found': 404, 'limit': 429, 'link': 403,
    'link_invalid': 403, 'link_expired': 403, 'forbidden': 403, 'invalid': 422, 'idempotency': 422,
}  # fmt: skip
"""Code of a refusal -> status; every other rule that speaks against something is a 400."""
OF_PEOPLE: Final = {'email_taken': 409}
"""The same of the API of app users alone."""
CODES: Final = {
    400: 'refused', 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 405: 'method_not_allowed',
    503: 'unavailable',
}  # fmt: skip
PLACES: Final = frozenset({'body', 'query', 'path', 'header'})
WORDS: Final = {
    'missing': 'is needed',
    'string_type': 'must be text',
    'string_too_short': 'is too short',
    'int_parsing': 'must be a whole number',
    'int_type': 'must be a whole number',
    'int_from_float': 'must be a whole number',
    'int_parsing_size': 'is too large',
    'bool_parsing': 'must be true or false',
    'greater_than_equal': 'is too small',
    'less_than_equal': 'is too large',
    'string_pattern_mismatch': 'is not of the right form',
    'model_attributes_type': 'must be a JSON object',
    'model_type': 'must be a JSON object',
    'dict_type': 'must be a JSON object',
    'json_invalid': 'is not JSON',
    'extra_forbidden': 'is no field of this',
}
UNREADABLE: Final = 'The calendar cannot be read at the moment. Please try again in a few minutes.'


def add_error_answers(app: FastAPI) -> None:
    """Every error of the application is told by these."""
    app.add_exception_handler(HTTPException, _tell_http_error)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(Refused, _tell_refused)
    app.add_exception_handler(Unreadable, _tell_unreadable)
    app.add_exception_handler(DatabaseAway, _tell_away)
    app.add_exception_handler(Exception, _tell_failure)


def status_of(error: Refused) -> int:
    """The status that a refusal is answered with."""
    return (STATUSES | OF_PEOPLE).get(error.code, 400)


def problems_of(error: RequestValidationError | ValidationError) -> list[dict[str, str]]:
    """Which fields are wrong and why, without what they held. `field` is '' where it is the whole."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for problem in error.errors():
        where = [str(part) for part in problem['loc']]
        inner = where[1:] if where and where[0] in PLACES else where
        field = '' if problem['type'] == 'json_invalid' or not inner else inner[0]
        what = _words(problem)
        found.setdefault((field, what), {'where': '.'.join(where), 'field': field, 'what': what})
    fields = {field for field, _ in found}
    return [each for (field, _), each in found.items() if field or len(fields) == 1]


def warnings_of(warnings: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is odd about fields of a body that was taken all the same, told as `problems_of` does."""
    return [
        {'where': f'body.{each["loc"][0]}', 'field': str(each['loc'][0]), 'what': _words(each)} for each in warnings
    ]


def _words(problem: Any) -> str:
    kind = problem['type']
    told = problem.get('ctx') or {}
    if kind == 'string_too_long':
        return f'is too long: at most {told.get("max_length")} characters'
    if kind == 'literal_error':
        return f'must be one of {str(told.get("expected", "")).replace(chr(39), "")}'
    if kind == 'value_error':
        return str(problem['msg']).removeprefix('Value error, ')
    if kind == 'string_too_short' and told.get('min_length') == 1:
        return 'is needed'
    return WORDS.get(kind, 'is not valid')


async def _tell_http_error(request: Request, error: Exception) -> JSONResponse:
    status, detail, headers = 500, '', None
    if isinstance(error, HTTPException):
        status, detail, headers = error.status_code, error.detail, error.headers
    message = 'There is nothing here.' if status == 404 and detail == 'Not Found' else str(detail)
    return _answer(status, message, CODES.get(status, 'error'), headers=headers)


async def _tell_invalid(request: Request, error: Exception) -> JSONResponse:
    """422: where and what, without the values that were sent."""
    problems = problems_of(error) if isinstance(error, RequestValidationError) else []
    first = f'{problems[0]["field"] or "The body"}: {problems[0]["what"]}' if problems else 'The request is not valid'
    return _answer(422, f'{first.rstrip(".")}.', 'invalid', problems=problems)


async def _tell_refused(request: Request, error: Exception) -> JSONResponse:
    code = error.code if isinstance(error, Refused) else ''
    status = status_of(error) if isinstance(error, Refused) else 400
    if isinstance(error, OverLimit):
        more = {'challenge': error.challenge} if error.challenge is not None else None
        return _answer(429, str(error), code, headers={'retry-after': str(error.retry_after_s)}, more=more)
    return _answer(status, str(error), code or 'refused')


async def _tell_unreadable(request: Request, error: Exception) -> JSONResponse:
    """CB-8; what exactly could not be read stands in the log, not in the answer."""
    return _answer(503, UNREADABLE, 'unreadable', headers={'retry-after': '60'})


async def _tell_away(request: Request, error: Exception) -> JSONResponse:
    return _answer(503, 'Please try again in a moment.', 'unavailable', headers={'retry-after': '5'})


async def _tell_failure(request: Request, error: Exception) -> Response:
    """Told outside of every middleware, so that nobody else adds the headers that every answer carries (S7)."""
    route = request.scope.get('route')
    path = route.path if route else f'/{request.scope["path"].split("/")[1]}'  # no further: a token may follow
    log.error('request failed', path=path, error=type(error).__name__)
    said = page_for(request.scope, 500) or _answer(500, 'Something went wrong here. It has been noted.', 'failure')
    for name, value in SafeHeaders.HEADERS:
        said.headers.setdefault(name.decode(), value.decode())
    return said


def _answer(
    status: int,
    message: str,
    code: str,
    *,
    problems: list[dict[str, str]] | None = None,
    headers: Any = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    told: dict[str, Any] = {'status': 'error', 'message': message, 'code': code, **(more or {})}
    if problems is not None:
        told['problems'] = problems
    return JSONResponse(told, status, headers=headers)
