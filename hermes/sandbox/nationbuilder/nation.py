"""One nation: its people with tags, lists and memberships, the jobs of its lists, its tokens and its limits.

Every change, by the API or by a person's act, goes through `create`, `update`, `delete` and `push`, so that both are
checked alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hermes.sandbox.addresses import NATION_SLUG
from hermes.sandbox.faults import Faults
from hermes.sandbox.nationbuilder import people
from hermes.sandbox.nationbuilder.answers import (
    NONSENSE,
    PLAIN,
    Invalid,
    TooMany,
    answer,
    bad_gateway_page,
    blocked_page,
    not_found,
    server_error,
    unauthorized,
)
from hermes.sandbox.nationbuilder.grants import Desk
from hermes.sandbox.nationbuilder.jobs import Job, Jobs
from hermes.sandbox.nationbuilder.limits import WINDOW_S, Limits
from hermes.sandbox.nationbuilder.store import Row, Store, stamp

if TYPE_CHECKING:
    from hermes.sandbox.outbox import Delivery
    from hermes.sandbox.weather import Kind
    from hermes.sandbox.world import World

Json = dict[str, Any]
HANGING = ('memberships', 'donations', 'pledges', 'contacts')
STATUSES = ('active', 'canceled', 'expired', 'grace period')


class Nation:
    """`changes` counts what happened; `owner` is the person whom the app's tokens speak for."""

    nonsense = NONSENSE

    def __init__(self, world: World) -> None:
        self.world = world
        self.slug = NATION_SLUG
        self.store = Store()
        self.desk = Desk(world)
        self.limits = Limits(world.clock)
        self.jobs = Jobs(world, self._do_job)
        self.faults = Faults()
        self.refuses_second_tagging = False
        self.changes = 0
        values = {'first_name': 'Nadia', 'last_name': 'Okoye', 'email1': 'nadia@sandbox.example', 'is_cpu': True}
        self.owner = self.store.insert('signups', {**values, 'created_at': self.now(), 'updated_at': self.now()})['id']

    def now(self) -> str:
        return stamp(self.world.clock.now())

    def create(self, kind: str, given: Row) -> Row:
        """A new row. Raises Refused and then changes nothing."""
        if kind == 'signup_taggings' and not self.refuses_second_tagging:
            known = self.tagging(given.get('signup_id'), given.get('tag_id'))
            if known is not None:
                return known
        now = self.now()
        if kind == 'signups':
            row = people.changed(self.store, {'created_at': now}, given, now)
        else:
            row = self._checked(kind, {}, given)
            row |= {'created_at': now} if kind != 'signup_tags' else {}
            row |= {'updated_at': now} if kind not in ('signup_tags', 'signup_taggings') else {}
        self.changes += 1
        return self.store.insert(kind, row)

    def update(self, kind: str, wanted: str, given: Row) -> Row:
        """A partial change; what changes nothing keeps `updated_at`. Raises Refused and then changes nothing."""
        before = self.store.get(kind, wanted)
        if kind == 'signups':
            row = people.changed(self.store, before, given, self.now())
        else:
            row = self._checked(kind, before, given)
            if row != before and kind != 'signup_tags':
                row['updated_at'] = self.now()
        if row != before:
            self.changes += 1
            self.store.put(kind, row)
        return row

    def push(self, given: Row) -> tuple[Row, bool]:
        """Find the person or make one: the row, and True for a new one. Raises Refused."""
        wanted = people.matched(self.store, given)
        return (
            (self.create('signups', given), True) if wanted is None else (self.update('signups', wanted, given), False)
        )

    def delete(self, kind: str, wanted: str) -> None:
        """Gone for ever, with what hangs on it. Raises Refused (404)."""
        self.store.remove(kind, wanted)
        self.changes += 1

    def tagging(self, person: str | None, tag: str | None) -> Row | None:
        """The tagging of this person with this tag."""
        found = self.store.linked('signup_taggings', 'signup_id', person or '')
        return next((one for one in found if one['tag_id'] == tag), None)

    def tag_named(self, name: str) -> Row | None:
        folded = name.strip().lower()
        return next((one for one in self.store.tables['signup_tags'].values() if one['name'].lower() == folded), None)

    def _checked(self, kind: str, before: Row, given: Row) -> Row:
        row = {**before, **given}
        faults = list(CHECKS[kind](self, row)) if kind in CHECKS else []
        if faults:
            raise Invalid(*faults)
        return row

    def _list_faults(self, row: Row) -> list[people.Fault]:
        if not row.get('name'):
            return [('name', "can't be blank", 'blank')]
        row['slug'] = row.get('slug') or re.sub(r'[^a-z0-9]+', '_', row['name'].lower()).strip('_')
        others = (one for one in self.store.tables['lists'].values() if one['id'] != row.get('id'))
        return (
            [('slug', 'has already been taken', 'taken')] if any(one['slug'] == row['slug'] for one in others) else []
        )

    def _tag_faults(self, row: Row) -> list[people.Fault]:
        if not row.get('name'):
            return [('name', "can't be blank", 'blank')]
        other = self.tag_named(row['name'])
        return [('name', 'has already been taken', 'taken')] if other and other['id'] != row.get('id') else []

    def _tagging_faults(self, row: Row) -> list[people.Fault]:
        faults = self._missing(row, signup_id='signups', tag_id='signup_tags')
        if not faults and self.tagging(row['signup_id'], row['tag_id']) is not None:
            faults.append(('tag_id', 'has already been taken', 'taken'))
        return faults

    def _membership_faults(self, row: Row) -> list[people.Fault]:
        faults = self._missing(row, signup_id='signups', membership_type_id='membership_types')
        if row.get('status') not in (None, *STATUSES):
            faults.append(('status', 'is not included in the list', 'inclusion'))
        return faults

    def _type_faults(self, row: Row) -> list[people.Fault]:
        return [] if row.get('name') else [('name', "can't be blank", 'blank')]

    def _missing(self, row: Row, **kinds: str) -> list[people.Fault]:
        return [
            (name, 'must exist', 'blank')
            for name, kind in kinds.items()
            if row.get(name) not in self.store.tables[kind]
        ]

    def _do_job(self, job: Job, person: str) -> None:
        """One person of a job; who or what is gone meanwhile is passed over without a word."""
        if person not in self.store.tables['signups'] or job.list_id not in self.store.tables['lists']:
            return
        self.changes += 1
        match job.action:
            case 'add':
                self.store.join(job.list_id, person, self.now())
            case 'remove':
                self.store.leave(job.list_id, person)
            case 'tag':
                self.tag(person, job.tag)
            case 'untag':
                self.untag(person, job.tag)

    def tag(self, person: str, name: str) -> Row:
        """Tag a person; a tag that is not there is made. Raises Refused."""
        self.store.get('signups', person)
        tag = self.tag_named(name) or self.create('signup_tags', {'name': name.strip()})
        known = self.tagging(person, tag['id'])
        return known or self.create('signup_taggings', {'signup_id': person, 'tag_id': tag['id']})

    def untag(self, person: str, name: str) -> bool:
        """Take a tag away; False if it was not there."""
        tag = self.tag_named(name)
        known = self.tagging(person, tag['id']) if tag else None
        if known is not None:
            self.delete('signup_taggings', known['id'])
        return known is not None

    def merge(self, loser: str, survivor: str) -> Row:
        """`loser` is gone; what hung on them goes to the survivor, who keeps their own values. Raises Refused."""
        store = self.store
        gone, stays = store.get('signups', loser), store.get('signups', survivor)
        if loser == survivor or loser == self.owner:
            raise not_found()
        for tagging in store.linked('signup_taggings', 'signup_id', loser):
            if self.tagging(survivor, tagging['tag_id']) is None:
                store.put('signup_taggings', {**tagging, 'signup_id': survivor})
        for kind in HANGING:
            for row in store.linked(kind, 'signup_id', loser):
                store.put(kind, {**row, 'signup_id': survivor})
        for wanted in store.lists_of.get(loser, ()):
            store.join(wanted, survivor, store.members[wanted][loser])
        self.delete('signups', loser)
        whole = {**people.merged(store, gone, stays), 'updated_at': self.now()}
        store.put('signups', whole)
        return whole

    def error_answer(self, kind: Kind) -> Response:
        if kind == 'blocked':
            return blocked_page()
        if kind == 'rate_limited':
            return answer(TooMany(WINDOW_S).as_body(), 429, self.limits.spent(), PLAIN)
        refusal = server_error()
        refusal.headers.update(self.limits.headers('weather'))
        return refusal

    def fault_answer(self, kind: str) -> Response:
        if kind == 'page':
            return bad_gateway_page()
        if kind == 'unauthorized':
            refusal = unauthorized()
            return answer(refusal.as_body(), refusal.status, self.limits.headers('faults'), PLAIN)
        return self.error_answer('rate_limited' if kind == 'rate_limited' else 'server_error')

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        """Nothing is sent from here."""

    def lists(self) -> Json:
        """For every list, by its name: whom a service that sends letters would read from it."""
        self.jobs.ripen()
        return {one['name']: self.readers(one['id']) for one in self.store.tables['lists'].values()}

    def readers(self, wanted: str) -> list[Json]:
        """Who stands on this list and may be written to."""
        signups = self.store.tables['signups']
        return [
            {'signup_id': row['id'], 'email': people.address(row), 'name': people.full_name(row)}
            for row in (signups[person] for person in self.store.members[wanted])
            if people.reachable(row)
        ]

    def state(self) -> Json:
        """Everything that a person at the controls wants to see."""
        self.jobs.ripen()
        store, tables = self.store, self.store.tables
        tagged = store.by_link['signup_taggings.tag_id']
        return {
            'signups': [self.person(row) for row in tables['signups'].values()],
            'lists': [{**row, 'signups_count': len(store.members[row['id']])} for row in tables['lists'].values()],
            'tags': {row['name']: len(tagged.get(row['id'], ())) for row in tables['signup_tags'].values()},
            **{kind: list(tables[kind].values()) for kind in (*HANGING, 'membership_types', 'custom_fields')},
            'jobs': self.jobs.state(),
            'grants': self.desk.state(),
            'faults': self.faults.state(),
            'overruns': self.limits.overruns,
        }

    def person(self, row: Row) -> Json:
        """What is set of a person, with tags by name and lists by slug."""
        store, tags = self.store, self.store.tables['signup_tags']
        taggings = store.linked('signup_taggings', 'signup_id', row['id'])
        lists = sorted(store.tables['lists'][one]['slug'] for one in store.lists_of.get(row['id'], ()))
        tagged = [tags[one['tag_id']]['name'] for one in taggings]
        return {**row, 'email': people.address(row), 'tags': tagged, 'lists': lists}

    def dump(self) -> Json:
        return {
            'store': self.store.dump(),
            'desk': self.desk.dump(),
            'jobs': self.jobs.dump(),
            'faults': self.faults.state(),
            'owner': self.owner,
            'refuses_second_tagging': self.refuses_second_tagging,
        }

    def load(self, kept: Json) -> None:
        self.store.load(kept['store'])
        self.desk.load(kept['desk'])
        self.jobs.load(kept['jobs'])
        self.faults.load(kept['faults'])
        self.owner, self.refuses_second_tagging = kept['owner'], kept['refuses_second_tagging']


CHECKS = {
    'lists': Nation._list_faults,
    'signup_tags': Nation._tag_faults,
    'signup_taggings': Nation._tagging_faults,
    'memberships': Nation._membership_faults,
    'membership_types': Nation._type_faults,
}
