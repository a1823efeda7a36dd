"""`hermes drift`: what Hermes wants against what the CRM shows now, what healing costs, and the healing (FIELD-3)."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import ATTENTION, CLEAN, Column, JsonFlag, print_json, print_rows, say, show
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.cli.engine import Tick
    from hermes.sync.drift import Drift, Healed
    from hermes.sync.engine import Engine

HealFlag = Annotated[bool, typer.Option('--heal', help='Write what differs, through the ordinary push.')]
DryFlag = Annotated[bool, typer.Option('--dry-run', help='Say what --heal would do, and do nothing.')]
PATIENCE_S = 600.0
SHOWN = 20
BY_FIELD = [Column('type', 'TYPE'), Column('field', 'FIELD'), Column('differ', 'DIFFER', True),
            Column('learned', 'LEARNED', True)]  # fmt: skip


def drift(heal: HealFlag = False, dry_run: DryFlag = False, as_json: JsonFlag = False) -> None:
    """Compare with the CRM as it is now; --heal writes what differs."""
    from hermes.cli.engine import listing, with_engine

    async def act(engine: 'Engine') -> dict[str, Any]:
        with listing() as tick:
            return await run(engine, heal and not dry_run, tick)

    told = with_engine(act)
    if as_json:
        print_json(told)
    else:
        _print(told, dry_run)
    healed = told['healed']
    clean = not told['differences'] if healed is None else not healed['left'] and not healed['stuck']
    raise typer.Exit(CLEAN if clean else ATTENTION)


async def run(engine: 'Engine', heal: bool, tick: 'Tick') -> dict[str, Any]:
    """Look, and heal if that is wanted."""
    from dataclasses import asdict

    from hermes.cli.engine import system_of
    from hermes.sync import drift as drifting

    system = system_of(engine, CRM)
    found = await drifting.look(engine, system, tick)
    healed = await _heal(engine, found) if heal else None
    return {
        'system': found.system, 'listed': found.listed, 'unknown': found.unknown, 'objects': len(found.objects),
        'fields': by_field(found), 'tokens_to_heal': found.tokens, 'tokens_spent': found.spent,
        'differences': [asdict(each) for each in found.differences],
        'deletions': [{'record': ref, 'remote_id': remote_id} for ref, remote_id in found.deletions],
        'learned': [asdict(each) for each in found.learned],
        'healed': asdict(healed) if healed else None,
    }  # fmt: skip


async def _heal(engine: 'Engine', found: 'Drift') -> 'Healed':
    from hermes.sync import drift as drifting
    from hermes.sync.inline_worker import HEALING, run_until

    first_call = await drifting.newest_call(engine)
    await drifting.take(engine, found)

    async def is_done() -> bool:
        return (await drifting.progress(engine, found, first_call)).left == 0

    await run_until(engine, HEALING, is_done, PATIENCE_S)
    return await drifting.progress(engine, found, first_call)


def by_field(found: 'Drift') -> list[dict[str, Any]]:
    """How many differ, and how many are learned, by type and field."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for key, name, kind in [
        *((each.record.type, each.field, 'differ') for each in found.differences),
        *((each.record.type, each.field, 'learned') for each in found.learned),
    ]:
        row = counted.setdefault((key, name), {'differ': 0, 'learned': 0})
        row[kind] += 1
    return [{'type': key, 'field': name, **row} for (key, name), row in sorted(counted.items())]


def _print(told: dict[str, Any], dry_run: bool) -> None:
    listed = ', '.join(f'{count} {name}' for name, count in told['listed'].items())
    say(f'{told["system"]} shows {listed}; the look cost {told["tokens_spent"]} tokens')
    print_rows(BY_FIELD, told['fields'], empty='nothing differs')
    for each in told['differences'][:SHOWN]:
        record = f'{each["record"][0]}:{each["record"][1]}'
        say(f'{record} {each["field"]}: shows {show(each["shown"])}, wanted {show(each["wanted"])}')
    if len(told['differences']) > SHOWN:
        say(f'... and {len(told["differences"]) - SHOWN} more (--json shows them all)')
    if told['learned']:
        say(f'learned, not overwritten, because people own them: {len(told["learned"])}')
    if told['unknown']:
        say(f'there, but of no record here: {told["unknown"]}')
    healed = told['healed']
    if healed is None:
        would = 'healing would cost' if not dry_run else '--heal would cost'
        if told['objects']:
            say(f'{would} {told["tokens_to_heal"]} tokens; objects to write: {told["objects"]}')
        return
    say(f'healed: wrote {healed["written"]}, {healed["tokens"]} tokens of {told["tokens_to_heal"]} announced')
    for ref, reason in healed['stuck']:
        say(f'stuck: {ref[0]}:{ref[1]}: {show(reason)}')
    if healed['left']:
        say(f'still to be written by a worker: {healed["left"]}')
