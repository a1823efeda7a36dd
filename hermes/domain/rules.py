"""Rules that look at more than one record: deals made and lost, NARC, computed and inherited fields, substitutions.

One pure function, `rules`, run right after merge until nothing changes; its clock is the event's received_at.
Each rule is a function of one company's graph and says its behaviour id in the journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from hermes.domain.adoption import ADOPTED, adopted, base, is_nothing, is_strange, untouched
from hermes.domain.adoption import RULE as D_12
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import NEVER, edits
from hermes.domain.identity import addresses
from hermes.domain.merge import believe, decreed, standing_edit
from hermes.domain.model import OPERATOR, ByField, Change, Claims, Decree, Mirror, Record, RecordRef, Said, Value
from hermes.domain.record_types import ATTRIBUTES, Attribute
from hermes.parts.roles import CRM, PRODUCT

PLANS: Final = ('payg', 'startup', 'enterprise')
NEW_STATUSES: Final = ('trial', 'pending_email_conf')
TERMINATED: Final = 'terminated'
OWN: Final = ('title', 'status', 'archived', 'company_id', 'contact_id', 'admin_id', 'pipeline_id', 'stage_id')
"""What a deal has itself and never inherits."""
STRANGER: Final = 'a person chose CRM user'
DELETION: Final = 'deletion'
"""What is asked, and settled, where something speaks against deleting in the CRM what an operator deleted here."""


@dataclass
class Ruled:
    """What the rules did."""

    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def rules(graph: Graph, company_id: int, before: Record | None, created: bool, context: Context) -> Ruled:
    """Apply every rule to one company until nothing changes. `before`: the company as it was; `created`: made by this
    event.
    """
    done = Ruled()
    ref = RecordRef('company', company_id)
    company = graph.records.get(ref)
    if company is None or company.alias_of is not None:
        return done
    _substitute(graph, ref, context, done)
    _hold_strangers(graph, ref, context, done)
    _close_deals(graph, ref, before, context, done)
    if created:
        _open_deal(graph, ref, context, done)
    while True:
        count = len(done.changes)
        _compute(graph, ref, context, done)
        _inherit(graph, ref, context, done)
        if len(done.changes) == count:
            return done


def assign(
    graph: Graph,
    ref: RecordRef,
    values: Mapping[str, Value],
    rule: str,
    done: Ruled,
    note: str = '',
    system: str = 'hermes',
) -> None:
    """Write computed values into a record, journalling what differs."""
    record = graph.records[ref]
    changed = {name: value for name, value in values.items() if record.fields.get(name) != value}
    if not changed:
        return
    done.changes += [
        Change(ref, name, record.fields.get(name), value, system, rule, note) for name, value in changed.items()
    ]
    graph.put_record(replace(record, fields={**record.fields, **changed}))


def claim(graph: Graph, ref: RecordRef, kind: ByField, name: str, value: Any) -> None:
    """Write one of a record's claims."""
    record = graph.records[ref]
    told: dict[str, Any] = {kind: {**getattr(record.claims, kind), name: value}}
    graph.put_record(replace(record, claims=replace(record.claims, **told)))


def decree(graph: Graph, ref: RecordRef, name: str, value: Value, rule: str, done: Ruled) -> None:
    """A rule writes a field that the CRM owns; a person who writes it afterwards stays in charge."""
    mirror = graph.voice(ref, CRM)
    after = mirror.version if mirror else NEVER
    claim(graph, ref, 'decree', name, Decree(value, after, rule))
    assign(graph, ref, {name: value}, rule, done)


def _substitute(graph: Graph, ref: RecordRef, context: Context, done: Ruled) -> None:
    """D-16, D-17: what nobody knows is replaced, with a visible warning, and never pushed back (D-21)."""
    company = graph.records[ref]
    product, crm = graph.voice(ref, PRODUCT), graph.voice(ref, CRM)
    unknown_plan = product.current('price_plan_unknown') if product else None
    substituted = company.claims.substituted
    if 'price_plan' in decreed(graph, company):
        unknown_plan = None
    if unknown_plan and substituted.get('price_plan') != unknown_plan:
        claim(graph, ref, 'substituted', 'price_plan', unknown_plan)
        done.warnings.append(f'D-17: price plan {unknown_plan!r} is unknown, payg is used')
    elif not unknown_plan and 'price_plan' in substituted:
        unclaim(graph, ref, 'substituted', 'price_plan')
    voices = [voice for voice in (product, crm) if voice is not None and not _chosen_by_us(voice)]
    told = [(voice.ref.system, voice.current('sales_person_id')) for voice in voices if voice.says('sales_person_id')]
    if company.fields.get('sales_person_id') is not None:
        kept = str(substituted.get('sales_person_id', STRANGER))
        if not kept.startswith(STRANGER) and any(context.directory.admin_of(*each) for each in told):
            unclaim(graph, ref, 'substituted', 'sales_person_id')
        return
    strangers = [f'{system} {value}' for system, value in told if value not in (None, 0, '')]
    strangers += [f'{system} names nobody' for system, value in told if value in (None, 0, '')]
    default = context.settings.get('default_sales_person_id')
    if strangers and is_active(default, context):
        assign(graph, ref, {'sales_person_id': default}, 'D-16', done, f'unknown sales person: {strangers[0]}')
        claim(graph, ref, 'substituted', 'sales_person_id', strangers[0])
        done.warnings.append(f'D-16: the sales person ({strangers[0]}) is nobody we know, the default is used')
    elif strangers:
        done.warnings.append(
            f'D-16: the sales person ({strangers[0]}) is nobody we know, and default_sales_person_id names nobody'
        )


