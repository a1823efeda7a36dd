"""Whether an operator's act can be undone, and what stands on it (ADM-13). Reads only.

What an act did that can be taken back stands in its outcome (`undo`, steps of sync/acts/steps.py). Something newer
stands on it where the journal, or the outcome of a later act, names the same thing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.adoption import OVERWRITTEN
from hermes.domain.merge import BY_PERSON
from hermes.domain.model import OPERATOR
from hermes.domain.record_types import UNDER_COMPANY
from hermes.parts.roles import CRM, CRM_TITLE

FIND: Final = """
    select id, source, kind, state, outcome -> 0 -> 'undo' as steps from event where id = %(event)s
"""
SPOKEN: Final = {'alias of': 'merge', 'born': 'making', 'tombstone': 'deletion'}
"""What a line of the journal that is no field's is called."""
SHOWN: Final = "c.at, c.event_id, c.system, c.note, c.rule, e.headers ->> 'by' as by"
NEWER: Final = f"""
    c.event_id <> %(event)s and c.rule <> '{OVERWRITTEN}'
      and c.id > coalesce((select max(id) from change where event_id = %(event)s), 0)
"""
ON_FIELDS: Final = f"""
    select c.record_type, c.record_id, c.field, {SHOWN}
    from jsonb_to_recordset(%(named)s) as s(type text, id bigint, field text), lateral (
      select * from change c where c.record_type = s.type and c.record_id = s.id and c.field = s.field and {NEWER}
      order by c.id desc limit 1
    ) c join event e on e.id = c.event_id order by c.id
"""
"""The newest line of the journal on each of these fields."""
UNDER: Final = ' union all '.join(
    f"select '{table}' as type, t.id from {table} t join wanted w on w.type = 'company' and t.company_id = w.id "
    'and t.tombstone is null and t.alias_of is null'
    for table in UNDER_COMPANY
)
ON_RECORDS: Final = f"""
    with wanted as (select * from jsonb_to_recordset(%(named)s) as s(type text, id bigint)), under as ({UNDER})
    select c.record_type, c.record_id, c.field, {SHOWN}
    from wanted w join change c on c.record_type = w.type and c.record_id = w.id join event e on e.id = c.event_id
    where {NEWER} and c.system <> 'hermes' and c.field not like '%% link'
      and not (coalesce(c.old, 'null') = 'null' and c.system = '{CRM}' and c.note <> '{BY_PERSON}')
    union all
    select c.record_type, c.record_id, c.field, {SHOWN}
    from under u join change c on c.record_type = u.type and c.record_id = u.id and c.field = 'born'
      join event e on e.id = c.event_id
    order by event_id
"""
"""Whatever happened to a record, and came under it; but for what Hermes computes and what the CRM fills in."""
LATER: Final = f"""
    select s.step, e.id as event_id, e.received_at as at, e.headers ->> 'by' as by, '{OPERATOR}' as system, '' as note
    from jsonb_array_elements(%(named)s) as s(step), lateral (
      select * from event e where e.id > %(event)s and e.source = '{OPERATOR}' and e.kind = 'act' and e.state = 'done'
        and exists (select from jsonb_array_elements(case when jsonb_typeof(e.outcome -> 0 -> 'undo') = 'array'
          then e.outcome -> 0 -> 'undo' else '[]' end) as other
          where other -> 0 = s.step -> 0 and other -> 1 = s.step -> 1
            and (s.step ->> 0 <> 'field' or other -> 2 = s.step -> 2))
      order by e.id desc limit 1
    ) e
"""
"""The newest act on each of these settings and fields of the catalogue."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One newer thing that stands on an act: what it is of, the field, who, when, in which event."""

    of: str
    field: str
    who: str
    at: datetime
    event_id: int

    @property
    def sentence(self) -> str:
        what = SPOKEN.get(self.field, self.field)
        return f'{what} of {self.of} by {self.who}, {self.at:%Y-%m-%d %H:%M:%SZ} (event {self.event_id})'


