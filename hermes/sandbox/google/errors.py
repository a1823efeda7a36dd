"""What Google answers when it does not do what was asked: its JSON bodies by reason, and the page of its front door."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

Json = dict[str, Any]
BAD_GATEWAY_PAGE = """<!DOCTYPE html>
<html lang=en><meta charset=utf-8><title>Error 502 (Server Error)!!1</title>
<p><b>502.</b> <ins>That's an error.</ins>
<p>The server encountered a temporary error and could not complete your request.
<p>Please try again in 30 seconds. <ins>That's all we know.</ins>
</html>
"""


class Refused(Exception):
    """A call that is not carried out: HTTP status, reason and words, and where in the request the fault lies."""

    def __init__(self, status: int, reason: str, message: str, *, domain: str = 'global', at: str = '') -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.domain = status, reason, message, domain
        self.location_type, _, self.location = at.partition(' ')

    def as_body(self) -> Json:
        detail = {'domain': self.domain, 'reason': self.reason, 'message': self.message}
        if self.location:
            detail |= {'locationType': self.location_type, 'location': self.location}
        return {'error': {'errors': [detail], 'code': self.status, 'message': self.message}}


class TokenRefused(Exception):
    """The token endpoint says no, in the words of OAuth 2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def as_body(self) -> Json:
        return {'error': self.error, 'error_description': self.description}


def invalid(message: str, at: str = '') -> Refused:
    return Refused(400, 'invalid', message, at=at)


def required(message: str) -> Refused:
    return Refused(400, 'required', message)


def time_range_empty() -> Refused:
    words = 'The specified time range is empty.'
    return Refused(400, 'timeRangeEmpty', words, domain='calendar', at='parameter timeMax')


def auth_error() -> Refused:
    return Refused(401, 'authError', 'Invalid Credentials', at='header Authorization')


def login_required() -> Refused:
    return Refused(401, 'required', 'Login Required', at='header Authorization')


def scope_missing() -> Refused:
    return Refused(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.')


def writer_needed() -> Refused:
    words = 'You need to have writer access to this calendar.'
    return Refused(403, 'requiredAccessLevel', words, domain='calendar')


def not_organizer() -> Refused:
    words = 'Shared properties can only be changed by the organizer of the event.'
    return Refused(403, 'forbiddenForNonOrganizer', words, domain='calendar')


def no_delegation() -> Refused:
    words = 'Service accounts cannot invite attendees without Domain-Wide Delegation of Authority.'
    return Refused(403, 'forbiddenForServiceAccounts', words, domain='calendar')


def user_rate_limited() -> Refused:
    return Refused(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded', domain='usageLimits')


def rate_limited(status: int = 403) -> Refused:
    return Refused(status, 'rateLimitExceeded', 'Rate Limit Exceeded', domain='usageLimits')


def not_found() -> Refused:
    return Refused(404, 'notFound', 'Not Found')


def duplicate() -> Refused:
    return Refused(409, 'duplicate', 'The requested identifier already exists.')


def deleted() -> Refused:
    return Refused(410, 'deleted', 'Resource has been deleted')


def full_sync_required() -> Refused:
    words = 'Sync token is no longer valid, a full sync is required.'
    return Refused(410, 'fullSyncRequired', words, domain='calendar', at='parameter syncToken')


def updated_min_too_long_ago() -> Refused:
    words = 'The requested minimum modification time lies too far in the past.'
    return Refused(410, 'updatedMinTooLongAgo', words, domain='calendar', at='parameter updatedMin')


def condition_not_met() -> Refused:
    return Refused(412, 'conditionNotMet', 'Precondition Failed', at='header If-Match')


def backend_error(status: int = 500) -> Refused:
    return Refused(status, 'backendError', 'Backend Error')


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, indent=1).encode()
    return Response(content, status, headers, media_type='application/json; charset=UTF-8')


def bad_gateway_page() -> Response:
    return Response(BAD_GATEWAY_PAGE, 502, media_type='text/html; charset=UTF-8')
