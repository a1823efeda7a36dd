"""Observe: what an event says, element by element, in the words of the domain, and what has to be loaded to apply it.

An event of a system is read by that system's adapter; an intent of ours, by us. An answer knows for which record and
under which intent its call was made.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

from pydantic import TypeAdapter

from hermes.db import graphs
from hermes.db.catalogue import Knowledge
from hermes.domain.matching import Keys, keys
from hermes.domain.model import SETTLED, Element, Event, Intent, Observation, RecordRef, RemoteRef, Version
from hermes.kit import phones
from hermes.parts.roles import CRM, CRM_ID
from hermes.ports import System, decode_answer
from hermes.sync.engine import Engine

KEPT: Final = 'kept'
"""The header of an event whose bytes were let go of, and of which only stays what was understood (S10)."""
_UNDERSTOOD: Final = TypeAdapter(tuple[Element, ...])


def encode_kept(elements: Sequence[Element]) -> bytes:
    """What was understood of an event, as its body."""
    return _UNDERSTOOD.dump_json(tuple(elements))


async def observe(engine: Engine, event: Event, known: Knowledge) -> Sequence[Element]:
    """The elements of an event, by its system; ignored when nobody speaks for the source."""
    if KEPT in event.headers:
        return _UNDERSTOOD.validate_json(event.body)
    system = engine.systems.get(event.source)
    if event.kind == 'intent':
        return [Element(intent=read_intent(event))]
    if event.kind == 'absence':
        return read_absence(event)
    if event.kind == 'metadata':
        return [Element(ignored='it describes the account, not an object')]
    if system is None or event.kind == 'webhook-extension':
        return [Element(ignored=f'nothing is listened to under {event.source} ({event.kind})')]
    elements = [_clean(element) for element in system.observe(event, known.catalogue)]
    if event.kind == 'page' and 'news' in event.headers:
        return _news(event, elements)
    if event.kind == 'read' and any(element.lookup for element in elements):
        return _of_run(event, elements)
    return _as_answer(event, elements) if event.kind == 'answer' else elements


def _news(event: Event, elements: Sequence[Element]) -> list[Element]:
    """The part of a page that does not say again, word for word, what the last listing said (sweep.py)."""
    news = set(event.headers['news'].split(','))
    return [
        element
        for element in elements
        if not element.observations or any(seen.ref.remote_id in news for seen in element.observations)
    ]


def read_absence(event: Event) -> list[Element]:
    """Objects that a whole listing lacks and that are not found by id either: deleted (PD-GAP-1, proof.py)."""
    told = json.loads(event.body)
    version = Version(told['seen_s'], SETTLED)
    return [
        Element((Observation(RemoteRef(event.source, told['type'], remote_id), 'deleted', version, origin='page',
                             action='absent'),))
        for remote_id in told['ids']
    ]  # fmt: skip


def read_intent(event: Event) -> Intent:
    """An intent event as the pure core sees it; an open one is known by its own event's id."""
    told = json.loads(event.body)
    return Intent(
        told['state'],
        told['op'],
        told['opened'] or event.id,
        RemoteRef(event.source, told['type'], told['remote_id']),
        RecordRef(*told['record']),
        told['fields'],
        datetime.fromisoformat(told['started_at']) if told.get('started_at') else event.received_at,
        told.get('refused', ''),
    )


def _as_answer(event: Event, elements: list[Element]) -> list[Element]:
    """The answer to a write knows for which record and under which intent it was made."""
    request, _ = decode_answer(event.body)
    if request.items:
        intents = {RecordRef(*ref): number for *ref, number in json.loads(event.headers.get('intents', '[]'))}
        return [_of_item(element, intents) for element in elements]
    intent = int(event.headers.get('intent', 0))
    made_for = request.record if request.op == 'create' else None
    return [
        replace(
            element, observations=tuple(replace(seen, intent=intent, record=made_for) for seen in element.observations)
        )
        for element in elements
    ]


def _of_item(element: Element, intents: Mapping[RecordRef, int]) -> Element:
    """One of many that went out together: whose it is, the system says."""
    told = [replace(seen, intent=intents.get(seen.record, 0)) if seen.record else seen for seen in element.observations]
    return replace(element, observations=tuple(told))


def _of_run(event: Event, elements: list[Element]) -> list[Element]:
    """What was looked up for a run over many is a part of it."""
    request, _ = decode_answer(event.body)
    run = request.params.get('run')
    return [replace(each, lookup=replace(each.lookup, run=run)) if each.lookup else each for each in elements]


def _clean(element: Element) -> Element:
    """Text that no database can hold (NUL, half surrogates) loses those characters."""
    return replace(
        element,
        observations=tuple(replace(seen, fields=_clean_value(dict(seen.fields))) for seen in element.observations),
    )


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace('\x00', '').encode('utf-8', 'replace').decode()
    if isinstance(value, dict):
        return {_clean_value(name): _clean_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    return value


def _named(seen: Observation, system: System | None) -> set[RemoteRef]:
    """The objects of its system that must be at hand to apply an observation."""
    if system is None or seen.ref.type in system.profile.unreferring:
        return set()
    told = ((kind, seen.fields.get(name)) for name, kind in system.profile.references.items())
    return {RemoteRef(seen.ref.system, kind, str(value)) for kind, value in told if value}


def wanted(
    batch: Sequence[tuple[Event, Sequence[Element]]],
    systems: Mapping[str, System],
    links: Mapping[RemoteRef, RecordRef] | None = None,
) -> graphs.Wanted:
    """Everything that the batch's observations name. `links`: pipelines and stages that everybody knows already."""
    need = graphs.Wanted()
    for seen in chain.from_iterable(element.observations for _, elements in batch for element in elements):
        need.refs.add(seen.ref)
        need.refs |= {ref for ref in (seen.parent, *(seen.children or ())) if ref is not None}
        need.refs |= _named(seen, systems.get(seen.ref.system)) - (links or {}).keys()
        if seen.fields.get(CRM_ID):
            need.refs.add(RemoteRef(CRM, 'organization', str(seen.fields[CRM_ID])))
        need.marked |= bool(seen.fields.get('narc'))
        for other in (seen.merged_into, seen.merged_from):
            if other:
                need.refs.add(seen.ref._replace(remote_id=other))
                need.merged |= {seen.ref, seen.ref._replace(remote_id=other)}
        if seen.record:
            need.records.add(seen.record)
            need.known[seen.ref] = seen.record
        found = keys(seen, phones)
        if found != Keys():
            need.keys.append((seen.ref, found))
    for element in chain.from_iterable(elements for _, elements in batch):
        need.refs |= {item.ref for item in element.fetch}
        if element.intent:
            need.records.add(element.intent.record)
            need.refs |= {element.intent.ref} if element.intent.ref.remote_id else set()
        if element.lookup:
            need.records.add(element.lookup.record)
    return need
