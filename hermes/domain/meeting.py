"""Meetings: what our acts decreed, what the calendar says since, and what follows (CB-15, PD-ACT-1).

The times and the status of a meeting are a function of its decrees and of the set of sightings of its event, so
neither order nor repetition matters (I5), and what Hermes itself wrote moves nothing (I6). An activity in the CRM is
observed and never followed. Slots and letters are derived here too, pure.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from hermes.domain.applied import Applied
from hermes.domain.graph import Context, Decision, Directory, Graph
from hermes.domain.history import NEVER, edits, insert
from hermes.domain.history import settle as settle_intent
from hermes.domain.linking import attach
from hermes.domain.merge import merge
from hermes.domain.model import SETTLED, Change, Claims, Decree, Mirror, Observation, Record, RecordRef, Value, Version
from hermes.domain.tombstones import keep_one_primary
from hermes.parts.roles import CALENDAR, CRM

TIMES: Final = ('start_at', 'end_at')
DECREED: Final = (*TIMES, 'status', 'canceled_by', 'sequence')
"""What an act decides and the calendar may overrule afterwards."""
TOLD: Final = frozenset({*TIMES, 'status', 'admin_id'})
"""What is a new SEQUENCE of the invitation when it changes."""
THERE: Final = 'there'
"""Under which name an event's mirror keeps when it stood in its calendar, and when not."""
REMINDERS: Final = (timedelta(hours=24), timedelta(hours=1))
RULE: Final = 'CB-15'
SHAPES: Final[Mapping[str, str]] = {
    'days': 'a person made its event in the calendar one of whole days, which says no time: the meeting stays as it '
    'was booked; give the event its time again, move the meeting, or cancel it',
    'series': 'a person made its event in the calendar a series: only the booked time is a meeting, and the others are '
    'not followed; make other events of them, or take the repetition away',
}
"""What an event can be that a meeting cannot, and what follows."""


class Slot(NamedTuple):
    """What an admin's time is taken by: aware UTC, half-open, the buffer included."""

    admin_id: int
    start_at: datetime
    end_at: datetime


class Due(NamedTuple):
    """A letter that has to be sent, unique by kind and sequence."""

    kind: str
    sequence: int
    due_at: datetime


def moment(value: Value) -> datetime:
    """A canonical time as an aware datetime. Raises ValueError, TypeError."""
    return datetime.fromisoformat(value)


def text_of(at: datetime) -> str:
    """An aware datetime as canonical text: UTC, whole seconds."""
    return at.astimezone(UTC).isoformat(timespec='seconds')


def is_planned(record: Record | None) -> bool:
    return record is not None and not record.gone and record.fields.get('status') == 'planned'


def slot(record: Record | None) -> Slot | None:
    """The time that a meeting takes; None when it takes none (canceled, deleted, merged away, without an admin)."""
    if record is None or not is_planned(record) or not isinstance(record.fields.get('admin_id'), int):
        return None
    start_at, end_at = (moment(record.fields[name]) for name in TIMES)
    until = end_at + timedelta(seconds=record.fields.get('buffer_s') or 0)
    return Slot(record.fields['admin_id'], start_at, until) if until > start_at else None


def letters(before: Record | None, after: Record, now: datetime) -> list[Due]:
    """The letters that follow when a meeting changes from `before` (None: it was made). A reminder's sequence is ten
    times the meeting's, plus 1 for a day and 2 for an hour before; one whose time is over is not sent.
    """
    was, planned, sequence = is_planned(before), is_planned(after), int(after.fields.get('sequence') or 0)
    if after.gone or moment(after.fields['end_at']) <= now or (not planned and not was):
        return []
    if not planned:
        refused = after.fields.get('canceled_by') in ('refused', 'calendar')
        return [Due('apology' if refused else 'cancelled', sequence, now)]
    if was and before is not None and not is_moved(before, after):
        return []
    news = 'confirmation' if before is None else 'moved' if was else 'restored'
    start_at = moment(after.fields['start_at'])
    reminders = [
        Due('reminder', sequence * 10 + number, start_at - ahead)
        for number, ahead in enumerate(REMINDERS, 1)
        if start_at - ahead > now
    ]
    return [Due(news, sequence, now), *reminders]


def is_moved(before: Record, after: Record) -> bool:
    """Another time, or another admin: whoever was told needs to be told again."""
    return any(before.fields.get(name) != after.fields.get(name) for name in ('start_at', 'admin_id'))


def calendar_of(record: Record, directory: Directory) -> str:
    """The calendar in which a meeting belongs: the e-mail address of its admin; '' for nobody's."""
    admin = directory.admins.get(record.fields.get('admin_id') or 0)
    return str(admin.fields.get('email') or '') if admin else ''


def stands_in(mirror: Mirror) -> str:
    """The calendar in which an event stands: the first part of its remote id."""
    return mirror.ref.remote_id.rpartition('/')[0]


