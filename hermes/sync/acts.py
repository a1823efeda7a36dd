"""A person's acts: settings, admins, fields, pauses, retries. Each is an event, applied like any other, and says what
it did.

A refused act (Refused: a plain sentence) leaves its event with the refusal and nothing else.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hermes.db import graphs, pauses
from hermes.db.accounts import forget_account
from hermes.db.catalogue import Knowledge, bump, save_field, save_setting
from hermes.db.events import REPLAYED
from hermes.db.pool import Connection
from hermes.domain.config import KEYS, check, check_day
from hermes.domain.errors import Refused
from hermes.domain.fields import CustomField, default_catalogue
from hermes.domain.graph import CRM, PRODUCT, Context, Graph
from hermes.domain.merge import settle_fields, standing_edit
from hermes.domain.model import Change, Event, Record, RecordRef
from hermes.domain.rules import claim
from hermes.kit import phones
from hermes.sync import booking_acts, decisions, importing
from hermes.sync.booking_acts import BOOKING_ACTS
from hermes.sync.field_acts import FIELD_ACTS
from hermes.sync.letter_acts import LETTER_ACTS, reason_of
from hermes.sync.staff_acts import STAFF_ACTS

Outcome = dict[str, Any]
SETTLE: Final = 'decision.settle'
IMPORTED: Final = 'legacy.'
Act = Callable[[Connection, Event, Mapping[str, Any], Knowledge], Awaitable[Outcome]]


async def apply_act(
    connection: Connection, event: Event, known: Knowledge, context: Context, births: Sequence[int] = ()
) -> Outcome:
    """Apply one act. Raises Refused. `dirty` in the outcome names records whose pushes are to be looked at again.
    `births`: in a replay the ids of the records that it made (I14).
    """
    try:
        told = json.loads(event.body)
        apart = told['act'] == SETTLE or str(told['act']).startswith(IMPORTED) or told['act'] in BOOKING_ACTS
        act = None if apart else ACTS[told['act']]
    except (ValueError, KeyError, TypeError):
        raise Refused('This act is unknown; nothing was done.') from None
    try:
        if told['act'] in BOOKING_ACTS:
            return await booking_acts.apply_act(connection, told, context, births)
        if act is None and told['act'] != SETTLE:
            return await importing.apply_act(connection, event, told, known, context)
        if act is None:
            return await decisions.settle(connection, told, context)
        return await act(connection, event, told, known)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            f'The act {told["act"]} lacks something or is malformed ({type(error).__name__}: {error}); nothing was '
            'done.'
        ) from None


def is_bookkeeping(event: Event) -> bool:
    """Whether an act is about how the work goes on (pushes, events, letters, pauses) and about no record: a fold of the
    log, in which none of that is, leaves it out.
    """
    return str(json.loads(event.body).get('act')).startswith(('push.', 'event.', 'letter.', 'system.', 'account.'))


async def _set(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    if told['key'] not in KEYS:
        raise Refused(f'There is no setting {told["key"]}.')
    value = check(KEYS[told['key']], told['value'])
    settings = {**known.settings, told['key']: value}
    check_day(settings.get('meeting_min_start'), settings.get('meeting_max_end'))
    await save_setting(connection, told['key'], value)
    return {'notes': [f'{told["key"]} = {told["value"]}']}


async def _entry_stage(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """SETUP-1: a pipeline's default entry stage; only its own stages count."""
    pipeline = known.directory.pipelines.get(int(told['pipeline']))
    stage = known.directory.stages.get(int(told['stage']))
    if pipeline is None or stage is None or stage.fields.get('pipeline_id') != pipeline.ref.id:
        raise Refused(f'Stage {told["stage"]} is no stage of pipeline {told["pipeline"]}.')
    old = pipeline.fields.get('dft_entry_stage_id')
    record = replace(pipeline, fields={**pipeline.fields, 'dft_entry_stage_id': stage.ref.id})
    await _store(
        connection,
        Graph(),
        [record],
        [Change(record.ref, 'dft_entry_stage_id', old, stage.ref.id, 'operator', 'SETUP-1')],
        event,
    )
    await bump(connection, 'directory')
    return {'notes': [f'pipeline {pipeline.ref.id} enters at stage {stage.ref.id}']}


async def _store(
    connection: Connection, graph: Graph, records: list[Record], changes: list[Change], event: Event
) -> None:
    for record in records:
        graph.put_record(record)
    await graphs.store(connection, graph, {}, event.id)
    await graphs.journal(connection, [(change, event.id) for change in changes], event.received_at)


