"""Who may call: the connected app that signs in by client credentials, and how many calls a day the org may get."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.sandbox.salesforce.errors import TokenRefused, limit_exceeded

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org

SESSION_S = 7200.0
DAY = timedelta(hours=24)
DAILY_CALLS = 15_000


class TokenDesk:
    """Sessions by token, with the moment of their last use: one that rests for `session_s` is over."""

    def __init__(self, org: Org) -> None:
        self.org, self.session_s = org, SESSION_S
        self.used: dict[str, datetime] = {}

    def issue(self, header: str, form: Mapping[str, str], instance_url: str) -> dict[str, Any]:
        """The answer of the token endpoint. Raises TokenRefused."""
        if 'grant_type' not in form:
            raise TokenRefused('invalid_request', 'missing required parameter: grant_type')
        if form['grant_type'] != 'client_credentials':
            raise TokenRefused('unsupported_grant_type', 'grant type not supported')
        basic = read_basic(header)
        told_id, told_secret = basic or (form.get('client_id', ''), form.get('client_secret', ''))
        secrets = self.org.world.secrets
        if not told_id or not hmac.compare_digest(told_id.encode(), secrets.sf_client_id.encode()):
            raise TokenRefused('invalid_client_id', 'client identifier invalid')
        if not told_secret or not hmac.compare_digest(told_secret.encode(), secrets.sf_client_secret.encode()):
            raise TokenRefused('invalid_client', 'invalid client credentials', 401 if basic else 400)
        now = self.org.now()
        token = f'{self.org.org_id[:15]}!AQ{self.org.world.chance.getrandbits(384):096x}'
        self.used = {one: at for one, at in self.used.items() if self._lasts(at)} | {token: now}
        identity = f'https://login.salesforce.com/id/{self.org.org_id}/{self.org.user_id}'
        issued_at = str(int(now.timestamp() * 1000))
        signed = hmac.new(secrets.sf_client_secret.encode(), f'{identity}{issued_at}'.encode(), hashlib.sha256)
        return {
            'access_token': token,
            'signature': base64.b64encode(signed.digest()).decode(),
            'scope': 'api',
            'instance_url': instance_url,
            'id': identity,
            'token_type': 'Bearer',
            'issued_at': issued_at,
        }

    def is_known(self, header: str) -> bool:
        """Whether this Authorization header has a living session, which lives on from now."""
        kind, _, token = header.partition(' ')
        if kind.lower() not in ('bearer', 'oauth') or token not in self.used or not self._lasts(self.used[token]):
            return False
        self.used[token] = self.org.now()
        return True

    def _lasts(self, used_at: datetime) -> bool:
        return used_at + timedelta(seconds=self.session_s) > self.org.now()

    def revoke_all(self) -> int:
        """End every session; how many there were."""
        count = len(self.used)
        self.used.clear()
        return count


def read_basic(header: str) -> tuple[str, str] | None:
    """User and password of a Basic header; None for anything else."""
    kind, _, told = header.partition(' ')
    if kind.lower() != 'basic':
        return None
    try:
        name, _, password = base64.b64decode(told, validate=True).decode().partition(':')
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password


class CallLedger:
    """Calls of the last 24 hours. `refused` counts those that came when none was left: a caller that keeps its budget
    leaves it at 0.
    """

    def __init__(self, org: Org) -> None:
        self.org, self.daily, self.refused = org, DAILY_CALLS, 0
        self.calls: deque[datetime] = deque()

    @property
    def used(self) -> int:
        oldest = self.org.now() - DAY
        while self.calls and self.calls[0] <= oldest:
            self.calls.popleft()
        return len(self.calls)

    def charge(self) -> None:
        """Count one call. Raises Refused (403)."""
        if self.used >= self.daily:
            self.refused += 1
            raise limit_exceeded()
        self.calls.append(self.org.now())

    def set_used(self, count: int) -> None:
        """Let so many calls have been made just now."""
        self.calls = deque([self.org.now()] * count)

    def header(self) -> dict[str, str]:
        return {'Sforce-Limit-Info': f'api-usage={self.used}/{self.daily}'}


@dataclass
class Troubles:
    """What goes wrong inside of the org: so many records to be written are locked (`locks`); by chance one is locked
    (`lock_p`), a call finds its session ended (`expire_p`).
    """

    locks: int = 0
    lock_p: float = 0.0
    expire_p: float = 0.0

    def is_locked(self, chance: random.Random) -> bool:
        if self.locks:
            self.locks -= 1
            return True
        return bool(self.lock_p) and chance.random() < self.lock_p

    def ends_session(self, chance: random.Random) -> bool:
        return bool(self.expire_p) and chance.random() < self.expire_p
