"""`hermes sweep`: fetch what changed out there, or everything with a proof that nothing is missing (PD-GAP-1)."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import (
    ATTENTION,
    CLEAN,
    Column,
    JsonFlag,
    alarm,
    print_json,
    print_rows,
    say,
    show,
    show_duration,
)
from hermes.parts.roles import CRM, PRODUCT

if TYPE_CHECKING:
    from hermes.cli.engine import Tick
    from hermes.ports import Profile
    from hermes.sync.engine import Engine

SystemArgument = Annotated[str | None, typer.Argument(metavar='[SYSTEM]', help=f'{CRM} (pd), {PRODUCT} (tc2).')]
FullFlag = Annotated[
    bool, typer.Option('--full', help='List everything, deals too, and prove that nothing is missing.')
]
PATIENCE_S = 120.0
COLUMNS = [
    Column('system', 'SYSTEM'), Column('type', 'TYPE'), Column('kind', 'KIND'), Column('state', 'STATE'),
    Column('items', 'LISTED', True), Column('pages', 'PAGES', True), Column('tokens', 'TOKENS', True),
    Column('changes', 'CHANGES', True), Column('reason', 'REASON'),
]  # fmt: skip


def sweep(system: SystemArgument = None, full: FullFlag = False, as_json: JsonFlag = False) -> None:
    """Fetch what was changed out there; with --full everything, and prove that nothing is missing."""
    from hermes.cli.engine import listing, with_engine

    async def act(engine: 'Engine') -> dict[str, Any]:
        with listing() as tick:
            return await run(engine, system, full, tick)

    told = with_engine(act)
    if as_json:
        print_json(told)
    else:
        _print(told)
    raise typer.Exit(CLEAN if told['complete'] else ATTENTION)


async def run(engine: 'Engine', name: str | None, full: bool, tick: 'Tick') -> dict[str, Any]:
    """Open the sweeps and turn them to their end, or until their system is away. `complete`: all of them ended well,
    nothing waits for a person.
    """
    from hermes.cli.engine import system_of
    from hermes.db import calls, sweeps
    from hermes.domain.errors import Refused
    from hermes.sync.inline_worker import LISTING, is_away, run_until
    from hermes.sync.sweep import open_changes, open_everything

    wanted = [system_of(engine, name).profile] if name else _every(engine)
    ids: list[int] = []
    async with engine.database.transaction() as connection:
        since = await calls.newest(connection)
        for system in wanted:
            types = system.listings
            if types.full and (full or (name and not types.changed)):
                ids += await open_everything(connection, system, 'by hand')
            elif types.changed:
                ids += await open_changes(connection, system, 'by hand')
    if not ids:
        raise Refused(f'{", ".join(each.name for each in wanted) or "No system"} has nothing that a sweep lists.')

    async def is_done() -> bool:
        async with engine.database.transaction() as connection:
            rows = await sweeps.progress(connection, ids)
            away = {each.name for each in wanted if await is_away(connection, each.name, since)}
        for row in rows:
            if row['items']:
                tick(f'{row["system"]} {row["type"]} ({row["kind"]})', row['items'])
        return all((row['state'] != 'running' or row['system'] in away) and not row['unapplied'] for row in rows)

    await run_until(engine, LISTING, is_done, PATIENCE_S)
    return await report(engine, ids)


def _every(engine: 'Engine') -> 'list[Profile]':
    return [engine.systems[name].profile for name in sorted(engine.systems)]


async def report(engine: 'Engine', ids: list[int]) -> dict[str, Any]:
    """What the sweeps found, and the proofs of the full ones."""
    from hermes.db import sweeps

    async with engine.database.transaction() as connection:
        listings, proofs = await sweeps.report(connection, ids)
    done = all(each['state'] == 'done' for each in listings) and all(each['state'] == 'proven' for each in proofs)
    undecided = sum(each['undecided'] for each in proofs)
    return {'complete': done and not undecided, 'sweeps': listings, 'proofs': proofs}


def _print(told: dict[str, Any]) -> None:
    print_rows(COLUMNS, told['sweeps'])
    for proof in told['proofs']:
        name = f'{proof["system"]} {proof["type"]}'
        if proof['state'] == 'failed':
            alarm(f'{name}: NOT PROVEN to be complete: {show(proof["reason"])}')
            continue
        more = [
            f'{proof[key]} {words}'
            for key, words in (('deleted', 'were deleted'), ('unlisted', 'are there but not listed'),
                               ('newer', 'are newer than the listing'), ('undecided', 'need a decision'))
            if proof[key]
        ]  # fmt: skip
        say(
            f'{name}: complete, {proof["listed"]} listed, {proof["held"]} held'
            f'{"; " + ", ".join(more) if more else ""} ({proof["tokens"]} tokens, {show_duration(proof["took_s"])})'
        )
    for each in told['sweeps']:
        if each['state'] == 'running':
            alarm(f'{each["system"]} {each["type"]} is not finished: {show(each["reason"])}')
    say('complete' if told['complete'] else 'not complete: see above')
