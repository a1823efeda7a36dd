"""Deliveries, pages and answers of Pipedrive as observations (the verb *observe*): pure and tolerant.

What nobody needs (notes, leads, products, ...) is ignored by name, never an error (L-4); a JSON of no known shape
is Unparseable. Versions follow VERSION-1: the object's `update_time`, then the delivery's own time; an answer's
place within its second is UNSETTLED.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hermes.domain.errors import Unparseable
from hermes.domain.fields import Catalogue
from hermes.domain.model import (
    SETTLED,
    UNSETTLED,
    Element,
    Event,
    Fetch,
    Observation,
    Origin,
    RecordRef,
    RemoteRef,
    Version,
)
from hermes.kit import wire
from hermes.ports import Answer, Request, decode_answer
from hermes.systems.pipedrive import legacy, objects, rest, webhook

SYSTEM = 'pipedrive'
AHEAD = timedelta(days=1)
"""How far the CRM's clock may be ahead of ours before its times are not believed."""
_WRITES = ('create', 'update', 'delete')
_LISTED = {'users': 'user', 'pipelines': 'pipeline', 'stages': 'stage'}


def observe(event: Event, catalogue: Catalogue) -> Sequence[Element]:
    """Elements of a webhook's raw body, or of an answer, a read or a page of ours."""
    try:
        if event.kind == 'webhook':
            return (_delivery(wire.load_json(event.body), event.received_at + AHEAD, catalogue),)
        if event.kind in ('answer', 'read', 'page'):
            return _told(*decode_answer(event.body), event, catalogue)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparseable(f'The body is not JSON of a known form ({type(error).__name__}).') from None
    raise Unparseable(f'Nobody knows what a Pipedrive event of kind "{event.kind[:40]}" is.')


def dedupe_key(payload: Any) -> bytes | None:
    """What makes a delivery the same delivery (I2); None when it says no time, which is a delivery of its own.

    Whole-second times (user events, format v1) are too coarse to tell two changes apart, so the content counts too.
    """
    if not isinstance(payload, dict):
        return None
    meta = payload.get('meta')
    if not isinstance(meta, dict) or meta.get('timestamp') in (None, ''):
        return None
    at = meta['timestamp']
    parts = [payload.get('event'), meta.get('entity'), meta.get('entity_id'), meta.get('action'), meta.get('id'), at]
    if not isinstance(at, str):
        parts.append([payload.get(part) for part in ('data', 'current', 'previous')])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _delivery(payload: Any, latest: datetime, catalogue: Catalogue) -> Element:
    """The element of one delivery. A time after `latest` is not believed: it would silence all later news."""
    if not isinstance(payload, dict):
        raise Unparseable('The delivery is not a JSON object.')
    read = webhook.read
    if legacy.is_legacy(payload):
        payload, read = legacy.modernise(payload), rest.read
    meta = payload.get('meta')
    if not isinstance(meta, dict) or not isinstance(meta.get('entity'), str):
        raise Unparseable('The delivery has no meta.entity, so nobody knows what it is about.')
    entity, action = meta['entity'], meta.get('action')
    if entity not in objects.RECORD_OF:
        return Element(ignored=f'Hermes does not keep Pipedrive objects of type "{entity[:60]}".')
    if action not in ('create', 'change', 'delete'):
        return Element(ignored=f'Hermes does not know the action "{str(action)[:60]}".')
    data = payload.get('data')
    state = data if isinstance(data, dict) else {}
    identity = _identity(state.get('id', meta.get('entity_id'))) or _identity(meta.get('entity_id'))
    sent_at = _until(latest, _moment(meta.get('timestamp')))
    if identity is None:
        return Element(unparseable=f'The {entity} in this delivery has no id.')
    if action != 'delete' and not isinstance(data, dict):
        return Element(unparseable=f'The delivery about {entity} {identity} carries no data.')
    changed_at = None if action == 'delete' else _until(latest, _changed(entity, state))
    version_at = changed_at or sent_at
    if version_at is None:
        return Element(unparseable=f'The delivery about {entity} {identity} carries no time.')
    version = Version(wire.epoch_s(version_at), wire.epoch_ms(sent_at) if sent_at else UNSETTLED)
    doubts: list[str] = []
    seen = _webhook_observation(meta, RemoteRef(SYSTEM, entity, identity), version, state, catalogue, read, doubts)
    if action == 'delete':
        seen = replace(seen, record=_made_for(entity, payload.get('previous'), catalogue, read))
    if action == 'change' and entity == 'deal' and 'archived' not in seen.fields and _tells_nothing(payload):
        return Element((seen,), fetch=(Fetch(seen.ref, 'it changed in a way that the delivery does not tell'),))
    return _doubting(seen, doubts)


def _doubting(seen: Observation, doubts: list[str]) -> Element:
    """What shows an unknown option is read once more, when the fields were read again; a reading itself is not."""
    fetch = (Fetch(seen.ref, 'it shows an option that is not known yet'),) if doubts and seen.origin != 'read' else ()
    return Element((seen,), fetch=fetch, doubts=tuple(doubts))


def _tells_nothing(payload: Mapping[str, Any]) -> bool:
    """Whether a change names nothing that was other before: deliveries do not show whether a deal is archived."""
    previous = payload.get('previous')
    return isinstance(previous, dict) and not any(
        name != 'update_time' and (name != 'custom_fields' or told) for name, told in previous.items()
    )


