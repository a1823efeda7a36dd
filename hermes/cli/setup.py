"""`hermes setup`: pipelines, fields, admins and webhooks, asked for one after the other or told by flags (SETUP-1 to
SETUP-5).

What is set already stays; every step commits on its own, so that it may be interrupted anywhere and said again.
"""

from pathlib import Path
from typing import Annotated

import typer

from hermes.cli.output import JsonFlag, say
from hermes.parts.roles import PRODUCT_TITLE

Yes = Annotated[bool, typer.Option('--yes', help='Take what is suggested wherever no flag answers.')]
PlanFlag = Annotated[str | None, typer.Option(metavar='PIPELINE', help='Name or CRM id of the pipeline.')]
Entry = Annotated[
    list[str],
    typer.Option('--entry', metavar='PIPELINE=STAGE', help='Where deals enter: names or CRM ids. Repeatable.'),
]
Create = Annotated[bool | None, typer.Option('--create/--no-create', help='Make missing fields in the CRM.')]
Optional = Annotated[bool | None, typer.Option('--optional/--no-optional', help='Make the optional fields too.')]
Users = Annotated[str | None, typer.Option(metavar='WHICH', help='"all", numbers of the list, or e-mail addresses.')]
Tc2 = Annotated[
    list[str],
    typer.Option('--tc2', metavar='EMAIL=ID', help=f'The {PRODUCT_TITLE} admin id of a user, who is chosen by it.'),
]
Take = Annotated[bool | None, typer.Option('--take/--no-take', help=f"Take {PRODUCT_TITLE}'s clients over now.")]
NOTHING: list[str] = []


def setup_all(
    payg: PlanFlag = None,
    startup: PlanFlag = None,
    enterprise: PlanFlag = None,
    entry: Entry = NOTHING,
    create: Create = None,
    optional: Optional = None,
    users: Users = None,
    tc2: Tc2 = NOTHING,
    take: Take = None,
    yes: Yes = False,
) -> None:
    """Everything, one after the other: pipelines, fields, admins, webhooks, and the clients that are there already."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_admins import set_up_admins
    from hermes.cli.setup_clients import set_up_clients
    from hermes.cli.setup_fields import set_up_fields
    from hermes.cli.setup_pipelines import set_up_pipelines
    from hermes.cli.setup_webhooks import set_up_webhooks

    answers = Answers(yes)
    with session() as here:
        plans = {'payg': payg, 'startup': startup, 'enterprise': enterprise}
        set_up_pipelines(here, answers, plans, entry)
        say()
        set_up_fields(here, answers, create=create, optional=optional)
        say()
        set_up_admins(here, answers, users, tc2)
        say()
        set_up_webhooks(here)
        say()
        set_up_clients(here, answers, take)


def setup_pipelines(
    payg: PlanFlag = None,
    startup: PlanFlag = None,
    enterprise: PlanFlag = None,
    entry: Entry = NOTHING,
    yes: Yes = False,
) -> None:
    """Fetch pipelines and stages; choose where deals enter and which pipeline serves which plan."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_pipelines import set_up_pipelines

    with session() as here:
        set_up_pipelines(here, Answers(yes), {'payg': payg, 'startup': startup, 'enterprise': enterprise}, entry)


def setup_fields(create: Create = None, optional: Optional = None, yes: Yes = False) -> None:
    """Show which fields stand in the CRM, and make the missing ones there."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_fields import set_up_fields

    with session() as here:
        set_up_fields(here, Answers(yes), create=create, optional=optional)


def setup_admins(users: Users = None, tc2: Tc2 = NOTHING, yes: Yes = False) -> None:
    """Make admins out of the CRM's users."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_admins import set_up_admins

    with session() as here:
        set_up_admins(here, Answers(yes), users, tc2)


def setup_webhooks(
    remove: Annotated[bool, typer.Option('--remove', help='Take it away there: before Hermes goes.')] = False,
) -> None:
    """Register our webhook at the CRM, and check the product's integration."""
    from hermes.cli.session import session
    from hermes.cli.setup_webhooks import set_up_webhooks, take_webhooks_away

    with session() as here:
        (take_webhooks_away if remove else set_up_webhooks)(here)


