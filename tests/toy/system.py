"""The toy as the engine sees it (`hermes.ports.System`)."""

import json
from collections.abc import Mapping, Sequence

from hermes.domain.errors import Gone, Retry, Unparseable
from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Observation, Record, RemoteRef, Value, Version
from hermes.kit.clock import Clock
from hermes.ports import Answer, Cost, Outgoing, RemoteField, Request, Subscription, View, decode_answer
from tests.toy.profile import PROFILE
from tests.toy.world import World


class Toybox:
    """One toy box."""

    profile = PROFILE
    name = PROFILE.name
    types = PROFILE.types
    account = 'Toybox of the tests'

    def __init__(self, clock: Clock) -> None:
        self.world = World(clock)

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        if event.kind == 'webhook':
            return [_element(json.loads(event.body))]
        _, answer = decode_answer(event.body)
        if answer.status not in (200, 201):
            return []
        told = json.loads(answer.body)
        return [_element(account) for account in (told if isinstance(told, list) else [told])]

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        return (
            Outgoing('name', ('Company.name',), lambda view: view.get('name')),
            Outgoing('hermes_id', (), _own_id),
        )

    def cost(self, request: Request) -> Cost:
        return Cost(1)

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        return self.world.answer(request)

    def next_cursor(self, answer: Answer) -> str | None:
        return None

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        return ()

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        return ()

    def identity(self, answer: Answer) -> str:
        return self.account

    def currency(self, answer: Answer) -> str:
        return ''

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        return ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue) -> None:
        if answer.status == 404:
            raise Gone('the account is not there')
        if answer.status not in (200, 201):
            raise Retry('the toy is broken')


def _own_id(view: View) -> Value:
    return (view.id,)


def _element(told: Mapping[str, Value]) -> Element:
    if 'id' not in told:
        raise Unparseable('an account without an id')
    version = Version(int(told['changed_s']), int(told['changed_s'] * 1000) % 1000)
    fields = {'name': told.get('name'), 'hermes_id': tuple(told.get('hermes_id') or ())}
    return Element((Observation(RemoteRef(PROFILE.name, 'account', str(told['id'])), 'state', version, fields),))
