"""A record's page (ADM-4): what it is, why every value is what it is, how it was, and what can be done about it.

It shows; what changes something stands in `record_acts.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from hermes.db.connections import Connection
from hermes.db.reading import bounded
from hermes.db.reads import record as reads
from hermes.db.reads.blame import Trait, read_traits
from hermes.db.reads.events import page_events
from hermes.db.reads.listing import Page
from hermes.db.reads.lookup import Row
from hermes.db.reads.matters import name_records
from hermes.db.reads.people import list_checks
from hermes.db.reads.timeline import page_calls, page_changes, read_change, read_cost
from hermes.db.reads.undo import Undoable
from hermes.domain.adoption import OVERWRITTEN
from hermes.domain.app_user_states import legacy_text
from hermes.domain.errors import NotFound
from hermes.domain.event_filter import EventFilter
from hermes.domain.matters import title_of
from hermes.domain.model import OPERATOR, RecordRef
from hermes.domain.record_types import MERGED, NAMES, PEOPLE, RANK
from hermes.kit import clock, texts
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT_TITLE
from hermes.sync import planned
from hermes.web.desk.pages import lead, show
from hermes.web.desk.resources import RESOURCES
from hermes.web.desk.shown import TITLES, spoken
from hermes.web.desk.undo import role_for
from hermes.web.desk.visit import Visit

JOURNAL: Final = 15
CALLS: Final = 20
EVENTS: Final = 10
STONES: Final = {'tc2': PRODUCT_TITLE, 'crm': CRM_TITLE, OPERATOR: 'an operator'}
POLICIES: Final = {
    'follow': f'follows {PRODUCT_TITLE}, or the booking, until a person edits it in {CRM_TITLE}; from then on '
    f'{CRM_TITLE}, until somebody releases it',
    'tc2': f'{PRODUCT_TITLE} says it, from the moment it has a value',
    'crm': f'{CRM_TITLE} says it, once the record is linked',
    'hermes': 'Hermes computes it',
}
"""What a policy means (FIELD-2)."""
LISTS: Final = {
    'admin': (('companies', 'sales_person_id'), ('deals', 'admin_id'), ('meetings', 'admin_id')),
    'pipeline': (('deals', 'pipeline_id'),),
    'stage': (('deals', 'stage_id'),),
}
"""What everybody refers to has too much on it for its page: the lists that are chosen by it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that a record's page shows, of one moment of the database."""

    head: reads.Head
    view: reads.View
    past: reads.Past | None
    journal: Page
    pushes: list[Row]
    calls: Page
    costs: list[Row]
    events: Sequence[Row]
    decisions: list[Row]
    related: dict[str, list[Row]]
    last_act: tuple[Row, Undoable] | None
    checks: list[Row]
    """Of an app user: the states that it went through."""
    names: Mapping[RecordRef, str]


def read_whole(connection: Connection, ref: RecordRef, at: datetime | None) -> Whole:
    head = reads.read_head(connection, ref)
    view = reads.read_view(connection, ref)
    past = reads.read_past(connection, ref, at) if at else None
    journal = page_changes(connection, ref, limit=JOURNAL, until=at)
    return Whole(
        head, view, past, journal, reads.read_pushes_of(connection, ref),
        page_calls(connection, ref, limit=CALLS), read_cost(connection, ref),
        page_events(connection, EventFilter(record=ref), limit=EVENTS, counting=False).rows,
        reads.read_open_decisions(connection, ref), reads.read_related(connection, head),
        reads.read_last_act(connection, ref), list_checks(connection, ref) if ref.type in PEOPLE else [],
        name_all(connection, head, view, journal, past),
    )  # fmt: skip


