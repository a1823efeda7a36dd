"""What every place of app users (`ports.PeopleTarget`) has to fulfil, whatever it speaks: the contract, errors by the
reaction that they need, limits, hostile answers, silence, and that nothing secret or personal is told.

A system joins with a `Case`: how it is built over a vendor that is played here, and what its vendor answers. The tests
stand in test_people_conformance.py.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hermes.domain.errors import Reaction
from hermes.domain.model import Event, RecordRef
from hermes.ports import Answer, PeopleTarget, Request, encode_answer
from tests.systems.support import ARRIVED

Scope = MutableMapping[str, Any]
Reply = tuple[int, Any]
"""A status, and a body: bytes, or what goes out as JSON."""
PERSONAL = ('adaobi.nwosu@school.example', 'Adaobi', "O'Nwosu-Brien")
"""Of nobody: what a vendor says back of somebody, and no error may say on."""


@dataclass
class Call:
    """A request as the vendor got it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class Vendor:
    """Plays a vendor: signs in whoever asks as the case says, and answers everything else from `answers` (the last one
    again and again). With `silent_s` it says nothing for so long.
    """

    sign_in: Callable[[Call], Reply | None]
    answers: list[Reply] = field(default_factory=list)
    silent_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    signed_in: list[Call] = field(default_factory=list)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]
    ) -> None:
        told, more = b'', True
        while more:
            message = await receive()
            told, more = told + message.get('body', b''), message.get('more_body', False)
        headers = {name.decode(): value.decode() for name, value in scope['headers']}
        path = scope.get('raw_path', scope['path'].encode()).decode().partition('?')[0]
        call = Call(scope['method'], path, scope['query_string'].decode(), headers, told)
        reply = self.sign_in(call)
        if reply is not None:
            self.signed_in.append(call)
        else:
            self.calls.append(call)
            await asyncio.sleep(self.silent_s)
            reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        status, body = reply
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {'date': 'Mon, 02 Mar 2026 12:00:07 GMT', 'content-type': 'application/json', **self.headers}
        await send(
            {
                'type': 'http.response.start',
                'status': status,
                'headers': [(name.encode(), value.encode()) for name, value in named.items()],
            }
        )
        await send({'type': 'http.response.body', 'body': raw})


@dataclass(frozen=True)
class Refusal:
    """An answer, what it asks for of a write, and the canonical fields that it names."""

    name: str
    reply: Reply
    reaction: type[Reaction]
    fields: tuple[str, ...] = ()
    daily: bool = False
    of_item: bool = False
    """It is said of one item of many, inside an answer that succeeded."""


@dataclass(frozen=True)
class Case:
    """A system that joins. `sign_in` answers what is asked to let us in (None: it is another call), `refuse_sign_in`
    the same where the credentials are wrong. `succeeds` gives what the vendor answers to a request that succeeds: one
    answer for each HTTP request of it.
    """

    name: str
    build: Callable[[Vendor], PeopleTarget]
    sign_in: Callable[[Call], Reply | None]
    refuse_sign_in: Callable[[Call], Reply | None]
    secrets: tuple[str, ...]
    succeeds: Callable[[Request], Sequence[Reply]]
    refusals: Sequence[Refusal]
    item_refused: Callable[[Request, int], Reply]
    """The answer to a write with items of which the one with this index was refused for its address."""
    echo: Callable[[Request], Reply]
    """A refusal that says back who it is about."""
    ops: Sequence[str] = ('create', 'update', 'lookup', 'sustainers', 'lists', 'describe', 'me')


def new(number: int, kind: str = 'app_user') -> Request:
    """Somebody who is made."""
    fields = {
        'external_id': str(number), 'email': f'{number}-{PERSONAL[0]}', 'first_name': PERSONAL[1],
        'last_name': PERSONAL[2], 'lang': 'en', 'educator': True, 'lists': ['Educators', 'Newsletter'],
    }  # fmt: skip
    return Request('create', kind, fields=fields, record=RecordRef(kind, number))


def changed(number: int, remote_id: str) -> Request:
    """Somebody who is known there, with another address."""
    fields = {'external_id': str(number), 'email': f'{number}-new-{PERSONAL[0]}'}
    return Request('update', 'app_user', remote_id, fields, record=RecordRef('app_user', number))


def together(*items: Request) -> Request:
    return Request(items[0].op, items[0].type, items=items)


def asked(*numbers: int, by: str = '', kind: str = 'app_user') -> Request:
    """A look-up."""
    keys = [
        {'record': [kind, number], 'external_id': str(number), 'legacy_id': None, 'email': f'{number}-{PERSONAL[0]}'}
        for number in numbers
    ]
    return Request('lookup', kind, params={'keys': keys, 'by': by})


def event(request: Request, answer: Answer) -> Event:
    """An answer as it is stored."""
    kind = {'create': 'answer', 'update': 'answer', 'delete': 'answer'}.get(request.op, 'read')
    return Event(1, '', kind, encode_answer(request, answer), ARRIVED)
