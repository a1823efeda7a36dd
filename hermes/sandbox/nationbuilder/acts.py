"""What people do in the nation, and what somebody breaks by hand: `world.nationbuilder.<act>`.

People are named by id. Every act returns what can be said as JSON.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from hermes.sandbox.faults import Fault
from hermes.sandbox.nationbuilder.attributes import read
from hermes.sandbox.nationbuilder.nation import Nation
from hermes.sandbox.nationbuilder.store import Row, stamp

Json = dict[str, Any]
ACTS: Final = frozenset(
    (
        'add_custom_field',
        'add_list',
        'add_membership',
        'add_people',
        'add_person',
        'bounce',
        'delete_person',
        'donate',
        'edit_person',
        'expire_tokens',
        'fail',
        'fail_jobs',
        'forget_jobs',
        'give_legacy_token',
        'give_token',
        'join_list',
        'leave_list',
        'manners',
        'mend',
        'merge_people',
        'note_contact',
        'pledge',
        'register_callback',
        'revoke_tokens',
        'stall_jobs',
        'tag_person',
        'unsubscribe',
        'untag_person',
    )
)
FIRST = ('Ada', 'Ben', 'Chana', 'David', 'Esther', 'Farid', 'Grace', 'Hannah', 'Ivo', "Ro'i", 'Joan', 'Kofi', 'Lea')
LAST = ("O'Brien", 'Levi', 'Okafor', 'Nguyen', 'Cohen', 'Adeyemi', 'Lindqvist', 'Price', 'Whitlock', 'Haddad', 'Ellery')


class NationBuilder(Nation):
    """The nation together with the people who work in it."""

    def act(self, act: str, /, **arguments: Any) -> Any:
        """Carry out the act of that name; its result as JSON values. Raises LookupError, Refused or a plain error."""
        if act not in ACTS:
            raise LookupError(f'no act is called {act!r}: there are {", ".join(sorted(ACTS))}')
        self.jobs.ripen()
        self.changes += 1
        return getattr(self, act)(**arguments)

    def add_person(self, **values: Any) -> str:
        """Somebody enters a person by hand; values as the API takes them. Their id."""
        tags, lists = values.pop('tags', ()), values.pop('lists', ())
        row = self.create('signups', read('signups', values))
        for name in tags:
            self.tag(row['id'], name)
        for slug in lists:
            self.join_list(slug, row['id'])
        return str(row['id'])

    def add_people(
        self,
        count: int,
        tags: Json | None = None,
        lists: Json | None = None,
        membership: str = '',
        prefix: str = 'person',
        external: bool = True,
    ) -> list[str]:
        """`count` people at once, the same for the same numbers. `tags` and `lists` say every how many of them have it
        (`{'sustainer': 7}`: each seventh); `membership` names a type that every third has. Their ids.
        """
        store, now, first = self.store, self.now(), self.store.last_ids['signups']
        made: list[str] = []
        for number in range(first + 1, first + count + 1):
            row: Row = {
                'first_name': FIRST[number % len(FIRST)],
                'last_name': LAST[number % len(LAST)],
                'email1': f'{prefix}{number}@nation.example',
                'created_at': now,
                'updated_at': now,
            }
            if external:
                row['external_id'] = f'{prefix}-{number}'
            made.append(store.insert('signups', row)['id'])
        for name, every in (tags or {}).items():
            tag = self.tag_named(name) or self.create('signup_tags', {'name': name})
            for person in made[:: int(every)]:
                store.insert('signup_taggings', {'signup_id': person, 'tag_id': tag['id'], 'created_at': now})
        for slug, every in (lists or {}).items():
            wanted = self._list(slug)
            for person in made[:: int(every)]:
                store.join(wanted, person, now)
        for person in made[::3] if membership else ():
            self.add_membership(person, membership)
        return made

    def edit_person(self, id: str, **values: Any) -> Json:
        """Somebody edits a person; values as the API takes them."""
        return self.person(self.update('signups', str(id), read('signups', values)))

    def delete_person(self, id: str) -> None:
        self.delete('signups', str(id))

    def merge_people(self, loser: str, survivor: str) -> Json:
        """`loser` disappears into `survivor`."""
        return self.person(self.merge(str(loser), str(survivor)))

    def tag_person(self, id: str, tag: str) -> str:
        """Somebody tags a person; the id of the tagging."""
        return str(self.tag(str(id), tag)['id'])

    def untag_person(self, id: str, tag: str) -> bool:
        return self.untag(str(id), tag)

    def unsubscribe(self, id: str) -> Json:
        """A person unsubscribes from letters: they stay on their lists, and nobody reads them from there."""
        return self.person(self.update('signups', str(id), {'email_opt_in': False, 'unsubscribed_at': self.now()}))

    def bounce(self, id: str) -> Json:
        """The primary address of a person bounces."""
        row = {**self.store.get('signups', str(id))}
        row[f'email{row.get("primary_email_id") or 1}_is_bouncing'] = True
        self.store.put('signups', row)
        return self.person(row)

    def add_list(self, name: str, slug: str = '') -> str:
        """A new list; its id."""
        return str(self.create('lists', {'name': name, 'slug': slug or None, 'author_id': self.owner})['id'])

    def join_list(self, slug: str, id: str) -> None:
        """Somebody puts a person on a list."""
        self.store.get('signups', str(id))
        self.store.join(self._list(slug), str(id), self.now())

    def leave_list(self, slug: str, id: str) -> None:
        self.store.leave(self._list(slug), str(id))

    def add_membership(self, id: str, membership_type: str, status: str = 'active', days: int = 365) -> str:
        """A membership of the type of that name, which is made if it is not there; its id."""
        kinds = self.store.tables['membership_types'].values()
        found = next((one for one in kinds if one['name'] == membership_type), None)
        kind = found or self.create('membership_types', {'name': membership_type})
        now = self.world.clock.now()
        values = {'signup_id': str(id), 'membership_type_id': kind['id'], 'status': status, 'started_at': stamp(now)}
        return str(
            self.create('memberships', values | {'expires_on': (now + timedelta(days=days)).date().isoformat()})['id']
        )

    def donate(self, id: str, amount_in_cents: int = 1800) -> str:
        """A person gives once; the id of the donation."""
        person, now, cents = self.store.get('signups', str(id)), self.now(), int(amount_in_cents)
        values: Row = {'signup_id': str(id), 'amount_in_cents': cents, 'amount': f'{cents / 100:.2f}'}
        values |= {'succeeded_at': now, 'status': 'succeeded', 'created_at': now, 'updated_at': now}
        given = {name: person.get(name, 0) for name in ('donations_count', 'donations_amount_in_cents')}
        counted = {'donations_count': given['donations_count'] + 1, 'is_donor': True, 'last_donated_at': now}
        counted |= {'donations_amount_in_cents': given['donations_amount_in_cents'] + cents}
        self.store.put('signups', {'first_donated_at': now, **person, **counted, 'updated_at': now})
        return str(self.store.insert('donations', values)['id'])

    def pledge(self, id: str, amount_in_cents: int = 1800) -> str:
        """A person promises to give; the id of the pledge."""
        self.store.get('signups', str(id))
        now, cents = self.now(), int(amount_in_cents)
        values: Row = {'signup_id': str(id), 'amount_in_cents': cents, 'amount': f'{cents / 100:.2f}'}
        values |= {'amount_left_in_cents': cents, 'created_at': now, 'updated_at': now}
        return str(self.store.insert('pledges', values)['id'])

    def note_contact(self, id: str, content: str = '', contact_method: str = 'phone_call') -> str:
        """Somebody of the nation notes that they spoke with a person; the id of the contact."""
        self.store.get('signups', str(id))
        values: Row = {'signup_id': str(id), 'author_id': self.owner, 'content': content or None}
        return str(
            self.store.insert('contacts', values | {'contact_method': contact_method, 'created_at': self.now()})['id']
        )

    def add_custom_field(self, name: str, slug: str, field_type: str = 'text', options: list[str] | None = None) -> str:
        """A custom field of people: text, number, checkbox or multiple_choice. Its id. Raises ValueError."""
        if field_type not in ('text', 'number', 'checkbox', 'multiple_choice'):
            raise ValueError('a custom field is text, number, checkbox or multiple_choice')
        now, table = self.now(), self.store.tables['custom_fields']
        numbered = {str(number): one for number, one in enumerate(options or (), 1)} or None
        values: Row = {'name': name, 'slug': slug, 'field_type': field_type, 'options': numbered}
        values |= {'resource_type': 'Signup', 'position': len(table) + 1, 'created_at': now, 'updated_at': now}
        return str(self.store.insert('custom_fields', values)['id'])

    def give_token(self) -> Json:
        """A pair of tokens by hand, as an administrator's test token."""
        return self.desk.give()

    def give_legacy_token(self) -> str:
        """A token of the old model: it opens nothing of v2 and may be traded in once."""
        return self.desk.give_legacy()

    def revoke_tokens(self) -> int:
        """An administrator takes the app's consent back; how many grants died."""
        return self.desk.revoke()

    def expire_tokens(self) -> int:
        """Every access token is too old from now on; refresh tokens stay."""
        return self.desk.expire()

    def register_callback(self, redirect_uri: str) -> None:
        """From now on only registered addresses are taken."""
        self.desk.callbacks.append(redirect_uri)

    def manners(self, ends_access: bool | None = None, refuses_second_tagging: bool | None = None) -> None:
        """Where the documents are silent, the other way."""
        if ends_access is not None:
            self.desk.ends_access = ends_access
        if refuses_second_tagging is not None:
            self.refuses_second_tagging = refuses_second_tagging

    def fail(self, kind: str, times: int = 1, method: str = '', path: str = '', slow_s: float = 8.0) -> None:
        """The next `times` calls of this method and path meet this fault. Raises ValueError."""
        self.faults.plan(Fault(kind, int(times), method, path, float(slow_s) if kind == 'slow' else 0.0))

    def fail_jobs(self, times: int = 1, done_first: int = 0) -> None:
        """The next jobs fail, after `done_first` of their people."""
        self.jobs.plan('failed', int(times), int(done_first))

    def stall_jobs(self, times: int = 1) -> None:
        """The next jobs never end."""
        self.jobs.plan('stalled', int(times))

    def forget_jobs(self) -> None:
        """Every job's token is unknown from now on; what was not done will not be done."""
        self.jobs.forget()

    def mend(self) -> None:
        """Take everything back that was planned to go wrong; jobs that stood still go on."""
        self.faults.planned.clear()
        self.jobs.plans.clear()
        for job in self.jobs.open.values():
            job.fate = 'completed' if job.fate == 'stalled' else job.fate

    def _list(self, slug: str) -> str:
        """Raises LookupError."""
        for row in self.store.tables['lists'].values():
            if slug in (row['slug'], row['id']):
                return str(row['id'])
        raise LookupError(f'there is no list {slug!r}')
