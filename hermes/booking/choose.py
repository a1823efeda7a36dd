"""Whose turn it is to take a call (API-1 to API-4): drawn from the ledger of turns, among those who are there."""

from collections.abc import Collection
from dataclasses import dataclass

from hermes.db import rota
from hermes.db.catalogue import KnowledgeCache
from hermes.db.pool import Database
from hermes.db.reads import staff
from hermes.domain.errors import NotFound
from hermes.domain.model import Record
from hermes.domain.rota import Kind, candidates, queue_of


@dataclass(frozen=True, slots=True)
class Turns:
    """Draws people. `zone`: in which days off are counted for whoever has no zone; `systems`: those that are on, which
    decides who can be booked.
    """

    database: Database
    knowledge: KnowledgeCache
    zone: str
    systems: Collection[str]

    async def draw(self, kind: Kind, plan: str, country: str | None, client: bytes) -> Record:
        """The admin whose turn it is, for a client the same one again for a while. Raises NotFound where nobody is
        there, Refused for an unknown plan.
        """
        queue = queue_of(kind, plan, country)
        async with self.database.transaction() as connection:
            admins = (await self.knowledge.get(connection)).directory.admins
            away = await staff.find_unreachable(connection, self.systems)
            there = candidates(queue, admins.values(), self.database.clock.now(), self.zone, away)
            people = {admin.ref.id: admin for admin in there}
            chosen = await rota.draw(connection, queue, list(people), client)
        if chosen is None:
            raise NotFound('Nobody can be chosen now: there is no active person who may take this call.')
        return people[chosen]
