"""The large database of `make demo-big`, small: its rows are such as the engine writes, and say the same thing twice
for the same seed.
"""

from typing import Any

import psycopg

from hermes.db.reads.blame import read_blame
from hermes.db.reads.status import read_status
from hermes.domain.model import RecordRef
from tests.whole.conftest import COMPANIES, EVENTS, UNTIL

LEFT_OVER = r'(?i)zq(co|fi|la|em|dom|uid)\d|\m7[1-4]\d{7}\M'


def test_it_has_the_size_that_was_asked_for_and_ends_when_it_was_told(big: psycopg.Connection[Any]) -> None:
    companies, events, first, last = one(
        big,
        'select (select count(*) from company), count(*), min(received_at), max(received_at) from event',
    )
    assert companies >= COMPANIES * 0.98
    assert events >= EVENTS
    assert last <= UNTIL
    assert (last - first).days <= 61
    assert one(big, "select count(*) from event where state = 'done' and outcome @> '[{\"changes\": 0}]'")[0] > 100


def test_nothing_of_the_stories_is_left_in_it(big: psycopg.Connection[Any]) -> None:
    tables = [name for (name,) in big.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    ).fetchall()]  # fmt: skip
    for table in tables:
        shown = "convert_from(t.body, 'UTF8')" if table == 'event' else "''"
        query = f'select count(*) from {table} t where t::text ~ %s or {shown} ~ %s'
        assert one(big, query, LEFT_OVER, LEFT_OVER) == (0,), table


def test_links_mirrors_records_and_the_journal_agree(big: psycopg.Connection[Any]) -> None:
    assert one(big, 'select count(*) from link left join mirror using (system, type, remote_id) '
                    'where mirror.remote_id is null') == (0,)  # fmt: skip
    assert one(big, 'select count(*) from mirror left join link using (system, type, remote_id) '
                    'where owned = (link.remote_id is null)') == (0,)  # fmt: skip
    for record_type in ('company', 'contact', 'deal', 'meeting'):
        assert one(big, f"select count(*) from link l where record_type = '{record_type}' and not exists "
                        f'(select from {record_type} t where t.id = l.record_id)') == (0,)  # fmt: skip
        newest = big.execute(f'select id from {record_type} order by id desc limit 20').fetchall()
        for (number,) in newest:
            for line in read_blame(big, RecordRef(record_type, number)).lines:
                if line.write is not None:
                    assert line.write.new == line.value, (record_type, number, line)


def test_ids_of_events_grow_with_time_and_nobody_acts(big: psycopg.Connection[Any]) -> None:
    assert one(big, 'select count(*) from event a join event b on b.id = a.id + 1 where b.received_at < '
                    "a.received_at - interval '1 s'") == (0,)  # fmt: skip
    assert one(big, 'select count(*) from account') == (0,)
    assert {each['system'] for each in read_status(big).systems if each['paused']} >= {'pipedrive', 'tutorcruncher'}


def one(connection: psycopg.Connection[Any], query: str, *values: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return tuple(row)
