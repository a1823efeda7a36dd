"""Answers of a nation as observations (the verb *observe*): pure and tolerant. It sends no deliveries.

Who is found by which key is told here, never by the vendor's order: our own number counts before the person's id, and
that before the address.
"""

import json
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
    RecordRef,
    RemoteRef,
    Version,
)
from hermes.kit import wire
from hermes.ports import Answer, Request, decode_answer
from hermes.systems.nationbuilder import answers, values
from hermes.systems.nationbuilder.client import KEYS, items_of
from hermes.systems.nationbuilder.mapping import Mapped
from hermes.systems.nationbuilder.profile import PROFILE
from hermes.systems.nationbuilder.wire_calls import identity

SYSTEM: Final = PROFILE.name


def observe(event: Event, mapped: Mapped) -> Sequence[Element]:
    """Elements of an answer to a call of ours. Raises Unparseable."""
    if event.kind not in ('answer', 'read', 'page'):
        return (Element(ignored=f'nothing is listened to under {SYSTEM} ({event.kind[:40]})'),)
    try:
        request, answer = decode_answer(event.body)
        at = wire.http_date(answer.headers.get('date')) or answer.ended_at or event.received_at
        if request.op in answers.WRITES:
            return tuple(_written(request, answer, at))
        if answer.status in (404, 410) and request.op == 'read':
            ref = RemoteRef(SYSTEM, request.type, request.remote_id)
            return (Element((Observation(ref, 'missing', _now(at), origin='read', action='read'),)),)
        if answer.status != 200:
            return ()
        if request.op == 'job':
            return tuple(_finished(request, answer, at))
        if not answers.is_proper(request, answer):
            return ()
        if request.op == 'lookup':
            return tuple(_found(request, answer, mapped, at))
        if request.op == 'read':
            return (_read(request, answer, mapped, at),)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparseable(f'The body is not JSON of a known form ({type(error).__name__}).') from None
    return ()


def _now(at: datetime) -> Version:
    return Version(wire.epoch_s(at), UNSETTLED)


def _written(request: Request, answer: Answer, at: datetime) -> Iterator[Element]:
    """What was written, item by item: what stands there now, and no more."""
    if answer.status != 200:
        return
    for item, told in zip(items_of(request), answers.results(request, answer) or (), strict=False):
        person = told.get('id')
        if not person or item.record is None:
            continue
        ref = RemoteRef(SYSTEM, item.type or request.type, person)
        if told.get('deleted') is True or told.get('gone') is True:
            yield Element(
                (Observation(ref, 'deleted', _now(at), origin='answer', action='delete', record=item.record),)
            )
        elif told.get('did'):
            fields = {key: item.fields[key] for key in told['did'] if key in item.fields}
            seen = Observation(ref, 'state', _now(at), fields, 'answer', item.op, by_api=True, record=item.record)
            yield Element((seen,))


def _finished(request: Request, answer: Answer, at: datetime) -> Iterator[Element]:
    """Jobs that are over: somebody stands on the lists that were asked for."""
    told = wire.load_json(answer.body)
    done = all(str(job.get('status')).lower() in answers.DONE for job in told['jobs'])
    if done and 'lists' in request.fields:
        ref = RemoteRef(SYSTEM, request.type, str(json.loads(str(request.params['job']))['id']))
        seen = Observation(ref, 'state', _now(at), {'lists': request.fields['lists']}, 'answer', 'update', by_api=True)
        yield Element((seen,))


def _read(request: Request, answer: Answer, mapped: Mapped, at: datetime) -> Element:
    told = wire.load_json(answer.body)
    names, row = values.tag_names(told), told['data']
    tags = [names.get(each, '') for each in values.related(row, 'signup_tags') or ()]
    fields = values.decode(row, tags, mapped, request.type)
    ref = RemoteRef(SYSTEM, request.type, identity(row))
    return Element((Observation(ref, 'state', _version(row, at), fields, 'read', 'read'),))


def _found(request: Request, answer: Answer, mapped: Mapped, at: datetime) -> Iterator[Element]:
    """Of a look-up that succeeded: an element a key."""
    rows = {identity(row): row for row in wire.load_json(answer.body)['rows']}
    by = str(request.params.get('by') or '')
    for key in request.params['keys']:
        record = RecordRef(*key['record'])
        found, name = _match(key, [by] if by else list(KEYS), rows)
        told = Lookup(record, SYSTEM, found, name or by)
        if len(found) != 1:
            yield Element(lookup=told)
            continue
        row = rows[found[0]]
        tags = [each for each in row.get('tags') or () if isinstance(each, str)]
        fields = values.decode(row, tags, mapped, request.type)
        ref = RemoteRef(SYSTEM, request.type, found[0])
        seen = Observation(ref, 'state', _version(row, at), fields, 'read', 'lookup', record=record)
        yield Element((seen,), lookup=told)


def _match(key: Mapping[str, Any], names: Sequence[str], rows: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Whom a key finds, and by which part of it: the first that finds anybody."""
    for name in names:
        wanted = str(key.get(name) or '').strip().casefold()
        found = [person for person, row in rows.items() if wanted and _has(name, wanted, person, row)]
        if found:
            return tuple(sorted(found)), name
    return (), ''


def _has(name: str, wanted: str, person: str, row: Mapping[str, Any]) -> bool:
    if name == 'legacy_id':
        return person == wanted
    if name == 'email':
        return wanted in values.addresses(row)
    told = row.get('attributes')
    return isinstance(told, dict) and str(told.get('external_id') or '').casefold() == wanted


def _version(row: Mapping[str, Any], at: datetime) -> Version:
    """The person's own time. Read two seconds later or more, nothing of its second is newer."""
    try:
        changed_s = wire.epoch_s(wire.moment((row.get('attributes') or {}).get('updated_at')))
    except (ValueError, AttributeError):
        return _now(at)
    return Version(changed_s, SETTLED if wire.epoch_s(at) >= changed_s + 2 else UNSETTLED)
