"""What `hermes doctor` says about the files of people: who of them is not shown, and why (WEB-1)."""

from typing import TYPE_CHECKING

from hermes.cli.findings import Finding

if TYPE_CHECKING:
    from hermes.booking.reps import Reps
    from hermes.db.connections import Connection
    from hermes.settings import Settings


def examine_people(connection: 'Connection', settings: 'Settings', reps: 'Reps') -> Finding:
    """`reps`: of the files."""
    from hermes.cli.setup_people import problems_of
    from hermes.db.reads.checks import read_staff

    folder = settings.reps_dir
    if folder is not None and not folder.is_dir():
        return Finding(
            'people', 'todo', f'REPS_DIR: {folder} is no folder', 'name one, or let "hermes setup people" make it'
        )
    listed = sum(len(each) for each in reps.listed.values())
    problems = list(problems_of(settings.reps_folder, reps, read_staff(connection)))
    if problems:
        more = f' and {len(problems) - 1} more' if len(problems) > 1 else ''
        return Finding('people', 'todo', f'{problems[0]}{more}', 'see all with "hermes setup people --check"')
    if not reps.listed:
        return Finding('people', 'skipped', 'visitors see names alone; "hermes setup people" begins the files')
    return Finding('people', 'ok', f'{listed} in the files, each takes calls')
