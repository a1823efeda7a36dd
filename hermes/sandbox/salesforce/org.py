"""One Salesforce org: its metadata, its records, who may call it and how often, and what a test sees of it.

Time and chance are the world's; chance is drawn when the org is first used, so that worlds without it stay what they
are.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hermes.sandbox.faults import Faults
from hermes.sandbox.salesforce import keeping
from hermes.sandbox.salesforce.errors import (
    MAINTENANCE_PAGE,
    NONSENSE,
    expired,
    json_answer,
    limit_exceeded,
    no_external_id,
    not_found,
    page,
)
from hermes.sandbox.salesforce.flow import Flow
from hermes.sandbox.salesforce.ids import make_id, read_id
from hermes.sandbox.salesforce.lists import readable_lists
from hermes.sandbox.salesforce.query import Cursors
from hermes.sandbox.salesforce.records import Writer
from hermes.sandbox.salesforce.schema import Field, read_objects, shipped
from hermes.sandbox.salesforce.sessions import CallLedger, TokenDesk, Troubles
from hermes.sandbox.salesforce.store import Row, Store, Table
from hermes.sandbox.salesforce.values import fold, stamp
from hermes.sandbox.weather import Kind

if TYPE_CHECKING:
    from hermes.sandbox.outbox import Delivery
    from hermes.sandbox.world import World

Json = dict[str, Any]
UNEXPECTED = [
    {'message': 'An unexpected error occurred. Please include this ErrorId: 1-2', 'errorCode': 'UNKNOWN_EXCEPTION'}
]
UNAVAILABLE = [{'message': 'The server is temporarily unavailable.', 'errorCode': 'SERVER_UNAVAILABLE'}]


class Org:
    """`writable`: the objects that the API's user may write; `api` and `people` write records for the one and the
    others.
    """

    nonsense = NONSENSE

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults, self.troubles = Faults(), Troubles()
        self.tokens = TokenDesk(self)
        self.ledger = CallLedger(self)
        self.flow = Flow(self)
        self.api, self.people = Writer(self), Writer(self, api=False)
        self.load_objects(shipped())

    def load_objects(self, told: Json) -> None:
        """Begin again, empty, with the objects of a document in the form of `objects.toml`. Raises ValueError."""
        self.store = Store(read_objects(told))
        self.spam = str(told.get('spam', 'spam')).lower()
        self.writable = {name for name, table in self.store.tables.items() if table.spec.writable}
        self.flow.waiting.clear()
        self.cursors = Cursors()

    @cached_property
    def org_id(self) -> str:
        return make_id('00D', self.world.chance.randrange(1, 10**12))

    @property
    def user_id(self) -> str:
        return make_id('005', 1)

    @property
    def contacts(self) -> Table:
        return self.store.by_part['contact']

    def now(self) -> datetime:
        return self.world.clock.now()

    def stamp(self) -> str:
        return stamp(self.now())

    def table(self, name: str) -> Table:
        """The object of that name, in any case. Raises Refused (404)."""
        found = self.store.folded.get(name.lower())
        if found is None:
            raise not_found()
        return found

    def external_id(self, table: Table, name: str) -> Field:
        """The field of that name, if records may be addressed by it. Raises Refused (404)."""
        field = table.folded.get(name.lower())
        if field is None or not (field.external_id or field.type == 'id'):
            raise no_external_id(name)
        return field

    def find(self, table: Table, field: Field, value: str) -> list[Row]:
        """The living records with that external id."""
        if field.type == 'id':
            row = table.rows.get(read_id(value) or '')
            return [row] if row is not None and not row['IsDeleted'] else []
        return table.find(field.name, fold(value.strip()))

    def error_answer(self, kind: Kind) -> Response:
        """What the weather makes Salesforce say: it has no 429; what stands in front of it speaks HTML."""
        if kind == 'rate_limited':
            return json_answer(limit_exceeded().as_body(), 403, self.ledger.header())
        if kind == 'blocked':
            return page(MAINTENANCE_PAGE, 503)
        answers = (json_answer(UNEXPECTED, 500), json_answer(UNAVAILABLE, 503), page(MAINTENANCE_PAGE, 503))
        return self.world.chance.choice(answers)

    def fault_answer(self, kind: str) -> Response:
        if kind == 'page':
            return page(MAINTENANCE_PAGE, 503)
        if kind == 'unauthorized':
            refusal = expired()
            return json_answer(refusal.as_body(), refusal.status)
        return self.error_answer('rate_limited') if kind == 'rate_limited' else json_answer(UNEXPECTED, 500)

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        """Nothing is sent from here."""

    def lists(self) -> Json:
        """By mailing list, whom an e-mail service reads."""
        self.flow.catch_up()
        return readable_lists(self.store, self.spam)

    def state(self) -> Json:
        """What a test looks at; deleted records too."""
        self.flow.catch_up()
        return {
            'org_id': vars(self).get('org_id'),
            'objects': {name: list(table.rows.values()) for name, table in self.store.tables.items()},
            'lists': self.lists(),
            'calls': {'used': self.ledger.used, 'daily': self.ledger.daily, 'refused': self.ledger.refused},
            'sessions': len(self.tokens.used),
            'flow': {'on': self.flow.on, 'lag_s': self.flow.lag_s, 'waiting': len(self.flow.waiting)},
            'writable': sorted(self.writable),
            'troubles': asdict(self.troubles),
            'faults': self.faults.state(),
        }

    def dump(self) -> Json:
        return keeping.dump(self)

    def load(self, kept: Json) -> None:
        keeping.load(self, kept)
