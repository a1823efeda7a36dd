"""Questions that only a person can answer (MATCH-7), for whoever lists and answers them. Reads only."""

from typing import Any

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.acts import SettleDecision
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef

LIST = """
    select d.id, d.kind, d.record_type, d.record_id, d.key, d.detail, d.state, d.event_id, d.at,
      coalesce(c.name, o.name) as company
    from decision d
    left join company c on d.record_type = 'company' and c.id = d.record_id
    left join contact p on d.record_type = 'contact' and p.id = d.record_id
    left join deal e on d.record_type = 'deal' and e.id = d.record_id
    left join meeting m on d.record_type = 'meeting' and m.id = d.record_id
    left join company o on o.id = coalesce(p.company_id, e.company_id, m.company_id)
    where (%(state)s = 'all' or (%(state)s = 'settled') = (d.state <> 'open')) and %(kind)s in ('', d.kind)
    order by d.id desc limit %(limit)s
"""
READ = 'select * from decision where id = %(id)s'


def list_decisions(connection: Connection[Any], *, state: str = 'open', kind: str = '', limit: int = 50) -> list[Row]:
    """Questions, newest first. `state`: open, settled or all. Raises Refused for another one."""
    if state not in ('open', 'settled', 'all'):
        raise Refused(f'A decision is open or settled (or say all), not "{state}".')
    return rows(connection, LIST, {'state': state, 'kind': kind, 'limit': limit})


def read_decision(connection: Connection[Any], number: int) -> Row:
    """One question. Raises Refused when there is none."""
    found = row(connection, READ, {'id': number})
    if found is None:
        raise Refused(f'There is no decision {number}: "hermes decisions list" shows what is open.')
    return found


def settling_act(asked: Row, choice: str, value: str = '') -> SettleDecision:
    """The act that answers a question. It says everything that was asked, so that a replay needs no question (I14)."""
    record = RecordRef(asked['record_type'], asked['record_id']) if asked['record_type'] else None
    return SettleDecision(choice, value, None, asked['kind'], asked['key'], record, asked['detail'])
