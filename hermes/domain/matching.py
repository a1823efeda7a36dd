"""Which record an unknown remote object is (MATCH-1 to MATCH-4, MATCH-7, MATCH-8).

The engine loads the candidates that `keys` asks for; `match` decides among them. More than one is never a guess.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hermes.domain.fields import ATTRIBUTES
from hermes.domain.graph import CALENDAR, CRM, PRODUCT, Context, Graph
from hermes.domain.model import Observation, Record, RecordRef, RemoteRef, Value

RECORD_TYPE: Final[Mapping[tuple[str, str], str]] = {
    (PRODUCT, 'client'): 'company',
    (PRODUCT, 'recipient'): 'contact',
    (CRM, 'organization'): 'company',
    (CRM, 'person'): 'contact',
    (CRM, 'deal'): 'deal',
    (CRM, 'pipeline'): 'pipeline',
    (CRM, 'stage'): 'stage',
    (CRM, 'user'): 'admin',
    (CRM, 'activity'): 'meeting',
    (CALENDAR, 'event'): 'meeting',
}
"""(system, remote type) -> record type."""

SHORTEST_PHONE: Final = 7
CLIENT_IN_URL: Final = re.compile(r'/(?:clients|cligency)/(\d+)')


@dataclass(frozen=True, slots=True)
class Match:
    """The record found, by which rule; or several candidates (MATCH-7); or a conflict of identities (PD-MERGE-3)."""

    record: Record | None = None
    rule: str = ''
    several: tuple[RecordRef, ...] = ()
    conflict: RecordRef | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """What to load before matching: ids of records named by hermes_id, clients, agencies, names,
    e-mails.
    """

    hermes_ids: tuple[int, ...] = ()
    clients: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    agencies: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    """Digits alone (`fold_phone`)."""


def fold_name(name: Value) -> str:
    """Case and white space folded."""
    return ' '.join(str(name).split()).casefold() if name else ''


def fold_phone(phone: Value) -> str:
    """The digits of a phone number; '' for none, and for what is too short to be anybody's."""
    digits = ''.join(one for one in str(phone or '') if one.isascii() and one.isdigit())
    return digits if len(digits) >= SHORTEST_PHONE else ''


def keys(seen: Observation) -> Keys:
    """What has to be looked up for an observation of an unknown object."""
    fields = seen.fields
    ids = tuple(value for value in fields.get('hermes_id') or () if isinstance(value, int))
    if seen.ref.type == 'client':
        agency = fields.get('tc2_agency_id')
        organization = fields.get('pipedrive_id')
        return Keys(
            agencies=(agency,) if isinstance(agency, int) else (),
            organizations=(str(organization),) if organization else (),
            names=(fold_name(fields.get('name')),) if fields.get('name') else (),
            emails=_emails([fields.get('user_email')]),
        )
    if seen.ref.type == 'recipient':
        return Keys(emails=_emails([fields.get('email')]))
    if seen.ref.type == 'organization':
        name = fold_name(fields.get('name'))
        return Keys(hermes_ids=ids, clients=_clients(seen), names=(name,) if name else ())
    return Keys(hermes_ids=ids)