async def _seed_fields(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """D-5: an empty catalogue gets the default fields."""
    if known.catalogue.custom:
        return {'notes': ['the catalogue has fields already']}
    for item in default_catalogue().custom:
        await save_field(connection, item)
    await bump(connection, 'catalogue')
    return {'notes': ['the default fields were written']}


async def _save_field(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    item = CustomField(**told['field'])
    await save_field(connection, item)
    await bump(connection, 'catalogue')
    return {'notes': [f'{item.linked_object_type} field {item.machine_name}']}


async def _pause(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    reason = str(told.get('reason') or 'paused by hand')
    await pauses.pause(connection, told['system'], reason)
    return {'notes': [f'{told["system"]} is paused: {reason}']}


async def _resume(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """A restored database speaks with an account again only when that is named (SETUP-7)."""
    rows = await connection.execute(
        'select a.identity from system_state s join account a using (system) where s.system = %s and s.paused and '
        "s.reason ilike 'restored%%'",
        (told['system'],),
    )
    row = await rows.fetchone()
    if row is not None and told.get('account') != row['identity']:
        raise Refused(f'This database was restored: name the account of {told["system"]} that it may speak with.')
    await pauses.resume(connection, told['system'])
    return {'notes': [f'{told["system"]} is resumed']}


async def _forget_account(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """SETUP-12: a mistyped address is no account for good."""
    identity = await forget_account(connection, told['system'])
    if not identity:
        raise Refused(f'This database belongs to no account of {told["system"]}: there is nothing to forget.')
    return {
        'notes': [
            f'{identity} is forgotten: this database belongs to the next account of {told["system"]} that answers'
        ]
    }


async def _retry(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """OUT-6: parked and held pushes are tried again."""
    everything = bool(told.get('all'))
    record = told.get('record') or ['', 0]
    rows = await connection.execute(
        "update push set state = 'ready', reason = '', attempts = 0, wanted = greatest(wanted, done + 1), due_at = "
        'hermes_now(), '
        "detail = detail - 'gone_at' where (state <> 'ready' or attempts > 0) and "
        '((%(all)s and %(only)s in (%(none)s, system)) or (record_type = %(type)s and record_id = %(id)s and system '
        '= %(system)s)) returning record_id',
        {
            'all': everything,
            'only': told.get('system') or '',
            'none': '',
            'type': record[0],
            'id': record[1],
            'system': told.get('system', CRM),
        },
    )
    retried = await rows.fetchall()
    await connection.execute('notify hermes_push')
    return {'notes': [f'{len(retried)} pushes are tried again']}


async def _ignore(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """OUT-6: these fields of this record are not sent any more."""
    rows = await connection.execute(
        "update push set ignored = (select coalesce(jsonb_agg(distinct f), '[]') from jsonb_array_elements(ignored "
        '|| to_jsonb(%s::text[])) f), '
        "state = 'ready', reason = '', attempts = 0, wanted = greatest(wanted, done + 1), due_at = hermes_now() "
        'where record_type = %s and record_id = %s and system = %s returning record_id',
        (list(told['fields']), told['record'][0], told['record'][1], told.get('system', CRM)),
    )
    if not await rows.fetchall():
        raise Refused(f'{told["record"][0]} {told["record"][1]} has no push to {told.get("system", CRM)}.')
    await connection.execute('notify hermes_push')
    return {'notes': [f'ignored from now on: {", ".join(told["fields"])}']}


async def _park(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    rows = await connection.execute(
        "update event set state = 'parked', reason = %s where id = %s and state in ('new', 'waiting') returning id",
        (str(told.get('reason') or 'parked by hand'), told['event']),
    )
    if not await rows.fetchall():
        raise Refused(f'Event {told["event"]} is not waiting to be applied.')
    return {'notes': [f'event {told["event"]} is parked']}


async def _replay(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """Apply an event again. Whatever is newer stays: a replay moves no mirror back."""
    rows = await connection.execute(
        "update event set state = 'new', due_at = hermes_now(), attempts = 0, reason = null "
        "where id = %s and state in ('parked', 'done', 'dismissed') and kind = any(%s) and body is not null "
        'returning id',
        (told['event'], list(REPLAYED)),
    )
    if not await rows.fetchall():
        raise Refused(
            f'Event {told["event"]} cannot be replayed: it is unknown, still to be applied, none that arrived from '
            'outside, or its body was dropped.'
        )
    await connection.execute('notify hermes_event')
    return {'notes': [f'event {told["event"]} is applied again']}


async def _dismiss(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """What is parked is not wanted any more, for a reason that is kept; a replay takes it back."""
    rows = await connection.execute(
        "update event set state = 'dismissed', reason = concat('dismissed: ', %s::text, ' (', reason, ')') "
        "where id = %s and state = 'parked' returning id",
        (reason_of(told, 'an event'), told['event']),
    )
    if not await rows.fetchall():
        raise Refused(f'Event {told["event"]} is not parked: only what is parked can be dismissed.')
    return {'notes': [f'event {told["event"]} is dismissed']}


async def _release(connection: Connection, event: Event, told: Mapping[str, Any], known: Knowledge) -> Outcome:
    """`hermes release`: a person's edit in the CRM no longer holds a field (FIELD-2)."""
    ref, name = RecordRef(told['record'][0], int(told['record'][1])), str(told['field'])
    graph = await graphs.load(connection, graphs.Wanted(records={ref}))
    record = graph.record(ref)
    crm = graph.voice(record.ref, CRM) if record else None
    if record is None or crm is None or name not in known.catalogue.attributes(record.ref.type):
        raise Refused(f'{ref.type} {ref.id} has no field {name} that the CRM could hold.')
    if standing_edit(record, name, crm, graph.voice(record.ref, PRODUCT)) is None:
        raise Refused(f'{name} is not held back by an edit: there is nothing to release.')
    claim(graph, record.ref, 'released', name, list(crm.version))
    context = Context(event.id, event.received_at, known.catalogue, known.directory, known.settings, phones)
    changes = settle_fields(graph, record, context)
    await graphs.store(connection, graph, {}, event.id)
    await graphs.journal(
        connection, [(replace(change, rule='release'), event.id) for change in changes], event.received_at
    )
    return {'notes': [f'{name} is released'], 'dirty': [list(record.ref)]}


ACTS: Final[Mapping[str, Act]] = {
    'setting.set': _set,
    'pipeline.entry': _entry_stage,
    'field.save': _save_field,
    'fields.default': _seed_fields,
    'system.pause': _pause,
    'system.resume': _resume,
    'account.forget': _forget_account,
    'push.retry': _retry,
    'push.ignore': _ignore,
    'event.park': _park,
    'event.replay': _replay,
    'event.dismiss': _dismiss,
    'release': _release,
    **FIELD_ACTS,
    **STAFF_ACTS,
    **LETTER_ACTS,
}
