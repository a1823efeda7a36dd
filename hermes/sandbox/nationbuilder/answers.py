"""What NationBuilder answers when it does not do what was asked: a flat `code` and `message`, and one exception.

Refused        the API, flat
Invalid        422: JSON:API's `errors`, each with the place of the fault
TokenRefused   the token endpoint, in the words of OAuth 2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

Json = dict[str, Any]
MEDIA = 'application/vnd.api+json; charset=utf-8'
PLAIN = 'application/json; charset=utf-8'
BAD_GATEWAY_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>We'll be right back</title></head>
<body><h1>Something went wrong</h1><p>Our team has been notified. Please try again in a few minutes.</p></body></html>
"""
BLOCKED_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1><p>Ray ID: 0000000000000000</p></body></html>
"""
NONSENSE: tuple[Any, ...] = (
    {'data': 'none'}, {'data': None}, [], 'OK', {'data': {'id': None, 'type': 'signups', 'attributes': []}}, {}, 0,
)  # fmt: skip
"""JSON that answers nothing."""
UNAUTHORIZED = (
    'You are not authorized to access this content. Your access token may be missing. The resource owner also may not '
    'have a permission level sufficient to grant access.'
)
TOO_MANY = 'You have made too many requests. Please try again later.'
BAD_GRANT = (
    'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the '
    'authorization request, or was issued to another client.'
)
BAD_CLIENT = (
    'Client authentication failed due to unknown client, no client authentication included, or unsupported '
    'authentication method.'
)


class Refused(Exception):
    """A call that is not carried out: HTTP status, machine-readable code and words."""

    media = PLAIN

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def as_body(self) -> Json:
        return {'code': self.code, 'message': self.message}


class Invalid(Refused):
    """422: the values themselves are wrong; `faults` by attribute, each with its words and the model's code."""

    media = MEDIA

    def __init__(self, *faults: tuple[str, str, str]) -> None:
        self.faults = faults
        super().__init__(422, 'unprocessable_entity', '; '.join(f'{name} {words}' for name, words, _ in faults))

    def as_body(self) -> Json:
        return {'errors': [_fault(*fault) for fault in self.faults]}


class TooMany(Refused):
    """429: without a code."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(429, '', TOO_MANY)
        self.wait_s = wait_s

    def as_body(self) -> Json:
        return {'message': self.message}


class TokenRefused(Exception):
    """The token endpoint says no."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def as_body(self) -> Json:
        return {'error': self.error, 'error_description': self.description}


def _fault(name: str, words: str, code: str) -> Json:
    return {
        'code': 'unprocessable_entity',
        'status': '422',
        'title': 'Validation Error',
        'detail': f'{name.replace("_", " ").capitalize()} {words}',
        'source': {'pointer': f'/data/attributes/{name}'},
        'meta': {'attribute': name, 'message': words, 'code': code},
    }


def bad_request(message: str) -> Refused:
    return Refused(400, 'bad_request', message)


def unauthorized() -> Refused:
    return Refused(401, 'unauthorized', UNAUTHORIZED)


def not_found() -> Refused:
    return Refused(404, 'not_found', 'Record not found')


def bad_grant() -> TokenRefused:
    return TokenRefused('invalid_grant', BAD_GRANT)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None, media: str = MEDIA) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(',', ':')).encode()
    return Response(content, status, headers, media_type=media)


def server_error() -> Response:
    return answer({'code': 'server_error', 'message': 'Something went wrong.'}, 500, media=PLAIN)


def bad_gateway_page() -> Response:
    return Response(BAD_GATEWAY_PAGE, 502, media_type='text/html; charset=UTF-8')


def blocked_page() -> Response:
    return Response(BLOCKED_PAGE, 403, media_type='text/html; charset=UTF-8')
