"""`hermes setup people`: the files of people for the booking pages, begun and checked (WEB-1)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes.booking.reps import Reps, why_hidden
from hermes.booking.reps_files import FILES, load_reps
from hermes.booking.reps_template import begin_file, entries_of
from hermes.cli.output import say
from hermes.cli.session import done, table
from hermes.domain.model import Record

if TYPE_CHECKING:
    from hermes.cli.session import Session

COLUMNS = (('admin', 'Admin'), ('name', 'Name'), ('slug', 'Slug'), ('shown', 'Shown'), ('why', 'Why'))


def set_up_people(here: 'Session') -> None:
    """Begin the files that are not there yet. Raises Refused."""
    folder, admins = here.settings.reps_folder, here.known().directory.admins
    for kind in FILES:
        entries = entries_of(kind, admins)
        if file := begin_file(folder, kind, entries):
            done(f'{file} was made, with {len(entries)} {"person" if len(entries) == 1 else "people"}')
        else:
            done(f'{folder / FILES[kind]} is there already and stays as it is')


def check_people(here: 'Session') -> bool:
    """Say who is shown and who is not, and why; whether everybody of the files is. Raises Refused."""
    folder, admins = here.settings.reps_folder, here.known().directory.admins
    reps = load_reps(folder)
    for kind, name in FILES.items():
        shown = {rep.admin_id: rep for rep in reps.bookable(kind, admins)}
        rows: list[dict[str, Any]] = [
            {'admin': rep.admin_id, 'name': rep.name, 'slug': rep.slug, 'shown': True, 'why': ''}
            for rep in shown.values()
        ]
        rows += [
            {'admin': rep.admin_id, 'name': rep.name, 'slug': rep.slug, 'shown': False, 'why': why_hidden(admin, kind)}
            for rep in reps.listed.get(kind, ())
            if rep.admin_id not in shown
            for admin in [admins.get(rep.admin_id)]
        ]
        table(name if (folder / name).exists() else f'{name} (there is none)', COLUMNS, rows, empty='nobody')
    problems = list(problems_of(folder, reps, admins))
    for problem in problems:
        say(problem)
    return not problems


def problems_of(folder: Path, reps: Reps, admins: Mapping[int, Record]) -> Iterator[str]:
    """What of right files comes to nothing: who is not shown, and whose alternative takes no calls."""
    for kind, listed in reps.listed.items():
        for rep in listed:
            where = f'{folder / FILES[kind]}, line {rep.line}: {rep.name} (admin {rep.admin_id})'
            if why := why_hidden(admins.get(rep.admin_id), kind):
                yield f'{where} is not shown: {why}'
            elif rep.alternative and (why := why_hidden(admins.get(rep.alternative), kind)):
                yield f'{where} has no alternative: admin {rep.alternative}: {why}'
