"""Whose a booking is, and what it makes (MATCH-5, CB-1, CB-2): company, contact, deal and meeting, in one pure
function.

Nothing that exists is overwritten; a stranger's words never reach an existing contact (S22). What was deleted comes
back only where D-2 says so, and what was erased never. Records are born in one order: company, contact, deal, meeting.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hermes.domain import meeting
from hermes.domain.applied import Applied
from hermes.domain.apply import finish
from hermes.domain.enquiry import Booking, find_bdr, split_name
from hermes.domain.errors import NotFound
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.identity import addresses, domain_of, fold_name, full_name, has_name, has_phone, site_of
from hermes.domain.merge import settle_fields
from hermes.domain.model import OPERATOR, Change, Claims, Record, RecordRef, Said, Value
from hermes.domain.rules import PLANS, Ruled, assign, claim, is_active, open_deal
from hermes.domain.tombstones import lift, rehome
from hermes.kit.spelling import fold_email

SYSTEM: Final = 'website'
BY_NAME: Final = 'by name only'
STRANGE: Final = (
    "it was found by its company's name only, and the e-mail address is of another domain than the company's"
)
FORM: Final[Mapping[str, str]] = {
    'name': 'company_name', 'country': 'country', 'website': 'website', 'estimated_income': 'estimated_income',
    'currency': 'currency', 'price_plan': 'price_plan', 'utm_source': 'utm_source', 'utm_campaign': 'utm_campaign',
    'gclid': 'gclid',
}  # fmt: skip
"""Attribute of a new company -> field of the form."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a booking is: by which rule; None where somebody new is to be made."""

    company: Record | None = None
    contact: Record | None = None
    rule: str = 'MATCH-5'
    flags: tuple[str, ...] = ()


@dataclass
class Booked:
    """What a booking made or found."""

    company: RecordRef
    contact: RecordRef
    deal: RecordRef | None
    meeting: RecordRef
    rule: str
    flags: tuple[str, ...]
    done: Applied = field(default_factory=Applied)


def book(graph: Graph, booking: Booking, context: Context) -> Booked:
    """Everything that a booking makes. Raises NotFound for an unknown admin, and for a support call whose company is
    not known (D-19). Needs at most four new ids.
    """
    if booking.admin_id not in context.directory.admins:
        raise NotFound('This person cannot be booked.')
    found = seek(graph, booking, context)
    if found.company is None and booking.kind == 'support':
        raise NotFound('We do not know this company.')
    done, flags = Applied(), [*booking.flags, *found.flags]
    bdr, remark = find_bdr(booking.bdr, context.directory) if booking.kind == 'sales' else (None, '')
    if remark:
        done.note(remark)
    if remark and bdr is None:
        flags.append(remark)
    strange = found.company is not None and BY_NAME in found.flags and _is_strange(graph, found.company, booking)
    company = _take_company(graph, booking, found, bdr, context, done)
    contact = _take_contact(graph, booking, found, company, context, done)
    deal = _take_deal(graph, booking, company, contact, context, done) if booking.kind == 'sales' else None
    planned = _plan_meeting(graph, booking, (company, contact, deal), tuple(flags), context, done)
    if strange:
        detail = {'reason': STRANGE, 'company': list(company), 'contact': list(contact)}
        done.decisions.append(Decision(BY_NAME, f'{BY_NAME}:{planned.id}', planned, detail))
    if booking.kind == 'sales':
        ruled = Ruled()
        assign(graph, company, {'has_booked_call': True}, 'CB-1', ruled)
        done.changes += ruled.changes
    done.companies.add(company.id)
    for company_id in sorted(done.companies):
        finish(graph, company_id, context, done)
    flags = graph.records[planned].fields.get('flags') or []
    for flag in flags:
        done.note(f'flagged: {flag}')
    return Booked(company, contact, deal, planned, found.rule, tuple(flags), done)


