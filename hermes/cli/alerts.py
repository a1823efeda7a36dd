"""`hermes alerts`: what is open and when it was told, and a try of every channel."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli.output import ATTENTION, CLEAN, Column, JsonFlag, alarm, plain_errors, print_json, print_rows, say, show
from hermes.domain.errors import Reaction, Refused

if TYPE_CHECKING:
    from hermes.ports import Courier

COLUMNS = [
    Column('name', 'CONDITION'), Column('since', 'SINCE'), Column('told', 'TOLD', True), Column('told_at', 'LAST TOLD'),
    Column('over', 'OVER'), Column('ended_at', 'ENDED'), Column('said', 'WHAT'), Column('look', 'LOOK WITH'),
    Column('failed', 'NOT OUT'),
]  # fmt: skip


def list_alerts(
    ended: Annotated[bool, typer.Option('--all', help='Also what is well again.')] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List alerts: what is wrong since when, how often and when it was told."""
    from hermes.cli.database import reading
    from hermes.db.reads import alerts

    with reading() as connection:
        found = alerts.list_alerts(connection, ended=ended, limit=limit)
    if as_json:
        return print_json(found)
    print_rows(COLUMNS, found, empty='no alerts')


def try_channels(as_json: JsonFlag = False) -> None:
    """Send one over every channel, and say what each answers."""
    from hermes.cli.world import load_settings
    from hermes.domain.alerts import try_out
    from hermes.kit.clock import SystemClock
    from hermes.parts.assembly import build_couriers

    with plain_errors():
        settings, clock = load_settings(), SystemClock()
        couriers = build_couriers(settings, clock)
        if not couriers:
            raise Refused('Nobody is told: set ALERT_EMAIL (with SMTP_URL), or ALERT_WEBHOOK_URL, first.')
        told = asyncio.run(_try(couriers, try_out(clock.now(), settings.hermes_url)))
    if as_json:
        print_json(told)
    else:
        for each in told:
            line = f'{show(each["channel"])}: {show(each["answer"])}'
            say(line) if each['ok'] else alarm(line)
    raise typer.Exit(CLEAN if all(each['ok'] for each in told) else ATTENTION)


async def _try(couriers: dict[tuple[str, str], 'Courier'], body: dict[str, object]) -> list[dict[str, object]]:
    from hermes.domain.alerts import Message
    from hermes.kit.ids import new_id, system_chance

    told: list[dict[str, object]] = []
    for (channel, target), courier in couriers.items():
        try:
            answer, ok = await courier.deliver(Message(f'msg_{new_id(system_chance())}', body)), True
        except Reaction as reaction:
            answer, ok = str(reaction), False
        told.append({'channel': f'{channel} to {target}' if target else channel, 'ok': ok, 'answer': answer})
    return told


COMMANDS = {'list': list_alerts, 'test': try_channels}
