"""`hermes people`: app users, where each stands in the CRM, and their migration from one to another (AU-6,
AU-9 to AU-13, AU-19).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.acting import BY, ByText
from hermes.cli.output import ATTENTION, Column, JsonFlag, clean, print_json, print_rows, say, warn
from hermes.cli.people_connect import connect
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from typing import IO

    from hermes.domain.acts import Act
    from hermes.people.importing import Imported
    from hermes.sync.engine import Engine

StateOption = Annotated[
    list[str], typer.Option('--state', metavar='STATE', help='Only those in this state (repeatable).')
]
FileArgument = Annotated[Path, typer.Argument(metavar='FILE', help='CSV with a heading, or JSON Lines.')]
DryFlag = Annotated[bool, typer.Option('--dry-run', help='Only say what would be done; nothing is kept.')]
COUNTS = [Column('state', 'STATE'), Column('count', 'HOW MANY', True), Column('open', 'NEEDS SOMEBODY')]
NOTHING: list[str] = []


def report(as_json: JsonFlag = False) -> None:
    """How many app users stand in which state, and what is open."""
    from hermes.domain.app_user_states import OPEN

    phase, target, counts = _standing()
    rows = [
        {'state': state, 'count': count, 'open': 'yes' if state in OPEN else ''}
        for state, count in sorted(counts.items())
    ]
    if as_json:
        return print_json({'target': target, 'phase': phase, 'states': counts})
    say(f'target: {target or "none"}{f", phase {phase}" if phase else ""}')
    print_rows(COUNTS, rows, empty='no app users')


def validate(
    state: StateOption = NOTHING,
    limit: Annotated[int | None, typer.Option(min=1, help='At most so many.')] = None,
    resume: Annotated[int | None, typer.Option(metavar='RUN', help='Go on with a run that was cut off.')] = None,
    dry: DryFlag = False,
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Look everybody up in the CRM who has an id of the old one. Some hundred a call; a run can be resumed."""
    from hermes.cli.engine import with_engine
    from hermes.domain.app_user_states import NOT_CHECKED
    from hermes.people.validation import Validated
    from hermes.people.validation import validate as look

    def tell(done: Validated) -> None:
        warn(f'{done.looked} looked up, {done.calls} calls')

    async def run(engine: 'Engine') -> Validated:
        states, failures = state or [NOT_CHECKED], _failures()
        return await look(
            engine, told=states, limit=limit, resume=resume, dry=dry, by=by or BY, failures=failures, tell=tell
        )

    done = with_engine(run)
    if as_json:
        return print_json({'run': done.run, 'looked': done.looked, 'calls': done.calls, 'states': dict(done.states)})
    say(f'{"nothing was kept; " if dry else f"run {done.run}: "}{done.looked} looked up in {done.calls} calls')
    rows = [{'state': name, 'count': count, 'open': ''} for name, count in sorted(done.states.items())]
    print_rows(COUNTS, rows, empty='nobody')


def export_csv(
    file: Annotated[Path, typer.Argument(metavar='FILE', help='A new file, readable by you alone; - for stdout.')],
    state: StateOption = NOTHING,
) -> None:
    """Write the app users of some states as CSV, with empty columns for a decision. No cell of it is a formula."""
    import sys

    from hermes.cli.database import reading
    from hermes.cli.db import new_file
    from hermes.db.reads.people import list_people
    from hermes.kit.sheets import lines

    columns = ('id', 'user_id', 'email', 'first_name', 'last_name', 'legacy_id', 'crm_id', 'state', 'said', 'suggested')
    with reading() as connection:
        rows = list_people(connection, state)
    told = lines((*columns, 'decision', 'reason'), ([*(row[name] for name in columns), '', ''] for row in rows))
    if str(file) == '-':
        sys.stdout.writelines(told)
        return
    with new_file(file) as out:
        out.writelines(line.encode() for line in told)
    say(clean(f'{len(rows)} app users are in {file}; people stand in it: keep it from others.'))


def import_decisions(file: FileArgument, by: ByText = '', as_json: JsonFlag = False) -> None:
    """Take in what people decided: the columns id, decision (create, link, skip, retry), crm_id and reason."""
    from hermes.cli.engine import with_engine
    from hermes.people import importing

    async def run(engine: 'Engine') -> 'Imported':
        with _opened(file) as text:
            lines = ((number, told) for number, told in importing.read_lines(text, file.name) if _is_decided(told))
            return await importing.import_decisions(engine, lines, by=by or BY)

    _tell_imported(with_engine(run, greeted=False), 'decisions were taken in', as_json)