def seek(graph: Graph, booking: Booking, context: Context) -> Found:
    """MATCH-5, in its order."""
    people = _people(graph)
    by_email = [one for one in people if fold_email(booking.email) in addresses(graph, one)]
    named = graph.record(RecordRef('company', booking.company_id)) if booking.company_id is not None else None
    if named is not None:
        here = [one for one in by_email if graph.company(one) == named]
        if (booking.signed or here) and _usable(named, booking, context, by_contact=bool(here)):
            how = 'MATCH-5 company_id' if booking.signed else 'MATCH-5 company_id and e-mail'
            return Found(named, _contact_in(graph, named, booking, here, context), how)
    if booking.signed and booking.kind == 'support':
        return Found()
    mine = _first(graph, by_email, booking, context)
    if mine is not None:
        return Found(graph.company(mine), mine, 'MATCH-5 e-mail')
    phone = booking.phone_keys(context.phones)
    by_phone = [one for one in people if has_phone(graph, one, phone, context)]
    mine = _first(graph, by_phone, booking, context)
    if mine is not None:
        return Found(graph.company(mine), None, 'MATCH-5 phone')
    same = [one for one in graph.companies() if has_name(one, booking.company_key, booking.country)]
    usable = [one for one in same if _usable(one, booking, context, by_contact=False)]
    if usable:
        company = min(usable, key=lambda one: (one.gone, not one.fields.get('country'), -one.ref.id))
        return Found(company, None, 'MATCH-5 name', (BY_NAME,))
    return Found()


def _is_strange(graph: Graph, company: Record, booking: Booking) -> bool:
    """Whether something is known of whom a company's mail is from, and the booker's is from somebody else."""
    known = {
        domain_of(one) for contact in graph.children(company.ref.id, 'contact') for one in addresses(graph, contact)
    }
    known = {*known, site_of(company.fields.get('website'))} - {''}
    own = domain_of(fold_email(booking.email))
    return known != set() and not any(f'.{own}'.endswith(f'.{one}') or f'.{one}'.endswith(f'.{own}') for one in known)


def _people(graph: Graph) -> list[Record]:
    """Contacts whose company is at hand."""
    return [
        record
        for ref, record in graph.records.items()
        if ref.type == 'contact' and record.alias_of is None and graph.company(record) is not None
    ]


def _usable(record: Record, booking: Booking, context: Context, *, by_contact: bool) -> bool:
    """Whether a booking may land here: what lives, and what D-2 lets it revive."""
    stone = record.tombstone
    if stone is None:
        return True
    if stone.kind == 'erased' or stone.at > context.now:
        return False
    return booking.kind == 'sales' if stone.kind in ('crm', OPERATOR) else by_contact


def _first(graph: Graph, people: Iterable[Record], booking: Booking, context: Context) -> Record | None:
    """The newest of several contacts, one that lives before one that would have to be revived."""
    candidates: dict[tuple[bool, int], Record] = {}
    for one in people:
        company = graph.company(one)
        if company is None or not _usable(one, booking, context, by_contact=True):
            continue
        if _usable(company, booking, context, by_contact=True):
            candidates[one.gone or company.gone, -one.ref.id] = one
    return candidates[min(candidates)] if candidates else None


def _contact_in(
    graph: Graph, company: Record, booking: Booking, by_email: list[Record], context: Context
) -> Record | None:
    """The contact of a known company: by e-mail; where the link is signed, else one without an e-mail that has this
    phone or this name (CB-2).
    """
    mine = _first(graph, by_email, booking, context)
    if mine is not None or not booking.signed:
        return mine
    phone, name = booking.phone_keys(context.phones), fold_name(booking.form.get('name'))
    mute = [one for one in graph.children(company.ref.id, 'contact') if not addresses(graph, one) and not one.gone]
    by_phone = [one for one in mute if has_phone(graph, one, phone, context)]
    by_name = [one for one in mute if name and full_name(one) == name]
    return next(reversed(by_phone or by_name), None)


def _take_company(
    graph: Graph, booking: Booking, found: Found, bdr: int | None, context: Context, done: Applied
) -> RecordRef:
    """The company that was found, back among the living; or a new one, whose values are the form's until TC2 or a
    person says otherwise (FIELD-2).
    """
    if found.company is not None:
        done.remember(graph, found.company)
        if found.company.tombstone is not None:
            lift(graph, found.company, SYSTEM, 'D-2', context, done)
            rehome(graph, found.company)
        return found.company.ref
    said = {name: booking.form.get(key) for name, key in FORM.items()}
    plan = str(said['price_plan'] or '')
    said |= {'price_plan': plan if plan in PLANS else None, 'sales_person_id': booking.admin_id, 'bdr_person_id': bdr}
    if said['name']:
        said['name'] = str(said['name']).strip()
    return _create(graph, 'company', said, booking.rule, context, done)


def _take_contact(
    graph: Graph, booking: Booking, found: Found, company: RecordRef, context: Context, done: Applied
) -> RecordRef:
    contact = graph.record(found.contact.ref) if found.contact is not None else None
    if contact is not None:
        done.remember(graph, contact)
        if contact.tombstone is not None:
            lift(graph, contact, SYSTEM, 'D-2', context, done)
        if contact.fields.get('email') or (booking.signed and _fill(graph, contact, booking, context, done)):
            return contact.ref
    first, last = split_name(booking.form.get('name'))
    said = {'first_name': first, 'last_name': last, 'email': booking.email, 'phone': booking.phone}
    return _create(graph, 'contact', said, booking.rule, context, done, company.id)


