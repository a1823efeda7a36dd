"""The whole outside world in memory: the emulated systems, what was asked of them, and the webhooks on their way.

One clock and one source of chance drive all of it, so that the same seed and the same steps make the same world.
State can be kept in a JSON file, written to a neighbour first and renamed, so that a crash leaves the old one or the
new one.
"""

from __future__ import annotations

import json
import os
import random
from collections import deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx2
from starlette.responses import Response

from hermes.kit.clock import Clock, ManualClock
from hermes.sandbox.addresses import NATION_CLIENT_ID, SALESFORCE_CLIENT_ID
from hermes.sandbox.outbox import Delivery, Outbox
from hermes.sandbox.weather import Kind, Weather

CALLS_KEPT = 200_000
BODY_KEPT = 4_000_000
SIGN_IN = {
    '/google/token': '(a signed assertion)',
    '/salesforce/services/oauth2/token': '(client credentials)',
    '/services/oauth2/token': '(client credentials)',
    '/nationbuilder/oauth/token': '(a grant)',
}
"""Where callers sign in, and what is kept of what they say there."""


class System(Protocol):
    """What the world asks of an emulated system."""

    def error_answer(self, kind: Kind) -> Response: ...

    def on_delivered(self, delivery: Delivery, status: int | None) -> None: ...

    def state(self) -> dict[str, Any]: ...

    def dump(self) -> dict[str, Any]: ...

    def load(self, kept: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Secrets:
    """What the emulated accounts and Hermes share. `pd_webhook_*`: what Hermes expects as Basic.

    `g_private_key`: the service account's, in PEM; without it nobody can sign in to the calendars. `mailbox_password`:
    what the user `hermes` of the mail server has to say; '' for nobody is asked. `sf_*`: the connected app that may
    sign in to Salesforce; nobody may without a secret. `nb_*`: the app that is registered with the nation, likewise.
    """

    tc2_api_key: str
    pd_api_key: str
    pd_webhook_user: str
    pd_webhook_password: str
    g_private_key: str = ''
    mailbox_password: str = ''
    sf_client_id: str = SALESFORCE_CLIENT_ID
    sf_client_secret: str = ''
    nb_client_id: str = NATION_CLIENT_ID
    nb_client_secret: str = ''


@dataclass
class Call:
    """One request to an emulated system. `status` is what the system decided, `note` what the weather made of it.

    `token_cost` is Pipedrive's; bodies are parsed JSON where they are JSON, else text.
    """

    system: str
    method: str
    path: str
    query: str
    at: datetime
    request: Any = None
    status: int = 0
    answer: Any = None
    token_cost: int = 0
    note: str = ''
    number: int = 0

    def finish(self, status: int, answer: bytes, *, note: str = '') -> None:
        self.status, self.answer, self.note = status, readable(answer), note or self.note
        if self.path in SIGN_IN and self.request is not None:
            self.request = SIGN_IN[self.path]
            self.answer = '(an access token)' if status == 200 else self.answer

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), 'at': self.at.isoformat()}


@dataclass
class World:
    """Its accounts are named in SYSTEMS. `serves_sockets` is set by the process that listens on one; `way_to_hermes`
    leads what a system asks of Hermes there (None: the network).
    """

    clock: Clock
    chance: random.Random
    hermes_url: str
    secrets: Secrets
    weather: Weather = field(default_factory=Weather)
    serves_sockets: bool = False
    way_to_hermes: httpx2.AsyncBaseTransport | None = None

    def __post_init__(self) -> None:
        from hermes.sandbox.mailbox.mailbox import Mailbox

        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.call_count = 0
        self.outbox = Outbox(self)
        self.mailbox = Mailbox(self, self.secrets.mailbox_password)
        self.raise_systems()

    def raise_systems(self) -> None:
        """Begin again with empty accounts, nothing under way and no calls noted."""
        from hermes.sandbox.google import GoogleCalendar
        from hermes.sandbox.nationbuilder import NationBuilder
        from hermes.sandbox.pipedrive import PipedriveAccount
        from hermes.sandbox.salesforce import Salesforce
        from hermes.sandbox.tutorcruncher import TutorCruncher

        self.calls.clear()
        self.outbox.clear()
        self.pipedrive = PipedriveAccount(self)
        self.tutorcruncher = TutorCruncher(self)
        self.google = GoogleCalendar(self)
        self.salesforce = Salesforce(self)
        self.nationbuilder = NationBuilder(self)
        self.mailbox.clear()

    def system(self, name: str) -> System:
        """The account of that name, one of SYSTEMS. Raises LookupError."""
        if name not in SYSTEMS:
            raise LookupError(f'there is no {name!r} in this world')
        found: System = getattr(self, SYSTEMS[name])
        return found

    def note_call(self, system: str, scope: MutableMapping[str, Any], body: bytes) -> Call:
        """Begin the record of a request; the system may add what it cost (`scope['sandbox.call']`)."""
        self.call_count += 1
        call = Call(
            system=system,
            method=scope['method'],
            path=scope['path'],
            query=scope['query_string'].decode('latin-1'),
            at=self.clock.now(),
            request=readable(body),
            number=self.call_count,
        )
        scope['sandbox.call'] = call
        self.calls.append(call)
        return call

    def dump(self) -> dict[str, Any]:
        """Everything as JSON values, without the calls and without the secrets."""
        systems = {name: self.system(name).dump() for name in SYSTEMS}
        kept = {'systems': systems, 'outbox': self.outbox.dump(), 'weather': self.weather.as_dict()}
        kept['mailbox'] = self.mailbox.dump()
        if isinstance(self.clock, ManualClock):
            kept['now'] = self.clock.now().isoformat()
        return kept

    def load(self, kept: dict[str, Any]) -> None:
        """Take over what `dump` gave. A manual clock moves on to where it stood."""
        for name, state in kept['systems'].items():
            self.system(name).load(state)
        self.outbox.load(kept['outbox'])
        self.mailbox.load(kept.get('mailbox', {}))
        self.weather.change(**kept['weather'])
        if isinstance(self.clock, ManualClock) and 'now' in kept:
            self.clock.move_to(datetime.fromisoformat(kept['now']))

    def dumps(self) -> str:
        """`dump` as JSON; nothing may move meanwhile."""
        return json.dumps(self.dump())

    def snapshot(self, file: Path) -> None:
        """Write `dump` to `file`."""
        write_whole(file, self.dumps())

    def restore(self, file: Path) -> bool:
        """Load `file`; False if there is none."""
        if not file.exists():
            return False
        self.load(json.loads(file.read_text()))
        return True


SYSTEMS = {name: name for name in ('pipedrive', 'tutorcruncher', 'google', 'salesforce', 'nationbuilder')}


def readable(body: bytes) -> Any:
    """JSON as values, anything else as text, nothing as None."""
    if not body:
        return None
    try:
        return json.loads(body[:BODY_KEPT])
    except ValueError:
        return body[:BODY_KEPT].decode('utf-8', 'replace')


def write_whole(file: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    neighbour = file.with_name(f'{file.name}.{os.getpid()}.new')
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    neighbour.replace(file)
