"""Limits of public visitors over a real database: quotas, proofs of work, many at once, nothing kept in clear."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import altcha
import pytest

from hermes.booking.limits import QUOTAS, READS, Limits
from hermes.db import housekeeping
from hermes.db.pool import Database
from hermes.domain.errors import OverLimit
from hermes.kit.clock import ManualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CLIENT, OTHER = b'c' * 32, b'd' * 32
KEY = 'canary-secret-key-of-thirty-two-characters'


class Gate:
    """The limits, their database, and a clock that the test owns."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.limits = Limits(KEY, clock)

    async def hold(self, client: bytes = CLIENT, proof: str = '') -> None:
        async with self.database.transaction() as connection:
            await self.limits.hold(connection, client, proof)

    async def book(self, client: bytes = CLIENT, email: str = 'sam@ember.example', proof: str = '') -> None:
        async with self.database.transaction() as connection:
            await self.limits.booking(connection, client, email, proof)

    async def refused(self, call: Any) -> OverLimit:
        with pytest.raises(OverLimit) as told:
            await call
        return told.value

    async def count(self, table: str = 'allowance') -> int:
        return int((await self.database.fetch(f'select count(*) as n from {table}'))[0]['n'])


@pytest.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    clock = ManualClock(START)
    database = Database(database_url, clock)
    await database.open()
    yield Gate(database, clock)
    await database.close()


def solve(challenge: dict[str, Any] | None) -> str:
    """What the page sends back."""
    assert challenge is not None
    given = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(given)
    assert solution is not None
    return altcha.Payload(given, solution).to_base64()


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
async def test_a_client_holds_thirty_times_an_hour_and_is_told_when_again(gate: Gate) -> None:
    for _ in range(30):
        await gate.hold()
        gate.clock.advance(60)
    over = await gate.refused(gate.hold())
    assert over.retry_after_s == 1800
    assert over.challenge is not None
    await gate.hold(OTHER)
    gate.clock.advance(1799)
    await gate.refused(gate.hold())
    gate.clock.advance(1)
    await gate.hold()


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3', 'S22')
async def test_ten_bookings_a_client_and_hour_and_three_an_address_and_day(gate: Gate) -> None:
    for number in range(10):
        await gate.book(email=f'person{number}@ember.example')
    over = await gate.refused(gate.book(email='eleventh@ember.example'))
    for client in (b'1' * 32, b'2' * 32, b'3' * 32):
        await gate.book(client, 'Sam@Ember.example ')
    last = await gate.refused(gate.book(OTHER, 'sam@ember.example'))
    assert (last.challenge, last.retry_after_s) == (None, 86400)
    proof = solve(over.challenge)
    await gate.refused(gate.book(CLIENT, 'sam@ember.example', proof))
    await gate.book(CLIENT, 'eleventh@ember.example', proof)
    gate.clock.advance(86400)
    await gate.book(OTHER, 'sam@ember.example')


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S19')
async def test_a_proof_of_work_is_good_for_one_more_for_ten_minutes(gate: Gate) -> None:
    for _ in range(30):
        await gate.hold()
    over = await gate.refused(gate.hold())
    proof = solve(over.challenge)
    await gate.hold(proof=proof)
    again = await gate.refused(gate.hold(proof=proof))
    late = solve(again.challenge)
    gate.clock.advance(600)
    await gate.refused(gate.hold(proof=late))
    for forged in (tampered(late, 'data', {'until': 9e9}), tampered(late, 'keyPrefix', ''), 'x', 'e30=', '[' * 5000):
        await gate.refused(gate.hold(proof=forged))
    stranger = Limits('another-secret-key-of-thirty-two-chars', gate.clock).challenge()
    await gate.refused(gate.hold(proof=solve(stranger)))
    lazy = json.loads(base64.b64decode(solve(gate.limits.challenge())))
    lazy['solution'] = {'counter': 1, 'derivedKey': '00' * 32}
    await gate.refused(gate.hold(proof=base64.b64encode(json.dumps(lazy).encode()).decode()))


def tampered(proof: str, name: str, value: Any) -> str:
    told = json.loads(base64.b64decode(proof))
    told['challenge']['parameters'][name] = value
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.behaviour('CB-18')
async def test_what_was_not_accepted_counts_nothing(gate: Gate) -> None:
    class Taken(Exception):
        """The slot was gone."""

    async def lose() -> None:
        async with gate.database.transaction() as connection:
            await gate.limits.booking(connection, CLIENT, 'sam@ember.example')
            raise Taken

    for _ in range(20):
        with pytest.raises(Taken):
            await lose()
    assert await gate.count() == 0
    await gate.book()
    assert await gate.count() == 2


@pytest.mark.behaviour('CB-18')
@pytest.mark.invariant('S3')
async def test_a_hundred_at_once_do_not_get_past_a_limit(gate: Gate) -> None:
    done = await asyncio.gather(*(gate.hold() for _ in range(60)), return_exceptions=True)
    assert sum(answer is None for answer in done) == 30
    proof = solve(next(answer.challenge for answer in done if isinstance(answer, OverLimit)))
    more = await asyncio.gather(*(gate.hold(proof=proof) for _ in range(10)), return_exceptions=True)
    assert sum(answer is None for answer in more) == 1


@pytest.mark.behaviour('CB-18')
async def test_sixty_looks_a_minute(gate: Gate) -> None:
    for _ in range(READS):
        gate.limits.reading(CLIENT)
    with pytest.raises(OverLimit) as over:
        gate.limits.reading(CLIENT)
    assert over.value.retry_after_s == 60
    gate.limits.reading(OTHER)
    gate.clock.advance(60)
    gate.limits.reading(CLIENT)


@pytest.mark.invariant('S3')
async def test_all_strangers_together_have_a_limit_too(gate: Gate) -> None:
    most = QUOTAS['booking'].in_all
    await gate.database.execute(
        "insert into allowance (kind, client_hash) select 'booking', decode(md5(n::text), 'hex') "
        'from generate_series(1, %s) n',
        (most,),
    )
    over = await gate.refused(gate.book())
    await gate.book(proof=solve(over.challenge))


async def test_switched_off_nothing_is_limited(gate: Gate) -> None:
    gate.limits = Limits(KEY, gate.clock, on=False)
    for _ in range(READS + 1):
        await gate.hold()
        gate.limits.reading(CLIENT)
    assert await gate.count() == 0


@pytest.mark.behaviour('CB-18')
async def test_addresses_are_kept_as_keyed_hashes_and_forgotten(gate: Gate) -> None:
    await gate.book(email='sam@ember.example')
    rows = await gate.database.fetch('select kind, client_hash from allowance order by id')
    assert [row['kind'] for row in rows] == ['booking', 'email']
    assert b'sam' not in bytes(rows[1]['client_hash'])
    other = Limits('another-secret-key-of-thirty-two-chars', gate.clock)
    async with gate.database.transaction() as connection:
        await other.booking(connection, OTHER, 'sam@ember.example')
    assert (
        len({bytes(row['client_hash']) for row in await gate.database.fetch('select client_hash from allowance')}) == 4
    )
    for _ in range(30):
        await gate.hold()
    await gate.hold(proof=solve(gate.limits.challenge()))
    assert await gate.count('spent_challenge') == 1
    gate.clock.advance(86400)
    await housekeeping.forget_visitors(gate.database)
    assert (await gate.count(), await gate.count('spent_challenge')) == (35, 0)
    gate.clock.advance(86401)
    await housekeeping.forget_visitors(gate.database)
    assert await gate.count() == 0
