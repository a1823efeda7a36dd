"""Stories told of thousands of companies, into an empty database: in the order of time, without indexes meanwhile.

Deterministic: the same seed, sizes and end make the same rows. Whoever reads the rows knows no difference from those
that an engine wrote; every system is paused, so that nobody acts on them.
"""

import random
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

import psycopg
from psycopg import sql

from hermes.db import figures
from hermes.db.pauses import PAUSE
from tools.demo_big.templates import NUMBERED, Form, Numbers, Table, Template, evaluate

DAYS: Final = 60
DAY_S: Final = 86_400
TIMED: Final = ('event', 'change', 'call')
"""Tables that grow in the order of time."""
CLONED: Final = (
    'event', 'company', 'contact', 'deal', 'meeting', 'mirror', 'link', 'push', 'change', 'call', 'decision', 'letter',
)  # fmt: skip
BUSY: Final = (
    0.3, 0.2, 0.2, 0.2, 0.3, 0.5, 1, 3, 7, 10, 11, 10, 8, 9, 10, 10, 9, 7, 4, 3, 2, 1.5, 1, 0.5,
)  # fmt: skip
"""How busy the hours of a day are (UTC)."""
WEEKEND: Final = 0.15
PAUSED: Final = 'a demonstration: its companies stand nowhere else'
INDEXES: Final = """
    select c.relname as tabled, i.relname as named, pg_get_indexdef(x.indexrelid) as definition
    from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
    where c.relname = any(%s) and not exists (select from pg_constraint k where k.conindid = x.indexrelid
      and k.conrelid = x.indrelid) order by 1, 2
"""
CONSTRAINTS: Final = """
    select c.relname as tabled, k.conname as named, pg_get_constraintdef(k.oid) as definition, k.contype as kind
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    where k.contype in ('p', 'u', 'x', 'f') and (c.relname = any(%(tables)s) or
      (k.contype = 'f' and k.confrelid = any(%(tables)s::regclass[]))) order by k.contype = 'f', 1, 2
"""
UNEASY: Final = """
    update push set wanted = done + 1, dirty_at = %(until)s - make_interval(secs => 60 * (record_id %% 900)),
      due_at = %(until)s - make_interval(secs => 60 * (record_id %% 300)), state = case record_id %% 1000 / 100
        when 0 then 'parked' when 1 then 'held' else 'ready' end,
      attempts = case when record_id %% 1000 < 100 then 5 else 0 end,
      reason = case record_id %% 1000 / 100 when 0 then 'the object was refused: 400 (name: is too long)'
        when 1 then 'the object is gone there: a person has to say what is right' else '' end
    where record_id %% 1000 in (7, 17, 107, 207, 307, 407, 507, 607) and state = 'ready' and wanted = done
"""
OCCUPIED: Final = """
    insert into occupancy (admin_id, during, meeting_id)
    select admin_id, tstzrange(start_at, end_at + make_interval(secs => coalesce(buffer_s, 0))), id from meeting
    where status = 'planned' and tombstone is null and end_at > %(until)s order by start_at, id
    on conflict on constraint occupancy_alone do nothing
"""
SPENT: Final = """
    update budget b set day = %(until)s::date, spent = t.spent, hours = t.hours from (
      select system, coalesce(sum(tokens) filter (where hour >= date_trunc('day', %(until)s)), 0)::bigint as spent,
        jsonb_object_agg(to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), tokens) as hours
      from (select system, date_trunc('hour', started_at) as hour, sum(tokens) as tokens from call
            where started_at > %(until)s - interval '1 day' group by 1, 2) h group by system) t
    where t.system = b.system
"""


QUEUED: Final = """
    insert into figure (name, at, system, kind, counts)
    select 'queue', at, system, 'pushes', jsonb_build_object('n', sum((counts ->> 'n')::int) / 3) from figure
    where name = 'calls' group by at, system
"""
"""What waited at a time nobody counted: some of what was sent then."""


@dataclass
class Telling:
    """A story told of one company: when it begins (seconds since 1970), how often a snapshot is repeated after it."""

    story: int
    starts_s: int
    repeats: list[int] = field(default_factory=list)


@dataclass
class Plan:
    """Who befalls what, and when; the ids of all events."""

    tellings: list[Telling]
    ids: 'array[int]'
    """Event by event, in the order in which tellings tell them."""


