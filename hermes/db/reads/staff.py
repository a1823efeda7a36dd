"""Our people as they stand, and who of them cannot be booked: nobody is drawn who has no calendar that can be read, or
whom the product does not know. A failure of all calendars is nobody's own. Reads only.
"""

from collections.abc import Collection
from typing import Any, Final

import psycopg
from psycopg import sql

from hermes.db.pool import Connection
from hermes.db.reads.lookup import Row, rows
from hermes.parts.roles import CALENDAR, PRODUCT, PRODUCT_TITLE

STALE_S: Final = 3600
"""A calendar that could not be read for so long is none; one that failed just now may work again."""
WHY: Final = sql.SQL("""
    case when {calendar} and trim(coalesce(a.email, '')) = '' then 'no e-mail address, so no calendar'
         when {calendar} and f.problem <> '' and coalesce(f.synced_at, '-infinity') < hermes_now() - {stale}
           and exists (select from followed_calendar where problem = '')
           then 'the calendar cannot be read: ' || f.problem
         when {product} and a.tc2_admin_id is null then {lacks} end
""")
FROM: Final = sql.SQL('from admin a left join followed_calendar f on f.calendar = lower(trim(a.email))')
LIST: Final = sql.SQL("""
    select a.*, a.tombstone is not null as removed, {why} as unreachable {people}
    where a.alias_of is null and (a.tombstone is null or %(removed)s) order by a.tombstone is not null, a.id
""")
UNREACHABLE: Final = sql.SQL('select id, why from (select a.id, {why} as why {people}) as told where why is not null')


def list_staff(connection: psycopg.Connection[Any], systems: Collection[str], *, removed: bool = False) -> list[Row]:
    """Every admin with why nobody can be given to them ('' if somebody can); `systems` are those that are on."""
    return rows(connection, LIST.format(why=_why(systems), people=FROM), {'removed': removed})


def read_unreachable(connection: psycopg.Connection[Any], systems: Collection[str]) -> dict[int, str]:
    """Who cannot be given anybody, and why."""
    found = rows(connection, UNREACHABLE.format(why=_why(systems), people=FROM))
    return {item['id']: item['why'] for item in found}


async def find_unreachable(connection: Connection, systems: Collection[str]) -> set[int]:
    """The ids of those who cannot be given anybody."""
    told = await connection.execute(UNREACHABLE.format(why=_why(systems), people=FROM))
    return {row['id'] for row in await told.fetchall()}


def _why(systems: Collection[str]) -> sql.Composed:
    return WHY.format(
        calendar=sql.Literal(CALENDAR in systems),
        product=sql.Literal(PRODUCT in systems),
        lacks=sql.Literal(f'no {PRODUCT_TITLE} id'),
        stale=sql.SQL(f"interval '{STALE_S} s'"),
    )