def _chosen_by_us(voice: Mirror) -> bool:
    """Whether the owner that stands there is the one with whom Hermes made it: the default, perhaps (D-21)."""
    return voice.ref.system == CRM and voice.ours and not edits(voice, 'sales_person_id')


def _hold_strangers(graph: Graph, ref: RecordRef, context: Context, done: Ruled) -> None:
    """D-21: whom a person put in charge in the CRM and who is no admin here says nothing, but is not overwritten."""
    crm, product = graph.voice(ref, CRM), graph.voice(ref, PRODUCT)
    if crm is None:
        return
    said = decreed(graph, graph.records[ref])
    for attribute in context.catalogue.attributes('company').values():
        if attribute.type != 'admin' or attribute.policy != 'follow':
            continue
        company = graph.records[ref]
        edit = None if attribute.name in said else standing_edit(company, attribute.name, crm, product)
        stranger = (
            edit is not None and edit.value not in (None, 0, '') and not context.directory.admin_of(CRM, edit.value)
        )
        reason = f'{STRANGER} {edit.value}' if edit is not None and stranger else ''
        kept = str(company.claims.substituted.get(attribute.name, ''))
        if reason and kept != reason:
            claim(graph, ref, 'substituted', attribute.name, reason)
            done.warnings.append(f'{attribute.name}: CRM user {edit.value if edit else ""} is no admin here')
        elif not reason and kept.startswith(STRANGER):
            unclaim(graph, ref, 'substituted', attribute.name)


def is_active(admin_id: Value, context: Context) -> bool:
    """PD-USER-1: an admin who may own new records."""
    admin = context.directory.admins.get(admin_id) if isinstance(admin_id, int) else None
    return admin is not None and admin.fields.get('active') is not False


def unclaim(graph: Graph, ref: RecordRef, kind: ByField, name: str) -> None:
    """Take one of a record's claims away."""
    record = graph.records[ref]
    told: dict[str, Any] = {kind: {key: it for key, it in getattr(record.claims, kind).items() if key != name}}
    graph.put_record(replace(record, claims=replace(record.claims, **told)))


def _compute(graph: Graph, ref: RecordRef, context: Context, done: Ruled) -> None:
    """Fields with the policy `hermes`."""
    client = graph.voice(ref, PRODUCT)
    organization = graph.primary(ref, CRM)
    assign(graph, ref, {'pd_org_id': int(organization.ref.remote_id) if organization else None}, 'FIELD-2', done)
    url = None
    if client is not None:
        url = f'{context.tc2_base_url.rstrip("/")}/clients/{client.ref.remote_id}/'
        assign(graph, ref, {'tc2_cligency_id': int(client.ref.remote_id)}, 'FIELD-2', done)
    meetings = graph.children(ref.id, 'meeting')
    sold = any(one.fields.get('kind') == 'sales' for one in meetings)
    _state(graph, ref, 'tc2_cligency_url', url, 'FIELD-2', done)
    _state(graph, ref, 'has_signed_up', client is not None, 'TC-12' if client else 'FIELD-2', done)
    _state(graph, ref, 'has_booked_call', sold, 'FIELD-2', done)
    for kind in ('sales', 'support'):
        held = [one for one in meetings if one.fields.get('kind') == kind and one.fields.get('status') != 'canceled']
        _count(graph, ref, f'{kind}_call_count', len(held), done)


def _state(graph: Graph, ref: RecordRef, name: str, ours: Value, rule: str, done: Ruled) -> None:
    """A text or a yes of ours; while there is none, what was found (D-12)."""
    there = None if ours else adopted(graph.voice(ref, CRM), graph.records[ref], name)
    if there:
        assign(graph, ref, {name: there}, D_12, done, ADOPTED, CRM)
    else:
        assign(graph, ref, {name: ours}, rule, done)


