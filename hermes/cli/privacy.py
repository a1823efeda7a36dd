"""`hermes erase` and `hermes export`: a person is forgotten, or given everything that is stored of them (S10, S24).

Both are journalled without a word of whom. Nothing is asked of another system: what those hold is told.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import ATTENTION, JsonFlag, clean, print_json, say, show, warn
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.reads.privacy import Preview

PersonArgument = Annotated[
    str, typer.Argument(metavar='PERSON', help='contact:12, company:12, a remote object, an e-mail, a phone, a name.')
]


def erase(
    person: Annotated[
        str,
        typer.Argument(metavar='[PERSON]', help='contact:12, company:12, a remote object, an e-mail, a phone, a name.'),
    ] = '',
    name: Annotated[str, typer.Option('--name', help='What the person is called, to show who is meant.')] = '',
    yes: Annotated[bool, typer.Option('--yes', help='Ask nothing; --name has to be said then.')] = False,
    dry: Annotated[bool, typer.Option('--preview', help='Only say what would go.')] = False,
    check: Annotated[
        int | None,
        typer.Option('--check', metavar='RECEIPT', help='Look whether anything of an erased person is back.'),
    ] = None,
    receipts: Annotated[bool, typer.Option('--receipts', help='List what was erased.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """Forget a person, or a company with all its people, for good. Says what goes and asks for the name."""
    if receipts:
        return _list(as_json)
    if check is not None:
        return _check(check, as_json)
    from hermes.cli.database import reading
    from hermes.db.reads import privacy

    if not person.strip():
        raise Refused('Erase whom? A record (contact:12), a remote object, an e-mail address, a phone or a name.')
    with reading() as connection:
        found = privacy.preview(connection, privacy.find_subject(connection, person).record)
    tell = warn if as_json else say
    for line in _goes(found):
        tell(clean(line))
    if dry:
        return print_json(_told(found)) if as_json else None
    _confirm(found.subject.name, name, ask=not yes)
    outcome = _carry_out(found)
    if as_json:
        return print_json({'receipt': outcome['receipt'], 'gone': outcome['gone'], 'held': list(found.held)})
    say(f'Erased. Receipt {outcome["receipt"]}:')
    for table, count in outcome['gone'].items():
        say(f'  {table}: {count}')
    for line in (*_held(found), privacy.BACKUPS):
        say(clean(line))
    say(f'"hermes erase --check {outcome["receipt"]}" looks whether anything of it has come back.')


def export(
    person: PersonArgument,
    file: Annotated[Path, typer.Argument(metavar='FILE', help='A new file, readable by you alone; - for stdout.')],
) -> None:
    """Write everything that is stored about a person, as JSON. Journalled."""
    from hermes.cli.database import reading, writing
    from hermes.cli.db import new_file
    from hermes.db.audit import note_at_once
    from hermes.db.reads import privacy

    with reading() as connection:
        subject = privacy.find_subject(connection, person)
        told = json.dumps(privacy.export(connection, subject.record), default=_plain, ensure_ascii=False, indent=2)
    with writing() as connection:
        note_at_once(connection, 'person.exported', record=list(subject.record))
    if str(file) == '-':
        sys.stdout.write(told + '\n')
        return
    with new_file(file) as out:
        out.write(told.encode() + b'\n')
    say(clean(f'{subject.record.type}:{subject.record.id} is in {file}; a person stands in it: keep it from others.'))


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, (bytes, memoryview)) else show(value)


def _goes(found: 'Preview') -> list[str]:
    subject = found.subject
    records = ', '.join(f'{count} {kind}' for kind, count in found.records.items())
    stored = ', '.join(f'{count} {what}' for what, count in found.stored.items() if count)
    lines = [
        f'{subject.name} ({subject.record.type}:{subject.record.id}) will be erased, for good:',
        f'  {records}',
        f'  {stored or "nothing else"}; and what other rows say of them',
    ]
    if found.coming:
        lines.append(f'  {found.coming} calls are still to come: they stay in the calendar, and Hermes forgets them.')
    return lines + _held(found)


def _held(found: 'Preview') -> list[str]:
    if not found.held:
        return ['No other system is known to hold anything.']
    return [
        'Other systems hold still, and Hermes deletes nothing there:',
        *(f'  {one["address"]}' for one in found.held),
    ]


def _told(found: 'Preview') -> dict[str, Any]:
    subject = found.subject
    return {
        'record': f'{subject.record.type}:{subject.record.id}', 'name': subject.name, 'records': dict(found.records),
        'stored': dict(found.stored), 'coming': found.coming, 'held': list(found.held),
    }  # fmt: skip


def _confirm(expected: str, given: str, *, ask: bool) -> None:
    """Whoever erases somebody says who it is. Raises Refused."""
    from hermes.kit.spelling import fold

    if not given and (not ask or not sys.stdin.isatty()):
        raise Refused('Nobody is here to confirm it: say --yes and --name with the name. Nothing was done.')
    given = given or str(typer.prompt(clean(f'The name, to go on [{expected}]')))
    if fold(given) != fold(expected):
        raise Refused('That is not the name: nothing was done.')


def _carry_out(found: 'Preview') -> dict[str, Any]:
    from hermes.cli.session import session
    from hermes.domain.acts import ErasePerson
    from hermes.sync.acts.commands import carry_out
    from hermes.sync.acts.scope import OPERATOR

    act = ErasePerson(found.subject.record)
    with session(contact=False) as here:
        done = here.do(carry_out(here.engine, act, source=OPERATOR, by='command line'))
    return dict(done.outcome)


def _list(as_json: bool) -> None:
    from hermes.cli.database import reading
    from hermes.cli.output import Column, print_rows
    from hermes.db.reads import privacy

    with reading() as connection:
        found = privacy.list_receipts(connection)
    if as_json:
        return print_json(found)
    columns = [Column('id', 'receipt'), Column('at', 'at'), Column('record', 'record'), Column('by', 'by'),
               Column('event_id', 'event')]  # fmt: skip
    rows = [{**one, 'record': f'{one["record_type"]}:{one["record_id"]}'} for one in found]
    return print_rows(columns, rows, empty='nobody was erased')


def _check(number: int, as_json: bool) -> None:
    """Exit code 2 where something came back."""
    from hermes.cli.database import reading
    from hermes.cli.world import load_settings
    from hermes.db.reads import privacy
    from hermes.parts.secrets import hash_key

    with reading() as connection:
        done = privacy.check(connection, hash_key(load_settings()), number)
    if as_json:
        print_json({'receipt': done.receipt, 'found': done.found})
    else:
        for line in done.found or ['nothing of them is here']:
            say(clean(line))
        for one in done.receipt['held']:
            say(clean(f'held then by another system: {one["system"]} {one["type"]}'))
        say(privacy.BACKUPS)
    if done.found:
        raise typer.Exit(ATTENTION)
