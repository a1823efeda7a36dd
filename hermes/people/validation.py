"""Validation: whether everybody who has an id of the old CRM stands in the new one (AU-9, AU-10). Some hundred are
looked up in one call; what it says is applied in one transaction, and a run that was cut off goes on where it stopped.

The write that can fail is that transaction: then the answer stands nowhere but in this process, which appends it to the
durable journal file before anything else; `replay-journal` writes it later, once.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from hermes.db import people
from hermes.db.pool import DatabaseError
from hermes.domain import app_user_states as states
from hermes.domain.acts import NoteStates
from hermes.domain.app_user import TARGET
from hermes.domain.errors import AuthBroken, RateLimited, Reaction, Refused
from hermes.domain.model import Event, Record, RecordRef
from hermes.ports import Request, System, encode_answer
from hermes.sync import batches, calls, ingest
from hermes.sync.acts.commands import carry_out
from hermes.sync.acts.registry import ENGINE
from hermes.sync.calls import Asked, Denied
from hermes.sync.engine import Engine
from hermes.sync.failures import FailureJournal, Passed, keep

log = structlog.get_logger(__name__)
BATCH: Final = 200
TRIES: Final = 4
"""So often an answer that may be better the next time is asked for again."""
LONGEST_WAIT: Final = timedelta(minutes=2)
EXCERPT: Final = 2_000


@dataclass
class Validated:
    """What a run did: how many were looked at, calls, and how many came into which state."""

    run: int
    looked: int = 0
    calls: int = 0
    states: Counter[str] = field(default_factory=Counter)


Tell = Callable[[Validated], None]


async def validate(
    engine: Engine,
    *,
    told: Sequence[str] = (states.NOT_CHECKED,),
    limit: int | None = None,
    resume: int | None = None,
    dry: bool = False,
    by: str = '',
    failures: FailureJournal | None = None,
    tell: Tell | None = None,
) -> Validated:
    """Look everybody up who is in one of the states `told`. Raises Refused where there is nobody to ask, or the target
    does not let us in.
    """
    system, target = await _target(engine)
    run, cursor, told = await _begin(engine, target, told, resume, by, dry=dry)
    done = Validated(run)
    while limit is None or done.looked < limit:
        many = min(BATCH, limit - done.looked) if limit is not None else BATCH
        async with engine.database.transaction() as connection:
            records = await people.in_state(connection, target, told, cursor, many)
        if not records:
            break
        cursor = records[-1].ref.id
        try:
            await _look(engine, system, records, done, failures, dry=dry)
        except Refused:
            raise
        except Exception as error:
            await _note_failure(engine, records, done, error, dry=dry)
            raise
        done.looked += len(records)
        if not dry:
            async with engine.database.transaction() as connection:
                await people.advance_run(connection, run, cursor, done.states, ended=False)
        if tell:
            tell(done)
    if not dry:
        async with engine.database.transaction() as connection:
            await people.advance_run(connection, run, cursor, done.states, ended=limit is None or done.looked < limit)
    return done


async def _target(engine: Engine) -> tuple[System, str]:
    async with engine.database.transaction() as connection:
        target = str((await engine.known(connection)).settings.get(TARGET) or '')
    system = engine.systems.get(target)
    if system is None or not system.profile.looks_up:
        raise Refused(f'The target is {target or "none"}: there is nobody there to be looked up.')
    return system, target


async def _begin(
    engine: Engine, target: str, told: Sequence[str], resume: int | None, by: str, *, dry: bool
) -> tuple[int, int, Sequence[str]]:
    """The run, from where it goes on, and for which states."""
    async with engine.database.transaction() as connection:
        if resume is None:
            run = 0 if dry else await people.begin_run(connection, 'validate', target, told, by)
            return run, 0, told
        row = await people.find_run(connection, resume)
        if row is None or row['target'] != target:
            raise Refused(f'There is no run {resume} of the target {target}.')
        return resume, row['cursor'], row['states']


async def _look(
    engine: Engine,
    system: System,
    records: Sequence[Record],
    done: Validated,
    failures: FailureJournal | None,
    *,
    dry: bool,
) -> None:
    """One look-up, and what follows from it."""
    request = batches.lookup_request(records, 'legacy_id', done.run)
    asked = await _ask(engine, system, request, done)
    if asked.reaction is not None:
        await _note_unexpected(engine, records, asked, done, failures, dry=dry)
        return
    if dry:
        async with engine.database.transaction() as connection:
            event = await calls.note(engine, connection, system, asked)
        for element in system.observe(event, asked.known.catalogue):
            if element.lookup:
                found = len(element.lookup.found)
                done.states[states.OK if found == 1 else states.NOT_FOUND if not found else states.AMBIGUOUS] += 1
        return
    try:
        async with engine.database.transaction() as connection:
            event = await calls.note(engine, connection, system, asked)
            await ingest.record(engine, connection, event)
            after = [await people.find(connection, record.ref) for record in records]
    except DatabaseError as error:
        _keep(failures, asked, _passed(engine, system, asked, records), error, done)
        return
    done.states.update(str(record.fields.get('state') or '') for record in after if record)


async def _ask(engine: Engine, system: System, request: Request, done: Validated) -> Asked:
    """Ask until there is an answer that would not be better the next time. Raises Refused when we are not let in."""
    tries = 0
    while True:
        asked = await calls.ask(engine, system, request, 'backfill', 'AU-10')
        if isinstance(asked, Denied):
            at = asked.grant.retry_at
            wait_s = (at - engine.clock.now()).total_seconds() if at else 1.0
            await engine.clock.sleep(max(0.1, min(wait_s, LONGEST_WAIT.total_seconds())))
            continue
        done.calls += 1
        tries += 1
        reaction = asked.reaction
        if isinstance(reaction, AuthBroken):
            await _close(engine, asked)
            raise Refused(f'{system.profile.title} does not let us in; the run goes on with --resume {done.run}.')
        if reaction is None or not _may_improve(reaction) or tries >= TRIES:
            return asked
        await _close(engine, asked)
        wait = reaction.until - engine.clock.now() if isinstance(reaction, RateLimited) else None
        await engine.clock.sleep(min(wait or timedelta(seconds=engine.backoff_s(tries)), LONGEST_WAIT).total_seconds())


def _may_improve(reaction: Reaction) -> bool:
    return type(reaction).__name__ in ('Retry', 'RateLimited', 'Ambiguous')


async def _close(engine: Engine, asked: Asked) -> None:
    async with engine.database.transaction() as connection:
        await calls.close(engine, connection, asked)


async def _note_unexpected(
    engine: Engine,
    records: Sequence[Record],
    asked: Asked,
    done: Validated,
    failures: FailureJournal | None,
    *,
    dry: bool,
) -> None:
    """The target answered something else: everybody who was asked for is shown so, and looked at by people."""
    steps = (states.REQUESTED, states.UNEXPECTED, states.WROTE_UNEXPECTED)
    act = NoteStates([record.ref.id for record in records], steps, str(asked.reaction)[:EXCERPT], done.run)
    try:
        await _close(engine, asked)
        if not dry:
            await carry_out(engine, act, source=ENGINE)
    except DatabaseError as error:
        passed = (states.REQUESTED, states.UNEXPECTED, states.DB_UNEXPECTED, states.WROTE_UNEXPECTED)
        _keep(failures, asked, {passed: [record.ref for record in records]}, error, done)
        return
    done.states.update([states.WROTE_UNEXPECTED] * len(records))


async def _note_failure(
    engine: Engine, records: Sequence[Record], done: Validated, error: Exception, *, dry: bool
) -> None:
    """The script itself failed over these: they are shown so, and looked up when it runs again."""
    log.error('a validation failed', run=done.run, reason=type(error).__name__)
    if not dry:
        steps = (states.REQUESTED, states.SCRIPT_FAILURE)
        act = NoteStates([record.ref.id for record in records], steps, type(error).__name__, done.run)
        with suppress(DatabaseError):
            await carry_out(engine, act, source=ENGINE)


def _passed(
    engine: Engine, system: System, asked: Asked, records: Sequence[Record]
) -> dict[tuple[str, ...], list[RecordRef]]:
    """Through which states an answer leads whom, to where it could not be stored."""
    event = Event(0, system.name, 'read', encode_answer(asked.request, asked.answer), engine.clock.now())
    told = {each.lookup.record: each.lookup for each in system.observe(event, asked.known.catalogue) if each.lookup}
    passed: dict[tuple[str, ...], list[RecordRef]] = {}
    for record in records:
        found = told[record.ref].found if record.ref in told else ()
        way = {0: (states.NOT_FOUND, states.DB_NOT_FOUND), 1: (states.OK, states.DB_OK)}.get(len(found))
        if way:
            passed.setdefault((states.REQUESTED, *way), []).append(record.ref)
    return passed


def _keep(journal: FailureJournal | None, asked: Asked, passed: Passed, why: DatabaseError, done: Validated) -> None:
    """Append to the durable journal what the database did not take. Raises Refused where there is no such journal."""
    if journal is None:
        raise Refused('The database did not take what was answered, and there is no journal to keep it in.')
    keep(journal, asked, passed, why)
    for steps, refs in passed.items():
        done.states[next(step for step in steps if step in states.JOURNALED)] += len(refs)
