"""Answers of Salesforce as observations (the verb *observe*): pure and tolerant. It sends no deliveries.

Who is found by which key is told here, never by the vendor's order: our own number counts before the legacy id, and
that before the address. An object stands for whoever asked only where it is the one that was found.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hermes.domain.errors import Unparseable
from hermes.domain.model import (
    SETTLED,
    UNSETTLED,
    Element,
    Event,
    Lookup,
    Observation,
    Origin,
    RecordRef,
    RemoteRef,
    Value,
    Version,
)
from hermes.kit import wire
from hermes.ports import Answer, Request, decode_answer
from hermes.systems.salesforce import answers, values
from hermes.systems.salesforce.client import fields_asked, items_of
from hermes.systems.salesforce.ids import try_id
from hermes.systems.salesforce.mapping import Kind, Mapped
from hermes.systems.salesforce.profile import PROFILE

SYSTEM: Final = PROFILE.name
WRITES: Final = ('create', 'update', 'delete')


def observe(event: Event, mapped: Mapped) -> Sequence[Element]:
    """Elements of an answer to a call of ours. Raises Unparseable."""
    if event.kind not in ('answer', 'read', 'page'):
        return (Element(ignored=f'nothing is listened to under {SYSTEM} ({event.kind[:40]})'),)
    try:
        request, answer = decode_answer(event.body)
        kind = mapped.kinds.get(request.type)
        if kind is None:
            return ()
        at = wire.http_date(answer.headers.get('date')) or answer.ended_at or event.received_at
        if request.op in WRITES:
            return tuple(_written(request, answer, at))
        if request.op == 'lookup':
            return tuple(_found(request, answer, kind, mapped, at))
        if request.op == 'read':
            return tuple(_read(request, answer, kind, mapped, at))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparseable(f'The body is not JSON of a known form ({type(error).__name__}).') from None
    return ()


def _written(request: Request, answer: Answer, at: datetime) -> Iterator[Element]:
    """What was written, item by item. Of an answer of which nobody knows whose is whose, nothing."""
    version = Version(wire.epoch_s(at), UNSETTLED)
    items = items_of(request)
    if found := answers.several(request, answer):
        yield Element(lookup=Lookup(_record(items[0]), SYSTEM, found, 'external_id'))
        return
    if answer.status is None or not 200 <= answer.status < 300:
        return
    for item, told in zip(items, answers.results(request, answer) or (), strict=False):
        identity = try_id(told.get('id')) if told['success'] else try_id(item.remote_id)
        if identity is None:
            continue
        ref = RemoteRef(SYSTEM, item.type or request.type, identity)
        if not told['success']:
            if any(answers.is_gone(error) for error in answers.read_errors(told.get('errors'))):
                yield _gone(ref, version, item)
        elif request.op == 'delete':
            yield _gone(ref, version, item)
        else:
            yield Element((_state(ref, version, item.fields, 'answer', request.op, item.record),))


def _gone(ref: RemoteRef, version: Version, item: Request) -> Element:
    return Element((Observation(ref, 'deleted', version, origin='answer', action='delete', record=item.record),))


def _state(
    ref: RemoteRef, version: Version, fields: Mapping[str, Value], origin: Origin, action: str, record: RecordRef | None
) -> Observation:
    by_api = origin == 'answer'
    return Observation(ref, 'state', version, fields, origin, action, by_api=by_api, record=record)


def _record(item: Request) -> RecordRef:
    if item.record is None:
        raise ValueError('a write of nobody')
    return item.record


def _read(request: Request, answer: Answer, kind: Kind, mapped: Mapped, at: datetime) -> Iterator[Element]:
    identity = try_id(request.remote_id)
    if identity is None:
        return
    ref = RemoteRef(SYSTEM, request.type, identity)
    if answer.status in (404, 410):
        yield Element(
            (Observation(ref, 'missing', Version(wire.epoch_s(at), UNSETTLED), origin='read', action='read'),)
        )
    elif answer.status == 200 and answers.is_proper(request, answer):
        row = wire.load_json(answer.body)
        fields = values.decode(row, kind, mapped.words)
        yield Element((_state(ref, _version(row, at), fields, 'read', 'read', None),))


def _found(request: Request, answer: Answer, kind: Kind, mapped: Mapped, at: datetime) -> Iterator[Element]:
    """Of a look-up that succeeded: an element a key."""
    if answer.status != 200 or not answers.is_proper(request, answer):
        return
    fields, by_id = fields_asked(request, kind), _rows(answer)
    where = {name: _index(by_id, path) for name, path in fields.items()}
    for key in request.params['keys']:
        record = RecordRef(*key['record'])
        found, by = _match(key, where)
        told = Lookup(record, SYSTEM, found, by or str(request.params.get('by') or ''))
        if len(found) != 1:
            yield Element(lookup=told)
            continue
        row = by_id[found[0]]
        seen = values.decode(row, kind, mapped.words)
        ref = RemoteRef(SYSTEM, request.type, found[0])
        yield Element((_state(ref, _version(row, at), seen, 'read', 'lookup', record),), lookup=told)


def _rows(answer: Answer) -> dict[str, Any]:
    told = wire.load_json(answer.body)
    return {identity: row for row in told['records'] if (identity := try_id(row.get('Id')))}


def _index(by_id: Mapping[str, Any], path: str) -> dict[str, list[str]]:
    """Which objects have a value in a field."""
    found: dict[str, list[str]] = {}
    for identity, row in by_id.items():
        told = _folded(values.at(row, path))
        if told:
            found.setdefault(told, []).append(identity)
    return found


def _match(key: Mapping[str, Any], where: Mapping[str, Mapping[str, list[str]]]) -> tuple[tuple[str, ...], str]:
    """Whom a key finds, and by which part of it: the first that finds anybody."""
    for name, index in where.items():
        found = index.get(_folded(key.get(name)), [])
        if found:
            return tuple(sorted(found)), name
    return (), ''


def _folded(told: Any) -> str:
    """A value as the vendor compares it: without regard to case. A number is its digits."""
    try:
        return (wire.text(told) or '').casefold() if told is not None else ''
    except ValueError:
        return ''


def _version(row: Mapping[str, Any], at: datetime) -> Version:
    """The object's own time. Read two seconds later or more, nothing of its second is newer."""
    try:
        changed_s = wire.epoch_s(wire.moment(row.get('SystemModstamp')))
    except ValueError:
        return Version(wire.epoch_s(at), UNSETTLED)
    return Version(changed_s, SETTLED if wire.epoch_s(at) >= changed_s + 2 else UNSETTLED)
