"""The files of people for the booking pages: begun, checked, and who of them is not shown, and why (WEB-1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hermes.booking.availability import Kind
from hermes.booking.reps import Reps, why_hidden
from hermes.booking.reps_files import FILES
from hermes.booking.reps_template import begin_file, entries_of
from hermes.db.connections import Connection
from hermes.db.reads.checks import read_staff
from hermes.domain.model import Record
from hermes.setup.findings import Finding
from hermes.setup.site import Site


@dataclass(frozen=True, slots=True)
class Begun:
    """A file of people: whether it was made now, and with how many."""

    file: Path
    made: bool
    people: int


def begin_files(folder: Path, admins: Mapping[int, Record]) -> Iterator[Begun]:
    """Begin the files that are not there yet. Raises Refused."""
    for kind, name in FILES.items():
        entries = entries_of(kind, admins)
        yield Begun(folder / name, begin_file(folder, kind, entries) is not None, len(entries))


def list_people(reps: Reps, kind: Kind, admins: Mapping[int, Record]) -> list[dict[str, object]]:
    """Everybody who takes calls of a kind as visitors see them, then whoever of the file is not shown, and why."""
    shown = {rep.admin_id: rep for rep in reps.bookable(kind, admins)}
    hidden = [rep for rep in reps.listed.get(kind, ()) if rep.admin_id not in shown]
    return [
        {'admin': rep.admin_id, 'name': rep.name, 'slug': rep.slug, 'shown': rep.admin_id in shown, 'why': why}
        for rep in (*shown.values(), *hidden)
        for why in ['' if rep.admin_id in shown else why_hidden(admins.get(rep.admin_id), kind)]
    ]


def problems_of(folder: Path, reps: Reps, admins: Mapping[int, Record]) -> Iterator[str]:
    """What of right files comes to nothing: who is not shown, and whose alternative takes no calls."""
    for kind, listed in reps.listed.items():
        for rep in listed:
            where = f'{folder / FILES[kind]}, line {rep.line}: {rep.name} (admin {rep.admin_id})'
            if why := why_hidden(admins.get(rep.admin_id), kind):
                yield f'{where} is not shown: {why}'
            elif rep.alternative and (why := why_hidden(admins.get(rep.alternative), kind)):
                yield f'{where} has no alternative: admin {rep.alternative}: {why}'


def examine_people(connection: Connection, site: Site, reps: Reps) -> Finding:
    """`reps`: of the files."""
    folder = site.reps_folder
    if site.reps_named and not folder.is_dir():
        return Finding(
            'people', 'todo', f'REPS_DIR: {folder} is no folder', 'name one, or let "hermes setup people" make it'
        )
    listed = sum(len(each) for each in reps.listed.values())
    problems = list(problems_of(folder, reps, read_staff(connection)))
    if problems:
        more = f' and {len(problems) - 1} more' if len(problems) > 1 else ''
        return Finding('people', 'todo', f'{problems[0]}{more}', 'see all with "hermes setup people --check"')
    if not reps.listed:
        return Finding('people', 'skipped', 'visitors see names alone; "hermes setup people" begins the files')
    return Finding('people', 'ok', f'{listed} in the files, each takes calls')
