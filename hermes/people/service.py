"""What the host application asks for (AU-1 to AU-8, AU-18, AU-20): every write is an act that is stored, and
answered as soon as it is; nothing waits for the CRM (AU-17).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, cast

from hermes.db import allowances, audit, people
from hermes.db.pool import Connection, DatabaseError, give_way, is_busy
from hermes.domain.acts import (
    Act,
    AddAppUser,
    ChangeAppUser,
    MergeAppUsers,
    ModerateAppUser,
    RemoveAppUser,
    Subscribe,
)
from hermes.domain.app_user import JOURNAL, TARGET, key_of, key_of_list
from hermes.domain.errors import NotFound, OverLimit, Refused, Unreadable
from hermes.domain.model import Event, Record, RecordRef, Value
from hermes.people.sustainers import Synced, sync_sustainers
from hermes.ports import Lent, PeopleTarget, Request, System, encode_answer
from hermes.sync import batches, calls
from hermes.sync.acts.app_users import in_one_form
from hermes.sync.acts.commands import carry_out
from hermes.sync.acts.registry import HOST
from hermes.sync.calls import Asked, Denied
from hermes.sync.engine import Engine

Action = Literal['', 'spam', 'review', 'account_deleted']
PER_EMAIL: Final = 20
"""So often an address is put on mailing lists in a day."""
DAY: Final = timedelta(days=1)
OF_HOST, OF_CRM = 'host:', 'crm:'
"""Before the host's own id in a path, and before the CRM's."""
LISTS_S: Final = 300.0
"""How long what the CRM said of its lists is believed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of a record after a write: the CRM's id where it is known already."""

    id: int
    state: str
    crm_id: str | None


