"""`hermes doctor`: every connection and setting, each one line that is ok or says what to do (SETUP-6)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli.output import ATTENTION, CLEAN, JsonFlag, alarm, print_json, say, show

if TYPE_CHECKING:
    from hermes.settings import Settings
    from hermes.setup.findings import Finding

OnlineFlag = Annotated[
    bool, typer.Option('--online/--offline', help='Also ask the systems themselves (costs a few API calls).')
]
FixFlag = Annotated[bool, typer.Option('--fix', help='Mend what can safely be mended, then look.')]
TripFlag = Annotated[
    bool, typer.Option('--round-trip', help='Make, read, change and delete an organisation, a person and a deal.')
]
CheckFlag = Annotated[bool, typer.Option('--check', hidden=True, help='What it does anyway: exit with 2.')]


def doctor(
    online: OnlineFlag = True,
    fix: FixFlag = False,
    trip: TripFlag = False,
    check: CheckFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Check every connection and setting, and say what to do. Exits with 2 when there is something to do."""
    from hermes.booking.reps_files import load_reps
    from hermes.cli.output import plain_errors
    from hermes.cli.world import load_settings, open_database
    from hermes.db import schema
    from hermes.setup.doctor import reached

    mended: list[str] = []
    asked: list[Finding] = []
    travelled: list[Finding] = []
    with plain_errors():
        settings = load_settings()
        load_reps(settings.reps_folder)
        with open_database(settings) as url:
            if fix and schema.check(url) != 'current':
                mended.append(f'mended: {schema.upgrade(url).said}')
            if (online or fix or trip) and schema.check(url) == 'current':
                mended, asked, travelled = _ask(online, fix, trip, mended)
            findings = [*examine(settings, url, reached(asked)), *asked, *travelled]
    if fix and not mended:
        mended = ['nothing is broken that can be mended from here']
    _report(mended, findings, as_json)
    raise typer.Exit(ATTENTION if any(finding.state == 'todo' for finding in findings) else CLEAN)


def examine(settings: 'Settings', url: str, reached: frozenset[str] = frozenset()) -> 'Iterator[Finding]':
    """Everything that can be seen without asking a system. `reached`: what was asked and answered. Raises Refused or
    DatabaseAway when there is no database.
    """
    from hermes.parts.site import site_of
    from hermes.setup import doctor

    yield from doctor.examine(site_of(settings), url, reached)
    yield from _examine_target(settings, url)


def _examine_target(settings: 'Settings', url: str) -> 'Iterator[Finding]':
    """Whether app users go where the environment wishes (AU-13)."""
    from hermes.db import connections, schema
    from hermes.db.reads.settings import read_settings
    from hermes.domain.app_user import TARGET
    from hermes.parts.people import wish_of
    from hermes.people.target import unfulfilled
    from hermes.setup.findings import Finding

    if schema.check(url) != 'current':
        return
    with connections.opened(url) as connection:
        target = str(read_settings(connection).get(TARGET) or '')
    if difference := unfulfilled(target, wish_of(settings)):
        yield Finding('app users', 'todo', difference, 'run "hermes people migration status"')


def _ask(
    online: bool, fix: bool, trip: bool, mended: list[str]
) -> 'tuple[list[str], list[Finding], list[Finding]]':  # fmt: skip
    """What the systems say; before the database is examined, because the answers land there."""
    from hermes.cli.session import session
    from hermes.setup.doctor import ask_systems, mend
    from hermes.setup.trials import travel

    with session(contact=False) as here:
        mended = [*mended, *(here.do(mend(here.engine, here.site)) if fix else ())]
        asked = here.do(ask_systems(here.engine, here.site)) if online else []
        return mended, asked, here.do(travel(here.engine)) if trip else []


def _report(mended: list[str], findings: 'list[Finding]', as_json: bool) -> None:
    sick = sum(finding.state == 'todo' for finding in findings)
    if as_json:
        return print_json({'ok': not sick, 'mended': mended, 'findings': findings})
    for line in mended:
        say(show(line))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        todo = f' -> {finding.todo}' if finding.todo else ''
        line = f'{finding.state:<7}  {finding.name.ljust(width)}  {show(finding.said + todo)}'
        alarm(line) if finding.state == 'todo' else say(line)
    alarm(f'{sick} to do') if sick else say('all is well')