def _fill(graph: Graph, contact: Record, booking: Booking, context: Context, done: Applied) -> bool:
    """CB-2: the e-mail that a contact lacks, said by a signed link. False where a person took it away on purpose."""
    mark = graph.mark()
    claim(graph, contact.ref, 'initial', 'email', Said(booking.email, SYSTEM, booking.rule))
    changes = settle_fields(graph, graph.records[contact.ref], context)
    if graph.records[contact.ref].fields.get('email') != booking.email:
        graph.undo(mark)
        return False
    done.changes += changes
    return True


def _create(
    graph: Graph,
    kind: str,
    said: Mapping[str, Value],
    rule: str,
    context: Context,
    done: Applied,
    company_id: int | None = None,
) -> RecordRef:
    """A new record that says what the form says."""
    ref = RecordRef(kind, graph.new_id())
    initial = {name: Said(value, SYSTEM, rule) for name, value in said.items() if value not in (None, '')}
    fields = {} if company_id is None else {'company_id': company_id}
    graph.put_record(Record(ref, fields, Claims(initial), company_id, born_event=context.event_id))
    done.created.add(ref)
    done.changes.append(Change(ref, 'born', None, 'MATCH-5', SYSTEM, 'MATCH-5'))
    done.changes += settle_fields(graph, graph.records[ref], context)
    return ref


def _take_deal(
    graph: Graph, booking: Booking, company: RecordRef, contact: RecordRef, context: Context, done: Applied
) -> RecordRef | None:
    """CB-1: the newest open deal; a new one only where none is open, placed as TC-5 does, owned by the company's sales
    person (where that one has left, by whom was booked).
    """
    record = graph.records[company]
    still_open = [deal for deal in graph.children(company.id, 'deal') if deal.is_open]
    if still_open:
        return still_open[-1].ref
    if record.fields.get('narc'):
        done.note('no deal: the company is marked as not a real customer')
        return None
    owner = record.fields.get('sales_person_id')
    ruled = Ruled()
    owner = owner if is_active(owner, context) else booking.admin_id
    ref = open_deal(graph, company, owner, contact.id, 'CB-1', context, ruled)
    done.changes += ruled.changes
    done.decisions += ruled.decisions
    for warning in ruled.warnings:
        done.note(warning)
    if ref is not None:
        done.created.add(ref)
    return ref


def _plan_meeting(
    graph: Graph,
    booking: Booking,
    of: tuple[RecordRef, RecordRef, RecordRef | None],
    flags: tuple[str, ...],
    context: Context,
    done: Applied,
) -> RecordRef:
    company, contact, deal = of
    fields: dict[str, Value] = {
        'contact_id': contact.id,
        'deal_id': deal.id if deal else None,
        'admin_id': booking.admin_id,
        'uid': booking.uid,
        'kind': booking.kind,
        'start_at': booking.start_at,
        'end_at': booking.end_at,
        'buffer_s': booking.buffer_s,
        'zone': booking.zone,
        'lang': booking.lang,
        'typed': _typed(booking, graph.records[contact]) or None,
        'flags': list(flags) or None,
    }
    ref, lines = meeting.book(graph, fields, company.id, booking.rule, context)
    done.created.add(ref)
    done.changes += [replace(line, system=SYSTEM) for line in lines]
    return ref


def _typed(booking: Booking, contact: Record) -> dict[str, Value]:
    """What was typed; the address only where the contact has another one: the call's letters go to it then."""
    own = fold_email(str(contact.fields.get('email') or '')) == fold_email(booking.email)
    return {name: value for name, value in booking.typed.items() if not (own and name == 'email')}


def amend(
    graph: Graph, ref: RecordRef, values: Mapping[str, Value], origin: tuple[str, str], context: Context
) -> Applied:
    """Write new values into a meeting; `origin`: the system and the rule for the journal. Counts and inherited fields
    follow. Nothing happens where nothing differs.
    """
    done = Applied()
    done.remember(graph, graph.records[ref])
    system, rule = origin
    lines = meeting.rearrange(graph, ref, values, rule, context)
    if not lines:
        done.note('nothing changed')
        return done
    done.changes += [replace(line, system=system) for line in lines]
    for company_id in sorted(done.companies):
        finish(graph, company_id, context, done)
    return done
