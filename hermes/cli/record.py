"""`hermes record`: one record seen, written, made, deleted, taken back, merged, read again (D-22, D-2)."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.acting import ByText
from hermes.cli.blame import RecordText, show_decree
from hermes.cli.output import Column as Col
from hermes.cli.output import JsonFlag, print_json, print_rows, say, show, warn
from hermes.domain.errors import Refused
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.model import RecordRef, Value

Values = Annotated[
    list[str], typer.Argument(metavar='FIELD=VALUE...', help='"website=https://x.example"; nothing after = clears it.')
]
Reason = Annotated[str, typer.Option('--reason', help="Why; a field that is the product's own needs one.")]


def show_record(record: RecordText, as_json: JsonFlag = False) -> None:
    """What a record says now, what holds each value, and where it stands."""
    from hermes.cli.database import reading
    from hermes.cli.naming import remote
    from hermes.db.reads.blame import read_blame, read_traits
    from hermes.db.reads.lookup import find_links, find_record
    from hermes.db.reads.pushes import read_pushes

    with reading() as connection:
        found = find_record(connection, remote(record))
        lines = read_blame(connection, found.record).lines
        traits = read_traits(connection, found.record.type)
        links, pushes = find_links(connection, found.record), read_pushes(connection, found.record)
    if as_json:
        return print_json(
            {
                'record': list(found.record),
                'notes': found.notes,
                'tombstone': found.tombstone,
                'fields': {line.field: line.value for line in lines},
                'decrees': {line.field: line.decree for line in lines if line.decree},
                'links': links,
                'pushes': pushes,
            }
        )
    for note in found.notes:
        say(show(note))
    say(f'{found.record.type}:{found.record.id}')
    if stone := found.tombstone:
        say(f'deleted: {show(stone.get("kind"))}, {show(stone.get("at"))}, event {show(stone.get("event_id"))}')
    told = [
        {
            'field': line.field,
            'value': line.value,
            'policy': traits[line.field].policy if line.field in traits else '',
            'held': show_decree(line.decree) if line.decree else '',
        }
        for line in lines
        if line.value is not None and (line.field in traits or line.write is None)
    ]
    print_rows([Col('field', 'FIELD'), Col('value', 'VALUE'), Col('policy', 'POLICY'), Col('held', 'HELD BY')], told)
    say()
    where = [{**link, 'object': f'{link["system"]}:{link["type"]}:{link["remote_id"]}'} for link in links]
    print_rows([Col('object', 'STANDS AS'), Col('state', 'STATE')], where, empty='it stands in no system')


def create(
    record_type: Annotated[str, typer.Argument(metavar='TYPE', help='company, contact or deal.')],
    values: Values,
    under: Annotated[str, typer.Option('--under', metavar='COMPANY', help='Of a contact or a deal: its company.')] = '',
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Make a company, or a contact or a deal under one; it is made in the CRM too."""
    from hermes.cli.database import writing
    from hermes.domain.acts import CreateRecord

    with writing() as connection:
        home = _find(connection, under) if under else None
        if home is not None and home.type != 'company':
            raise Refused(f'--under names a company, not a {home.type}.')
        asked = CreateRecord(record_type.strip().lower(), _read(values), home.id if home else None)
        _act(connection, f'create {asked.type}', asked, as_json, by)


def set_values(
    record: RecordText, values: Values, reason: Reason = '', by: ByText = '', as_json: JsonFlag = False
) -> None:
    """Write values: they stand over every system and go out, until a person edits the field in the CRM afterwards, or
    `hermes release`.
    """
    from hermes.cli.database import writing
    from hermes.domain.acts import WriteFields

    with writing() as connection:
        ref, told = _find(connection, record), _read(values)
        _act(connection, f'set {", ".join(told)} of {ref.type}:{ref.id}', WriteFields(ref, told, reason), as_json, by)


