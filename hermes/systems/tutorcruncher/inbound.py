"""Deliveries and answers of TutorCruncher as observations (the verb *observe*): pure; each event stands alone (E-8).

Routing is a table of facts, not of action names: a deletion needs no `meta_agency` (E-7), an invoice asks for its
client (TC-2), a client without `meta_agency` and every other model are ignored with a reason (TC-4). Versions
follow VERSION-1.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.domain.errors import Unparseable
from hermes.domain.fields import Catalogue
from hermes.domain.model import UNSETTLED, Element, Event, Fetch, Observation, Origin, RemoteRef, Version
from hermes.kit import wire
from hermes.ports import Answer, Request, decode_answer
from hermes.systems.tutorcruncher import clients

LISTED: Final = 'listed'
"""The reason of the fetches that a page of clients asks for: only the unknown ones need one."""
AHEAD: Final = timedelta(days=1)
"""How far a sender's clock may be ahead of ours before its times are not believed."""


def observe(event: Event, catalogue: Catalogue) -> Sequence[Element]:
    """Elements of a webhook's raw body, or of an answer, a read or a page of ours."""
    try:
        if event.kind == 'webhook':
            return _delivery(wire.load_json(event.body), event, catalogue)
        if event.kind in ('answer', 'read', 'page'):
            return _told(*decode_answer(event.body), event, catalogue)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparseable(f'The body is not JSON of a known form ({type(error).__name__}).') from None
    raise Unparseable(f'Nobody knows what a TutorCruncher event of kind "{event.kind[:40]}" is.')


def _delivery(payload: Any, event: Event, catalogue: Catalogue) -> Sequence[Element]:
    if not isinstance(payload, dict) or not isinstance(payload.get('events'), list):
        raise Unparseable('The delivery is not an object with a list of events.')
    requested = payload.get('request_time', payload.get('_request_time'))
    found = tuple(_element(told, requested, event.received_at, catalogue) for told in payload['events'])
    if len(found) == 1:
        return found
    bodies = ({**payload, 'events': [told]} for told in payload['events'])
    return tuple(replace(element, alone=json.dumps(body).encode()) for element, body in zip(found, bodies, strict=True))


def _element(told: Any, requested: Any, received_at: datetime, catalogue: Catalogue) -> Element:
    if not isinstance(told, dict):
        return Element(unparseable='This event is not an object.')
    subject = told.get('subject')
    if not isinstance(subject, dict):
        return Element(ignored='This event has no subject.')
    model = subject.get('model')
    if not isinstance(model, str) or not model.strip():
        return Element(ignored='The subject of this event names no model.')
    action = told['action'] if isinstance(told.get('action'), str) else ''
    version = _version((told.get('timestamp'), requested), received_at)
    if model.strip().casefold() == 'client':
        return _client(subject, action[:100], version, catalogue)
    if model.strip().casefold() == 'invoice':
        return _invoice(subject)
    return Element(ignored=f'Hermes does not keep TutorCruncher objects of model "{model[:60]}".')


def _version(candidates: Sequence[Any], received_at: datetime) -> Version:
    """Seconds and microseconds of the first credible time, else of the arrival. What is still to come is not credible:
    it would silence all later news.
    """
    at = received_at
    for raw in candidates:
        try:
            told = wire.moment(raw)
        except ValueError:
            continue
        if told <= received_at + AHEAD:
            at = told
            break
    return Version(wire.epoch_s(at), at.microsecond)


def _client(subject: Mapping[str, Any], action: str, version: Version, catalogue: Catalogue) -> Element:
    ref = clients.client_ref(subject.get('id'))
    if ref is None:
        return Element(unparseable='The client of this event has no id.')
    if action == 'DELETED_A_CLIENT':
        return Element((Observation(ref, 'deleted', version, action=action),))
    known = isinstance(subject.get('meta_agency'), dict)
    if action == 'RECOVERED_A_CLIENT':
        if not known:
            seen = Observation(ref, 'recovered', version, action=action)
            return Element((seen,), fetch=(Fetch(ref, 'it was taken out of the bin'),))
        return Element(clients.observations(ref, subject, version, catalogue, kind='recovered', action=action))
    if not known:
        return Element(ignored=f'Client {ref.remote_id} has no meta_agency ({action or "no action"}).')
    return Element(clients.observations(ref, subject, version, catalogue, action=action))


def _invoice(subject: Mapping[str, Any]) -> Element:
    told = subject.get('client')
    ref = clients.client_ref(told.get('id') if isinstance(told, dict) else told)
    if ref is None:
        return Element(ignored='This invoice names no client.')
    return Element(fetch=(Fetch(ref, 'an invoice of this client changed'),))


def _told(request: Request, answer: Answer, event: Event, catalogue: Catalogue) -> Sequence[Element]:
    """What an answer to a call of ours says."""
    if request.type != 'client' or request.op not in ('read', 'list', 'create', 'update'):
        return ()
    at = wire.http_date(answer.headers.get('date')) or answer.ended_at or event.received_at
    version = Version(wire.epoch_s(at), UNSETTLED)
    if request.op == 'read' and answer.status in (404, 410):
        ref = RemoteRef(clients.SYSTEM, 'client', request.remote_id)
        return (Element((Observation(ref, 'missing', version, origin='read', action='read'),)),)
    if answer.status is None or not 200 <= answer.status < 300 or not answer.body.strip():
        return ()
    told = wire.load_json(answer.body)
    if request.op == 'list':
        return _page(told)
    ref_or_none = clients.client_ref(told.get('id', request.remote_id)) if isinstance(told, dict) else None
    if ref_or_none is None:
        return (Element(unparseable='The client in this answer has no id.'),)
    if not isinstance(told.get('meta_agency'), dict):
        if request.op == 'update':
            return (Element((_written(ref_or_none, told, request, version, catalogue),)),)
        why = f'Client {ref_or_none.remote_id} has no meta_agency (fetched).'
        nothing = Observation(ref_or_none, 'missing', version, origin='read', action=request.op)
        return (Element((nothing,) if request.op == 'read' else (), ignored=why),)
    origin: Origin = 'read' if request.op == 'read' else 'answer'
    action = str(request.params.get('for') or request.op)
    seen = clients.observations(ref_or_none, told, version, catalogue, origin=origin, action=action)
    return (Element(seen),)


def _written(
    ref: RemoteRef, told: Mapping[str, Any], request: Request, version: Version, catalogue: Catalogue
) -> Observation:
    """A write that was answered with less than the client: what it shows of the attributes, else what was sent."""
    shown = clients.client_fields(told, catalogue)
    fields = {name: shown.get(name, value) for name, value in request.fields.items()}
    return Observation(ref, 'state', version, fields, origin='answer', action='update')


def _page(told: Any) -> Sequence[Element]:
    """A listing holds stubs only: each asks for its client."""
    results = told.get('results') if isinstance(told, dict) else None
    if not isinstance(results, list):
        raise Unparseable('The page holds no list of clients.')
    found: list[Element] = []
    for item in results:
        ref = clients.client_ref(item.get('id')) if isinstance(item, dict) else None
        found.append(
            Element(fetch=(Fetch(ref, LISTED, unknown_only=True),))
            if ref
            else Element(unparseable='A listed client has no id.')
        )
    return tuple(found)
