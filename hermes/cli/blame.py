"""`hermes blame` and `hermes release`: who wrote every value of a record, when, through which event, under which rule
(I25, FIELD-2).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from hermes.cli.acting import ByText
from hermes.cli.output import Column as Col
from hermes.cli.output import JsonFlag, print_json, print_rows, say, show
from hermes.domain.errors import Refused
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.db.reads.blame import Decreed, Line

RecordText = Annotated[str, typer.Argument(metavar='RECORD', help=f'company:12, an id, or {CRM}:organization:5.')]


def blame(
    record: RecordText,
    field: Annotated[
        str, typer.Argument(metavar='[FIELD]', help='Only this field, with everything that was ever written to it.')
    ] = '',
    at: Annotated[str, typer.Option('--at', help='As it was at a time (UTC), or so long ago: 2h, 1d.')] = '',
    as_json: JsonFlag = False,
) -> None:
    """Who set a field of a record, when, and because of what."""
    from hermes.cli.database import reading
    from hermes.cli.moments import parse_moment
    from hermes.cli.naming import remote
    from hermes.db.reads.blame import read_blame
    from hermes.db.reads.lookup import find_links, find_record
    from hermes.kit.clock import SystemClock

    with reading() as connection:
        moment = parse_moment(at, SystemClock().now()) if at else None
        found = find_record(connection, remote(record))
        told = read_blame(connection, found.record, field, moment)
        links = find_links(connection, found.record)
    if as_json:
        return print_json(
            {
                'record': list(found.record),
                'notes': found.notes,
                'tombstone': found.tombstone,
                'at': moment,
                'links': links,
                'fields': told.lines,
            }
        )
    for note in found.notes:
        say(show(note))
    where = ', '.join(f'{item["system"]}:{item["type"]}:{item["remote_id"]}{_standing(item)}' for item in links)
    named = f' = {show(where)}' if where else ''
    past = f' as of {show(moment)}' if moment else ''
    say(f'{found.record.type}:{found.record.id}{named}{past}')
    if found.tombstone:
        stone = found.tombstone
        say(f'tombstoned: {show(stone.get("kind"))}, {show(stone.get("at"))}, event {show(stone.get("event_id"))}')
    _print_lines(told.lines)
    if field:
        _print_writes(told.lines)


def release(
    record: RecordText,
    field: Annotated[str, typer.Argument(metavar='FIELD', help='The field whose decree or edit is let go.')],
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Let go of a decree, or of a person's edit, of a field: what the systems say holds again."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.naming import remote
    from hermes.db.reads.blame import read_decrees, read_traits
    from hermes.db.reads.lookup import find_record
    from hermes.domain.acts import ReleaseField

    with writing() as connection:
        found = find_record(connection, remote(record))
        trait = read_traits(connection, found.record.type).get(field)
        if trait is None:
            raise Refused(f'A {found.record.type} has no field "{field}".')
        if trait.policy != 'follow' and field not in read_decrees(connection, found.record):
            raise Refused(
                f'{field} is never held back by an edit (its policy is "{trait.policy}"): there is nothing to release.'
            )
        said = f'release {field} of {found.record.type}:{found.record.id}'
        act(connection, [(said, ReleaseField(found.record, field))], as_json, by=by)


def _standing(link: dict[str, object]) -> str:
    if link['state'] != 'live':
        return f' ({link["state"]})'
    return '' if link['is_primary'] else ' (secondary)'


def _print_lines(lines: 'tuple[Line, ...]') -> None:
    columns = [
        Col('field', 'FIELD'),
        Col('value', 'VALUE'),
        Col('at', 'SINCE'),
        Col('system', 'BY'),
        Col('event', 'EVENT', True),
        Col('rule', 'RULE'),
        Col('note', 'NOTE'),
    ]
    rows = []
    for line in lines:
        write = line.write
        notes = [write.note] if write and write.note else [] if write or line.value is None else ['not in the journal']
        if line.decree is not None:
            notes = [show_decree(line.decree)]
        notes += [
            f'{held.system} says {show(held.value)} since {show(held.since)}, {held.said}' for held in line.others
        ]
        rows.append(
            {
                'field': line.field,
                'value': line.value,
                'at': write.at if write else None,
                'system': write.system if write else None,
                'event': write.event_id if write else None,
                'rule': write.rule if write else None,
                'note': '; '.join(notes),
            }
        )
    print_rows(columns, rows, empty='nothing is known of it')


def show_decree(decree: 'Decreed') -> str:
    """Who decreed it, when and why."""
    who, since = show(decree.by or 'an operator'), f' {show(decree.at)}' if decree.at else ''
    return f'decreed by {who}{since} (event {decree.event_id})' + (f': {show(decree.reason)}' if decree.reason else '')


def _print_writes(lines: 'tuple[Line, ...]') -> None:
    say()
    columns = [
        Col('at', 'WRITTEN'),
        Col('old', 'FROM'),
        Col('new', 'TO'),
        Col('system', 'BY'),
        Col('event_id', 'EVENT', True),
        Col('source', 'SOURCE'),
        Col('rule', 'RULE'),
        Col('note', 'NOTE'),
    ]
    rows = [{name.key: getattr(write, name.key) for name in columns} for line in lines for write in line.writes]
    print_rows(columns, rows, empty='never written')