def name_all(
    connection: Connection, head: reads.Head, view: reads.View, journal: Page, past: reads.Past | None = None
) -> dict[RecordRef, str]:
    """What the records are called that anything on the page names."""
    traits: dict[str, Trait | None] = {line.name: line.trait for line in view.lines}
    told = [
        (line.name, value) for line in view.lines for value in (line.line.value, *(c.value for c in line.cells if c))
    ]
    told += [(line['field'], line[side]) for line in journal.rows for side in ('old', 'new')]
    told += [(line.name, value) for line in (past.lines if past else ()) for value in (line.then, line.now)]
    others = [ref for ref in (head.company, head.into, *head.taken_in) if ref]
    return {**name_records(connection, others), **reads.names_for(connection, traits, told)}


async def show_record(visit: Visit) -> Response:
    """The page. What was merged leads on to what it was merged into, unless somebody wants to see it itself."""
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    ref = find_ref(visit)
    at, problem = read_moment(visit)
    told = await visit.parts.reading.ask(read_whole, ref, at)
    head = told.head
    if head.into and visit.query.get('merged') != 'stay':
        return lead(visit.link(path_of(head.into), was=f'{ref.type} {ref.id}', done=visit.query.get('done')))
    wrong = {**(wrong or {}), **problem}
    may = can_act(visit, head)
    resource = next((each for each in RESOURCES if each.one == ref.type), None)
    can_undo = told.last_act is not None and told.last_act[1].can and visit.may(role_for(told.last_act[1]))
    return show(
        visit, 'record.html', 422 if problem else status, told=told, head=head, ref=ref, path=path_of(ref), at=at,
        wrong=wrong, names=told.names, sending=await _sending(visit, ref, told.pushes), can_undo=can_undo,
        was=visit.query.get('was', '')[:60], may=may,
        writable={line.name for line in told.view.lines if can_write(visit, head, line.trait)},
        lists=LISTS.get(ref.type, ()), resource=resource, title_of=title_of,
        may_change=resource is not None and may and visit.may(resource.changes), **shared(visit),
    )  # fmt: skip


def shared(visit: Visit) -> dict[str, Any]:
    """What the templates of records ask for."""
    return {
        'crm': CRM_TITLE, 'crm_name': CRM, 'product': PRODUCT_TITLE,
        'titles': TITLES, 'policies': POLICIES, 'types': NAMES,
        'merged': MERGED, 'pushed': RANK, 'replaced': OVERWRITTEN, 'who': who, 'deleted_by': deleted_by, 'label': label,
        'kinds_of': lambda lines: {line.name: line.trait.type if line.trait else '' for line in lines},
        'several': lambda kind: next((each.title for each in RESOURCES if each.one == kind), kind),
        'page_of': lambda voice: _page_of(visit, voice), 'people': PEOPLE, 'legacy_text': legacy_text,
    }  # fmt: skip


def can_act(visit: Visit, head: reads.Head) -> bool:
    """Whether whoever asks may do something to it, and there is something to do it to."""
    return visit.may('operator') and head.state not in ('merged', 'erased')


def find_ref(visit: Visit) -> RecordRef:
    """The record of the address. Raises NotFound for a type that there is not."""
    if visit.part('type') not in NAMES:
        raise NotFound('There is no such type of record.')
    return RecordRef(visit.part('type'), visit.number('record'))


def path_of(ref: RecordRef) -> str:
    return f'/desk/records/{ref.type}/{ref.id}/'


def read_moment(visit: Visit) -> tuple[datetime | None, dict[str, str]]:
    """The moment in the address (UTC, unless it says otherwise), and what is wrong with it."""
    text = visit.query.get('at', '').strip().replace(' ', 'T')
    if not text:
        return None, {}
    found = clock.read_moment(text)
    if found is None:
        return None, {'at': 'This is no moment: write it as 2026-03-31 14:30, in UTC.'}
    if found > visit.parts.engine.clock.now():
        return None, {'at': 'This moment is still to come.'}
    return found, {}


def who(line: Mapping[str, Any]) -> str:
    """Who wrote a line of the journal, in words."""
    if line['system'] == OPERATOR or (line['source'] == OPERATOR and line['by']):
        return str(line['by'] or 'an operator')
    return TITLES.get(str(line['system']), str(line['system']))


