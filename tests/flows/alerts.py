"""Whoever looks after Hermes: mails and a webhook whose listener judges the signature by the published scheme."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hermes.parts import assembly as parts
from hermes.settings import Settings
from hermes.sync.alerts import Telling, alert_step
from tests.flows.companies import later, parked, sign_up
from tests.flows.letters import Post

WHSEC = 'whsec_' + base64.b64encode(bytes(range(32))).decode()
LISTENER = 'https://alerts.example/hermes?token=of-the-listener'
OPS = 'ops@office.example'
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def reference_signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """As the specification says it, apart from Hermes's own code."""
    key = base64.b64decode(secret.split('_', 1)[1])
    signed = b'.'.join((message_id.encode(), timestamp.encode(), body))
    return 'v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass
class Listener:
    """Whoever takes the webhook: judges each try, answers `status`."""

    status: int = 204
    tries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The id and the body of every try."""
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.headers = dict(request.headers)
        message_id, timestamp = self.headers['webhook-id'], self.headers['webhook-timestamp']
        signatures = self.headers['webhook-signature'].split(' ')
        assert reference_signature(WHSEC, message_id, timestamp, body) in signatures
        assert request.method == 'POST'
        self.tries.append((message_id, json.loads(body)))
        await Response(status_code=self.status)(scope, receive, send)

    @property
    def types(self) -> list[str]:
        return [body['type'] for _, body in self.tries]


@dataclass
class Watch:
    """A house whose worker tells what is wrong."""

    post: Post
    listener: Listener
    telling: Telling

    async def look(self) -> None:
        await alert_step(self.post.house.engine, self.telling)

    async def watch(self, span: timedelta, every: timedelta = MINUTE) -> None:
        """The worker looks again and again."""
        clock = self.post.house.clock
        end = clock.now() + span
        while clock.now() < end:
            clock.advance(min(every, end - clock.now()).total_seconds())
            await self.look()

    def mails(self) -> list[dict[str, Any]]:
        return [letter for letter in self.post.inbox() if letter['to'] == [OPS]]

    async def tries(self, state: str) -> int:
        [row] = await self.post.house.rows('select count(*) as n from alert_message where state = %s', state)
        return int(row['n'])


def telling_of(post: Post, listener: Any, **settings: Any) -> Telling:
    given = {'alert_email': OPS, 'alert_webhook_url': LISTENER, 'alert_webhook_secret': WHSEC, **settings}
    told = Settings(**{**post.settings.model_dump(), '_env_file': None, 'hermes_sandbox': False, **given})
    return parts.build_telling(told, post.house.clock, httpx2.ASGITransport(app=listener))


async def park(post: Post) -> None:
    """A company whose sales person nobody knows, while there is no default one: its event is put aside."""
    number = len(await post.house.rows("select 1 from event where source = 'tutorcruncher'"))
    sign_up(post.house, f'Marigold {number}', sales_person=999, email=f'owner{number}@marigold.example', recipients=[])
    await later(post.house)
    assert len(await parked(post.house)) == 1
