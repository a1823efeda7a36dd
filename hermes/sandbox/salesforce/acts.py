"""What people do in the CRM, what its owner sets up, and what somebody breaks by hand: `world.salesforce.<act>`.

Records are named by object (its name, or `app_user`, `app_email`, `contact`) and by id of 15 or 18 characters.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any, Final

from hermes.sandbox.faults import Fault
from hermes.sandbox.salesforce.errors import not_found
from hermes.sandbox.salesforce.ids import read_id
from hermes.sandbox.salesforce.org import Org
from hermes.sandbox.salesforce.schema import shipped
from hermes.sandbox.salesforce.sessions import Troubles
from hermes.sandbox.salesforce.store import Row, Table

Json = dict[str, Any]
ACTS: Final = frozenset(
    (
        'allow_writing',
        'break_things',
        'change_field',
        'create',
        'delete',
        'edit',
        'end_sessions',
        'fail',
        'flag_sustainer',
        'load_legacy_people',
        'load_objects',
        'mend',
        'merge',
        'set_calls',
        'set_flow',
        'set_session_life',
        'undelete',
    )
)
FIRST_LEGACY_ID: Final = 100_000


class Salesforce(Org):
    """The org together with the people who work in it."""

    def act(self, act: str, /, **arguments: Any) -> Any:
        """Carry out the act of that name; its result as JSON values. Raises LookupError, Refused, TypeError,
        ValueError.
        """
        if act not in ACTS:
            raise LookupError(f'no act is called {act!r}: there are {", ".join(sorted(ACTS))}')
        self.flow.catch_up()
        return getattr(self, act)(**arguments)

    # an admin of the CRM

    def create(self, kind: str, values: Json) -> Row:
        """Make a record by hand. Raises Refused."""
        return self.people.create(self.kind(kind), values)

    def edit(self, kind: str, record_id: str, **values: Any) -> Row:
        """Change a record by hand. Raises Refused."""
        return self.people.update(self.kind(kind), record_id, values)

    def delete(self, kind: str, record_id: str) -> None:
        """Throw a record into the bin. Raises Refused."""
        self.people.delete(self.kind(kind), record_id)

    def undelete(self, kind: str, record_id: str) -> Row:
        """Take a record out of the bin; what referred to it does so no more. Raises Refused (404)."""
        table = self.kind(kind)
        row = table.rows.get(read_id(record_id) or '')
        if row is None:
            raise not_found()
        master = table.parts.get('master')
        return table.put(
            row | {'IsDeleted': False, 'SystemModstamp': self.stamp()} | ({master: None} if master else {})
        )

    def merge(self, loser: str, survivor: str) -> Row:
        """Merge one Contact into another. Raises Refused, ValueError."""
        gone, kept = (self.people.reach(self.contacts, one) for one in (loser, survivor))
        if gone is kept:
            raise ValueError('a Contact cannot be merged with itself')
        return self.flow.merge(gone, kept)

    def flag_sustainer(self, record_id: str, on: bool = True) -> Row:
        """An app user gives regularly, or no longer."""
        table = self.kind('app_user')
        return self.people.update(table, record_id, {table.parts['sustainer']: on})

    def load_legacy_people(
        self,
        count: int,
        *,
        first: int = 1,
        app_users: bool = True,
        contacts: bool = True,
        sustained_every: int = 0,
        twice: Iterable[int] = (),
        domain: str = 'legacy.example',
    ) -> int:
        """People of the CRM before this one, the same for the same arguments: number `n` has the legacy id 100 000 + n
        and the address `person{n}@domain`. `twice`: numbers of which there are two app users. How many were loaded.
        """
        users, people = self.kind('app_user'), self.contacts
        flow_was, self.flow.on = self.flow.on, contacts
        try:
            for number in range(first, first + count):
                told = {
                    'email': f'person{number}@{domain}',
                    'first_name': 'Alex',
                    'last_name': f'Person{number}',
                    'legacy': str(FIRST_LEGACY_ID + number),
                    'sustainer': bool(sustained_every) and number % sustained_every == 0,
                }
                if contacts:
                    self.people.create(people, _values(people, told))
                for _ in range((1 + (number in set(twice))) * app_users):
                    self.people.create(users, _values(users, told))
        finally:
            self.flow.on = flow_was
        return count

    # its owner

    def load_objects(self, told: Json | str | None = None) -> None:
        """Begin again, empty, with the objects of another installation: TOML in the form of `objects.toml`, or what
        that gives; without any, the shipped ones. Raises ValueError.
        """
        super().load_objects(tomllib.loads(told) if isinstance(told, str) else told or shipped())

    def change_field(self, kind: str, field: str, **changes: Any) -> None:
        """Change what a field is (`options`, `unique`, `length`, `required`, `writable`, ...). Raises LookupError."""
        if 'options' in changes:
            changes['options'] = tuple(changes['options'])
        self.kind(kind).change_field(field, **changes)

    def allow_writing(self, kind: str, on: bool = True) -> None:
        """Let the API's user write an object, or forbid it."""
        (self.writable.add if on else self.writable.discard)(self.kind(kind).spec.name)

    def set_flow(self, on: bool = True, lag_s: float = 0.0) -> None:
        """Whether Contacts are found or made by themselves, and how long after the record."""
        self.flow.on, self.flow.lag_s = on, float(lag_s)

    def set_session_life(self, session_s: float) -> None:
        """How long a session rests before it is over."""
        self.tokens.session_s = float(session_s)

    def set_calls(self, daily: int | None = None, used: int | None = None) -> None:
        """How many calls a day there are, and how many of them were made already."""
        if daily is not None:
            self.ledger.daily = int(daily)
        if used is not None:
            self.ledger.set_used(int(used))

    # somebody who breaks things

    def end_sessions(self) -> int:
        """Every session is over from now on; how many there were."""
        return self.tokens.revoke_all()

    def fail(self, kind: str, times: int = 1, method: str = '', path: str = '', slow_s: float = 8.0) -> None:
        """The next `times` calls of this method and path meet this fault. Raises ValueError."""
        self.faults.plan(Fault(kind, int(times), method, path, float(slow_s) if kind == 'slow' else 0.0))

    def break_things(self, **troubles: float) -> None:
        """Set `locks` (so many writes find their record locked), `lock_p`, `expire_p`. Raises TypeError."""
        self.troubles = Troubles(**{**vars(self.troubles), **troubles})

    def mend(self) -> None:
        """Nothing is broken any more."""
        self.troubles = Troubles()
        self.faults.planned.clear()

    def kind(self, name: str) -> Table:
        """The object of that name or part. Raises LookupError."""
        found = self.store.by_part.get(name) or self.store.folded.get(name.lower())
        if found is None:
            raise LookupError(f'there is no object {name!r}')
        return found


def _values(table: Table, told: Json) -> Json:
    return {table.parts[part]: value for part, value in told.items() if part in table.parts}