@dataclass(frozen=True, slots=True)
class Undoable:
    """Whether an event can be undone; if not, the reason, and what stands on it. `kinds`: of the steps it takes."""

    event_id: int
    can: bool
    reason: str = ''
    standing: tuple[Standing, ...] = ()
    kinds: tuple[str, ...] = ()


def read_undo(connection: Connection[Any], event_id: int) -> Undoable:
    """Whether the act of an event can be undone now, and if not, why."""
    found = row(connection, FIND, {'event': event_id}) if 0 < event_id < 2**63 else None
    if reason := hindrance(event_id, found):
        return Undoable(event_id, False, reason)
    steps = found['steps'] if found else []
    told = [
        item
        for query, named in asked(steps)
        for item in rows(connection, query, {'event': event_id, 'named': Jsonb(named)})
    ]
    standing = tuple(read_standing(told))
    kinds = tuple(sorted({kind for kind, *_ in steps}))
    return Undoable(event_id, not standing, refusal(event_id, standing), standing, kinds)


def hindrance(event_id: int, found: Mapping[str, Any] | None) -> str:
    """Why there is nothing to undo, in words; '' where there is."""
    if found is None:
        return f'There is no event {event_id}.'
    if found['kind'] != 'act' or found['source'] != OPERATOR:
        return f"Event {event_id} is no act of an operator's: there is nothing to undo."
    if found['state'] != 'done':
        return f'Event {event_id} was not carried out ({found["state"]}): there is nothing to undo.'
    return '' if found['steps'] else f'What event {event_id} did cannot be taken back.'


def asked(steps: Sequence[Sequence[Any]]) -> list[tuple[str, list[Any]]]:
    """Each query that looks for what stands on some steps, with what it is about."""
    fields: list[dict[str, Any]] = []
    for kind, *told in steps:
        if kind == 'held':
            fields += [_named(told[0], told[1], name) for name in (told[2], 'alias of', 'tombstone')]
        elif kind in ('buried', 'lifted'):
            fields += [_named(told[0], told[1], name) for name in ('tombstone', 'alias of')]
        elif kind == 'entry':
            fields.append(_named('pipeline', told[0], 'dft_entry_stage_id'))
        elif kind == 'admin':
            fields += [_named('admin', told[0], name) for name in (*told[1], 'tombstone')]
        elif kind == 'left':
            fields.append(_named('admin', told[0], 'tombstone'))
    made = [['admin', *told] if kind == 'joined' else told for kind, *told in steps if kind in ('made', 'joined')]
    records = [{'type': record_type, 'id': number} for record_type, number in made]
    others = [list(step) for step in steps if step[0] in ('setting', 'field')]
    return [(query, named) for query, named in ((ON_FIELDS, fields), (ON_RECORDS, records), (LATER, others)) if named]


def _named(record_type: str, number: int, name: str) -> dict[str, Any]:
    return {'type': record_type, 'id': number, 'field': name}


def read_standing(found: Iterable[Row]) -> list[Standing]:
    """Rows of those queries, as people are told."""
    return [Standing(*_what(item), _who(item), item['at'], item['event_id']) for item in found]


def _what(item: Row) -> tuple[str, str]:
    if 'step' not in item:
        return f'{item["record_type"]} {item["record_id"]}', item['field']
    kind, *told = item['step']
    return ('the settings', told[0]) if kind == 'setting' else (f'the fields of {told[0]}', told[1])


def _who(item: Row) -> str:
    if item['system'] == OPERATOR:
        return str(item['by'] or 'an operator')
    if item['system'] == CRM:
        return f'a person in {CRM_TITLE}' if item['note'] == BY_PERSON else CRM_TITLE
    return str(item['system'])


def refusal(event_id: int, standing: Sequence[Standing]) -> str:
    """The sentence that names what stands on an act; '' where nothing does."""
    if not standing:
        return ''
    return f'Event {event_id} cannot be undone, something newer stands on it: ' + '; '.join(
        each.sentence for each in standing
    ) + '.'  # fmt: skip
