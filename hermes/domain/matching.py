"""Which record an unknown remote object is (MATCH-1 to MATCH-4, MATCH-7, MATCH-8).

The engine loads the candidates that `keys` asks for; `match` decides among them. More than one is never a guess.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hermes.domain.graph import Context, Graph, Phones
from hermes.domain.identity import addresses, fold_name, full_name, has_name, has_phone, named, names_of, values_of
from hermes.domain.model import Observation, Record, RecordRef, RemoteRef, Value
from hermes.domain.record_types import TYPES, Role
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CALENDAR, CRM, PRODUCT, ROLES

SYSTEMS: Final[Mapping[Role, str]] = {'crm': CRM, 'product': PRODUCT, 'calendar': CALENDAR}
RECORD_TYPE: Final[Mapping[tuple[str, str], str]] = {
    (SYSTEMS[role], remote): each.name for each in TYPES for role, remote in each.remotes.items() if role in SYSTEMS
}
"""(system, remote type) -> record type."""
RULES: Final = {'client': 'MATCH-1', 'organization': 'MATCH-2', 'person': 'MATCH-3', 'deal': 'MATCH-4'}


@dataclass(frozen=True, slots=True)
class Match:
    """The record found, by which rule; or several candidates (MATCH-7); or a conflict of identities (PD-MERGE-3)."""

    record: Record | None = None
    rule: str = ''
    several: tuple[RecordRef, ...] = ()
    conflict: RecordRef | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """What to load before matching."""

    hermes_ids: tuple[int, ...] = ()
    """Records that its `hermes_id` names."""
    held: tuple[str, ...] = ()
    """What it holds of others (`identity.named`): 'client:77'."""
    own: str = ''
    """What others may hold of it."""
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    """The keys of others among which its phones are found (`Phones.asked`)."""


def keys(seen: Observation, phones: Phones) -> Keys:
    """What has to be looked up for an observation of an unknown object."""
    says = seen.fields.get
    ids = tuple(value for value in says('hermes_id') or () if isinstance(value, int))
    if seen.ref.type == 'recipient':
        return Keys(emails=_emails(says))
    if seen.ref.type not in ('client', 'organization'):
        return Keys(hermes_ids=ids)
    name = fold_name(says('name'))
    return Keys(
        hermes_ids=ids,
        held=named(seen.ref.type, says),
        own=_own(seen.ref),
        names=(name,) if name else (),
        emails=_emails(says),
        phones=tuple(sorted(phones.asked(_phones(seen, phones)))),
    )


def _emails(says: Callable[[str], Value]) -> tuple[str, ...]:
    return tuple(fold_email(told) for told in values_of(says, 'email'))


def _phones(seen: Observation, phones: Phones) -> tuple[str, ...]:
    """The keys of a client's phones."""
    told = values_of(seen.fields.get, 'phone')
    return tuple(key for each in told for key in phones.keys(each, seen.fields.get('country')))


def _own(ref: RemoteRef) -> str:
    return f'{ref.type}:{ref.remote_id}'


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
        return _match_client(graph, seen, {fold_email(email) for email in emails}, context)
    if seen.ref.type == 'organization':
        return _match_organization(graph, seen)
    if seen.ref.type in ('person', 'recipient'):
        return _match_contact(graph, seen)
    if seen.ref.type == 'deal':
        return _match_deal(graph, seen, context)
    if seen.ref.system not in ROLES:
        record_type = context.types.get((seen.ref.system, seen.ref.type), '')
        return _by_hermes_id(graph, seen, record_type) or Match()
    return Match()


def conflicting(graph: Graph, linked: Record, seen: Observation) -> RecordRef | None:
    """PD-MERGE-3: `hermes_id` names another record than the link does."""
    told = [graph.record(RecordRef(linked.ref.type, number)) for number in seen.fields.get('hermes_id') or ()]
    found = [record for record in told if record is not None]
    if found and all(record.ref != linked.ref for record in found):
        return found[0].ref
    return None


def _by_hermes_id(graph: Graph, seen: Observation, record_type: str) -> Match | None:
    for number in seen.fields.get('hermes_id') or ():
        record = graph.record(RecordRef(record_type, number))
        if record is None or is_erased(record):
            continue
        if record.claims.renumbered and (record.ref, CRM) not in graph.creating:
            continue
        if not graph.linked(record.ref, seen.ref.system):
            return Match(record, f'{RULES.get(seen.ref.type, "OUT-12")} hermes_id')
        if seen.by_api or seen.origin == 'page':
            return Match(conflict=record.ref)
    return None


def _one(candidates: Iterable[Record], rule: str) -> Match:
    unique = {record.ref: record for record in candidates}
    if len(unique) == 1:
        return Match(next(iter(unique.values())), rule)
    return Match(several=tuple(sorted(unique)), rule=rule) if unique else Match()