def _opened(file: Path) -> 'IO[str]':
    try:
        return file.open(encoding='utf-8-sig', newline='')
    except OSError as error:
        raise Refused(f'{file} cannot be read: {error.strerror}.') from None


def _is_decided(told: Any) -> bool:
    return not isinstance(told, dict) or bool(told.get('decision'))


def import_users(file: FileArgument, dry: DryFlag = False, by: ByText = '', as_json: JsonFlag = False) -> None:
    """Take over users that were there before: email, first_name, last_name, lang, educator, lists, user_id, legacy_id,
    crm_id.
    """
    from hermes.cli.engine import with_engine
    from hermes.people import importing

    async def run(engine: 'Engine') -> 'Imported':
        with _opened(file) as text:
            return await importing.import_users(engine, importing.read_lines(text, file.name), dry=dry, by=by or BY)

    what = 'would be taken over' if dry else 'are taken over'
    _tell_imported(with_engine(run, greeted=False), what, as_json)


def _tell_imported(done: 'Imported', what: str, as_json: bool) -> None:
    if as_json:
        print_json({'made': done.made, 'known': done.known, 'refused': done.refused})
    else:
        say(f'{done.made} {what}{f", {done.known} were known already" if done.known else ""}')
        for number, why in done.refused:
            say(clean(f'line {number} was refused: {why}'))
    if done.refused:
        raise typer.Exit(ATTENTION)