def event_of(graph: Graph, record: Record, directory: Directory) -> Mirror | None:
    """The event of a meeting in the calendar in which it belongs: the live one, else the newest that was deleted."""
    home = calendar_of(record, directory).lower()
    found = [mirror for mirror in graph.mirrors_of(record.ref, CALENDAR) if stands_in(mirror).lower() == home]
    return max(found, key=lambda mirror: (mirror.live, mirror.version, mirror.ref.remote_id), default=None)


def is_declined(graph: Graph, record: Record, directory: Directory) -> bool:
    """Whether the visitor answered No in the calendar, and nobody has changed the meeting since."""
    event = event_of(graph, record, directory)
    answers = event.runs.get('answer', ()) if event is not None and event.live else ()
    decree = record.claims.decree.get('status')
    after = decree.after if decree is not None else NEVER
    return bool(answers) and answers[-1].value == 'declined' and answers[-1].first > after


def book(
    graph: Graph, fields: Mapping[str, Value], company_id: int, rule: str, context: Context
) -> tuple[RecordRef, list[Change]]:
    """A new meeting under a company, with its lines for the journal. `fields`: its attributes; times canonical."""
    ref = RecordRef('meeting', graph.new_id())
    told = {'status': 'planned', 'sequence': 0, 'round': 0, **fields, 'company_id': company_id}
    given = {name: value for name, value in told.items() if value is not None}
    claims = Claims(decree={name: Decree(given.get(name), NEVER, rule) for name in DECREED})
    graph.put_record(Record(ref, given, claims, company_id, born_event=context.event_id))
    lines = [Change(ref, name, None, value, 'hermes', rule) for name, value in given.items()]
    return ref, [Change(ref, 'born', None, rule, 'hermes', rule), *lines]


def rearrange(
    graph: Graph, ref: RecordRef, values: Mapping[str, Value], rule: str, context: Context, note: str = ''
) -> list[Change]:
    """An act of ours changes a meeting (move, cancel, reassign, rename): what a person does in the calendar afterwards
    counts, what was done there before does not.
    """
    record = graph.records[ref]
    changed = {name: value for name, value in values.items() if record.fields.get(name) != value}
    if not changed:
        return []
    if TOLD & changed.keys():
        changed['sequence'] = int(record.fields.get('sequence') or 0) + 1
    decrees = dict(record.claims.decree)
    events = graph.mirrors_of(ref, CALENDAR)
    after = max((told for event in events for told in (event.version, event.deleted) if told), default=NEVER)
    for name in DECREED:
        if TOLD & changed.keys() or name not in decrees:
            decrees[name] = Decree(changed.get(name, record.fields.get(name)), after, rule)
    return _write(graph, replace(record, claims=replace(record.claims, decree=decrees)), changed, 'hermes', rule, note)


def _write(
    graph: Graph, record: Record, values: Mapping[str, Value], system: str, rule: str, note: str = ''
) -> list[Change]:
    changes = [
        Change(record.ref, name, record.fields.get(name), value, system, rule, note)
        for name, value in values.items()
        if record.fields.get(name) != value
    ]
    fields = {name: value for name, value in {**record.fields, **values}.items() if value is not None}
    graph.put_record(replace(record, fields=fields))
    return changes


