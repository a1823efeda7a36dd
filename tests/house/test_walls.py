"""What `make lint` finds besides: SQL outside the database's room."""

from pathlib import Path

import pytest

from tools import walls


@pytest.mark.parametrize(
    'line',
    [
        "rows = await connection.execute('select id from company where id = %s', (1,))",
        "QUERY = '''\n    select 1 from push\n'''",
        "await connection.execute(f'update {table} set done = 1')",
        "await connection.execute('delete from event where id = %s')",
        "query = ('insert into call (id) '\n    'values (1)')",
        "await connection.execute('with due as (select 1) select * from due')",
        "await connection.execute('notify hermes_push')",
        "await connection.execute('set local synchronous_commit = off')",
        "read('select count(*) as n from deal')",
    ],
)
def test_a_statement_is_found_however_it_is_written(tmp_path: Path, line: str) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text(f'async def do(connection, table):\n    {line}\n'.replace('\n\n', '\n'))
    assert len(walls.statements(file)) == 1


def test_words_that_are_no_statement_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / 'somewhere.py'
    file.write_text(
        '"""select everything from the shelf"""\n'
        'def say() -> None:\n'
        '    """update the set of things"""\n'
        "    print('Select a time from the list', 'update your booking', 'delete it', 'with love', 'set up')\n"
    )
    assert walls.statements(file) == []
