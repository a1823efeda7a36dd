"""P2, P3 and P9: from a delivery to a merged record, from there to the CRM, and the memory that a backlog costs.

Real processes on one machine: their load on one another is part of every figure. The limits beside them: the emulated
CRM's own latency and burst budget, and the time that the database needs to sync one commit.
"""

import statistics
import time

import httpx2

from bench.table import Row
from bench.world import Stage, deliveries, running

BACKLOG, LARGE_BACKLOG = 2_000, 20_000
RATE, SIGN_UPS_A_S = 50, 1.0
LATENCY_S = 0.05


def run(duration_s: float = 10.0) -> list[Row]:
    """Measure all three on one stage; the large backlog last."""
    with running() as stage:
        return [
            *presence(stage, duration_s),
            *lag(stage, duration_s, 4, 'nothing else to do'),
            *drain(stage),
            *lag(stage, duration_s, 7, 'thousands of pushes waiting for the CRM'),
            *memory(stage, duration_s),
        ]


def drain(stage: Stage) -> list[Row]:
    """A backlog, drained by one worker; its pushes to the CRM are held back by the CRM's own budget meanwhile."""
    mixed, mixed_ms = _drained(stage, deliveries(BACKLOG, seed=2))
    follow, follow_ms = _drained(stage, deliveries(BACKLOG, seed=3, share_new=0.05))
    stage.query("insert into system_state (system, paused) values ('pipedrive', true) on conflict (system) do update "
                "set paused = true returning 1")  # fmt: skip
    alone, alone_ms = _drained(stage, deliveries(BACKLOG, seed=8))
    stage.query("update system_state set paused = false where system = 'pipedrive' returning 1")
    return [
        Row(
            'P2',
            f'{BACKLOG} mixed, half new companies, CRM paused',
            f'{alone:.0f} events/s',
            '>= 500/s',
            _cpu(alone_ms),
        ),
        Row('P2', f'{BACKLOG} mixed, half new companies, pushing', f'{mixed:.0f} events/s', '>= 500/s', _cpu(mixed_ms)),
        Row(
            'P2', f'{BACKLOG} mixed, 5 % new companies, pushing', f'{follow:.0f} events/s', '>= 500/s', _cpu(follow_ms)
        ),
    ]


def _cpu(cost_ms: float) -> str:
    return f'{cost_ms:.1f} ms of CPU an event: {1000 / cost_ms:.0f}/s on a core of its own'


def _drained(stage: Stage, bodies: list[bytes]) -> tuple[float, float]:
    """Events a second from the first commit to the last, and the worker's own CPU milliseconds an event."""
    (before,), spent = stage.query('select coalesce(max(id), 0) from event'), stage.cpu_s('worker')
    stage.insert(bodies)
    stage.await_true(
        f"select not exists (select 1 from event where id > {before} and state in ('new', 'waiting') and source = "
        "'tutorcruncher')",
        180,
    )
    count, first, seconds = stage.query(
        'select count(*), count(*) filter (where applied_at = (select min(applied_at) from event where id > %s)), '
        'extract(epoch from max(applied_at) - min(applied_at))::float8 from event where id > %s and source = '
        "'tutorcruncher' and state = 'done'",
        before,
        before,
    )
    return float(count - first) / max(seconds, 1e-9), (stage.cpu_s('worker') - spent) * 1000 / count


def lag(stage: Stage, duration_s: float, seed: int, beside: str) -> list[Row]:
    """Lag at a steady rate, posted one by one over HTTP."""
    bodies = deliveries(int(RATE * duration_s), seed=seed, share_new=0.05)
    (before,) = stage.query('select coalesce(max(id), 0) from event')
    with httpx2.Client(trust_env=False) as client:
        start = time.monotonic()
        for place, body in enumerate(bodies):
            time.sleep(max(0.0, start + place / RATE - time.monotonic()))
            stage.post(client, body)
    stage.await_true(
        f"select not exists (select 1 from event where id > {before} and state = 'new' and source = 'tutorcruncher')"
    )
    p50, p99 = stage.query(
        'select percentile_cont(0.5) within group (order by s), percentile_cont(0.99) within group (order by s) from '
        '(select extract(epoch from applied_at - received_at)::float8 * 1000 as s from event where id > %s and source '
        "= 'tutorcruncher' and kind = 'webhook' and applied_at is not null) t",
        before,
    )
    return [
        Row(
            'P2',
            f'lag at {RATE} deliveries/s, 5 % new companies, {beside}',
            f'p50 {p50:.0f} ms, p99 {p99:.0f} ms',
            'p50 < 50 ms, p99 < 500 ms',
        )
    ]


def presence(stage: Stage, duration_s: float) -> list[Row]:
    """From merged to the answer of the CRM that made the object, the CRM taking 50 ms for each call."""
    stage.change_weather(latency_p=1.0, latency_min_s=LATENCY_S, latency_max_s=LATENCY_S)
    bodies = deliveries(max(5, int(SIGN_UPS_A_S * duration_s)), seed=1, share_new=1.0)
    (before,) = stage.query('select coalesce(max(id), 0) from event')
    with httpx2.Client(trust_env=False) as client:
        start = time.monotonic()
        for place, body in enumerate(bodies):
            time.sleep(max(0.0, start + place / SIGN_UPS_A_S - time.monotonic()))
            stage.post(client, body)
    made = "select count(*) >= %s from call where op = 'create' and type = 'deal' and status between 200 and 299"
    stage.await_true(made.replace('%s', str(len(bodies))), 60)
    rows = []
    for kind, what in (('organization', 'the organisation'), ('deal', 'the deal, behind organisation and person')):
        times = _presence(stage, before, kind)
        calls = {'organization': 1, 'deal': 3}[kind]
        rows.append(
            Row(
                'P3',
                f'merged to present at the CRM (50 ms a call): {what}',
                f'p50 {statistics.median(times):.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms of {len(times)}',
                'p50 < 200 ms, p95 < 2 s',
                f'{calls * LATENCY_S * 1000:.0f} ms of calls',
            )
        )
    stage.change_weather(latency_p=0.0)
    return rows


def _presence(stage: Stage, before: int, kind: str) -> list[float]:
    row = stage.query(
        'select array_agg(extract(epoch from c.ended_at - e.applied_at)::float8 * 1000 order by c.ended_at - '
        'e.applied_at) from event e join change b on b.event_id = e.id and b.field = %s join call c on c.record_type '
        "= b.record_type and c.record_id = b.record_id and c.op = 'create' and c.type = %s and c.status between 200 "
        'and 299 where e.id > %s',
        'born',
        kind,
        before,
    )
    return [float(value) for value in row[0]]


def memory(stage: Stage, duration_s: float) -> list[Row]:
    """Peak resident memory while a large backlog lies there and is worked on."""
    stage.insert(deliveries(LARGE_BACKLOG, seed=5, share_new=0.02))
    with httpx2.Client(trust_env=False) as client:
        for body in deliveries(200, seed=6, share_new=0.02):
            stage.post(client, body)
    time.sleep(max(5.0, duration_s))
    (left,) = stage.query("select count(*) from event where state = 'new'")
    return [
        Row(
            'P9',
            f'peak memory of {name} ({LARGE_BACKLOG} waiting, then {left})',
            f'{stage.peak_mb(name):.0f} MB',
            '< 200 MB',
        )
        for name in ('worker', 'web')
    ]
