"""TutorCruncher's answers that are not objects: refusals of its REST framework, and the front door's own."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from hermes.sandbox.weather import Kind


def detail(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({'detail': text}, status, dict(headers or {}))


def throttled(wait_s: int) -> JSONResponse:
    return detail(429, f'Request was throttled. Expected available in {wait_s} seconds.', {'Retry-After': str(wait_s)})


def invalid(fields: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(dict(fields), 400)


def error_answer(kind: Kind) -> Response:
    """What the weather answers in TutorCruncher's name."""
    if kind == 'rate_limited':
        return throttled(30)
    if kind == 'blocked':
        return HTMLResponse('<!DOCTYPE html><html><title>Access denied</title><h1>Error 1020</h1></html>', 403)
    return HTMLResponse('<h1>Server Error (500)</h1>', 500)
