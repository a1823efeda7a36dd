"""What makes a worker quick: it looks before it prepares; an answer and its verdict are applied at once, in order."""

from hermes.db import pushes
from hermes.sync import push
from hermes.sync.ingest import ingest_step
from tests.flows.companies import sign_up
from tests.flows.house import House

FILL = (
    "insert into reservation (system, search, lane, tokens, granted_at, until) select 'pipedrive', false, 'webhook', "
    "5, hermes_now(), hermes_now() + interval '3 seconds' from budget, generate_series(1, %s) "
    "where system = 'pipedrive' returning id"
)
PUSH = "select attempts, reason, leased_by, fence, due_at from push where record_type = 'company'"


async def signed_up(house: House) -> int:
    """A company that is merged and not yet pushed; how many calls the window takes."""
    house.clock.advance(60)
    await house.rows("update budget set burst_limit = 20 where system = 'pipedrive' returning 1")
    sign_up(house)
    for delivery in list(house.world.outbox.waiting):
        await house.post(delivery)
    await ingest_step(house.engine)
    return 20


async def test_nothing_is_prepared_while_the_burst_window_is_full(house: House) -> None:
    limit = await signed_up(house)
    [before] = await house.rows(PUSH)
    await house.rows(FILL, limit)
    claimed, wait_s = await push.look(house.engine, 0)
    assert claimed == []
    assert wait_s is not None
    assert 0 < wait_s <= 3
    assert await house.rows(PUSH) == [before]
    house.clock.advance(3.001)
    claimed, _ = await push.look(house.engine, 0)
    assert 'company' in {item.record.type for item in claimed}


async def test_calls_that_are_about_to_go_out_count_too(house: House) -> None:
    limit = await signed_up(house)
    await house.rows(FILL, 1)
    assert (await push.look(house.engine, limit))[0] == []
    assert (await push.look(house.engine, 0))[0] != []


async def test_an_urgent_push_passes_where_others_wait(house: House) -> None:
    limit = await signed_up(house)
    await house.rows(FILL, limit - 1)
    assert (await push.look(house.engine, 0))[0] == []
    await house.rows("update push set lane = 'interactive' where record_type = 'company' returning 1")
    assert (await push.look(house.engine, 0))[0] != []


async def test_an_answer_and_its_verdict_are_applied_in_their_order(house: House) -> None:
    sign_up(house)
    await house.settle()
    rows = await house.rows(
        'select a.applied_seq < v.applied_seq as ordered, v.state from event a join event v on v.cause_id = a.cause_id '
        "and v.kind = 'intent' where a.kind = 'answer'"
    )
    assert rows
    assert all(row['ordered'] and row['state'] == 'done' for row in rows)


CROWD = """
    insert into push (record_type, record_id, system, graph_id, rank, due_at) select 'company', -n, 'pipedrive', -n, 0,
      hermes_now() - make_interval(secs => n) from generate_series(1, %s) n returning 1
"""
FEW, MANY = 60, 5_000
READ = """
    select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
    where relname = 'push'
"""


async def test_a_claim_reads_no_more_when_more_waits_whatever_was_planned_for_few(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await connection.execute(CROWD, (FEW,))
        await connection.execute('analyze push')

        async def read() -> int:
            """Rows of pushes that one claim reads."""
            before = await (await connection.execute(READ)).fetchone()
            assert (await pushes.claim_graph(connection, 'somebody'))[0]
            await pushes.next_due_s(connection)
            after = await (await connection.execute(READ)).fetchone()
            assert before is not None
            assert after is not None
            return int(after['read'] - before['read'])

        few = max([await read() for _ in range(12)])
        await connection.execute(CROWD.replace('-n', '-n - 1000'), (MANY,))
        assert await read() <= few


async def test_what_the_window_refuses_rests_and_keeps_its_place(house: House) -> None:
    limit = await signed_up(house)
    before = await house.rows('select record_type, record_id, due_at from push order by record_type, record_id')
    await house.rows(FILL, limit)
    await push.push_step(house.engine)
    assert await house.rows('select record_type, record_id, due_at from push order by record_type, record_id') == before
    [company] = await house.rows(f'{PUSH} and leased_until > hermes_now()')
    assert (company['reason'], company['leased_by'], company['attempts']) == ('the burst window is full', None, 0)
    house.mark()
    await push.push_step(house.engine)
    assert house.calls() == []
    await house.settle()
    assert len(house.organizations()) == 1
