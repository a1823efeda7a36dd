"""How a command acts: it submits an event, rings, and says what became of it, or that it waits for a worker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from hermes.cli.output import ATTENTION, FAILED, clean, print_json, progress, say

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.acts import Act

WAIT_S = 10.0
STORED = 'stored; it will be applied when a worker runs'


def act(connection: 'Connection', wanted: Sequence[tuple[str, 'Act']], as_json: bool, wait_s: float = WAIT_S) -> None:
    """Submit each (sentence, act) and report. Exit code 1 if one was refused, 2 if one is not applied yet although a
    worker is alive.
    """
    from hermes.db import acts

    stored = [(said, acts.submit(connection, body)) for said, body in wanted]
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


def _sentence(item: dict[str, Any], alive: bool) -> str:
    head = f'{item["act"]} (event {item["event"]})'
    if item['state'] in ('parked', 'refused'):
        return clean(f'{head}: {item["state"]}: {item["reason"]}')
    if item['state'] == 'done':
        return f'{head}: done'
    if not alive:
        return f'{head}: {STORED}'
    return clean(f'{head}: stored, not applied yet{": " + item["reason"] if item["reason"] else ""}')
