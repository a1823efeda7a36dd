"""What the owner automated in the CRM: each app user and each e-mail gets a Contact, found by address or made.

An address that changes takes its Contact along; where another Contact has the new address, the two are merged. Runs in
the transaction of the record, or `lag_s` later, as an asynchronous flow does. Who calls the API sees none of it.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hermes.sandbox.salesforce.records import full_name
from hermes.sandbox.salesforce.store import Row, Table

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org

FOLLOWED = ('app_user', 'app_email')
NAMELESS = '[not provided]'


class Flow:
    """`on` and `lag_s` are what the owner set; `waiting`: records whose moment has not come."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.on, self.lag_s = True, 0.0
        self.waiting: deque[tuple[datetime, str, str]] = deque()

    def follow(self, table: Table, before: Row | None, row: Row) -> Row:
        """Deal with a record that was made or changed; the record as it is then."""
        if not self.on or table.spec.part not in FOLLOWED or not self._concerns(table, before, row):
            return row
        if self.lag_s:
            self.waiting.append((self.org.now() + timedelta(seconds=self.lag_s), table.spec.name, row['Id']))
            return row
        return self.associate(table, row)

    def catch_up(self) -> None:
        """Deal with what is due."""
        while self.waiting and self.waiting[0][0] <= self.org.now():
            _, name, record_id = self.waiting.popleft()
            table = self.org.store.tables[name]
            row = table.rows.get(record_id)
            if row is not None and not row['IsDeleted']:
                with self.org.store.transaction():
                    self.associate(table, row)

    def _concerns(self, table: Table, before: Row | None, row: Row) -> bool:
        email, contact = table.parts['email'], table.parts['contact']
        return before is None or before[email] != row[email] or row[contact] is None

    def associate(self, table: Table, row: Row) -> Row:
        """Give it the Contact of its address."""
        contacts = self.org.contacts
        own = contacts.rows.get(row[table.parts['contact']] or '')
        email = row[table.parts['email']]
        if email is None:
            return row
        others = [one for one in contacts.find(contacts.parts['email'], email) if one is not own]
        if own is None:
            own = others[0] if others else self._make(table, row)
            return table.put(row | {table.parts['contact']: own['Id'], 'SystemModstamp': self.org.stamp()})
        if own[contacts.parts['email']] == email:
            return row
        if others:
            self.merge(own, others[0])
            return table.rows[row['Id']]
        contacts.put(own | {contacts.parts['email']: email, 'SystemModstamp': self.org.stamp()})
        return row

    def _make(self, table: Table, row: Row) -> Row:
        contacts = self.org.contacts
        values = {contacts.parts['last_name']: NAMELESS}
        for part in ('email', 'first_name', 'last_name'):
            told = row.get(table.parts.get(part, ''))
            if told is not None:
                values[contacts.parts[part]] = told[: contacts.field(contacts.parts[part]).length]
        return self.org.people.create(contacts, values)

    def merge(self, loser: Row, survivor: Row) -> Row:
        """`loser` goes into the bin and points at `survivor`, which keeps its values, gets those it lacks, and takes
        over all that referred to the other.
        """
        contacts, now = self.org.contacts, self.org.stamp()
        master = contacts.parts['master']
        filled = {name: loser[name] for name, value in survivor.items() if value is None and name != master}
        stamps = {'LastModifiedDate': now, 'SystemModstamp': now}
        contacts.put(loser | stamps | {'IsDeleted': True, master: survivor['Id']})
        kept = survivor | filled | stamps
        kept = contacts.put(kept | {'Name': full_name(contacts, kept)})
        for table, field in self.org.store.references(contacts):
            for one in table.find(field.name, loser['Id']):
                table.put(one | {field.name: survivor['Id'], 'SystemModstamp': now})
        return kept