def observe(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """What an event or an activity says: into its mirror if it is ours, and what the calendar says into the meeting."""
    known = graph.mirrors.get(seen.ref)
    record = graph.record(known.record) if known else None
    rule = 'link'
    if record is None:
        record, rule = _whose(graph, seen)
    if record is None or seen.kind == 'merged':
        done.note(f'ignored: {seen.ref.type} {seen.ref.remote_id} is none of ours')
        return
    if known is None and seen.ref.system == CRM and graph.primary(record.ref, CRM) is not None:
        _ask_about_twin(seen, record, done)
        return
    seen = _as_deleted(seen, known)
    merge(graph, None, seen, context)
    if seen.ref.system == CALENDAR and seen.kind != 'missing':
        _note_presence(graph, seen)
    if seen.intent:
        graph.put_mirror(settle_intent(graph.mirrors[seen.ref], seen.intent, seen.version))
    if graph.mirrors[seen.ref].record is None:
        attach(graph, seen, record, rule, context, done)
    mirror = graph.mirrors[seen.ref]
    if known is not None and known.live != mirror.live:
        line = f'{seen.ref.type} {seen.ref.remote_id}'
        old, new = (None, line) if mirror.live else (line, None)
        note = 'it is there again' if mirror.live else 'deleted there'
        done.changes.append(Change(record.ref, f'{seen.ref.system} link', old, new, seen.ref.system, RULE, note))
        if mirror.live:
            keep_one_primary(graph, mirror, record, context, done)
    if seen.ref.system == CALENDAR:
        _look_at_shape(mirror, record, done)
        moved = follow(graph, record.ref, context)
        answered = known is not None and known.current('answer') != mirror.current('answer')
        if moved or answered:
            done.remember(graph, record)
            done.changes += moved


def _ask_about_twin(seen: Observation, record: Record, done: Applied) -> None:
    """OUT-4: a second object of one creation. The first stays the meeting's, and nothing is deleted unasked."""
    detail = {'object': list(seen.ref), 'reason': 'it names a meeting that has another object already'}
    done.decisions.append(Decision('duplicate', f'duplicate:{":".join(seen.ref)}', record.ref, detail))
    done.note(f'needs a decision: {seen.ref.type} {seen.ref.remote_id} was made twice')


def _look_at_shape(mirror: Mirror, record: Record, done: Applied) -> None:
    """What a meeting cannot follow is told to people, and no longer than it is so."""
    key, reason = f'calendar:{record.ref.id}', SHAPES.get(mirror.current('shape'))
    if reason is None or not mirror.live or not is_planned(record):
        if mirror.says('shape'):
            done.closed.append(('calendar', key))
        return
    done.note(reason)
    since = mirror.runs['shape'][-1].first
    detail = {'reason': reason, 'object': list(mirror.ref)}
    done.decisions.append(Decision('calendar', f'{key}:{since.seconds}', record.ref, detail))


def _as_deleted(seen: Observation, known: Mirror | None) -> Observation:
    """What says of itself that it was canceled was deleted; so was what was there and is not any more."""
    if seen.kind == 'state' and seen.fields.get('status') == 'cancelled':
        return replace(seen, kind='deleted')
    if seen.kind == 'missing' and known is not None and known.runs:
        return replace(seen, kind='deleted', version=Version(seen.version.seconds, SETTLED))
    return seen


def _note_presence(graph: Graph, seen: Observation) -> None:
    """Every deletion and every return is kept: each was told to somebody. Of deletions alone a mirror keeps the
    newest.
    """
    mirror = graph.mirrors[seen.ref]
    runs, _ = insert(mirror.runs.get(THERE, ()), seen.kind == 'state', seen.version, mirror.seen)
    graph.put_mirror(replace(mirror, runs={**mirror.runs, THERE: runs}))


def _whose(graph: Graph, seen: Observation) -> tuple[Record | None, str]:
    """The meeting of an object that has no link: the one that it names, if it is being made there or stands nowhere
    yet. What names a meeting that has its object already is somebody's copy.
    """
    named = [seen.record.id] if seen.record else seen.fields.get('hermes_id') or ()
    for number in named:
        record = graph.record(RecordRef('meeting', number)) if isinstance(number, int) else None
        if record is None or (seen.fields.get('uid') or record.fields.get('uid')) != record.fields.get('uid'):
            continue
        being_made = (record.ref, seen.ref.system) in graph.creating
        if being_made or not graph.mirrors_of(record.ref, seen.ref.system):
            return record, 'our own creation' if being_made else 'hermes_id'
    return None, ''


def follow(graph: Graph, ref: RecordRef, context: Context) -> list[Change]:
    """Bring a meeting to what its decrees and its event say together. Idempotent."""
    record = graph.records[ref]
    event = event_of(graph, record, context.directory)
    if event is None:
        return []
    decrees = dict(record.claims.decree)
    for name in DECREED:
        decrees.setdefault(name, Decree(record.fields.get(name), NEVER, ''))
    values = _believed(record, decrees, event)
    if all(record.fields.get(name) == value for name, value in values.items()):
        return []
    settled = replace(record, claims=replace(record.claims, decree=decrees))
    return _write(graph, settled, values, CALENDAR, RULE, 'a person changed it in the calendar')


def _believed(record: Record, decrees: Mapping[str, Decree], event: Mirror) -> dict[str, Value]:
    """What a meeting should say: a person's edit that is newer than the decree stands, else the decree. SEQUENCE counts
    every edit, deletion and return since then, is never behind the calendar's own, and never falls.
    """
    values: dict[str, Value] = {name: decrees[name].value for name in DECREED}
    edited: set[Version] = set()
    for name in TIMES:
        after = decrees[name].after
        since = {run.first for run, _ in edits(event, name) if run.first > after}
        if since:
            values[name] = event.current(name)
            edited |= since
    if not _is_stretch(*(values[name] for name in TIMES)):
        values |= {name: decrees[name].value for name in TIMES}
        edited = set()
    removed = (
        not event.live
        and event.deleted is not None
        and event.deleted_by != 'hermes'
        and event.deleted > decrees['status'].after
    )
    if removed and values['status'] != 'canceled':
        values |= {'status': 'canceled', 'canceled_by': 'calendar'}
    counted = int(values['sequence'] or 0) + len(edited) + _turns(event, decrees['status'].after)
    counted = max([counted, *(run.value for run in event.runs.get('sequence', ()))])
    known = int(record.fields.get('sequence') or 0)
    is_new = any(values[name] != record.fields.get(name) for name in TOLD & values.keys())
    values['sequence'] = max(counted, known + is_new)
    return values


def _turns(event: Mirror, after: Version) -> int:
    """How often people deleted an event that stood there, and brought it back."""
    if event.deleted_by == 'hermes':
        return 0
    stood = [True, *(run.value for run in event.runs.get(THERE, ()) if run.first > after)]
    return sum(now != before for before, now in pairwise(stood))


def _is_stretch(start: Value, end: Value) -> bool:
    """Whether two values are moments, one after the other."""
    try:
        return moment(start) < moment(end)
    except (TypeError, ValueError):
        return False