def retry(
    state: Annotated[list[str], typer.Option('--state', metavar='STATE', help='Those in this state (repeatable).')],
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Have app users looked up, or sent, again."""
    from hermes.cli.database import reading
    from hermes.db.reads.people import list_people
    from hermes.domain.acts import DecideAppUser

    with reading() as connection:
        found = list_people(connection, state)
    _act([(f'app user {row["id"]}: again', DecideAppUser(row['id'], 'retry')) for row in found], as_json, by)


def roll_back(
    run: Annotated[int, typer.Argument(metavar='RUN', help='The number of a run of "hermes people validate".')],
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Take back what a run wrote, where nothing else was written since."""
    from hermes.domain.acts import RollBackRun

    _act([(f'run {run}: taken back', RollBackRun(run))], as_json, by)


def retire_legacy_id(by: ByText = '', as_json: JsonFlag = False) -> None:
    """Drop the ids of the old CRM, once nobody is unresolved."""
    from hermes.domain.acts import RetireLegacyIds

    _act([('the old ids are retired', RetireLegacyIds())], as_json, by)


def load_log(as_json: JsonFlag = False) -> None:
    """Send what the journal kept to the CRM that is written to now. Twice changes nothing."""
    from hermes.cli.engine import with_engine
    from hermes.cli.world import load_settings
    from hermes.parts.journal import open_journal
    from hermes.people.journals import load_log as load

    entries = [entry.says for entry in open_journal(load_settings()).read()]
    _tell_counts(with_engine(lambda engine: load(engine, entries), greeted=False), as_json)


def replay_journal(as_json: JsonFlag = False) -> None:
    """Write what the database did not take at the time, once each."""
    from hermes.cli.engine import with_engine
    from hermes.people.journals import replay_failures

    entries = [(entry.number, entry.says) for entry in _failures().read()]
    _tell_counts(with_engine(lambda engine: replay_failures(engine, entries), greeted=False), as_json)


def _tell_counts(counts: Any, as_json: bool) -> None:
    if as_json:
        return print_json(dict(counts))
    rows = [{'state': name or '(none)', 'count': count, 'open': ''} for name, count in counts.items()]
    print_rows(COUNTS, rows, empty='nothing is kept there')


def sync_sustainers(
    force: Annotated[bool, typer.Option('--force', help='Believe it, however many it changes.')] = False,
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Bring everybody's sustainer status to what the CRM says."""
    from hermes.cli.engine import with_engine
    from hermes.people.sustainers import sync_sustainers as sync
    from hermes.sync.acts.scope import OPERATOR

    done = with_engine(lambda engine: sync(engine, force=force, by=by or BY, source=OPERATOR))
    if as_json:
        return print_json({'read': done.read, 'on': done.on, 'off': done.off})
    say(f'{done.read} were read; {len(done.on)} became sustainers, {len(done.off)} no longer are')


def migration(
    action: Annotated[str, typer.Argument(metavar='[ACTION]', help='status, next, back or confirm.')] = 'status',
    what: Annotated[str, typer.Argument(metavar='[WHAT]', help='The phase, or the step that is confirmed.')] = '',
    on: Annotated[str, typer.Option('--on', metavar='DATE', help='The date of what is confirmed, else today.')] = '',
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Where the migration stands, and what may be next; go on, back, or confirm what people did by hand."""
    from hermes.domain import migration as plan
    from hermes.domain.acts import ConfirmStep, SetTarget

    if action not in ('status', 'next', 'back', 'confirm'):
        raise Refused(f'"{action}" is none of: status, next, back, confirm.')
    phase, target, counts = _standing()
    if action == 'status':
        return _tell_migration(phase, target, counts, as_json)
    if not by.strip():
        raise Refused('Say who it is: --by NAME.')
    if action == 'confirm':
        if what not in plan.STEPS:
            raise Refused(f'Confirm what? The steps are: {", ".join(plan.STEPS)}.')
        from hermes.kit.clock import SystemClock

        return _act(
            [(f'confirm {what}', ConfirmStep(what, by, on or SystemClock().now().date().isoformat()))], as_json, by
        )
    arrow = _arrow(phase or 'legacy', what, back=action == 'back')
    _act([(f'phase {arrow.end}', SetTarget(_target(arrow.into, target), arrow.end))], as_json, by)


def _arrow(phase: str, what: str, *, back: bool) -> Any:
    from hermes.domain import migration as plan

    if what:
        return plan.find(phase, what)
    choices = [arrow for arrow in plan.leaving(phase) if arrow.back is back]
    if len(choices) != 1:
        told = ', '.join(arrow.end for arrow in choices) or 'nothing'
        raise Refused(f'From the phase {phase} one can go {"back" if back else "on"} to: {told}. Say which.')
    return choices[0]


def _target(into: str, target: str) -> str:
    """The system that an arrow leads to: the one of CRM_TYPE is the new one, the one that is kept is the old one."""
    from hermes.cli.world import load_settings
    from hermes.domain.app_user import JOURNAL
    from hermes.parts.people import legacy_of, target_of

    settings = load_settings()
    return {'same': target, 'log': JOURNAL, 'new': target_of(settings), 'old': legacy_of(settings)}[into]


def _tell_migration(phase: str, target: str, counts: dict[str, int], as_json: bool) -> None:
    from hermes.cli.database import reading
    from hermes.db.reads.settings import read_settings
    from hermes.domain import migration as plan

    with reading() as connection:
        confirmed = dict(read_settings(connection).get(plan.CONFIRMED) or {})
    standing = phase or 'legacy'
    told = {arrow.end: plan.obstacles(arrow, counts, confirmed) for arrow in plan.leaving(standing)}
    if as_json:
        return print_json({'phase': standing, 'target': target, 'states': counts, 'confirmed': confirmed, 'next': told})
    say(f'phase {standing}: {plan.MEANS[standing]}; target {target or "none"}')
    for step, said in confirmed.items():
        say(clean(f'confirmed: {step}, by {said["by"]} on {said["on"]}'))
    for end, obstacles in told.items():
        say(f'{end}: {"; ".join(obstacles) or "may be next"}')


def _standing() -> tuple[str, str, dict[str, int]]:
    """The phase, the target, and how many stand in which state."""
    from hermes.cli.database import reading
    from hermes.db.reads.people import count_states
    from hermes.db.reads.settings import read_settings
    from hermes.domain.app_user import PHASE, TARGET

    with reading() as connection:
        settings = read_settings(connection)
        target = str(settings.get(TARGET) or '')
        return str(settings.get(PHASE) or ''), target, count_states(connection, target)


def _failures() -> Any:
    from hermes.cli.world import load_settings
    from hermes.parts.journal import open_failures

    return open_failures(load_settings())


def _act(wanted: list[tuple[str, 'Act']], as_json: bool, by: str) -> None:
    from hermes.cli.acting import act
    from hermes.cli.database import writing

    with writing() as connection:
        act(connection, wanted, as_json, by=by, wait_s=120.0)


COMMANDS = {
    'report': report, 'import': import_users, 'validate': validate, 'export-csv': export_csv,
    'import-decisions': import_decisions, 'retry': retry, 'rollback': roll_back, 'migration': migration,
    'load-log': load_log, 'replay-journal': replay_journal, 'sync-sustainers': sync_sustainers,
    'retire-legacy-id': retire_legacy_id, 'connect': connect,
}  # fmt: skip
