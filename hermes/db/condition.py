"""How Hermes is, in counts: workers, events, records, pushes, systems, budgets, sweeps, decisions, refusals.

No personal data is read here, only numbers, times and names of systems. `attention` says what needs a person, one
sentence each.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.checks import read_letters
from hermes.db.finding import RECORD_TABLES, Row, row, rows
from hermes.db.reading import read_live, read_settings
from hermes.db.silence import read_heard
from hermes.domain.config import KEYS, effective
from hermes.domain.model import RecordRef

LATE_S: Final = 60
"""How long an event or a push may be due before it counts as late."""
NEARLY_SPENT: Final = 0.9
LEAST_LIVE_S: Final = 15
WINDOW_S: Final = 300
"""The stretch over which rate and lag of events are measured."""

NOW = 'select hermes_now() as now'
WORKERS = """
    select id, host, pid, started_at, seen_at, extract(epoch from hermes_now() - seen_at)::float8 as silent_s,
           seen_at > hermes_now() - make_interval(secs => %(live_s)s) as alive
    from worker where seen_at > hermes_now() - interval '1 day' order by seen_at desc
"""
EVENT_COUNTS = """
    select count(*) filter (where state = 'new') as new, count(*) filter (where state = 'waiting') as waiting,
           count(*) filter (where state = 'parked') as parked,
           extract(epoch from hermes_now() - min(due_at) filter (where state in ('new', 'waiting') and due_at <=
             hermes_now()))::float8
             as oldest_due_s
    from event where state in ('new', 'waiting', 'parked')
"""
REFUSED_ACTS = """
    select count(*) as refused_acts from event where id > coalesce((select max(id) from event), 0) - 200000
      and state = 'refused' and source = 'operator' and received_at > hermes_now() - interval '1 day'
"""
EVENT_RATE = """
    select count(*) as received, count(*) / %(window_s)s::float8 as per_s,
           percentile_cont(0.5) within group (order by extract(epoch from applied_at - received_at))::float8 as
             lag_p50_s,
           percentile_cont(0.99) within group (order by extract(epoch from applied_at - received_at))::float8 as
             lag_p99_s
    from event where id > coalesce((select max(id) from event), 0) - 200000
      and received_at > hermes_now() - make_interval(secs => %(window_s)s)
"""
RECORD_COUNTS = sql.SQL(' union all ').join(
    sql.SQL(
        'select {name} as type, count(*) filter (where tombstone is null and alias_of is null) as live,'
        ' count(*) filter (where tombstone is not null) as tombstoned, count(*) filter (where alias_of is not null) '
        'as merged from {table}'
    ).format(name=sql.Literal(table), table=sql.Identifier(table))
    for table in RECORD_TABLES
)
PUSH_COUNTS = """
    select system,
      count(*) filter (where state = 'ready' and wanted > done and due_at <= hermes_now()) as due,
      count(*) filter (where state = 'ready' and wanted > done and due_at > hermes_now()) as waiting,
      count(*) filter (where state = 'parked') as parked, count(*) filter (where state = 'held') as held,
      count(*) filter (where intent is not null and leased_until >= hermes_now()) as in_flight,
      count(*) filter (where intent is not null and (leased_until is null or leased_until < hermes_now())) as unknown,
      extract(epoch from hermes_now() - min(due_at) filter (where state = 'ready' and wanted > done and due_at <=
        hermes_now()))::float8
        as oldest_due_s
    from push where wanted > done or state <> 'ready' or intent is not null group by system order by system
"""
SYSTEMS = """
    select name as system, a.identity as account, coalesce(s.paused, false) as paused,
           case when s.paused or s.blocked_until > hermes_now() then s.reason else '' end as reason, s.since,
           case when s.blocked_until > hermes_now() then s.blocked_until end as blocked_until
    from (select system as name from account union select system from system_state union select system from budget)
      as known
    left join account a on a.system = name left join system_state s on s.system = name order by name
"""
BUDGETS = """
    select b.system, b.burst_limit, b.burst_window_s, b.daily_limit,
           case when b.day = (hermes_now() at time zone 'UTC')::date then b.spent else 0 end as spent_today,
           (select count(*) from reservation r where r.system = b.system and r.until > hermes_now()) as burst_in_use
    from budget b order by b.system
