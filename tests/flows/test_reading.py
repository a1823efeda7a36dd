"""The desk's pool reads, whatever the statement says."""

from typing import Any

import psycopg
import pytest

from hermes.db.reading import Reading


@pytest.mark.parametrize(
    'statement',
    [
        "insert into setting (key, value) values ('a', '1')",
        'set transaction read write',
        'set session characteristics as transaction read write',
    ],
)
async def test_no_statement_of_a_page_writes(database_url: str, statement: str) -> None:
    reading = Reading(database_url)
    await reading.start()

    def write(connection: psycopg.Connection[Any]) -> None:
        connection.execute(statement.encode())
        connection.execute("insert into setting (key, value) values ('b', '1')")

    try:
        with pytest.raises(psycopg.Error):
            await reading.ask(write)
        with pytest.raises(psycopg.Error):
            await reading.ask(
                lambda connection: connection.execute("insert into setting (key, value) values ('c', '1')")
            )
    finally:
        await reading.stop()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from setting where key in ('a', 'b', 'c')").fetchone() == (0,)


async def test_what_a_statement_says_of_the_session_is_said_in_vain(database_url: str) -> None:
    reading = Reading(database_url)
    await reading.start()
    try:
        await reading.ask(
            lambda connection: connection.execute('set session characteristics as transaction read write')
        )
        for _ in range(4):
            with pytest.raises(psycopg.Error):
                await reading.ask(lambda connection: connection.execute("insert into setting values ('c', '1')"))
    finally:
        await reading.stop()
