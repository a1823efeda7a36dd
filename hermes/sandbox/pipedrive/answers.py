"""What Pipedrive answers: envelopes of v2 and v1, refusals, and the pages of what stands in front of it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

ERROR_INFO = 'Please check developers.pipedrive.com for more information about Pipedrive API.'
INVALID = 'ERR_SCHEMA_VALIDATION_FAILED'
CLOUDFLARE_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Access denied</title></head>
<body><h1>Error 1015</h1><p>You are being rate limited. This error is produced by Cloudflare.</p></body></html>
"""


class Refused(Exception):
    """A call that Pipedrive does not carry out: HTTP status, its words and, where it gives one, its code."""

    def __init__(self, status: int, error: str, code: str | None = None, body: dict[str, Any] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.code = status, error, code
        self.body = body

    def as_body(self) -> dict[str, Any]:
        if self.body is not None:
            return self.body
        body: dict[str, Any] = {
            'success': False,
            'error': self.error,
            'error_info': ERROR_INFO,
            'data': None,
            'additional_data': None,
        }
        if self.code:
            body['code'] = self.code
        return body


def invalid(where: str, why: str) -> Refused:
    """400 for a field that does not fit."""
    return Refused(400, f'Validation failed: {where}: {why}', INVALID)


def not_found(kind: str) -> Refused:
    return Refused(404, f'{kind.capitalize()} not found', 'ERR_NOT_FOUND')


def unauthorized() -> Refused:
    body = {'success': False, 'error': 'unauthorized access', 'errorCode': 401}
    return Refused(401, 'unauthorized access', body=body)


def over_limit() -> Refused:
    return Refused(429, 'Request over limit', body={'success': False, 'error': 'Request over limit'})


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(',', ':')).encode()
    return Response(content, status, headers, media_type='application/json; charset=utf-8')


def blocked_page() -> Response:
    return Response(CLOUDFLARE_PAGE, 403, media_type='text/html; charset=UTF-8')


def server_error() -> Response:
    body = Refused(500, 'Internal server error', 'ERR_INTERNAL').as_body()
    return json_answer(body, 500)
