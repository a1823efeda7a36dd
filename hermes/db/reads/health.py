"""What the database says about Hermes's health: reachable, migrated, worked on, and how much waits.

Read by /ready and /metrics through a connection of its own, with short timeouts, so that a sick pool cannot make it
look well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hermes.db.reads import last_heard
from hermes.db.schema import landed, revisions

READINESS = """
select (select version_num from alembic_version) as revision,
       (select extract(epoch from hermes_now() - max(seen_at))::float8 from worker) as heartbeat_s
"""
EVENTS_SHOWN = ('new', 'waiting', 'parked')
EVENTS = "select state, count(*) from event where state in ('new', 'waiting', 'parked') group by state"
OLDEST = """
select coalesce(extract(epoch from hermes_now() - min(received_at)), 0)::float8 from event
where state in ('new', 'waiting')
"""
PUSHES_SHOWN = ('ready', 'running', 'parked', 'held')
PUSHES = """
select system, count(*),
       case when state <> 'ready' then state when leased_until > (select hermes_now()) then 'running' else 'ready' end
         as shown
from push where (wanted > done and state = 'ready') or state <> 'ready' group by system, shown
"""
CALLS = """
select system, op, lane, count(*), coalesce(sum(tokens), 0)::bigint
from call where started_at >= date_trunc('day', hermes_now()) group by system, op, lane
"""
BUDGETS = """
select b.system, b.daily_limit, coalesce((
  select sum(c.tokens) from call c where c.system = b.system and c.started_at >= hermes_now() - interval '1 hour'
), 0)::bigint from budget b
"""
PAUSED = 'select system, paused from system_state'
MERGED = """
select source, percentile_cont(array[0.5, 0.99]) within group (order by extract(epoch from applied_at - received_at))
from event where id > coalesce((select max(id) from event), 0) - 20000 and kind = 'webhook'
  and applied_at > (select hermes_now() - interval '5 min') group by source