def setup_clients(take: Take = None, yes: Yes = False) -> None:
    """Take over the clients that the product has already: their number and the cost are said first."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_clients import set_up_clients

    with session(contact=False) as here:
        set_up_clients(here, Answers(yes), take)


def setup_people(
    check: Annotated[bool, typer.Option('--check', help='Say who is shown and who is not, and why.')] = False,
) -> None:
    """Begin the files of people for the booking pages, or check them: exits with 2 when somebody is not shown."""
    from hermes.cli.output import ATTENTION
    from hermes.cli.session import session
    from hermes.cli.setup_people import check_people, set_up_people

    with session(contact=False) as here:
        if not check:
            return set_up_people(here)
        right = check_people(here)
    if not right:
        raise typer.Exit(ATTENTION)


def setup_hours(
    start: Annotated[str | None, typer.Option(metavar='HH:MM', help='When the day begins.')] = None,
    end: Annotated[str | None, typer.Option(metavar='HH:MM', help='When it ends.')] = None,
    minutes: Annotated[str | None, typer.Option(metavar='MINUTES', help='How long a call lasts.')] = None,
    buffer: Annotated[str | None, typer.Option(metavar='MINUTES', help='What is kept free after it.')] = None,
    yes: Yes = False,
) -> None:
    """Set the hours of whoever has none of their own, and show who can be booked."""
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_hours import set_up_hours

    given = {
        'meeting_min_start': start, 'meeting_max_end': end, 'meeting_dur_mins': minutes, 'meeting_buffer_mins': buffer,
    }  # fmt: skip
    with session(contact=False) as here:
        set_up_hours(here, Answers(yes), given)


def setup_booking(
    admin: Annotated[
        str | None, typer.Option(metavar='ADMIN', help='Number, name or e-mail address of the host.')
    ] = None,
    email: Annotated[str | None, typer.Option(metavar='EMAIL', help='Yours: the invitation goes there.')] = None,
    yes: Yes = False,
) -> None:
    """Make a test booking, look for it in calendar and CRM, and cancel it: exits with 2 when something is not right."""
    from hermes.cli.output import ATTENTION
    from hermes.cli.session import Answers, session
    from hermes.cli.setup_booking import try_booking

    with session(contact=False) as here:
        right = try_booking(here, Answers(yes), admin, email)
    if not right:
        raise typer.Exit(ATTENTION)


def setup_status(
    online: Annotated[bool, typer.Option('--online', help='Ask the systems first (costs a few API calls).')] = False,
    check: Annotated[bool, typer.Option('--check', help='Exit with 2 unless everything is done.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """The checklist: what is done, what is to be done, and what does it."""
    from hermes.cli.output import ATTENTION
    from hermes.cli.setup_status import show_checklist

    if not show_checklist(online, as_json) and check:
        raise typer.Exit(ATTENTION)


def export_file(file: Annotated[Path, typer.Argument(metavar='FILE', help='"-" prints it.')]) -> None:
    """Write the set-up as TOML, with the CRM's ids and without any secret."""
    from hermes.cli.session import done, session
    from hermes.cli.setup_files import export_setup, save_text

    with session(contact=False) as here:
        text = export_setup(here)
        if str(file) == '-':
            return say(text, end='')
        save_text(file, text)
        done(f'The set-up is in {file}')


def import_file(file: Annotated[Path, typer.Argument(metavar='FILE')]) -> None:
    """Take over a set-up from a TOML file; what the file does not name stays as it is."""
    from hermes.cli.imports import import_setup
    from hermes.cli.session import done, session
    from hermes.cli.setup_files import read_toml

    told = read_toml(file)
    with session() as here:
        for line in import_setup(here, file, told):
            done(line)
        done('The set-up was taken over!')


COMMANDS = {
    'all': setup_all,
    'pipelines': setup_pipelines,
    'fields': setup_fields,
    'admins': setup_admins,
    'webhooks': setup_webhooks,
    'clients': setup_clients,
    'people': setup_people,
    'hours': setup_hours,
    'booking': setup_booking,
    'status': setup_status,
    'export': export_file,
    'import': import_file,
}