def _known_together(graph: Graph, seen: Observation) -> Match | None:
    """The company with which one side of the two names the other, whichever came first: the object that this one holds,
    then the one that holds this one. Only a company that has no such object yet.
    """
    rule, other = RULES[seen.ref.type], CRM if seen.ref.system == PRODUCT else PRODUCT
    held = [name.split(':') for name in named(seen.ref.type, seen.fields.get) if not name.startswith('agency:')]
    named_here = [graph.record_of(RemoteRef(other, *name)) for name in held]
    holding = [
        record
        for record in graph.companies()
        if any(_own(seen.ref) in names_of(mirror) for mirror in graph.mirrors_of(record.ref, other))
    ]
    for records, by_client in ((named_here, other == CRM), (holding, other == PRODUCT)):
        free = [one for one in records if one and not graph.linked(one.ref, seen.ref.system) and not is_erased(one)]
        if free:
            return _one(free, 'TC-16' if by_client else f'{rule} tc2_cligency_url')
    return None


def _of_agency(graph: Graph, seen: Observation) -> list[Record]:
    agency = seen.fields.get('tc2_agency_id')
    found = [one for one in graph.companies() if agency is not None and one.fields.get('tc2_agency_id') == agency]
    return [record for record in found if not is_erased(record)]


def _of_name(records: Iterable[Record], seen: Observation) -> list[Record]:
    """Those of the same name and country; where there are none, those of the same name that could be."""
    key, country = fold_name(seen.fields.get('name')), seen.fields.get('country')
    same = [record for record in records if has_name(record, key, country)]
    return [record for record in same if country and record.fields.get('country') == country] or same


def _match_client(graph: Graph, seen: Observation, emails: set[str], context: Context) -> Match:
    if same_agency := _of_agency(graph, seen):
        return _one(same_agency, 'MATCH-1 tc2_agency_id')
    for known in (_by_hermes_id(graph, seen, 'company'), _known_together(graph, seen)):
        if known is not None:
            return known
    free = [record for record in graph.companies() if not graph.mirrors_of(record.ref, PRODUCT) and not record.gone]
    phones = _phones(seen, context.phones)
    for rule, is_theirs in (
        ('MATCH-1 e-mail', lambda contact: not emails.isdisjoint(addresses(graph, contact))),
        ('MATCH-1 phone', lambda contact: has_phone(graph, contact, phones, context)),
    ):
        if theirs := [one for one in free if any(map(is_theirs, graph.children(one.ref.id, 'contact')))]:
            return _one(theirs, rule)
    return _one(_of_name(free, seen), 'MATCH-1 name and country')


def is_erased(record: Record | None) -> bool:
    """Whether somebody was forgotten (S10): nothing is told of them any more, and nobody is found to be them."""
    return record is not None and record.tombstone is not None and record.tombstone.kind == 'erased'


def _match_organization(graph: Graph, seen: Observation) -> Match:
    for known in (_by_hermes_id(graph, seen, 'company'), _known_together(graph, seen)):
        if known is not None:
            return known
    if same_agency := [one for one in _of_agency(graph, seen) if not graph.linked(one.ref, CRM)]:
        return _one(same_agency, 'MATCH-2 tc2_agency_id')
    free = [
        record
        for record in graph.companies()
        if not graph.mirrors_of(record.ref, CRM) and (record.ref, CRM) not in graph.creating and not record.gone
    ]
    return _one(_of_name(free, seen), 'MATCH-2 name')


def _match_contact(graph: Graph, seen: Observation) -> Match:
    system = seen.ref.system
    if system == CRM:
        by_id = _by_hermes_id(graph, seen, 'contact')
        if by_id is not None:
            return by_id
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
    emails = _emails(seen.fields.get)
    if emails:
        by_email = [contact for contact in free if not addresses(graph, contact).isdisjoint(emails)]
        return _one(by_email, 'MATCH-3 e-mail')
    name = fold_name(f'{seen.fields.get("first_name") or ""} {seen.fields.get("last_name") or ""}')
    same = [contact for contact in free if name and full_name(contact) == name and not addresses(graph, contact)]
    return _one(same, 'MATCH-3 name')


def _match_deal(graph: Graph, seen: Observation, context: Context) -> Match:
    by_id = _by_hermes_id(graph, seen, 'deal')
    if by_id is not None:
        return by_id
    company = graph.record_of(seen.parent) if seen.parent else None
    if company is None or seen.fields.get('archived'):
        return Match()
    pipeline = context.directory.links.get(RemoteRef(CRM, 'pipeline', str(seen.fields.get('pipeline_id'))))
    free = [
        deal
        for deal in graph.children(company.ref.id, 'deal')
        if not graph.mirrors_of(deal.ref, CRM)
        and (deal.ref, CRM) not in graph.creating
        and deal.is_open
        and pipeline is not None
        and deal.fields.get('pipeline_id') == pipeline.id
    ]
    return _one(free, 'MATCH-4')