def label(name: str, kinds: Mapping[str, str]) -> str:
    """What a field is called: what names a record is called after that."""
    return spoken(name.removesuffix('_id') if kinds.get(name) in NAMES else name)


def deleted_by(head: reads.Head) -> str:
    """Who deleted it, in words (D-2)."""
    kind = str((head.stone or {}).get('kind', ''))
    return str(head.fell['by'] if head.fell and head.fell['by'] else STONES.get(kind, kind))


def _page_of(visit: Visit, voice: reads.Voice) -> str:
    """Where people open a remote object, '' where nobody knows."""
    system = visit.parts.engine.systems.get(voice.system)
    return '' if system is None else system.page(voice.type, voice.remote_id)


async def _sending(visit: Visit, ref: RecordRef, pushes: Sequence[Row]) -> list[planned.Planned]:
    """What would be sent of it now, field by field."""
    engine = visit.parts.engine
    if not any(push['shown'] != 'done' for push in pushes):
        return []
    async with visit.parts.database.transaction() as connection, bounded(connection):
        known = await engine.known(connection)
        shut = {name: await planned.closed(engine, connection, each, known) for name, each in engine.systems.items()}
        companies = sorted({int(push['graph_id']) for push in pushes})
        found = await planned.of_companies(engine, connection, known, companies, None, shut)
    return [each for each in found if each.record == ref]


async def show_journal(visit: Visit) -> Response:
    """Everything that was ever written to it."""
    ref = find_ref(visit)
    told = await visit.parts.reading.ask(read_lines, ref, '', visit.query.get('page', ''))
    return show(visit, 'record_journal.html', told=told, head=told.head, ref=ref, path=path_of(ref), names=told.names,
                lines=told.journal, **shared(visit))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field, everything that was written to it, and what somebody may be about to put back."""

    head: reads.Head
    view: reads.View
    journal: Page
    line: reads.FieldLine | None
    trait: Trait | None
    chosen: Row | None
    names: Mapping[RecordRef, str]


def read_lines(connection: Connection, ref: RecordRef, name: str, page: str, chosen: int = 0) -> Field:
    head = reads.read_head(connection, ref)
    view = reads.read_view(connection, ref)
    journal = page_changes(connection, ref, field=name, cursor=page)
    line = next((each for each in view.lines if each.name == name), None)
    trait = read_traits(connection, ref.type).get(name) if name else None
    if name and line is None and trait is None and not journal.rows:
        raise NotFound(f'A {ref.type} has no field "{name[:40]}".')
    change = read_change(connection, ref, chosen) if chosen else None
    if change is not None and change['field'] != name:
        raise NotFound('That line of the journal is of another field.')
    return Field(head, view, journal, line, trait, change, name_all(connection, head, view, journal))


async def show_field(visit: Visit) -> Response:
    """Why a field says what it says."""
    return await show_field_of(visit)


async def show_field_of(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    ref, name = find_ref(visit), visit.part('field')
    told = await visit.parts.reading.ask(read_lines, ref, name, visit.query.get('page', ''), place(visit, 'put'))
    side = 'old' if visit.query.get('side') == 'old' else 'new'
    return show(
        visit, 'record_field.html', status, told=told, head=told.head, ref=ref, path=path_of(ref), name=name,
        names=told.names, side=side, lines=told.journal, wrong=wrong or {},
        may_write=can_write(visit, told.head, told.trait),
        may=can_act(visit, told.head), **shared(visit),
    )  # fmt: skip


def can_write(visit: Visit, head: reads.Head, trait: Trait | None) -> bool:
    """Whether a value of a field may be put back: D-22 knows no other fields."""
    is_ours = trait is not None and trait.policy != 'hermes' and head.ref.type in MERGED
    return is_ours and can_act(visit, head) and head.state == 'live'


def place(visit: Visit, name: str) -> int:
    """A number in the address; 0 for none."""
    text = visit.query.get(name, '')
    return texts.read_number(text) or 0