def draw_plan(
    chance: random.Random, templates: Sequence[tuple[Template, float]], companies: int, events: int, until: datetime
) -> Plan:
    """`companies` tellings within the last days before `until`, with `events` events in all."""
    end_s, weights = int(until.timestamp()), [weight for _, weight in templates]
    hours = _hours(until)
    tellings = []
    for story in chance.choices(range(len(templates)), weights, k=companies):
        template = templates[story][0]
        while True:
            starts_s = _draw_moment(chance, hours)
            if starts_s + template.lasts_s < end_s:
                break
        tellings.append(Telling(story, starts_s))
    tellings.sort(key=lambda told: told.starts_s)
    left = events - sum(len(templates[told.story][0].events) for told in tellings)
    repeatable = [told for told in tellings if templates[told.story][0].snapshot >= 0]
    while left > 0 and repeatable:
        told = repeatable[chance.randrange(len(repeatable))]
        at = _draw_moment(chance, hours)
        if told.starts_s + templates[told.story][0].lasts_s < at < end_s:
            told.repeats.append(at)
            left -= 1
    return Plan(tellings, _number(tellings, templates))


def _hours(until: datetime) -> tuple[list[float], list[int]]:
    """The hours of all days with how busy each was, cumulated."""
    whole, sums, starts = 0.0, [], []
    first = until.replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    for hour in range(DAYS * 24 + 1):
        at = first + timedelta(hours=hour)
        whole += BUSY[at.hour] * (WEEKEND if at.weekday() > 4 else 1)
        sums.append(whole)
        starts.append(int(at.timestamp()))
    return sums, starts


def _draw_moment(chance: random.Random, hours: tuple[list[float], list[int]]) -> int:
    [start] = chance.choices(hours[1], cum_weights=hours[0])
    return start + chance.randrange(3600)


def _number(tellings: Sequence[Telling], templates: Sequence[tuple[Template, float]]) -> 'array[int]':
    """Ids of events in the order of time, from 1 on; `array` place by place as they are told."""
    moments = []
    for told in tellings:
        template = templates[told.story][0]
        moments += [int((told.starts_s + after) * 1000) for after in template.events]
        moments += [at * 1000 for at in told.repeats]
    ids = array('q', bytes(8 * len(moments)))
    for rank, place in enumerate(sorted(range(len(moments)), key=moments.__getitem__)):
        ids[place] = rank
    return ids


