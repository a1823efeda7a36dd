"""Push channels: who is told that a calendar changed. A message has headers and no body; the first says `sync`.

An address is https, or plain http on this machine (which Google would refuse): nothing is sent anywhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hermes.kit.addresses import is_loopback
from hermes.sandbox.google.errors import Refused, invalid, required
from hermes.sandbox.outbox import Delivery

if TYPE_CHECKING:
    from hermes.sandbox.world import World

Json = dict[str, Any]
ROOT = 'https://www.googleapis.com/calendar/v3'
LIFETIME = timedelta(days=7)
LONGEST = timedelta(days=30)
RETRIES_S = (5.0, 30.0, 120.0, 600.0)
RETRIED = (500, 502, 503, 504)
TIMEOUT_S = 10.0


@dataclass
class Channel:
    """A subscription to one calendar. `number` is that of the last message."""

    id: str
    calendar: str
    address: str
    token: str
    expires_at: datetime
    number: int = 0

    @property
    def resource_id(self) -> str:
        return hashlib.sha256(self.calendar.encode()).hexdigest()[:27]

    @property
    def resource_uri(self) -> str:
        return f'{ROOT}/calendars/{quote(self.calendar)}/events?alt=json'

    def shown(self) -> Json:
        body = {
            'kind': 'api#channel',
            'id': self.id,
            'resourceId': self.resource_id,
            'resourceUri': self.resource_uri,
            'expiration': str(int(self.expires_at.timestamp() * 1000)),
        }
        return body | ({'token': self.token} if self.token else {})

    def headers(self, state: str) -> dict[str, str]:
        headers = {
            'X-Goog-Channel-ID': self.id,
            'X-Goog-Channel-Expiration': format_datetime(self.expires_at.astimezone(UTC), usegmt=True),
            'X-Goog-Resource-ID': self.resource_id,
            'X-Goog-Resource-URI': self.resource_uri,
            'X-Goog-Resource-State': state,
            'X-Goog-Message-Number': str(self.number),
            'User-Agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
            'Accept': '*/*',
            'Content-Length': '0',
        }
        return headers | ({'X-Goog-Channel-Token': self.token} if self.token else {})


class Channels:
    """The live channels by id. A channel whose time is over is silent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.live: dict[str, Channel] = {}
        self.lost = 0

    def open(self, calendar: str, body: Any) -> Channel:
        """Raises Refused (400, 401)."""
        if not isinstance(body, dict) or not isinstance(body.get('id'), str) or not body['id']:
            raise required('Required')
        if len(body['id']) > 64:
            raise invalid('Channel id is too long', 'other entity.id')
        if body.get('type') not in ('web_hook', 'webhook'):
            raise Refused(400, 'channelUnknownType', f'Unknown channel type: {body.get("type")}', domain='push')
        if body['id'] in self.live and self._is_live(self.live[body['id']]):
            raise Refused(400, 'channelIdNotUnique', f'Channel id {body["id"]} not unique')
        address, token = self._address(body.get('address')), str(body.get('token') or '')
        if len(token) > 256:
            raise invalid('Channel token is too long', 'other entity.token')
        channel = Channel(body['id'], calendar, address, token, self._end(body))
        self.live[channel.id] = channel
        self._send(channel, 'sync')
        return channel

    def _address(self, raw: Any) -> str:
        if not isinstance(raw, str) or not raw:
            raise required('Required')
        parts = urlsplit(raw)
        if not is_loopback(parts.hostname):
            if parts.scheme != 'https':
                words = f'WebHook callback must be HTTPS: {raw}'
                raise Refused(400, 'push.webhookUrlNotHttps', words)
            raise Refused(401, 'push.webhookUrlUnauthorized', f'Unauthorized WebHook callback channel: {raw}')
        return raw

    def _end(self, body: Json) -> datetime:
        now = self.world.clock.now()
        try:
            if body.get('expiration'):
                wanted = datetime.fromtimestamp(int(body['expiration']) / 1000, UTC)
            elif isinstance(body.get('params'), dict) and body['params'].get('ttl'):
                wanted = now + timedelta(seconds=int(body['params']['ttl']))
            else:
                wanted = now + LIFETIME
        except (TypeError, ValueError, OverflowError, OSError):
            raise invalid('Invalid value for: expiration') from None
        if wanted <= now:
            raise invalid('Invalid channel expiration: it lies in the past.')
        return min(wanted, now + LONGEST).replace(microsecond=0)

    def stop(self, body: Any) -> None:
        """Raises Refused (400, 404)."""
        told = body if isinstance(body, dict) else {}
        channel = self.live.get(str(told.get('id')))
        if not told.get('id') or not told.get('resourceId'):
            raise required('Required')
        if channel is None or channel.resource_id != told['resourceId'] or not self._is_live(channel):
            raise Refused(404, 'notFound', f"Channel '{told['id']}' not found for project 'hermes-sandbox'")
        del self.live[channel.id]

    def announce(self, calendar: str, at: datetime | None = None) -> None:
        """Tell every live channel of that calendar, now or later."""
        for channel in self.live.values():
            if channel.calendar == calendar:
                if self._is_live(channel):
                    self._send(channel, 'exists', at)
                else:
                    self.lost += 1

    def lapse(self, chosen: Callable[[Channel], bool]) -> int:
        """End channels without a word; how many."""
        now = self.world.clock.now()
        ended = [one for one in self.live.values() if chosen(one) and self._is_live(one)]
        for one in ended:
            one.expires_at = now
        return len(ended)

    def _is_live(self, channel: Channel) -> bool:
        return self.world.clock.now() < channel.expires_at

    def _send(self, channel: Channel, state: str, at: datetime | None = None) -> None:
        channel.number += 1
        self.world.outbox.add(
            Delivery(
                system='google',
                url=channel.address,
                headers=channel.headers(state),
                body=b'',
                due_at=at or self.world.clock.now(),
                timeout_s=TIMEOUT_S,
                info={'channel': channel.id},
            )
        )

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        """Google tries again after a server's error; any other answer is the end of the message."""
        attempt = delivery.attempt
        if (
            (status is None or status in RETRIED)
            and attempt <= len(RETRIES_S)
            and delivery.info['channel'] in self.live
        ):
            due_at = self.world.clock.now() + timedelta(seconds=RETRIES_S[attempt - 1])
            self.world.outbox.add(replace(delivery, due_at=due_at, attempt=attempt + 1, status=None, sent_at=None))

    def dump(self) -> list[Json]:
        return [asdict(one) | {'expires_at': one.expires_at.isoformat()} for one in self.live.values()]

    def load(self, kept: list[Json]) -> None:
        rows = [Channel(**{**one, 'expires_at': datetime.fromisoformat(one['expires_at'])}) for one in kept]
        self.live = {one.id: one for one in rows}