"""
SWEEPS = """
    select distinct on (system, type, kind) system, type, kind, started_at, finished_at, state, pages, items, tokens,
      reason
    from sweep order by system, type, kind, id desc
"""
PROOFS = """
    select distinct on (system, type) system, type, at, state, reason, listed, held, newer, unlisted, deleted,
      undecided, remote_digest, own_digest, tokens, took_s
    from proof order by system, type, id desc
"""
LATE_SWEEPS = """
    select system, type, kind, started_at, reason from sweep
    where state = 'running' and started_at < hermes_now() - interval '1 hour' order by id
"""
PULSES = """
    select name, note, noted_at from pulse where note <> '' and noted_at > hermes_now() - interval '1 day' order by name
"""
CALENDARS = """
    select a.id as admin, f.problem, f.synced_at, f.due_at from followed_calendar f
    join admin a on lower(trim(a.email)) = f.calendar and a.active and a.tombstone is null and a.alias_of is null
    where f.problem <> '' order by a.id
"""
DECISIONS = "select kind, count(*) as open from decision where state = 'open' group by kind order by kind"
REFUSALS = """
    select source, reason, sum(count)::bigint as count from refusal
    where at > hermes_now() - interval '1 hour' group by source, reason order by source, reason
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """Everything that `hermes status` shows. Durations in seconds; times aware UTC."""

    now: Any
    workers: list[Row]
    events: Row
    records: list[Row]
    pushes: list[Row]
    systems: list[Row]
    budgets: list[Row]
    sweeps: list[Row]
    decisions: list[Row]
    refusals: list[Row]
    proofs: list[Row] = field(default_factory=list)
    heard: list[Row] = field(default_factory=list)
    """Per system since when nothing came, and how many of our writes should have come back since."""
    calendars: list[Row] = field(default_factory=list)
    """Calendars that could not be read when they were last tried, by their admins' ids."""
    attention: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.attention


def read_condition(connection: Connection[Any], *, sending: bool = True) -> Condition:
    """The condition at one moment (call it inside one repeatable-read transaction). `sending` False: pushes that are
    due late need nobody (PUSH_MODE=plan).
    """
    window = {'window_s': WINDOW_S}
    events = (row(connection, EVENT_COUNTS) or {}) | (row(connection, EVENT_RATE, window) or {}) | window
    events |= row(connection, REFUSED_ACTS) or {}
    systems = rows(connection, SYSTEMS)
    condition = Condition(
        now=(row(connection, NOW) or {})['now'],
        workers=rows(connection, WORKERS, {'live_s': LEAST_LIVE_S}),
        events=events,
        records=rows(connection, RECORD_COUNTS),
        pushes=[item | ({} if sending else {'oldest_due_s': None}) for item in rows(connection, PUSH_COUNTS)],
        systems=systems,
        heard=read_heard(connection, [item['system'] for item in systems]),
        budgets=rows(connection, BUDGETS),
        sweeps=rows(connection, SWEEPS),
        decisions=rows(connection, DECISIONS),
        refusals=rows(connection, REFUSALS),
        proofs=rows(connection, PROOFS),
        calendars=rows(connection, CALENDARS),
    )
    condition.attention.extend(
        [
            *_attention(condition),
            *_config_attention(connection),
            *_sweep_attention(connection, condition),
            *_letters_attention(connection),
        ]
    )
    return condition


def _attention(condition: Condition) -> list[str]:
    """What needs a person, the most urgent first."""
    told = (
        []
        if any(worker['alive'] for worker in condition.workers)
        else ['no worker is alive: start one with "hermes worker"']
    )
    told += _systems_attention(condition)
    events = condition.events
    if (events['oldest_due_s'] or 0) > LATE_S:
        told.append(f'events have been due for {events["oldest_due_s"]:.0f} s')
    if events['parked']:
        told.append(f'{_count(events["parked"], "event")} parked: "hermes events list --state parked"')
    told += _push_attention(condition)
    told += [
        f'the calendar of admin {each["admin"]}: {each["problem"]}{tried_again(each["due_at"])}'
        for each in condition.calendars
    ]
    open_decisions = sum(item['open'] for item in condition.decisions)
    if open_decisions:
        told.append(f'{_count(open_decisions, "decision")} open')
    return told