def _count(graph: Graph, ref: RecordRef, name: str, ours: int, done: Ruled) -> None:
    """What was found, and our own calls beside it."""
    company = graph.records[ref]
    found, known = base(graph, company, name), company.claims.counted.get(name, 0)
    if found != known:
        claim(graph, ref, 'counted', name, found)
        assign(graph, ref, {name: found + ours}, D_12, done, ADOPTED, CRM)
    else:
        assign(graph, ref, {name: found + ours}, 'FIELD-2', done)


def _close_deals(graph: Graph, ref: RecordRef, before: Record | None, context: Context, done: Ruled) -> None:
    """TC-7 and D-6: open deals become lost, once, at the change."""
    company = graph.records[ref]
    old = before.fields if before else {}
    terminated = company.fields.get('tc2_status') == TERMINATED != old.get('tc2_status')
    marked = bool(company.fields.get('narc')) and not old.get('narc')
    if not company.fields.get('narc') and 'narc' in company.claims.settled:
        unclaim(graph, ref, 'settled', 'narc')
    if not (terminated or marked):
        return
    rule = 'TC-7' if terminated else 'D-6'
    for deal in graph.children(ref.id, 'deal'):
        if deal.is_open and 'status' not in decreed(graph, deal):
            decree(graph, deal.ref, 'status', 'lost', rule, done)
    if marked:
        reason = kept_despite_narc(graph, company)
        if reason:
            done.decisions.append(Decision('narc', f'narc:{ref.id}:{context.event_id}', ref, {'reason': reason}))


def kept_despite_narc(graph: Graph, company: Record) -> str:
    """Why a company with the mark is not deleted in the CRM (D-6, S21); '' when it may be."""
    if (company.fields.get('paid_invoice_count') or 0) > 0:
        return 'it has paid invoices'
    if any(deal.fields.get('status') == 'won' for deal in graph.children(company.ref.id, 'deal')):
        return 'it has a won deal'
    if _are_elsewhere(graph, graph.children(company.ref.id, 'contact')):
        return 'a person of it also belongs to another company'
    return ''


def _are_elsewhere(graph: Graph, contacts: Sequence[Record]) -> bool:
    """Whether one of these people also belongs to a company other than theirs."""
    theirs = {email for contact in contacts for email in addresses(graph, contact)}
    home = {contact.company_id for contact in contacts}
    return any(
        other.ref.type == 'contact'
        and other.company_id not in home
        and not other.gone
        and not theirs.isdisjoint(addresses(graph, other))
        for other in graph.records.values()
    )


def buried_here(record: Record) -> bool:
    """Whether an operator deleted it (D-2)."""
    return record.tombstone is not None and record.tombstone.kind == OPERATOR


def kept_despite_deletion(graph: Graph, record: Record) -> str:
    """Why what an operator deleted is not deleted in the CRM (S21); '' when it may be, or somebody let it go. What went
    with its company goes as that does.
    """
    company, stone = graph.company(record), record.tombstone
    if company is not None and company.tombstone is not None and stone is not None:
        record = company if company.tombstone.event_id == stone.event_id else record
    if (answer := record.claims.settled.get(DELETION)) is not None:
        return 'somebody decided so' if answer == 'keep' else ''
    if record.ref.type == 'company':
        return kept_despite_narc(graph, record)
    if record.ref.type == 'deal' and record.fields.get('status') == 'won':
        return 'it is won'
    if record.ref.type == 'contact' and _are_elsewhere(graph, [record]):
        return 'this person also belongs to another company'
    return ''


def _open_deal(graph: Graph, ref: RecordRef, context: Context, done: Ruled) -> None:
    """TC-5, for a company that this event made."""
    company = graph.records[ref]
    fields = company.fields
    if graph.voice(ref, PRODUCT) is None or graph.children(ref.id, 'deal') or company.gone:
        return
    created = fields.get('created')
    oldest = context.now.date() - timedelta(days=int(context.settings.get('deal_max_age_days', 90)))
    if (
        (fields.get('paid_invoice_count') or 0) > 0
        or fields.get('tc2_status') not in NEW_STATUSES
        or not created
        or date.fromisoformat(created) <= oldest
        or fields.get('sales_person_id') is None
        or fields.get('narc')
    ):
        return
    contacts = [contact for contact in graph.children(ref.id, 'contact') if not contact.gone]
    owner = fields.get('sales_person_id') if is_active(fields.get('sales_person_id'), context) else None
    open_deal(graph, ref, owner, contacts[0].ref.id if contacts else None, 'TC-5', context, done)


