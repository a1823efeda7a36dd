"""`python -m tests.legacy [COMPANIES]`: both older versions with 5 000 companies, reported and taken over, timed."""

import asyncio
import sys
import time

from hermes.legacy import database, importing
from hermes.legacy.reconciliation import reconcile
from hermes.parts import assembly as parts
from tests import postgres
from tests.flows.house import settings_for
from tests.legacy.generate import generate


async def take(url: str, older_url: str, generation: str, companies: int) -> None:
    """One version: make it, compare the report with the list, import it, import it again."""
    older = generate(older_url, generation, companies)
    started = time.perf_counter()
    source = database.read(older_url)
    told = [*reconcile(source).troubles, *importing.refused_fields(source)]
    reported = time.perf_counter()
    found = {tuple(one)[:4] for one in told if one.kind != 'zoneless'}
    assert found == older.troubles, sorted(found ^ older.troubles)[:20]
    engine = parts.build_engine(settings_for(url))
    await engine.database.open()
    try:
        first = await importing.take_over(engine, source)
        taken = time.perf_counter()
        again = await importing.take_over(engine, source)
    finally:
        await engine.database.close()
    assert (again.taken, again.known) == (0, first.taken)
    print(
        f'{generation}: {companies} companies, {len(older.troubles)} troubles, report {reported - started:.1f} s, '
        f'import {taken - reported:.1f} s, again {time.perf_counter() - taken:.1f} s',
        flush=True,
    )


def main(companies: int) -> None:
    with postgres.start_server() as server:
        postgres.make_template(server)
        for generation in ('second', 'newest'):
            with postgres.fresh_database(server, 'template1') as older_url, postgres.fresh_database(server) as url:
                asyncio.run(take(url, older_url, generation, companies))


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
