"""`hermes rota`: whose turn it is, queue by queue, and how many turns everybody had (API-3)."""

from typing import Annotated, Any

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
    from hermes.db.reads import staff
    from hermes.domain import rota
    from hermes.domain.staff import show_name
    from hermes.parts.systems import systems_on

    with plain_errors():
        shown = choose(plan, country)
    told: list[dict[str, Any]] = []
    settings = load_settings()
    with reading() as connection:
        now, admins = ledger.read_now(connection), ledger.read_admins(connection)
        away = staff.read_unreachable(connection, systems_on(settings))
        left_out = {
            admin.ref.id: admin
            for queue in shown
            for admin in rota.candidates(queue, admins, now, settings.dft_timezone)
            if admin.ref.id in away
        }
        for queue in shown:
            people = {admin.ref.id: admin for admin in rota.candidates(queue, admins, now, settings.dft_timezone, away)}
            standing = rota.settle(ledger.read_queue(connection, queue), now)
            for place, who in enumerate(standing.order(people), 1):
                told.append(
                    {
                        'queue': queue,
                        'place': place,
                        'id': who,
                        'name': show_name(people[who].fields),
                        'turns': standing.counts.get(who, 0),
                        'counted': standing.count(who),
                    }
                )
    if as_json:
        return print_json(told)
    print_rows(COLUMNS, told, empty='nobody can be drawn')
    for number, admin in sorted(left_out.items()):
        alarm(f'not drawn: {show(show_name(admin.fields))} (ID: {number}): {show(away[number])}')


def choose(plan: str, country: str) -> list[str]:
    """The queues of a plan and of a country's region; '' for all. Raises Refused."""
    from hermes.domain import rota
    from hermes.domain.errors import Refused
    from hermes.domain.regions import region_of
    from hermes.kit import countries

    if plan:
        rota.queue_of('sales', plan)
    code = countries.alpha2(country)
    if country and not code:
        raise Refused(f'"{country}" is no country: write its code, as GB, or its name.')
    return [
        queue
        for queue in rota.queues()
        if (not plan or queue.split(':')[1:2] == [plan]) and (not code or queue.endswith(f':{region_of(code)}'))
    ]


COMMANDS = {'show': show_rota}
