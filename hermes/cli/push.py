"""`hermes push`: what goes out, what is stuck, and what to do about it (OUT-5, OUT-6)."""

from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli import systems
from hermes.cli.acting import ByText
from hermes.cli.blame import RecordText
from hermes.cli.output import Column, JsonFlag, print_json, print_rows
from hermes.domain.errors import Refused
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.domain.model import RecordRef

SystemOption = Annotated[str | None, typer.Option('--system', help=f'Only this system, for example {CRM}.')]
COLUMNS = [
    Column('record', 'RECORD'), Column('system', 'SYSTEM'), Column('shown', 'STATE'), Column('due_at', 'DUE'),
    Column('lane', 'LANE'), Column('attempts', 'TRIES', True), Column('fields', 'FIELDS'), Column('reason', 'REASON'),
]  # fmt: skip


def list_pushes(
    state: Annotated[str | None, typer.Option(help='due, waiting, parked, held, or intent (outcome unknown).')] = None,
    system: SystemOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what is to be pushed, and what is stuck, with the reason."""
    from hermes.cli.database import reading
    from hermes.cli.naming import system_name
    from hermes.db.reads import pushes as listings

    with reading() as connection:
        name = system_name(system) if system else None
        found = listings.list_pushes(connection, shown=state, system=name, limit=limit)
    if as_json:
        return print_json(found)
    lines = [
        item
        | {
            'record': f'{item["record_type"]}:{item["record_id"]}',
            'fields': ', '.join((item['detail'].get('plan') or {}).get('fields') or ()),
        }
        for item in found
    ]
    print_rows(COLUMNS, lines, empty='nothing is to be pushed')


def retry(
    record: Annotated[
        str | None, typer.Argument(metavar='[RECORD]', help=f'company:12, an id, or {CRM}:organization:5.')
    ] = None,
    everything: Annotated[bool, typer.Option('--all', help='Everything that is parked or held.')] = False,
    system: SystemOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Try a parked or held push again."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import system_name
    from hermes.domain.acts import RetryPush

    with writing() as connection:
        if (record is None) is not everything:
            raise Refused('Which push? Name a record, or say --all.')
        name = system_name(system) if system else None
        if record is None:
            return act(connection, [('retry every stuck push', RetryPush(system=name or '', all=True))], as_json)
        ref, names = _pushes_of(connection, record, name)
        told = [(f'retry the push of {ref.type}:{ref.id} to {each}', RetryPush(ref, each)) for each in names]
        act(connection, told, as_json)


def ignore(
    record: RecordText,
    fields: Annotated[list[str], typer.Argument(metavar='FIELD...', help='The fields that are not to be sent.')],
    system: SystemOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Leave fields of a record out of its pushes, and go on with the rest."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import system_name
    from hermes.domain.acts import IgnoreFields

    with writing() as connection:
        ref, names = _pushes_of(connection, record, system_name(system) if system else None)
        known = _known_fields(connection, ref.type)
        unknown = [name for name in fields if name not in known]
        if unknown:
            raise Refused(f'A {ref.type} has no field "{unknown[0]}".')
        said = f'ignore {", ".join(fields)} of {ref.type}:{ref.id} in'
        told = [(f'{said} {each}', IgnoreFields(ref, fields, each)) for each in names]
        act(connection, told, as_json)


def now(record: RecordText, by: ByText = '', as_json: JsonFlag = False) -> None:
    """Send what is to be sent of a record at once, before everything that nobody waits for."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import remote
    from hermes.db.reads.lookup import find_record
    from hermes.domain.acts import PushNow

    with writing() as connection:
        ref = find_record(connection, remote(record)).record
        act(connection, [(f'push {ref.type}:{ref.id} now', PushNow(ref))], as_json, by=by)


def _pushes_of(connection: systems.Connected, record: str, system: str | None) -> 'tuple[RecordRef, list[str]]':
    """The record, and the systems to which it is or was pushed. Raises Refused when there is none."""
    from hermes.cli.naming import remote
    from hermes.db.reads.lookup import find_record
    from hermes.db.reads.pushes import read_pushes

    found = find_record(connection, remote(record))
    names = [item['system'] for item in read_pushes(connection, found.record) if system in (None, item['system'])]
    if not names:
        where = f' to {system}' if system else ''
        raise Refused(f'Nothing of {found.record.type}:{found.record.id} is pushed{where}.')
    return found.record, names


def _known_fields(connection: systems.Connected, record_type: str) -> set[str]:
    """Every key that may go out for a record type: attributes and the native keys made from them."""
    from hermes.db.reads.blame import read_traits

    native = {'name', 'emails', 'phones', 'address', 'hermes_id'}
    return {*read_traits(connection, record_type), *native}


COMMANDS = {'list': list_pushes, 'retry': retry, 'ignore': ignore, 'now': now}
