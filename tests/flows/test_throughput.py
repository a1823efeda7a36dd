"""What makes a worker quick: it looks before it prepares; an answer and its verdict are applied at once, in order."""

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