def _emails(values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(str(value).strip().lower() for value in values if value)


def _clients(seen: Observation) -> tuple[str, ...]:
    return tuple(CLIENT_IN_URL.findall(str(seen.fields.get('tc2_cligency_url') or '')))


def match(graph: Graph, seen: Observation, emails: Iterable[str], context: Context) -> Match:
    """The record of an observed object. `emails`: of a client's user and recipients (MATCH-1)."""
    linked = graph.record_of(seen.ref)
    if linked is not None:
        return Match(linked, 'link', conflict=conflicting(graph, linked, seen))
    return seek(graph, seen, emails, context)


def seek(graph: Graph, seen: Observation, emails: Iterable[str], context: Context) -> Match:
    """The record of an object that has no link."""
    made_for = graph.record(seen.record)
    if made_for is not None and not graph.linked(made_for.ref, seen.ref.system):
        return Match(made_for, 'our own creation')
    if seen.ref.type == 'client':
        return _match_client(graph, seen, set(_emails(emails)))
    if seen.ref.type == 'organization':
        return _match_organization(graph, seen)
    if seen.ref.type in ('person', 'recipient'):
        return _match_contact(graph, seen)
    if seen.ref.type == 'deal':
        return _match_deal(graph, seen, context)
    return Match()


def conflicting(graph: Graph, linked: Record, seen: Observation) -> RecordRef | None:
    """PD-MERGE-3: `hermes_id` names another record than the link does."""
    named = [graph.record(RecordRef(linked.ref.type, number)) for number in seen.fields.get('hermes_id') or ()]
    found = [record for record in named if record is not None]
    if found and all(record.ref != linked.ref for record in found):
        return found[0].ref
    return None


def _by_hermes_id(graph: Graph, seen: Observation, record_type: str) -> Match | None:
    for number in seen.fields.get('hermes_id') or ():
        record = graph.record(RecordRef(record_type, number))
        if record is None or (record.claims.get('renumbered') and (record.ref, CRM) not in graph.creating):
            continue
        if not graph.linked(record.ref, CRM):
            return Match(record, 'MATCH-2' if record_type == 'company' else 'hermes_id')
        if seen.by_api or seen.origin == 'page':
            return Match(conflict=record.ref)
    return None


def _one(candidates: list[Record], rule: str) -> Match:
    unique = {record.ref: record for record in candidates}
    if len(unique) == 1:
        return Match(next(iter(unique.values())), rule)
    return Match(several=tuple(sorted(unique)), rule=rule) if unique else Match()


def _match_client(graph: Graph, seen: Observation, emails: set[str]) -> Match:
    organization = seen.fields.get('pipedrive_id')
    agency = seen.fields.get('tc2_agency_id')
    if agency is not None:
        same_agency = [record for record in graph.companies() if record.fields.get('tc2_agency_id') == agency]
        found = [record for record in same_agency if not _erased(record)]
        if found:
            return _one(found, 'MATCH-1 tc2_agency_id')
    if organization:
        record = graph.record_of(RemoteRef(CRM, 'organization', str(organization)))
        if record is not None and not graph.mirrors_of(record.ref, PRODUCT):
            return Match(record, 'TC-16')
    free = [record for record in graph.companies() if not graph.mirrors_of(record.ref, PRODUCT) and not record.gone]
    if emails:
        by_email = [
            record
            for record in free
            if any(
                str(contact.fields.get('email') or '').lower() in emails
                for contact in graph.children(record.ref.id, 'contact')
            )
        ]
        if by_email:
            return _one(by_email, 'MATCH-1 e-mail')
    name, country = fold_name(seen.fields.get('name')), seen.fields.get('country')
    same = [
        record
        for record in free
        if name and fold_name(record.fields.get('name')) == name and record.fields.get('country') == country
    ]
    return _one(same, 'MATCH-1 name and country')


def _erased(record: Record) -> bool:
    return record.tombstone is not None and record.tombstone.kind == 'erased'


def _match_organization(graph: Graph, seen: Observation) -> Match:
    by_id = _by_hermes_id(graph, seen, 'company')
    if by_id is not None:
        return by_id
    for client in _clients(seen):
        record = graph.record_of(RemoteRef(PRODUCT, 'client', client))
        if record is not None and not graph.linked(record.ref, CRM):
            return Match(record, 'MATCH-2 tc2_cligency_url')
    for record in graph.companies():
        product = graph.primary(record.ref, PRODUCT)
        if (
            product is not None
            and product.current('pipedrive_id') == seen.ref.remote_id
            and not graph.linked(record.ref, CRM)
        ):
            return Match(record, 'TC-16')
    name = fold_name(seen.fields.get('name'))
    same = [
        record
        for record in graph.companies()
        if name
        and fold_name(record.fields.get('name')) == name
        and not graph.mirrors_of(record.ref, CRM)
        and (record.ref, CRM) not in graph.creating
        and not record.gone
    ]
    return _one(same, 'MATCH-2 name')


def _match_contact(graph: Graph, seen: Observation) -> Match:
    system = seen.ref.system
    if system == CRM:
        by_id = _by_hermes_id(graph, seen, 'contact')
        if by_id is not None:
            return by_id if by_id.record is None else Match(by_id.record, 'MATCH-3 hermes_id')
    company = graph.record_of(seen.parent) if seen.parent else None
    if company is None:
        return Match()
    free = [
        contact
        for contact in graph.children(company.ref.id, 'contact')
        if not any(mirror.live for mirror in graph.mirrors_of(contact.ref, system))
        and (contact.ref, system) not in graph.creating
        and not contact.gone
    ]
    email = str(seen.fields.get('email') or '').lower()
    name = fold_name(f'{seen.fields.get("first_name") or ""} {seen.fields.get("last_name") or ""}')
    if email:
        by_email = [contact for contact in free if str(contact.fields.get('email') or '').lower() == email]
        if by_email:
            return _one(by_email, 'MATCH-3 e-mail')
        return Match()
    same = [contact for contact in free if name and not contact.fields.get('email') and full_name(contact) == name]
    return _one(same, 'MATCH-3 name')


def full_name(contact: Record) -> str:
    return fold_name(f'{contact.fields.get("first_name") or ""} {contact.fields.get("last_name") or ""}')


def _match_deal(graph: Graph, seen: Observation, context: Context) -> Match:
    by_id = _by_hermes_id(graph, seen, 'deal')
    if by_id is not None:
        return by_id if by_id.record is None else Match(by_id.record, 'MATCH-4 hermes_id')
    company = graph.record_of(seen.parent) if seen.parent else None
    if company is None:
        return Match()
    pipeline = context.directory.links.get(RemoteRef(CRM, 'pipeline', str(seen.fields.get('pipeline_id'))))
    free = [
        deal
        for deal in graph.children(company.ref.id, 'deal')
        if not graph.mirrors_of(deal.ref, CRM)
        and (deal.ref, CRM) not in graph.creating
        and deal.fields.get('status') == 'open'
        and pipeline is not None
        and deal.fields.get('pipeline_id') == pipeline.id
        and not deal.gone
    ]
    return _one(free, 'MATCH-4')


assert set(RECORD_TYPE.values()) <= set(ATTRIBUTES)
