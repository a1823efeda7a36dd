"""`hermes plan`: what would be sent now, per record and field, beside what the remote shows. Looking sends nothing.

With PUSH_MODE=plan nothing is sent at all; what is listed here goes out when it is `live` again.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import Column, JsonFlag, plain_errors, print_json, print_rows, say, show
from hermes.parts.roles import CRM, CRM_TITLE

if TYPE_CHECKING:
    from hermes.sync.engine import Engine
    from hermes.sync.planned import Planned

COLUMNS = [
    Column('record', 'RECORD'), Column('system', 'SYSTEM'), Column('op', 'CALL'), Column('field', 'FIELD'),
    Column('shows', 'SHOWS'), Column('would_be', 'WOULD BE'), Column('rule', 'RULE'), Column('waits', 'WAITS'),
]  # fmt: skip
TOTALS = [
    Column('system', 'SYSTEM'), Column('op', 'CALL'), Column('type', 'TYPE'), Column('calls', 'CALLS', True),
    Column('fields', 'FIELDS', True), Column('tokens', 'TOKENS', True), Column('stuck', 'STUCK', True),
]  # fmt: skip


def plan(
    system: Annotated[str | None, typer.Option('--system', help=f'Only this system, for example {CRM}.')] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help='At most so many companies.')] = 10_000,
    as_json: JsonFlag = False,
) -> None:
    """List what would be sent now, field by field, and what it costs."""
    from dataclasses import asdict

    from hermes.cli.engine import with_engine
    from hermes.cli.naming import system_name
    from hermes.cli.world import load_settings
    from hermes.sync.planned import total

    with plain_errors():
        mode, name = load_settings().push_mode, system_name(system) if system else None
    found = with_engine(lambda engine: _foresee(engine, name, limit), greeted=False)
    sums = total(found)
    if as_json:
        calls = [{**asdict(item), 'record': list(item.record)} for item in found]
        return print_json({'mode': mode, 'calls': calls, 'totals': sums})
    print_rows(COLUMNS, [line for item in found for line in _lines(item)], empty='nothing would be sent')
    print_rows(TOTALS, sums, empty='')
    tokens = sum(line['tokens'] for line in sums if line['system'] == CRM)
    what = 'nothing is sent (PUSH_MODE=plan)' if mode == 'plan' else 'it goes out as its time comes'
    say(f'{sum(line["calls"] for line in sums)} calls, {tokens} tokens of {CRM_TITLE}; {what}')


def _lines(item: 'Planned') -> list[dict[str, Any]]:
    head = {'record': f'{item.record.type}:{item.record.id}', 'system': item.system, 'op': item.op, 'waits': item.waits}
    return [
        head | {'field': each.field, 'shows': show(each.shows), 'would_be': show(each.would_be), 'rule': each.rule}
        for each in item.differences
    ] or [head | {'field': '', 'shows': item.remote_id, 'would_be': '', 'rule': 'D-6'}]


async def _foresee(engine: 'Engine', system: str | None, limit: int) -> 'list[Planned]':
    from hermes.db.pool import read_only_from_now
    from hermes.sync.planned import foresee

    async with engine.database.transaction() as connection:
        await read_only_from_now(connection)
        return await foresee(engine, connection, system, limit)
