"""`hermes rota`: whose turn it is, queue by queue, and how many turns everybody had (API-3)."""

from dataclasses import asdict
from typing import Annotated

import typer

from hermes.cli.output import Column, JsonFlag, alarm, plain_errors, print_json, print_rows, show

COLUMNS = [
    Column('queue', 'QUEUE'), Column('place', 'NEXT', True), Column('name', 'WHO'), Column('id', 'ID', True),
    Column('turns', 'TURNS', True), Column('counted', 'COUNTED AS', True),
]  # fmt: skip


def show_rota(
    plan: Annotated[str, typer.Option(metavar='PLAN', help='Only this plan: payg, startup or enterprise.')] = '',
    country: Annotated[
        str, typer.Option(metavar='COUNTRY', help='Only the region of this country (code or name).')
    ] = '',
    as_json: JsonFlag = False,
) -> None:
    """Show who is next in every queue (plan and region; support), in the order in which they would be drawn."""
    from hermes.cli.database import reading
    from hermes.cli.world import load_settings
    from hermes.db.reads import rota as ledger
    from hermes.parts.systems import systems_on

    with plain_errors():
        shown = ledger.choose(plan, country)
    settings = load_settings()
    with reading() as connection:
        places, away = ledger.read_places(connection, shown, systems_on(settings), settings.dft_timezone)
    told = [asdict(each) for each in places]
    if as_json:
        return print_json(told)
    print_rows(COLUMNS, told, empty='nobody can be drawn')
    for number, (name, why) in sorted(away.items()):
        alarm(f'not drawn: {show(name)} (ID: {number}): {show(why)}')


COMMANDS = {'show': show_rota}