def open_deal(
    graph: Graph, ref: RecordRef, owner: Value, contact_id: int | None, rule: str, context: Context, done: Ruled
) -> RecordRef | None:
    """A deal in the pipeline of the company's price plan, at its entry stage; None, with a warning and a question,
    where the settings name no such place (D-8).
    """
    fields = graph.records[ref].fields
    plan = fields.get('price_plan') if fields.get('price_plan') in PLANS else 'payg'
    placed = placement(str(plan), context)
    if isinstance(placed, str):
        done.warnings.append(placed)
        done.decisions.append(Decision('no-pipeline', f'no-pipeline:{ref.id}', ref, {'reason': placed}))
        return None
    pipeline_id, stage_id = placed
    values: dict[str, Value] = {
        'title': fields.get('name'),
        'status': 'open',
        'pipeline_id': pipeline_id,
        'stage_id': stage_id,
        'admin_id': owner,
        'contact_id': contact_id,
        'company_id': ref.id,
    }
    return make_deal(graph, ref, values, rule, context, done)


def make_deal(
    graph: Graph, company: RecordRef, values: Mapping[str, Value], rule: str, context: Context, done: Ruled
) -> RecordRef:
    """A deal that Hermes makes: its first values are claims until the CRM owns them."""
    ref = RecordRef('deal', graph.new_id())
    claims = Claims({name: Said(value, 'hermes', rule) for name, value in values.items() if value is not None})
    if 'sales_person_id' in graph.records[company].claims.substituted:
        claims = replace(claims, substituted={'admin_id': 'the company has a substituted sales person'})
    graph.put_record(Record(ref, dict(values), claims, company.id, born_event=context.event_id))
    done.changes.append(Change(ref, 'born', None, rule, 'hermes', rule))
    done.changes += [
        Change(ref, name, None, value, 'hermes', rule) for name, value in values.items() if value is not None
    ]
    return ref


def placement(plan: str, context: Context) -> tuple[int, int] | str:
    """The pipeline and entry stage for a plan, or a plain sentence naming the setting that is missing (D-8)."""
    key = f'{plan}_pipeline_id'
    pipeline_id = context.settings.get(key)
    pipeline = context.directory.pipelines.get(pipeline_id) if isinstance(pipeline_id, int) else None
    if pipeline is None:
        return f'No deal was made: the setting {key} names no pipeline.'
    if pipeline.fields.get('archived'):
        return f'No deal was made: the setting {key} names a pipeline that was deleted in the CRM.'
    stage = context.directory.stages.get(pipeline.fields.get('dft_entry_stage_id') or 0)
    if stage is None or stage.fields.get('archived'):
        return f'No deal was made: the pipeline of the setting {key} has no entry stage.'
    return pipeline.ref.id, stage.ref.id


def _inherit(graph: Graph, ref: RecordRef, context: Context, done: Ruled) -> None:
    """FIELD-6: an open deal shows its own company's fields; a closed one keeps what it had (OUT-9). What was found in
    the deal itself stays as long as nobody has said anything of the company (D-12).
    """
    company = graph.records[ref]
    substituted = company.claims.substituted
    attributes = context.catalogue.attributes('company')
    values: dict[str, Value] = {}
    shown: dict[str, Attribute | None] = {}
    deals = [deal for deal in graph.children(ref.id, 'deal') if deal.is_open]
    for own_name, name in context.catalogue.inherited if deals else ():
        if name in substituted or own_name in OWN:
            continue
        attribute, value = attributes.get(name), company.fields.get(name)
        if attribute and attribute.type == 'admin' and value is not None:
            value = context.directory.owner_of(value)
            if value is None:
                continue
        values[own_name], shown[own_name] = value, attribute
    for deal in deals:
        mirror = graph.voice(deal.ref, CRM)
        own = {name: adopted(mirror, deal, name) for name in values}
        own = {
            name: found
            for name, found in own.items()
            if found not in (None, values[name], *_nobody(shown[name])) or is_strange(mirror, name)
        }
        own = {name: found for name, found in own.items() if not _is_said(graph, company, shown[name], context)}
        assign(graph, deal.ref, own, D_12, done, ADOPTED, CRM)
        assign(graph, deal.ref, {name: value for name, value in values.items() if name not in own}, 'FIELD-6', done)


def _nobody(attribute: Attribute | None) -> tuple[Value, ...]:
    return (0,) if attribute is not None and attribute.type == 'admin' else ()


def _is_said(graph: Graph, company: Record, attribute: Attribute | None, context: Context) -> bool:
    """Whether anybody has said what a company's field shows, since Hermes knows it or in another system: it is neither
    empty, nor a default of ours, nor only what was found in the CRM.
    """
    value = company.fields.get(attribute.name) if attribute else None
    if attribute is None or value is None:
        return False
    if attribute.policy == 'hermes' and attribute.name in ATTRIBUTES['company']:
        return not is_nothing(value) and value != untouched(graph.voice(company.ref, CRM), attribute.name)
    return believe(graph, company, attribute, context).note != ADOPTED
