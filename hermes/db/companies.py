"""Companies as other programs may look them up (API-6): listed filters, listed fields, nothing of their people."""

from collections.abc import Mapping
from typing import Final

from hermes.db.pool import Connection, Row
from hermes.kit.spelling import fold

MOST: Final = 10
OF_OLD: Final = "lower(regexp_replace(btrim(name), '\\s+', ' ', 'g'))"
"""What an older program writes while this one runs has no key yet."""
FILTERS: Final[Mapping[str, str]] = {
    'id': 'id = %(id)s',
    'name': f'(name_key = %(name)s or (name_key is null and {OF_OLD} = %(name)s))',
    'pd_org_id': 'pd_org_id = %(pd_org_id)s',
    'tc2_cligency_id': 'tc2_cligency_id = %(tc2_cligency_id)s',
    'tc2_agency_id': 'tc2_agency_id = %(tc2_agency_id)s',
    'country': 'country = upper(%(country)s)',
    'price_plan': 'price_plan = lower(%(price_plan)s)',
}
"""What may be asked for -> how it is looked for. The answer has the same fields."""
NUMBERS: Final = frozenset({'id', 'pd_org_id', 'tc2_cligency_id', 'tc2_agency_id'})
FIELDS: Final = ('id', 'name', 'pd_org_id', 'tc2_cligency_id', 'tc2_agency_id', 'country', 'price_plan')


async def find_companies(connection: Connection, filters: Mapping[str, str | int]) -> list[Row]:
    """At most MOST companies that fit all of `filters` (names of FILTERS), oldest first; deleted ones and those that
    were merged away are not there.
    """
    where = ' and '.join(FILTERS[name] for name in filters)
    told = {name: fold(str(value)) if name == 'name' else value for name, value in filters.items()}
    rows = await connection.execute(
        f'select {", ".join(FIELDS)} from company where tombstone is null and alias_of is null and {where} '
        f'order by id limit {MOST}',
        told,
    )
    return await rows.fetchall()
