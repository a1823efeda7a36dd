"""How a command acts: it submits an event, rings, and says what became of it, or that it waits for a worker; or it
previews the act, and nothing is kept (ADM-14).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import ATTENTION, FAILED, Column, clean, print_json, print_rows, progress, say, show

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.acts import Act

PreviewFlag = Annotated[
    bool, typer.Option('--preview', help='Only say what would change, and what would be sent; nothing is kept.')
]
CHANGES = [
    Column('about', 'CHANGES'), Column('field', 'FIELD'), Column('old', 'FROM'), Column('new', 'TO'),
    Column('rule', 'RULE'),
]  # fmt: skip
PUSHES = [
    Column('record', 'WOULD BE SENT'), Column('system', 'SYSTEM'), Column('op', 'CALL'), Column('field', 'FIELD'),
    Column('shows', 'SHOWS'), Column('would_be', 'WOULD BE'), Column('rule', 'RULE'), Column('waits', 'WAITS'),
]  # fmt: skip
WAIT_S = 10.0
STORED = 'stored; it will be applied when a worker runs'
BY = 'command line'
ByText = Annotated[str, typer.Option('--by', metavar='NAME', help='Who says it, for the journal.')]


def act(
    connection: 'Connection',
    wanted: Sequence[tuple[str, 'Act']],
    as_json: bool,
    wait_s: float = WAIT_S,
    *,
    by: str = '',
) -> None:
    """Submit each (sentence, act) and report. Exit code 1 if one was refused, 2 if one is not applied yet although a
    worker is alive.
    """
    from hermes.db import acts

    stored = [(said, acts.submit(connection, body, by.strip() or BY)) for said, body in wanted]
    alive = acts.count_workers(connection) > 0
    told = []
    with progress('applying', len(stored)) as bar:
        for said, event_id in stored:
            outcome = acts.wait(connection, event_id, wait_s if alive else 0.0)
            told.append(
                {
                    'act': said,
                    'event': event_id,
                    'state': outcome.state,
                    'reason': outcome.reason,
                    'outcome': outcome.outcome,
                }
            )
            bar.advance()
    if as_json:
        print_json({'worker_alive': alive, 'acts': told})
    else:
        for item in told:
            say(_sentence(item, alive))
    if any(item['state'] in ('parked', 'refused') for item in told):
        raise typer.Exit(FAILED)
    if alive and any(item['state'] in ('new', 'waiting') for item in told):
        raise typer.Exit(ATTENTION)


def preview(wanted: 'Act', as_json: bool) -> None:
    """What carrying out an act would do. Nothing is kept. Raises Refused where it would be refused."""
    from dataclasses import asdict

    from hermes.cli.engine import with_engine
    from hermes.sync.what_if import what_if

    found = with_engine(lambda engine: what_if(engine, wanted, 'command line'), greeted=False)
    if as_json:
        pushes = [{**asdict(item), 'record': list(item.record)} for item in found.pushes]
        return print_json({**asdict(found), 'pushes': pushes, 'capped': found.capped, 'tokens': found.tokens})
    for note in found.notes:
        say(clean(f'would be done: {note}'))
    changes = [{**asdict(item), 'old': show(item.old), 'new': show(item.new)} for item in found.changes]
    print_rows(CHANGES, changes, empty='nothing would change in Hermes')
    pushes = [
        {**asdict(item), 'record': f'{item.record.type}:{item.record.id}', 'shows': show(item.shows),
         'would_be': show(item.would_be)}
        for item in found.pushes
    ]  # fmt: skip
    print_rows(PUSHES, pushes, empty='nothing would be sent')
    for told, count, what in ((found.changes, found.changed, 'changes'), (found.pushes, found.sent, 'fields')):
        if len(told) < count:
            say(f'the first {len(told)} of {count} {what} are listed')
    for system, tokens in found.tokens.items():
        calls = sum(line['calls'] for line in found.costs if line['system'] == system)
        say(f'{system}: {calls} calls, {tokens} tokens')
    say(f'{found.looked} of {found.companies} companies were looked at; nothing was kept')


def _sentence(item: dict[str, Any], alive: bool) -> str:
    head = f'{item["act"]} (event {item["event"]})'
    if item['state'] in ('parked', 'refused'):
        return clean(f'{head}: {item["state"]}: {item["reason"]}')
    if item['state'] == 'done':
        return f'{head}: done'
    if not alive:
        return f'{head}: {STORED}'
    return clean(f'{head}: stored, not applied yet{": " + item["reason"] if item["reason"] else ""}')