def delete(
    record: RecordText,
    yes: Annotated[bool, typer.Option('--yes', help='Delete it; without this it only says what would go.')] = False,
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Delete a record with what hangs under it, here and in the CRM. Says first what goes; "restore" takes it back."""
    from hermes.cli.database import reading, writing
    from hermes.db.reads.deletion import read_deletion
    from hermes.domain.acts import DeleteRecord

    with reading() as connection:
        told = read_deletion(connection, _find(connection, record))
    if not yes and as_json:
        return print_json(told)
    if not as_json:
        counted = ', '.join(f'{count} {kind}' for kind, count in told.counts.items())
        say(f'Goes: {counted}; {told.in_crm} objects in the CRM.')
        rows = [
            {'record': f'{one.record.type}:{one.record.id}', 'name': one.name, 'crm': one.remote} for one in told.going
        ]
        print_rows([Col('record', 'RECORD'), Col('name', 'NAME'), Col('crm', 'IN THE CRM')], rows)
        if told.remaining:
            say(f'{len(told.remaining)} calls that are to come stay: each becomes a decision.')
        if told.kept:
            say(f'The CRM keeps it until somebody decides, because {told.kept}.')
    if not yes:
        return warn('Nothing was done: say --yes.')
    with writing() as connection:
        said = f'delete {told.record.type}:{told.record.id}'
        _act(connection, said, DeleteRecord(told.record), as_json, by)


def restore(
    record: RecordText,
    field: Annotated[str, typer.Argument(metavar='[FIELD]', help='Put back an old value of this field instead.')] = '',
    at: Annotated[
        str, typer.Option('--at', help='The value that it had at a time (UTC), or so long ago: 2h, 1d.')
    ] = '',
    event: Annotated[int, typer.Option('--event', help='The value that it had before this event.')] = 0,
    reason: Reason = '',
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Take a deletion back; with FIELD: write a value again that the journal knows."""
    from hermes.cli.database import writing
    from hermes.cli.moments import parse_moment
    from hermes.domain.acts import RestoreRecord, WriteFields
    from hermes.kit.clock import SystemClock

    with writing() as connection:
        ref = _find(connection, record)
        if not field:
            return _act(connection, f'restore {ref.type}:{ref.id}', RestoreRecord(ref), as_json, by)
        moment = parse_moment(at, SystemClock().now()) if at else None
        value = _old(connection, ref, field, moment, event)
        said = f'set {field} of {ref.type}:{ref.id} to {show(value)} again'
        _act(connection, said, WriteFields(ref, {field: value}, reason), as_json, by)


def _old(connection: 'Connection', ref: 'RecordRef', field: str, at: datetime | None, event: int) -> 'Value':
    """The value of a field at a moment, or before an event. Raises Refused where neither or both are said, or the
    journal does not know it.
    """
    from hermes.db.reads.blame import read_blame

    if (at is None) is (not event):
        raise Refused('Which value? Say --at TIME, or --event EVENT: "hermes blame RECORD FIELD" lists them.')
    [line] = read_blame(connection, ref, field, at).lines
    if at is not None:
        return line.value
    found = [write for write in line.writes if write.event_id == event]
    if not found:
        raise Refused(f'Event {event} did not write {field} of {ref.type}:{ref.id}.')
    return found[0].old


def merge(
    record: RecordText,
    into: Annotated[str, typer.Argument(metavar='INTO', help='The record that stays.')],
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Make two records one: RECORD goes into INTO. Two that both stand in the CRM are merged there."""
    from hermes.cli.database import writing
    from hermes.domain.acts import MergeRecords

    with writing() as connection:
        ref, other = _find(connection, record), _find(connection, into)
        if ref.type != other.type:
            raise Refused(f'A {ref.type} goes into no {other.type}.')
        said = f'merge {ref.type}:{ref.id} into {other.type}:{other.id}'
        _act(connection, said, MergeRecords(ref, other), as_json, by)


def unlink(
    record: RecordText,
    remote: Annotated[str, typer.Argument(metavar='OBJECT', help=f'As {CRM}:organization:5.')],
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Say that an object of the CRM is not this record: it becomes a record of its own, and this one is made anew."""
    from hermes.cli.database import writing
    from hermes.cli.naming import remote as named
    from hermes.domain.acts import Unlink
    from hermes.domain.model import RemoteRef

    with writing() as connection:
        ref, parts = _find(connection, record), named(remote).split(':', 2)
        if len(parts) != 3:
            raise Refused(f'"{remote}" is no remote object. Write {CRM}:organization:5.')
        asked = Unlink(ref, RemoteRef(parts[0], parts[1].lower(), parts[2]))
        _act(connection, f'unlink {remote} from {ref.type}:{ref.id}', asked, as_json, by)


def fetch(record: RecordText, by: ByText = '', as_json: JsonFlag = False) -> None:
    """Read the objects of a record in the systems again, now."""
    from hermes.cli.database import writing
    from hermes.domain.acts import FetchRecord

    with writing() as connection:
        ref = _find(connection, record)
        _act(connection, f'fetch {ref.type}:{ref.id}', FetchRecord(ref), as_json, by)


def _find(connection: 'Connection', text: str) -> 'RecordRef':
    from hermes.cli.naming import remote
    from hermes.db.reads.lookup import find_record

    return find_record(connection, remote(text)).record


def _read(values: list[str]) -> dict[str, 'Value']:
    """FIELD=VALUE as it is typed; what type it is the act knows. Raises Refused."""
    told: dict[str, Value] = {}
    for text in values:
        name, equals, value = text.partition('=')
        if not equals or not name.strip():
            raise Refused(f'"{text}" is not FIELD=VALUE.')
        if name.strip() in told:
            raise Refused(f'{name.strip()} is said twice.')
        told[name.strip()] = value
    return told


def _act(connection: 'Connection', said: str, asked: Any, as_json: bool, by: str) -> None:
    from hermes.cli.acting import act

    act(connection, [(said, asked)], as_json, by=by)


COMMANDS = {
    'show': show_record,
    'create': create,
    'set': set_values,
    'delete': delete,
    'restore': restore,
    'merge': merge,
    'unlink': unlink,
    'fetch': fetch,
}