def _sweep_attention(connection: Connection[Any], condition: Condition) -> list[str]:
    """PD-GAP-1: what was not proven to be complete, and a subscription that was gone."""
    told = [
        f'{proof["system"]} {proof["type"]}: the listing of {proof["at"]:%Y-%m-%d %H:%M:%SZ} does not prove that '
        f'nothing is missing: {proof["reason"]}'
        for proof in condition.proofs
        if proof['state'] == 'failed'
    ]
    told += [
        f'the listing of {sweep["system"]} {sweep["type"]} ({sweep["kind"]}) runs since '
        f'{sweep["started_at"]:%Y-%m-%d %H:%M:%SZ}{": " + sweep["reason"] if sweep["reason"] else ""}'
        for sweep in rows(connection, LATE_SWEEPS)
    ]
    return told + [
        f'{pulse["name"]}: {pulse["note"]} (said at {pulse["noted_at"]:%Y-%m-%d %H:%M:%SZ})'
        for pulse in rows(connection, PULSES)
    ]


def _letters_attention(connection: Connection[Any]) -> list[str]:
    """Letters about bookings that a person has to know of: refused for good, or tried again and again."""
    letters = read_letters(connection)
    look = f'the last: {letters["reason"]}; "hermes bookings show {letters["meeting_id"]}"'
    told = [f'{_count(letters["parked"], "letter")} refused for good; {look}'] if letters['parked'] else []
    if letters['stuck']:
        told.append(f'{_count(letters["stuck"], "letter")} tried more than twice; {look}')
    return told


def _config_attention(connection: Connection[Any]) -> list[str]:
    """D-8: settings that point at what is archived or gone."""
    stored, told = read_settings(connection), []
    for key in KEYS.values():
        value = effective(key, stored)
        if key.record_type is None or value is None:
            continue
        found = read_live(connection, RecordRef(key.record_type, value))
        if found is None or found['problem']:
            problem = found['problem'] if found else 'unknown'
            told.append(f'the setting {key.name} points at {key.type} {value}: {problem}; see "hermes doctor"')
    return told


def _systems_attention(condition: Condition) -> list[str]:
    told = []
    for system in condition.systems:
        if system['paused']:
            reason = f' ({system["reason"]})' if system['reason'] else ''
            told.append(f'{system["system"]} is paused{reason}')
        elif system['blocked_until']:
            told.append(f'{system["system"]} is blocked until {system["blocked_until"]:%Y-%m-%d %H:%M:%SZ}')
    told += [f'{heard["system"]}: {silent}' for heard in condition.heard if (silent := unheard(heard))]
    for budget in condition.budgets:
        if budget['daily_limit'] and budget['spent_today'] >= NEARLY_SPENT * budget['daily_limit']:
            told.append(
                f'{budget["system"]} has spent {budget["spent_today"]} of its {budget["daily_limit"]} tokens of today'
            )
    return told


def tried_again(at: datetime | None) -> str:
    """When something that failed is tried again, in half a sentence."""
    return f' (tried again at {at:%Y-%m-%d %H:%M:%SZ})' if at else ' (it is being tried again)'


def unheard(heard: Row) -> str:
    """Why it is suspicious that nothing comes from a system, in half a sentence; '' if our writes come back."""
    if not heard['unechoed']:
        return ''
    last = f'since {heard["last"]:%Y-%m-%d %H:%M:%SZ}' if heard['last'] else 'ever'
    return f'no webhook came {last}, although {_count(heard["unechoed"], "write")} of ours should have come back'


def _push_attention(condition: Condition) -> list[str]:
    told = []
    for push in condition.pushes:
        system = push['system']
        if push['parked']:
            told.append(
                f'{_count(push["parked"], f"push to {system}", f"pushes to {system}")} parked: "hermes push list '
                '--state parked"'
            )
        if push['held']:
            told.append(
                f'{_count(push["held"], f"push to {system}", f"pushes to {system}")} held: "hermes push list --state '
                'held"'
            )
        if push['unknown']:
            told.append(f'{_count(push["unknown"], "call")} to {system} with an unknown outcome')
        paused = any(
            item['system'] == system and (item['paused'] or item['blocked_until']) for item in condition.systems
        )
        if not paused and (push['oldest_due_s'] or 0) > LATE_S:
            told.append(f'pushes to {system} have been due for {push["oldest_due_s"]:.0f} s')
    return told


def _count(number: int, one: str, many: str = '') -> str:
    return f'{number} {one if number == 1 else many or one + "s"}'