class Spool:
    """Lines for tables, on disk until they are copied; those of tables that grow in time by day, to be sorted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[str, int], TextIO] = {}

    def add(self, table: str, bucket: int, text: str) -> None:
        file = self._files.get((table, bucket))
        if file is None:
            path = self._folder / f'{table}.{bucket:08d}'
            file = self._files[table, bucket] = path.open('w+', encoding='utf-8', newline='\n', buffering=1 << 18)
        file.write(text)

    def tables(self) -> list[str]:
        return sorted({table for table, _ in self._files})

    def read(self, table: str) -> Iterator[str]:
        """All lines of a table in large pieces, in their order."""
        for key in sorted(key for key in self._files if key[0] == table):
            file = self._files.pop(key)
            file.seek(0)
            if table in TIMED:
                lines = file.readlines()
                lines.sort()
                yield ''.join([line[KEY:] for line in lines])
            else:
                while piece := file.read(1 << 22):
                    yield piece
            file.close()
            Path(file.name).unlink()


KEY: Final = 16
"""Characters of what a line is sorted by."""


class Filler:
    """Tells stories into the spool."""

    def __init__(self, spool: Spool, numbers: Numbers, seed: int) -> None:
        self.spool, self.numbers, self.seed = spool, numbers, seed

    def tell(self, template: Template, number: int, told: Telling, ids: Sequence[int]) -> list[str]:
        """One story of one company; `ids` of its events, repeats at the end."""
        shift_s = told.starts_s - int(template.began)
        values = evaluate(template, self.seed, number, shift_s, ids, self.numbers)
        for table, forms in template.forms.items():
            if table in TIMED:
                for place, form in enumerate(forms):
                    at_s = told.starts_s + template.events[form.of_event] if template.events else told.starts_s
                    self._add(table, int(at_s), ids[form.of_event], place, form.fill(values))
            elif forms:
                self.spool.add(table, 0, ''.join([form.fill(values) for form in forms]))
        if told.repeats:
            self._repeat(template, number, told, ids, values)
        return values

    def _repeat(self, template: Template, number: int, told: Telling, ids: Sequence[int], values: list[str]) -> None:
        form: Form = template.forms['event'][template.snapshot]
        for turn, at_s in enumerate(told.repeats):
            own = list(ids)
            own[template.snapshot] = ids[len(template.events) + turn]
            shift_s = int(at_s - template.began - template.events[template.snapshot])
            again = evaluate(template, self.seed, number, shift_s, own, self.numbers, wanted=form.places, known=values)
            self._add('event', at_s, own[template.snapshot], 0, form.fill(again))

    def _add(self, table: str, at_s: int, event_id: int, place: int, line: str) -> None:
        self.spool.add(table, at_s // DAY_S, f'{event_id:012d}{place:04d}{line}')


def fill(
    url: str,
    tables: dict[str, Table],
    first: Template,
    templates: Sequence[tuple[Template, float]],
    plan: Plan,
    until: datetime,
    seed: int,
    numbers: Numbers,
    spool: Spool,
    say: Callable[[str], None] = print,
) -> None:
    """Everything of the plan, behind the set-up (`first`), which `spool` holds already."""
    began = time.monotonic()
    filler, behind, place = Filler(spool, numbers, seed), len(first.events) + 1, 0
    for number, told in enumerate(plan.tellings):
        template = templates[told.story][0]
        count = len(template.events) + len(told.repeats)
        filler.tell(template, number, told, [behind + rank for rank in plan.ids[place : place + count]])
        place += count
    say(f'told of {len(plan.tellings)} companies in {time.monotonic() - began:.0f} s')
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('set synchronous_commit = off')
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute('set max_parallel_maintenance_workers = 1')
        _load(connection, tables, spool, say)
        _settle(connection, numbers, until)
    say(f'whole after {time.monotonic() - began:.0f} s')


def _load(
    connection: psycopg.Connection[Any], tables: dict[str, Table], spool: Spool, say: Callable[[str], None]
) -> None:
    wanted = spool.tables()
    everything = sql.SQL(', ').join(map(sql.Identifier, tables))
    connection.execute(sql.SQL('truncate {} restart identity cascade').format(everything))
    constraints = connection.execute(CONSTRAINTS, {'tables': wanted}).fetchall()
    indexes = connection.execute(INDEXES, (wanted,)).fetchall()
    for table, name, _, _ in reversed(constraints):
        connection.execute(
            sql.SQL('alter table {} drop constraint {}').format(sql.Identifier(table), sql.Identifier(name))
        )
    for _, name, _ in indexes:
        connection.execute(sql.SQL('drop index {}').format(sql.Identifier(name)))
    for table in wanted:
        began = time.monotonic()
        columns = [column for column in tables[table].columns if (table, column) not in NUMBERED]
        named = sql.SQL(', ').join(map(sql.Identifier, columns))
        with connection.cursor() as cursor:
            with cursor.copy(sql.SQL('copy {} ({}) from stdin').format(sql.Identifier(table), named)) as copy:
                for piece in spool.read(table):
                    copy.write(piece)
            say(f'{table}: {cursor.rowcount} rows in {time.monotonic() - began:.0f} s')
    began = time.monotonic()
    for _, _, definition in indexes:
        connection.execute(definition.encode())
    for table, name, definition, _ in constraints:
        connection.execute(
            sql.SQL('alter table {} add constraint {} {}').format(
                sql.Identifier(table), sql.Identifier(name), sql.SQL(definition)
            )
        )
    say(f'indexed in {time.monotonic() - began:.0f} s')


def _settle(connection: psycopg.Connection[Any], numbers: Numbers, until: datetime) -> None:
    """Counters go on behind what is there, some pushes are not well, and every system rests."""
    moment = {'until': until}
    connection.execute('analyze')
    for statement in (UNEASY, OCCUPIED, SPENT):
        connection.execute(statement.encode(), moment)
    systems = [system for (system,) in connection.execute('select system from budget').fetchall()]
    for statement in (*figures.STATEMENTS, QUEUED):
        asked = figures.asked(until - timedelta(days=DAYS), until, systems)
        connection.execute(statement.encode(), asked)
    connection.execute('select setval(%s, %s)', ('record_id', numbers.next['record']))
    connection.execute("select setval('applied_seq', (select coalesce(max(applied_seq), 1) from event))")
    for table in ('event', 'decision', 'letter', 'sweep', 'proof', 'turn'):
        connection.execute(
            sql.SQL('select setval(pg_get_serial_sequence({}, {}), (select coalesce(max(id), 0) + 1 from {}))').format(
                sql.Literal(table), sql.Literal('id'), sql.Identifier(table)
            )
        )
    for system in systems:
        connection.execute(PAUSE.encode(), (system, PAUSED))
    # Whoever opens it has an emulated world of his own, with accounts of other names.
    connection.execute('delete from account')
    connection.execute('analyze')


def spooled(folder: str | None = None) -> tempfile.TemporaryDirectory[str]:
    """A folder for the spool."""
    return tempfile.TemporaryDirectory(prefix='hermes-demo-', dir=folder)


def now() -> datetime:
    """The last whole hour."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
