"""The ledger of the round robin, for whoever asks whose turn it is, and why somebody got a call. Reads only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.codec import read_record
from hermes.db.reads import staff
from hermes.db.reads.lookup import Row, row, rows
from hermes.db.rota import LEDGER, read_ledger
from hermes.domain import rota
from hermes.domain.errors import Refused
from hermes.domain.model import Record
from hermes.domain.regions import region_of
from hermes.domain.rota import Turn
from hermes.domain.staff import show_name
from hermes.kit import countries

LONGEST: Final = 20_000
"""A ledger of more turns is not counted again from its beginning."""
TURNS: Final = """
    select t.id, t.queue, t.admin_id, concat_ws(' ', a.first_name, a.last_name) as admin, t.why, t.at, t.company_id,
           coalesce(c.name, '') as company, t.booked_at, t.returned_at
    from turn t join admin a on a.id = t.admin_id left join company c on c.id = t.company_id
"""
LIST_TURNS: Final = f"""
    {TURNS} where (%(queue)s = '' or t.queue = %(queue)s)
      and (%(company)s::bigint is null or t.company_id = %(company)s)
      and (%(admin)s::bigint is null or t.admin_id = %(admin)s)
      and (%(before)s::bigint is null or t.id < %(before)s)
    order by t.id desc limit %(limit)s
"""
BEFORE: Final = """
    select id, admin_id, why, at, booked_at, returned_at from turn where queue = %(queue)s and id < %(id)s
    order by id limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in a queue: 1 is next. `counted`: their turns, lifted to the level of the others."""

    queue: str
    place: int
    id: int
    name: str
    turns: int
    counted: int


@dataclass(frozen=True, slots=True)
class Why:
    """Why somebody got a turn: how everybody stood before it, (admin, name, turns as they were counted) each, in the
    order in which they would have been drawn. Empty where nobody counts that far back.
    """

    turn: Row
    stood: tuple[tuple[int, str, int], ...]


def choose(plan: str, country: str) -> list[str]:
    """The queues of a plan and of a country's region; '' for all. Raises Refused."""
    if plan:
        rota.queue_of('sales', plan)
    code = countries.alpha2(country)
    if country and not code:
        raise Refused(f'"{country}" is no country: write its code, as GB, or its name.')
    return [
        queue
        for queue in rota.queues()
        if (not plan or queue.split(':')[1:2] == [plan]) and (not code or queue.endswith(f':{region_of(code)}'))
    ]


def read_places(
    connection: Connection[Any], queues: Sequence[str], systems: Collection[str], zone: str
) -> tuple[list[Place], dict[int, tuple[str, str]]]:
    """Everybody's place in these queues, in the order in which they would be drawn; and who is not drawn although they
    would be: id -> name and why. `systems`: those that are on; `zone`: of whoever has none of their own.
    """
    now, admins = read_now(connection), read_admins(connection)
    away, places = staff.read_unreachable(connection, systems), []
    left_out: dict[int, tuple[str, str]] = {}
    for queue in queues:
        people = {admin.ref.id: show_name(admin.fields) for admin in rota.candidates(queue, admins, now, zone)}
        left_out |= {number: (name, away[number]) for number, name in people.items() if number in away}
        there = {admin.ref.id: show_name(admin.fields) for admin in rota.candidates(queue, admins, now, zone, away)}
        standing = rota.settle(read_queue(connection, queue), now)
        for place, who in enumerate(standing.order(there), 1):
            places.append(Place(queue, place, who, there[who], standing.counts.get(who, 0), standing.count(who)))
    return places, left_out


def list_turns(
    connection: Connection[Any], *, queue: str = '', company: int | None = None, admin: int | None = None,
    before: int | None = None, limit: int = 50,
) -> list[Row]:  # fmt: skip
    """Turns, the newest first; `before`: older than this one."""
    wanted = {'queue': queue, 'company': company, 'admin': admin, 'before': before, 'limit': limit}
    return rows(connection, LIST_TURNS, wanted)


def read_why(connection: Connection[Any], number: int) -> Why:
    """Why somebody got a turn. Raises Refused when there is none."""
    turn = row(connection, f'{TURNS} where t.id = %(id)s', {'id': number}) if 0 < number < 2**63 else None
    if turn is None:
        raise Refused(f'There is no turn {number}.')
    told = rows(connection, BEFORE, {'queue': turn['queue'], 'id': number, 'limit': LONGEST + 1})
    if turn['why'] != 'drawn' or len(told) > LONGEST:
        return Why(turn, ())
    standing = rota.settle(read_ledger(told), turn['at'])
    names = {admin.ref.id: show_name(admin.fields) for admin in read_admins(connection)}
    people = {*standing.counts, turn['admin_id']}
    stood = tuple((who, names.get(who, f'admin {who}'), standing.count(who)) for who in standing.order(people))
    return Why(turn, stood)


def read_queue(connection: Connection[Any], queue: str) -> list[Turn]:
    """The ledger of a queue."""
    return read_ledger(rows(connection, LEDGER, {'queue': queue}))


def read_admins(connection: Connection[Any]) -> list[Record]:
    """All admins."""
    return [read_record('admin', row) for row in rows(connection, 'select * from admin order by id')]


def read_now(connection: Connection[Any]) -> datetime:
    """What time it is for the database."""
    [found] = rows(connection, 'select hermes_now() as now')
    at: datetime = found['now']
    return at
