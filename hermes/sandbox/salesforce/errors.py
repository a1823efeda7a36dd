"""How Salesforce refuses: an array of `message` and `errorCode`; inside of a collection `statusCode` instead.

Refused        anything but signing in
TokenRefused   signing in: OAuth's own object
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response

MAINTENANCE_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>We are down for maintenance.</title></head>
<body><h1>We are down for maintenance.</h1><p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>
"""
TOO_LONG_PAGE = '<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>'


class Refused(Exception):
    """A call or a record that Salesforce does not take: HTTP status, its code, its words, the fields at fault."""

    def __init__(self, status: int, code: str, message: str, fields: Iterable[str] | None = None) -> None:
        super().__init__(f'{code}: {message}')
        self.status, self.code, self.message = status, code, message
        self.fields = None if fields is None else list(fields)

    def as_body(self, base: str = '') -> Any:
        """`base`: the address of the API's version."""
        body: dict[str, Any] = {'message': self.message, 'errorCode': self.code}
        return [body if self.fields is None else body | {'fields': self.fields}]

    def as_item(self) -> dict[str, Any]:
        """As one of a collection's errors."""
        return {'statusCode': self.code, 'message': self.message, 'fields': self.fields or []}


class Several(Refused):
    """300: an external id names several records of one object, whose addresses are the answer."""

    def __init__(self, name: str, field: str, ids: list[str]) -> None:
        words = f'{field}: more than one record found for external id field: [{", ".join(ids)}]'
        super().__init__(300, 'DUPLICATE_EXTERNAL_ID', words, [field])
        self.name, self.ids = name, ids

    def as_body(self, base: str = '') -> Any:
        return [f'{base}/sobjects/{self.name}/{one}' for one in self.ids]


class TokenRefused(Exception):
    """The token endpoint's refusal."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f'{error}: {description}')
        self.error, self.description, self.status = error, description, status

    def as_body(self) -> dict[str, str]:
        return {'error': self.error, 'error_description': self.description}


def not_found(words: str = 'The requested resource does not exist') -> Refused:
    return Refused(404, 'NOT_FOUND', words)


def no_external_id(told: str) -> Refused:
    return not_found(f'Provided external ID field does not exist or is not accessible: {told}')


def deleted() -> Refused:
    return Refused(404, 'ENTITY_IS_DELETED', 'entity is deleted', [])


def expired() -> Refused:
    return Refused(401, 'INVALID_SESSION_ID', 'Session expired or invalid')


def limit_exceeded() -> Refused:
    return Refused(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.')


def locked() -> Refused:
    return Refused(400, 'UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record', [])


def read_only(name: str) -> Refused:
    return Refused(403, 'INSUFFICIENT_ACCESS', f'insufficient access rights on entity: {name}', [])


def no_column(field: str, name: str) -> Refused:
    return Refused(400, 'INVALID_FIELD', f"No such column '{field}' on sobject of type {name}")


def unreadable(words: str) -> Refused:
    return Refused(400, 'JSON_PARSER_ERROR', words)


def wrong_type(kind: str, value: Any) -> Refused:
    names: dict[type, str] = {
        str: 'VALUE_STRING', bool: f'VALUE_{str(value).upper()}', dict: 'START_OBJECT', list: 'START_ARRAY',
    }  # fmt: skip
    opened: dict[type, str] = {dict: '{', list: '['}
    told = opened.get(type(value), str(value).lower() if isinstance(value, bool) else str(value))
    return unreadable(
        f'Cannot deserialize instance of {kind} from {names.get(type(value), "VALUE_NUMBER")} value {told} '
        'or request may be missing a required field at [line:1, column:1]'
    )


NONSENSE: tuple[Any, ...] = (
    {'records': None}, {'totalSize': 'many', 'records': {}}, {'id': None, 'success': 'yes'}, [{'success': True}],
    [None], {}, 'OK', 0,
)  # fmt: skip
"""JSON that answers nothing."""


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(',', ':')).encode()
    return Response(content, status, headers, media_type='application/json;charset=UTF-8')


def page(html: str, status: int) -> Response:
    return Response(html, status, media_type='text/html; charset=UTF-8')