def _made_for(entity: str, previous: Any, catalogue: Catalogue, read: objects.ReadCustom) -> RecordRef | None:
    """The record that a deleted object's `hermes_id` named: a creation of ours may never have been answered."""
    if not isinstance(previous, dict):
        return None
    named = objects.read_object(entity, previous, catalogue, read).get('hermes_id') or []
    return RecordRef(objects.RECORD_OF[entity], named[0]) if len(named) == 1 and isinstance(named[0], int) else None


def _webhook_observation(
    meta: Mapping[str, Any],
    ref: RemoteRef,
    version: Version,
    state: Mapping[str, Any],
    catalogue: Catalogue,
    read: objects.ReadCustom,
    doubts: list[str],
) -> Observation:
    by_api = meta.get('change_source') == 'api'
    correlation = str(meta.get('correlation_id') or '')[:200]
    if meta['action'] == 'delete':
        into = _identity(meta.get('merged_to_id'))
        fields = {'archived': True} if ref.type in ('pipeline', 'stage') else {}
        return Observation(ref, 'merged' if into else 'deleted', version, fields, action='delete',
                           merged_into=into, by_api=by_api, correlation=correlation)  # fmt: skip
    fields = objects.read_object(ref.type, state, catalogue, read, doubts)
    fields |= objects.read_currencies(ref.type, state, catalogue, read)
    return Observation(
        ref,
        'state',
        version,
        fields,
        origin='created' if meta['action'] == 'create' else 'webhook',
        action=meta['action'],
        merged_from=_identity(meta.get('merged_from_id')),
        parent=_parent(ref.type, fields),
        by_api=by_api,
        correlation=correlation,
    )


def _told(request: Request, answer: Answer, event: Event, catalogue: Catalogue) -> Sequence[Element]:
    """What an answer to a call of ours says."""
    remote_type = _LISTED.get(request.op, request.type)
    if remote_type not in objects.RECORD_OF or request.op not in (*_WRITES, *_LISTED, 'read', 'list'):
        return ()
    answered_at = wire.http_date(answer.headers.get('date')) or answer.ended_at or event.received_at
    if request.op == 'read' and answer.status in (404, 410):
        ref = RemoteRef(SYSTEM, remote_type, request.remote_id)
        version = Version(wire.epoch_s(answered_at), UNSETTLED)
        return (Element((Observation(ref, 'missing', version, origin='read', action='read'),)),)
    if answer.status is None or not 200 <= answer.status < 300:
        return ()
    if request.op == 'delete':
        ref = RemoteRef(SYSTEM, remote_type, request.remote_id)
        version = Version(wire.epoch_s(answered_at), UNSETTLED)
        return (Element((Observation(ref, 'deleted', version, origin='answer', action='delete', by_api=True),)),)
    if not answer.body.strip():
        return ()
    told = wire.load_json(answer.body)
    data = told.get('data') if isinstance(told, dict) else None
    if request.op in _WRITES or request.op == 'read':
        origin: Origin = 'read' if request.op == 'read' else 'answer'
        return (_item(data, remote_type, origin, request.op, answer, catalogue),)
    if data is None:
        return ()
    if not isinstance(data, list):
        raise Unparseable('The page holds no list of objects.')
    return tuple(_item(item, remote_type, 'page', request.op, answer, catalogue) for item in data)


def _item(data: Any, remote_type: str, origin: Origin, op: str, answer: Answer, catalogue: Catalogue) -> Element:
    identity = _identity(data.get('id')) if isinstance(data, dict) else None
    if identity is None:
        return Element(unparseable=f'An object of type {remote_type} in an answer has no id.')
    date = wire.http_date(answer.headers.get('date'))
    changed_at = _changed(remote_type, data) or date or answer.ended_at
    if changed_at is None:
        return Element(unparseable=f'The answer about {remote_type} {identity} carries no time.')
    changed_s = wire.epoch_s(changed_at)
    over = origin != 'answer' and date is not None and wire.epoch_s(date) >= changed_s + 2
    doubts: list[str] = []
    fields = objects.read_object(remote_type, data, catalogue, rest.read, doubts)
    fields |= objects.read_currencies(remote_type, data, catalogue, rest.read)
    deleted = data.get('is_deleted') is True and remote_type != 'user'
    observation = Observation(
        RemoteRef(SYSTEM, remote_type, identity),
        'deleted' if deleted else 'state',
        Version(changed_s, SETTLED if over else UNSETTLED),
        fields,
        origin=origin,
        action=op,
        parent=None if deleted else _parent(remote_type, fields),
        by_api=origin == 'answer',
    )
    return _doubting(observation, doubts)


def _parent(remote_type: str, fields: Mapping[str, Any]) -> RemoteRef | None:
    if remote_type in ('person', 'deal') and fields.get('company_id'):
        return RemoteRef(SYSTEM, 'organization', fields['company_id'])
    if remote_type == 'stage' and fields.get('pipeline_id'):
        return RemoteRef(SYSTEM, 'pipeline', fields['pipeline_id'])
    return None


def _changed(remote_type: str, data: Mapping[str, Any]) -> datetime | None:
    return _moment(data.get('modified')) if remote_type == 'user' else _moment(data.get('update_time'))


def _until(latest: datetime, at: datetime | None) -> datetime | None:
    return at if at is not None and at <= latest else None


def _moment(raw: Any) -> datetime | None:
    try:
        return None if raw is None else wire.moment(raw)
    except ValueError:
        return None


def _identity(raw: Any) -> str | None:
    """A remote id as text; None when there is none or it is no number."""
    try:
        return objects.remote_id(raw)
    except ValueError:
        return None
