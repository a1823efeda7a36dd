"""`hermes import-legacy`: take over the database of an older Hermes, after a report of everything that is wrong in it.

Nothing is sent by it: every system is paused from the first row on, until somebody has looked at `hermes plan` and
resumed. Said again it goes on where it was cut off; said after the first listing it also shows what the CRM
contradicts.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.losing import NameFlag, confirm, require_alone
from hermes.cli.output import Column, JsonFlag, print_json, print_pairs, print_rows, progress, say, warn

if TYPE_CHECKING:
    from hermes.legacy.rows import Source
    from hermes.sync.engine import Engine

TROUBLES = [Column('table', 'TABLE'), Column('row', 'ROW', True), Column('field', 'FIELD'), Column('detail', 'WHAT')]
SHOWN = 20
CRM = {
    'renumbered': 'its hermes_id in the CRM names another record; the link holds (PD-MERGE-3) and it is written anew',
    'id-list': 'its hermes_id in the CRM is a list after a merge',
    'not-listed': 'the CRM has not listed it (yet); nothing is sent to it meanwhile',
}


def import_legacy(
    source_url: Annotated[
        str,
        typer.Option('--from', metavar='DATABASE_URL', help='The older database, only read. Else LEGACY_DATABASE_URL.'),
    ] = '',
    dry_run: Annotated[bool, typer.Option('--dry-run', help='Only the report.')] = False,
    full: Annotated[bool, typer.Option('--full', help='Every trouble, not the first few of each kind.')] = False,
    name: NameFlag = '',
    as_json: JsonFlag = False,
) -> None:
    """Report what is wrong in an older database, then take it over. Asks for this database's name."""
    from hermes.cli.engine import with_engine
    from hermes.cli.output import plain_errors
    from hermes.domain.errors import Refused
    from hermes.kit import addresses
    from hermes.legacy import database

    with plain_errors():
        address = source_url or os.environ.get('LEGACY_DATABASE_URL', '')
        if not address:
            raise Refused('Say where the older database is: --from and its address (or LEGACY_DATABASE_URL).')
        try:
            source = database.read(addresses.read_database(address.strip()))
        except ValueError as error:
            raise Refused(f'The address of the older database {error}.') from None

    def agree(url: str) -> None:
        require_alone(url)
        taken = [f'{table} ({len(found)} rows)' for table, found in source.tables.items() if found]
        confirm(url, name, 'Every system will be paused, and this be taken over', taken, as_json=as_json)

    told = with_engine(lambda engine: _run(engine, source, dry_run, agree), greeted=False)
    if as_json:
        return print_json(told)
    _print(told, full)


async def _run(engine: 'Engine', source: 'Source', dry_run: bool, agree: Callable[[str], None]) -> dict[str, Any]:
    """The report, and the taking over once somebody agrees (Refused)."""
    from hermes.legacy import importing
    from hermes.legacy.reconciliation import reconcile

    found = reconcile(source)
    troubles = sorted([*found.troubles, *importing.refused_fields(source)])
    done = await importing.check(engine, source)
    if not dry_run:
        if done.fresh:
            agree(engine.database.url)
        with progress('companies', len(source.rows('company')) + 6) as bar:
            done = await importing.take_over(engine, source, bar.advance)
    links, crm = await importing.contradictions(engine)
    return {
        'generation': found.generation,
        'dry_run': dry_run,
        'counts': found.counts,
        'kinds': dict(sorted(Counter(trouble.kind for trouble in troubles).items())),
        'troubles': [trouble._asdict() for trouble in troubles],
        'notes': found.notes,
        'taken': done.taken,
        'known': done.known,
        'changed': done.changed,
        'crm_links': links,
        'crm': crm,
    }


def _print(told: dict[str, Any], full: bool) -> None:
    from hermes.legacy.reconciliation import KINDS

    say(f'The older database is of the {told["generation"]} version.')
    print_pairs(told['counts'].items())
    for kind, count in told['kinds'].items():
        rows = [trouble for trouble in told['troubles'] if trouble['kind'] == kind]
        say()
        print_rows(TROUBLES, rows if full else rows[:SHOWN], title=f'{kind} ({count}): {KINDS[kind]}')
        if len(rows) > SHOWN and not full:
            say(f'... and {len(rows) - SHOWN} more (--full)')
    say()
    for note in told['notes']:
        say(note)
    for kind, meaning in CRM.items():
        rows = [row for row in told['crm'] if row['kind'] == kind]
        if rows and not (kind == 'not-listed' and len(rows) == told['crm_links']):
            columns = [Column('object', 'OBJECT'), Column('record', 'RECORD'), Column('detail', 'WHAT')]
            print_rows(columns, rows if full else rows[:SHOWN], title=f'{kind} ({len(rows)}): {meaning}')
    if told['changed']:
        warn(f'{len(told["changed"])} rows changed in the older database since they were taken; they stay as taken.')
    if told['dry_run']:
        return say('Nothing was taken over (--dry-run).')
    say(f'{told["taken"]} events were taken over, {told["known"]} were there already.')
    if told['taken']:
        say('Every system is paused: start with PUSH_MODE=plan, "hermes resume", look at "hermes plan", then go live.')