class People:
    """Everything that the host may ask for, over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lists: tuple[float, str, list[str]] | None = None

    async def add(self, told: Mapping[str, Any], key: str = '') -> Receipt:
        """AU-1. `told`: as AddAppUser without its id. Raises Refused ('email_taken', ...), Withheld."""
        number = await self._number(key_of(str(told.get('user_id') or ''), str(told['email'])))
        return await self._write(AddAppUser(id=number, **told), RecordRef('app_user', number), key)

    async def change(self, who: str, to: Mapping[str, Value], key: str = '') -> Receipt:
        """AU-2. Raises NotFound, Refused."""
        ref = await self.find_ref(who)
        return await self._write(ChangeAppUser(ref.id, to), ref, key)

    async def subscribe(self, told: Mapping[str, Any], key: str = '') -> Receipt:
        """AU-3. Raises OverLimit for an address that is put on lists too often."""
        email = str(told['email'])
        number = await self._number(key_of_list(email))
        client = hashlib.sha256(f'{self.engine.hash_key} {key_of_list(email)}'.encode()).digest()[:16]

        async def count(connection: Connection, known: Any) -> None:
            await allowances.lock(connection, client)
            used = await allowances.used(connection, 'list', client, PER_EMAIL, DAY)
            if used.many >= PER_EMAIL:
                raise OverLimit(
                    'This address was put on mailing lists too often today; try again later.',
                    retry_after_s=max(1, int(used.free_in_s)),
                )
            await allowances.count(connection, 'list', client)

        return await self._write(Subscribe(id=number, **told), RecordRef('subscription', number), key, count)

    async def moderate(self, who: str, action: Action, key: str = '') -> Receipt:
        """AU-4, AU-5."""
        ref = await self.find_ref(who)
        return await self._write(ModerateAppUser(ref.id, action), ref, key)

    async def remove(self, who: str, key: str = '') -> Receipt:
        """AU-20."""
        ref = await self.find_ref(who)
        return await self._write(RemoveAppUser(ref.id), ref, key)

    async def merge(self, who: str, into: str, key: str = '') -> Receipt:
        """AU-20: `who` goes into `into`."""
        ref, other = await self.find_ref(who), await self.find_ref(into)
        return await self._write(MergeAppUsers(ref.id, other.id), other, key)

    async def get(self, who: str) -> Record:
        """An app user as we believe it to be. Raises NotFound."""
        async with self.engine.database.transaction() as connection:
            record = await people.find(connection, await self._ref(connection, who))
        if record is None:
            raise NotFound('There is no such app user.')
        return record

    async def changes(self, after: int, limit: int) -> list[people.News]:
        """AU-18: what changed, in order, after a number of the feed (0: from the beginning)."""
        async with self.engine.database.transaction() as connection:
            return await people.changes(connection, after, limit)

    async def lookup(self, email: str) -> list[str]:
        """AU-7: the CRM's app users of an address: none, one or several. Raises Unreadable."""
        system = self.engine.systems.get(await self.target())
        if system is None:
            return []
        record = Record(RecordRef('app_user', 0), {'email': email})
        asked = await self._ask(system, batches.lookup_request([record], 'email'), 'AU-7')
        told = Event(0, system.name, 'read', encode_answer(asked.request, asked.answer), self.engine.clock.now())
        found = system.observe(told, asked.known.catalogue)
        return sorted({each for element in found for each in (element.lookup.found if element.lookup else ())})

    async def lists(self) -> list[str]:
        """AU-8: the mailing lists that the CRM has; believed for a while. Raises Unreadable."""
        name, now = await self.target(), self.engine.clock.monotonic()
        if self._lists and self._lists[1] == name and now - self._lists[0] < LISTS_S:
            return self._lists[2]
        system = self.engine.systems.get(name)
        if system is None:
            return []
        asked = await self._ask(system, Request('lists', 'app_user'), 'AU-8')
        found = sorted(cast(PeopleTarget, system).lists(asked.answer))
        self._lists = (now, name, found)
        return found

    async def sync_sustainers(self) -> Synced:
        """AU-6, at once. Raises Refused, Unreadable."""
        return await sync_sustainers(self.engine, source=HOST)

    async def lend_access(self) -> tuple[str, Lent]:
        """The target in force, and the access to it that Hermes itself uses, which was just seen to work; journalled
        without it. Raises Refused where nothing is lent, Unreadable.
        """
        name = await self.target()
        system = self.engine.systems.get(name)
        if system is None:
            raise Refused('App users are written nowhere now: there is nothing to connect to.', 'no_connection')
        target = cast(PeopleTarget, system)
        if name != JOURNAL:
            await self._ask(system, Request('me'), 'AU-7')
        lent = await target.lend_access()
        async with self.engine.database.transaction() as connection:
            until = lent.expires_at.isoformat() if lent.expires_at else None
            await audit.note(connection, 'connection.lent', 'the host application', target=name, until=until)
        return name, lent

    async def _ask(self, system: System, request: Request, rule: str) -> Asked:
        """Ask the target something of which the ledger's row alone is kept. Raises Unreadable."""
        asked = await calls.ask(self.engine, system, request, 'interactive', rule)
        if isinstance(asked, Denied):
            raise Unreadable('The CRM may not be asked at the moment.')
        async with self.engine.database.transaction() as connection:
            await calls.close(self.engine, connection, asked)
        if asked.reaction is not None:
            raise Unreadable('The CRM cannot be read at the moment.')
        return asked

    async def target(self) -> str:
        """Where app users are written to now; '' for nowhere."""
        async with self.engine.database.transaction() as connection:
            return str((await self.engine.known(connection)).settings.get(TARGET) or '')

    async def find_ref(self, who: str) -> RecordRef:
        """The record of a path: our number, or `host:` and the host's id. Raises NotFound."""
        async with self.engine.database.transaction() as connection:
            return await self._ref(connection, who)

    async def _ref(self, connection: Connection, who: str) -> RecordRef:
        if who.startswith(OF_CRM):
            target = str((await self.engine.known(connection)).settings.get(TARGET) or '')
            crm_id = in_one_form(self.engine, target, who.removeprefix(OF_CRM))
            number = await people.find_crm_id(connection, target, crm_id)
        elif who.startswith(OF_HOST):
            number = await people.find_key(connection, key_of(who.removeprefix(OF_HOST), ''))
        else:
            number = int(who) if who.isascii() and who.isdigit() and len(who) < 19 else None
        if number is None:
            raise NotFound('There is no such app user.')
        return RecordRef('app_user', number)

    async def _number(self, key: str) -> int:
        """The number of whoever has this key, drawn where nobody has it yet. Raises Refused ('busy') while a
        transaction of the host that is open has it.
        """
        try:
            async with self.engine.database.transaction() as connection:
                await give_way(connection)
                return await people.claim(connection, key)
        except DatabaseError as error:
            if not is_busy(error):
                raise
        raise Refused('Somebody signs up under this key at this moment; please try again.', 'busy')

    async def _write(self, act: Act, ref: RecordRef, key: str, check: Any = None) -> Receipt:
        """Carry out an act of the host; the same `key` again is the same act. Raises Refused."""
        digest = hashlib.sha256(f'{HOST} {key}'.encode()).digest() if key else None
        done = await carry_out(self.engine, act, source=HOST, dedupe_key=digest, check=check)
        number = int(done.outcome.get('id') or ref.id)
        async with self.engine.database.transaction() as connection:
            record = await people.find(connection, RecordRef(ref.type, number))
        if record is None:
            raise Refused('This was said under a key that was used before for something else.', 'idempotency')
        return receipt_of(record)


def receipt_of(record: Record) -> Receipt:
    """What the host is told of a record."""
    says = record.fields.get
    return Receipt(record.ref.id, str(says('state') or ''), says('crm_id'))