"""
ANSWERED = """
select system, percentile_cont(array[0.5, 0.99]) within group (order by extract(epoch from ended_at - started_at))
from call where started_at > hermes_now() - interval '5 min' and ended_at is not null group by system
"""
REACTIONS = """
select system, reaction, count(*) from call
where started_at >= date_trunc('day', hermes_now()) and reaction <> '' group by system, reaction
"""
OVERDUE = """
select system, extract(epoch from hermes_now() - min(due_at))::float8 from push
where wanted > done and state = 'ready' and due_at <= (select hermes_now()) group by system
"""
DECISIONS = "select kind, count(*) from decision where state = 'open' group by kind"
ALERTS = 'select kind, count(*) from alert where ended_at is null and told > 0 group by kind'
SIZE = 'select pg_database_size(current_database())'
PROOFS = """
select distinct on (system, type) system, type, state = 'proven', extract(epoch from hermes_now() - at)::float8
from proof order by system, type, id desc
"""
KNOWN = 'select distinct system from (select system from account union all select system from system_state) k'
QUANTILES = ('0.5', '0.99')


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each part: '' when well, else what is wrong."""

    database: str = ''
    migrations: str = ''
    worker: str = ''

    @property
    def parts(self) -> Mapping[str, str]:
        return {'database': self.database, 'migrations': self.migrations, 'worker': self.worker}


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts as they are now; calls and tokens since midnight by the database's clock."""

    events: Mapping[str, int] = field(default_factory=dict)
    oldest_event_s: float = 0.0
    pushes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Tokens by system, operation and lane."""
    limits: Mapping[str, int] = field(default_factory=dict)
    pace: Mapping[str, int] = field(default_factory=dict)
    """Tokens of the last hour by system."""
    paused: Mapping[str, bool] = field(default_factory=dict)
    merged_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """From the arrival of a delivery to its application, by source and quantile; of the last five minutes."""
    answered_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """From a call to its answer, by system and quantile; of the last five minutes."""
    reactions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Calls that did not go well, by system and reaction."""
    overdue_s: Mapping[str, float] = field(default_factory=dict)
    decisions: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, int] = field(default_factory=dict)
    """Alerts that were told and are open, by what is wrong."""
    database_bytes: int = 0
    proven: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Whether the newest full listing was proven complete, by system and type; `proof_age_s` its age."""
    proof_age_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    silent_s: Mapping[str, float] = field(default_factory=dict)
    """Since when no webhook came from a system."""
    unechoed: Mapping[str, int] = field(default_factory=dict)
    """Writes of ours that should have come back since."""


class Vitals:
    """Asks the database."""

    def __init__(self, conninfo: str, *, heartbeat_limit_s: float = 15.0) -> None:
        given = conninfo_to_dict(conninfo)
        self._conninfo = make_conninfo(
            conninfo,
            connect_timeout=given.get('connect_timeout') or '2',
            options=f'{given.get("options") or ""} -c statement_timeout=2000'.strip(),
            application_name='hermes-vitals',
        )
        self._heartbeat_limit_s = heartbeat_limit_s

    async def readiness(self) -> Readiness:
        """Never raises: what cannot be asked is what is wrong."""
        unknown = 'unknown'
        try:
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                row = await (await connection.execute(READINESS)).fetchone()
                standing = [name for (name,) in await (await connection.execute(landed.STANDING)).fetchall()]
        except psycopg.errors.UndefinedTable:
            return Readiness(migrations='the database has no schema yet', worker=unknown)
        except psycopg.Error:
            return Readiness(database='the database does not answer', migrations=unknown, worker=unknown)
        revision, heartbeat_s = row or (None, None)
        return Readiness(migrations=_judge_tables(revision, standing), worker=self._judge(heartbeat_s))

    async def figures(self) -> Figures:
        """Raises psycopg.Error when the database is away."""
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            events = await (await connection.execute(EVENTS)).fetchall()
            oldest = await (await connection.execute(OLDEST)).fetchone()
            pushes = await (await connection.execute(PUSHES)).fetchall()
            calls = await (await connection.execute(CALLS)).fetchall()
            paused = await (await connection.execute(PAUSED)).fetchall()
            budgets = await (await connection.execute(BUDGETS)).fetchall()
            merged = await (await connection.execute(MERGED)).fetchall()
            answered = await (await connection.execute(ANSWERED)).fetchall()
            reactions = await (await connection.execute(REACTIONS)).fetchall()
            overdue = await (await connection.execute(OVERDUE)).fetchall()
            decisions = await (await connection.execute(DECISIONS)).fetchall()
            alerts = await (await connection.execute(ALERTS)).fetchall()
            size = await (await connection.execute(SIZE)).fetchone()
            proofs = await (await connection.execute(PROOFS)).fetchall()
            known = [system for (system,) in await (await connection.execute(KNOWN)).fetchall()]
            heard = await (await connection.execute(last_heard.HEARD, {'systems': known})).fetchall()
        systems = sorted({system for system, *_ in calls})
        return Figures(
            events={state: count for state, count in events},
            oldest_event_s=oldest[0] if oldest else 0.0,
            pushes={(system, state): count for system, count, state in pushes},
            calls={name: sum(count for system, _, _, count, _ in calls if system == name) for name in systems},
            tokens={name: sum(tokens for system, _, _, _, tokens in calls if system == name) for name in systems},
            spent={(system, op, lane): tokens for system, op, lane, _, tokens in calls},
            limits={system: limit for system, limit, _ in budgets},
            pace={system: tokens for system, _, tokens in budgets},
            paused={system: stopped for system, stopped in paused},
            merged_s=_by_quantile(merged),
            answered_s=_by_quantile(answered),
            reactions={(system, reaction): count for system, reaction, count in reactions},
            overdue_s={system: seconds for system, seconds in overdue},
            decisions={kind: count for kind, count in decisions},
            alerts={kind: count for kind, count in alerts},
            database_bytes=size[0] if size else 0,
            proven={(system, kind): proven for system, kind, proven, _ in proofs},
            proof_age_s={(system, kind): age_s for system, kind, _, age_s in proofs},
            silent_s={system: silent_s for system, _, silent_s, *_ in heard if silent_s is not None},
            unechoed={system: unechoed for system, _, _, unechoed, _ in heard},
        )

    def _judge(self, heartbeat_s: float | None) -> str:
        if heartbeat_s is None:
            return 'no worker has reported yet'
        return '' if heartbeat_s < self._heartbeat_limit_s else f'no worker has reported for {heartbeat_s:.0f} s'


def _by_quantile(rows: Sequence[tuple[str, Sequence[float]]]) -> dict[tuple[str, str], float]:
    return {(name, at): float(value) for name, values in rows for at, value in zip(QUANTILES, values, strict=True)}


def _judge_tables(revision: str | None, standing: Sequence[str]) -> str:
    """By what stands there, and not by the name alone: a number may have been another migration's."""
    told = '' if revision == revisions.newest() else 'an older or another version'
    if revision and not told and any(landed.difference(revision, standing)):
        told = landed.describe(revision, standing)
    return f'the schema is not the one of this program ({told}): run "hermes db upgrade"' if told else ''
