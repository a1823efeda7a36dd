"""`hermes status`: one screen that says how everything is, ending with `clean` or with what needs a person. No
personal data.
"""

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
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.domain.status import Status

CheckFlag = Annotated[bool, typer.Option('--check', help='Exit with 2 when something needs attention.')]
WatchFlag = Annotated[bool, typer.Option('--watch', '-w', help='Look again and again, until Ctrl-C.')]
Every = Annotated[float, typer.Option(metavar='SECONDS', min=0.5, max=3600, help='With --watch: how often.')]


def status(
    as_json: JsonFlag = False,
    check: CheckFlag = False,
    budget: Annotated[bool, typer.Option('--budget', help='What the calls cost, and what for.')] = False,
    days: Annotated[int, typer.Option(min=1, max=400, help='With --budget: so many days, today included.')] = 1,
    watch: WatchFlag = False,
    every: Every = 2.0,
) -> None:
    """How everything is doing, in one screen."""
    from hermes.cli.watching import look_again

    if watch and check:
        raise Refused('--check ends with what it saw, --watch goes on looking: say one of them.')

    def look() -> None:
        _look(as_json, check, days if budget else 0)

    return look_again(look, every) if watch else look()


def _look(as_json: bool, check: bool, spending_days: int) -> None:
    from dataclasses import asdict

    from hermes.cli import spending
    from hermes.cli.database import reading
    from hermes.cli.world import load_settings
    from hermes.db.reads.status import read_status

    with reading() as connection:
        settings = load_settings()
        mode, limit = settings.push_mode, settings.database_limit_mb
        condition = read_status(connection, sending=mode == 'live', limit_bytes=limit * 2**20 if limit else None)
    if spending_days:
        spending.show_spending(spending_days, as_json)
    elif as_json:
        told = {'attention': condition.attention, 'troubles': [each._asdict() for each in condition.troubles]}
        print_json(asdict(condition) | told | {'clean': condition.clean, 'push_mode': mode})
    else:
        if mode == 'plan':
            say('plan mode   nothing is sent; "hermes plan" lists what would be')
        _print(condition)
    raise typer.Exit(ATTENTION if check and not condition.clean else CLEAN)


def _print(condition: 'Status') -> None:
    _print_flow(condition)
    _print_systems(condition)
    if condition.sweeps:
        print_rows(
            [
                Column('system', 'SWEEPS'),
                Column('type', 'TYPE'),
                Column('kind', 'KIND'),
                Column('state', 'STATE'),
                Column('items', 'ITEMS', True),
                Column('tokens', 'TOKENS', True),
                Column('finished_at', 'FINISHED'),
            ],
            condition.sweeps,
        )
    else:
        say('sweeps      none yet: no first listing is proven')
    _print_proofs(condition.proofs)
    opened = ', '.join(f'{item["open"]} {show(item["kind"])}' for item in condition.decisions)
    say(f'decisions   {opened or "none open"}')
    refused = ', '.join(
        f'{item["count"]} {show(item["source"])} ({show(item["reason"])})' for item in condition.refusals
    )
    say(f'refusals    {refused or "none"} in the last hour')
    if condition.clean:
        return say('clean')
    for said in condition.attention:
        alarm(f'needs attention: {show(said)}')


def _print_flow(condition: 'Status') -> None:
    alive = [worker for worker in condition.workers if worker['alive']]
    where = ', '.join(f'{show(worker["host"])}:{worker["pid"]}' for worker in alive)
    say(f'workers     {len(alive)} alive{f" ({where})" if where else ""}')
    events: dict[str, Any] = condition.events
    say(f'events      {events["new"]} new, {events["waiting"]} waiting, {events["parked"]} parked')
    lag = ''
    if events['lag_p50_s'] is not None:
        lag = (
            f', applied after {show_duration(events["lag_p50_s"])} (median), {show_duration(events["lag_p99_s"])} (p99)'
        )
    say(f'            {events["received"]} in the last {show_duration(events["window_s"])}{lag}')
    if events['refused_acts']:
        say(f'            {events["refused_acts"]} acts refused in the last day: "hermes events list --state refused"')
    records = ', '.join(f'{item["live"]} {item["type"]}' for item in condition.records)
    gone = sum(item['tombstoned'] for item in condition.records)
    merged = sum(item['merged'] for item in condition.records)
    say(f'records     {records}; {gone} tombstoned, {merged} merged away')


def _print_proofs(proofs: list[dict[str, Any]]) -> None:
    """What is proven to be complete; what is not, in red (PD-GAP-1)."""
    from hermes.domain.status import tell_proof

    for proof in proofs:
        when = f'{show(proof["at"])}, {proof["tokens"]} tokens, {show_duration(proof["took_s"])}'
        told = f'proof       {proof["system"]} {proof["type"]}: {show(tell_proof(proof))} ({when})'
        say(told) if proof['state'] == 'proven' else alarm(told)


def _print_systems(condition: 'Status') -> None:
    from hermes.domain.status import standing

    budgets = {item['system']: item for item in condition.budgets}
    heard = {item['system']: item for item in condition.heard}
    rows = [
        {
            'system': item['system'],
            'account': item['account'],
            'state': f'blocked until {show(item["blocked_until"])}' if standing(item) == 'blocked' else standing(item),
            'reason': item['reason'] or '',
            'heard': _ago(heard[item['system']]['silent_s']),
            'today': _share(budgets.get(item['system']), 'spent_today', 'daily_limit'),
            'burst': _share(budgets.get(item['system']), 'burst_in_use', 'burst_limit'),
        }
        for item in condition.systems
    ]
    print_rows(
        [
            Column('system', 'SYSTEM'),
            Column('account', 'ACCOUNT'),
            Column('state', 'STATE'),
            Column('heard', 'LAST HEARD'),
            Column('today', 'TOKENS TODAY', True),
            Column('burst', 'BURST IN USE', True),
            Column('reason', 'REASON'),
        ],
        rows,
        empty='systems     none has been spoken with yet',
    )
    names = ('due', 'waiting', 'parked', 'held', 'in_flight', 'unknown')
    print_rows(
        [Column('system', 'PUSHES'), *(Column(name, name.upper().replace('_', ' '), True) for name in names)],
        condition.pushes,
        empty='pushes      none open',
    )


def _share(budget: dict[str, Any] | None, used: str, limit: str) -> str:
    return f'{budget[used]} of {budget[limit]}' if budget else '—'


def _ago(silent_s: float | None) -> str:
    return 'never' if silent_s is None else f'{show_duration(max(silent_s, 0.0))} ago'
