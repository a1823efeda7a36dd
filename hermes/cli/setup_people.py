"""`hermes setup people`: the files of people for the booking pages, begun and checked (WEB-1)."""

from typing import TYPE_CHECKING

from hermes.booking.reps_files import FILES, load_reps
from hermes.cli.output import say
from hermes.cli.session import done, table
from hermes.setup.people import begin_files, list_people, problems_of

if TYPE_CHECKING:
    from hermes.cli.session import Session

COLUMNS = (('admin', 'Admin'), ('name', 'Name'), ('slug', 'Slug'), ('shown', 'Shown'), ('why', 'Why'))


def set_up_people(here: 'Session') -> None:
    """Begin the files that are not there yet. Raises Refused."""
    for begun in begin_files(here.site.reps_folder, here.known().directory.admins):
        if begun.made:
            done(f'{begun.file} was made, with {begun.people} {"person" if begun.people == 1 else "people"}')
        else:
            done(f'{begun.file} is there already and stays as it is')


def check_people(here: 'Session') -> bool:
    """Say who is shown and who is not, and why; whether everybody of the files is. Raises Refused."""
    folder, admins = here.site.reps_folder, here.known().directory.admins
    reps = load_reps(folder)
    for kind, name in FILES.items():
        title = name if (folder / name).exists() else f'{name} (there is none)'
        table(title, COLUMNS, list_people(reps, kind, admins), empty='nobody')
    problems = list(problems_of(folder, reps, admins))
    for problem in problems:
        say(problem)
    return not problems
