"""The database and who works in it: server, clock, worker, door, queue."""

from collections.abc import Iterator
from typing import Final

from hermes.db.acts import WORKER_SILENCE_S
from hermes.db.connections import Connection
from hermes.db.reads import checks
from hermes.kit.clock import SystemClock
from hermes.kit.durations import show_duration
from hermes.setup.findings import LATE_S, Finding
from hermes.setup.site import Site

LEAST_POSTGRES: Final = 140_000
MOST_SKEW_S: Final = 2.0


def examine_server(connection: Connection) -> Iterator[Finding]:
    """Its version, and its clock beside ours."""
    clock = SystemClock()
    before = clock.now()
    server = checks.read_server(connection)
    after = clock.now()
    if server['version'] < LEAST_POSTGRES:
        yield Finding('database', 'todo', f'PostgreSQL {server["shown"]}', 'Hermes needs PostgreSQL 14 or newer')
    else:
        yield Finding('database', 'ok', f'PostgreSQL {server["shown"]}, {server["size"]}')
    early, late = (before - server['now']).total_seconds(), (server['now'] - after).total_seconds()
    skew_s = max(early, late, 0.0)
    if skew_s > MOST_SKEW_S:
        said = f'this machine and the database differ by {show_duration(skew_s)}'
        yield Finding('clock', 'todo', said, 'let both follow a time server')
    else:
        yield Finding('clock', 'ok', 'this machine and the database agree')


def examine_worker(connection: Connection) -> Finding:
    silent_s = checks.read_silence_s(connection)
    if silent_s is not None and silent_s <= WORKER_SILENCE_S:
        return Finding('worker', 'ok', f'seen {show_duration(max(silent_s, 0.0))} ago')
    said = 'none has ever run' if silent_s is None else f'last seen {show_duration(silent_s)} ago'
    return Finding('worker', 'todo', said, 'start one with "hermes worker" or "hermes run"')


def examine_door(connection: Connection, site: Site) -> Finding:
    """Nothing is written outside while what is written could not come back."""
    told = checks.read_door(connection)
    if told is None:
        return Finding('door', 'skipped', f'no worker looks whether {site.hermes_url} answers')
    if told:
        return Finding('door', 'todo', told, 'start "hermes web" there, or mend HERMES_URL')
    return Finding('door', 'ok', f'{site.hermes_url} answers the workers')


def examine_queue(connection: Connection) -> Finding:
    queue = checks.read_queue(connection)
    if queue['events_parked'] or queue['pushes_parked']:
        said = f'{queue["events_parked"]} events and {queue["pushes_parked"]} pushes are put aside'
        look = '"hermes events list --state parked" and "hermes push list --state parked"'
        return Finding('queue', 'todo', said, f'look with {look}')
    if queue['late_s'] and queue['late_s'] > LATE_S:
        said = f'the oldest that is due has waited {show_duration(queue["late_s"])}'
        return Finding('queue', 'todo', said, 'see whether a worker runs, with "hermes status"')
    return Finding('queue', 'ok', f'{queue["events"]} events and {queue["pushes"]} pushes are due')
