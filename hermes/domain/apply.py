"""The one pure function that applies a row: an element of a delivery to the graph.

Fold each observation into its mirror, find or make its record, let the record follow, run the rules. Deterministic,
idempotent, without I/O. What cannot be applied yet says what it waits for; nothing is dropped silently (D-3, TC-4,
PD-PER-3).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from hermes.domain.applied import Applied
from hermes.domain.errors import Refused
from hermes.domain.graph import CRM, PRODUCT, Context, Decision, Graph
from hermes.domain.history import blank, fold, is_empty, send, settle
from hermes.domain.matching import RECORD_TYPE, match
from hermes.domain.merge import merge, settle_fields
from hermes.domain.model import (
    Change,
    Element,
    Intent,
    Mirror,
    Observation,
    Record,
    RecordRef,
    RemoteRef,
)
from hermes.domain.rules import claim, rules
from hermes.domain.tombstones import PARTS, lay_down, revive

NAMED_BY: Final = {'person': 'contact_id', 'organization': 'company_id'}
"""Under which field other objects of the CRM name one of this type."""


def apply(graph: Graph, element: Element, context: Context) -> Applied:
    """Apply one element. Raises Refused when it must be parked (D-16 without a default, an unknown shape)."""
    done = Applied()
    if element.unparseable:
        raise Refused(element.unparseable)
    if element.intent:
        _note_intent(graph, element.intent, done)
    if element.ignored:
        done.note(f'ignored: {element.ignored}')
    for wanted in element.fetch:
        ask(graph, wanted.ref, context)
        done.note(f'{wanted.ref.type} {wanted.ref.remote_id} is read from {wanted.ref.system}: {wanted.reason}')
    emails = [str(seen.fields.get('email') or seen.fields.get('user_email') or '') for seen in element.observations]
    for seen in element.observations:
        _observe(graph, seen, [email for email in emails if email], context, done)
    for company_id in sorted(done.companies):
        _finish(graph, company_id, context, done)
    return done


def _note_intent(graph: Graph, intent: Intent, done: Applied) -> None:
    """What Hermes is about to send, or what became of it (EDIT-1, OUT-4)."""
    key = (intent.record, intent.ref.system)
    if intent.op == 'create':
        if intent.state == 'open':
            graph.creating[key] = intent
        else:
            graph.creating.pop(key, None)
            made = graph.primary(intent.record, intent.ref.system)
            if made is not None:
                graph.put_mirror(settle(made, intent.id, made.version if intent.state == 'done' else None))
        return
    mirror = graph.mirrors.get(intent.ref)
    if mirror is None:
        return
    if intent.op == 'delete':
        graph.put_mirror(replace(mirror, deleted_by='hermes' if intent.state != 'void' else ''))
    elif intent.state == 'open' and intent.started_at is not None:
        graph.put_mirror(send(mirror, intent.fields, intent.started_at, intent.id))
    else:
        graph.put_mirror(settle(mirror, intent.id, mirror.version if intent.state == 'done' else None))
    done.note(f'{intent.op} of {intent.ref.type} {intent.ref.remote_id}: {intent.state}')


def ask(graph: Graph, ref: RemoteRef, context: Context) -> None:
    """Have a remote object read (again): the reader finds every mirror whose time has come."""
    mirror = graph.mirrors.get(ref) or blank(ref)
    if mirror.reread_at is None:
        graph.put_mirror(replace(mirror, reread_at=context.now))


def _finish(graph: Graph, company_id: int, context: Context, done: Applied) -> None:
    """Rules for one company, after everything of the element was merged."""
    ref = RecordRef('company', company_id)
    ruled = rules(graph, company_id, done.before.get(ref), ref in done.born, context)
    done.changes += ruled.changes
    done.decisions += ruled.decisions
    for warning in ruled.warnings:
        done.note(warning)
    company = graph.records.get(ref)
    product = graph.voice(ref, PRODUCT)
    if (
        ref in done.born
        and company is not None
        and product is not None
        and company.fields.get('sales_person_id') is None
    ):
        named = product.current('sales_person_id')
        if named not in (None, 0, ''):
            raise Refused(
                f'D-16: sales person {named} of the TutorCruncher client is no admin, and no default is set. '
                'Add the admin, or set default_sales_person_id, then replay this event.'
            )


def _observe(graph: Graph, seen: Observation, emails: list[str], context: Context, done: Applied) -> None:
    """One observation: into its mirror, and into its record."""
    record_type = RECORD_TYPE.get((seen.ref.system, seen.ref.type))
    if record_type is None:
        done.note(f'ignored: {seen.ref.type} is nothing that Hermes keeps')
        return
    if seen.parent and seen.ref.type == 'recipient':
        seen = replace(seen, fields={**seen.fields, 'client_id': seen.parent.remote_id})
    if seen.kind == 'merged':
        _merged(graph, seen, context, done)
        return
    if seen.kind in ('deleted', 'missing'):
        lay_down(graph, seen, context, done)
        return
    known = graph.mirrors.get(seen.ref)
    if known is not None and known.merged_into is not None:
        merge(graph, None, seen, context)
        done.note(f'{seen.ref.type} {seen.ref.remote_id} was merged into {known.merged_into}')
        return
    merge(graph, None, seen, context)
    if seen.intent:
        graph.put_mirror(settle(graph.mirrors[seen.ref], seen.intent, seen.version))
    unknown = known is None or known.record is None
    if unknown and not _link(graph, seen, record_type, emails, context, done):
        return
    mirror = graph.mirrors[seen.ref]
    record = graph.record(mirror.record)
    if record is None:
        return
    done.remember(graph, record)
    if not mirror.live:
        done.note(f'{seen.ref.type} {seen.ref.remote_id} is deleted; this is older')
    elif record.tombstone is not None:
        revive(graph, record, mirror, seen, context, done)
    _follow(graph, record, seen, known, context, done)
    if seen.ref.type == 'client':
        _recipients(graph, seen, record, context, done)
        _adopt(graph, seen, graph.records[record.ref], context, done)


def _adopt(graph: Graph, seen: Observation, company: Record, context: Context, done: Applied) -> None:
    """TC-16: TC2 names the organisation of the company."""
    named = graph.mirrors[seen.ref].current('pipedrive_id')
    if not named or not graph.mirrors[seen.ref].primary:
        return
    ref = RemoteRef(CRM, 'organization', str(named))
    own = graph.primary(company.ref, CRM)
    mirror = graph.resolve(ref)
    if mirror is None and own is None:
        ask(graph, ref, context)
        done.note(f'TC-16: organisation {named} is read from the CRM')
        mirror = graph.mirrors[ref]
    if mirror is None or (mirror.record is None and not mirror.live):
        return
    linked = graph.record(mirror.record)
    if linked is None and own is None:
        graph.put_mirror(replace(mirror, record=company.ref, primary=True))
        done.changes.append(
            Change(company.ref, f'{CRM} link', None, f'organization {mirror.ref.remote_id}', PRODUCT, 'TC-16')
        )
        done.changes += settle_fields(graph, graph.records[company.ref], context)
    elif linked is None or linked.ref != company.ref:
        detail = {'object': list(mirror.ref), 'reason': 'TutorCruncher names an organisation that is linked elsewhere'}
        done.decisions.append(Decision('tc16', f'tc16:{company.ref.id}:{mirror.ref.remote_id}', company.ref, detail))


def _follow(
    graph: Graph, record: Record, seen: Observation, known: Mirror | None, context: Context, done: Applied
) -> None:
    """The record follows; where a new link came, the company's other records look again."""
    _auto_release(graph, record, seen, known, context, done)
    done.changes += settle_fields(graph, record, context)
    after = graph.records[record.ref]
    if after.company_id is not None:
        done.companies.add(after.company_id)
    if known is None or known.record is None or (known.live != graph.mirrors[seen.ref].live):
        company = graph.company(after)
        if company is not None:
            for part in PARTS:
                for child in graph.children(company.ref.id, part):
                    done.changes += settle_fields(graph, child, context)
        done.changes += _fill_references(graph, seen, context, done)


def _fill_references(graph: Graph, seen: Observation, context: Context, done: Applied) -> list[Change]:
    """PD-DEAL-2, PD-PER-4: what names this object, in whichever company, finds it now."""
    changes: list[Change] = []
    name = NAMED_BY.get(seen.ref.type, '')
    for mirror in list(graph.mirrors.values()) if name and seen.ref.system == CRM else ():
        record = graph.record(mirror.record) if mirror.ref.type in ('person', 'deal') else None
        if record is not None and mirror.current(name) == seen.ref.remote_id:
            done.remember(graph, record)
            changes += settle_fields(graph, record, context)
            done.remember(graph, graph.records[record.ref])
    return changes


def _auto_release(
    graph: Graph, record: Record, seen: Observation, known: Mirror | None, context: Context, done: Applied
) -> None:
    """The hold on support and BDR person ends when TC2's own value changes afterwards."""
    crm = graph.voice(record.ref, CRM)
    if seen.ref.system != PRODUCT or known is None or crm is None:
        return
    mirror = graph.mirrors[seen.ref]
    for attribute in context.catalogue.attributes(record.ref.type).values():
        name = attribute.name
        if attribute.auto_release and not is_empty(known.current(name)) and known.current(name) != mirror.current(name):
            claim(graph, record.ref, 'released', name, list(crm.version))


def _link(
    graph: Graph, seen: Observation, record_type: str, emails: list[str], context: Context, done: Applied
) -> bool:
    """Give an unlinked mirror its record: a known one, or a new one. False when there is none (yet), with the
    reason.
    """
    mirror = graph.mirrors[seen.ref]
    if seen.ref.type == 'user':
        return _link_user(graph, seen, context, done)
    found = match(graph, seen, emails, context)
    if found.conflict is not None:
        done.decisions.append(
            _decision('identity', seen, found.conflict, 'its hermes_id names a record that is linked elsewhere')
        )
        done.note('needs a decision: its hermes_id names a record that is linked to another object')
        return False
    record = found.record
    rule = found.rule
    if record is None:
        if seen.ref.type == 'client' and not (mirror.says('name') or mirror.says('tc2_agency_id')):
            done.note(f'client {seen.ref.remote_id} is not known here, and nothing is told of it')
            return False
        if not mirror.live:
            done.note(f'{seen.ref.type} {seen.ref.remote_id} is deleted, and unknown here')
            return False
        record, rule = _bear(graph, seen, record_type, context, done)
        if record is None:
            return False
        if found.several:
            done.decisions.append(
                Decision(
                    'match',
                    f'match:{":".join(seen.ref)}',
                    record.ref,
                    {'candidates': [list(ref) for ref in found.several], 'rule': found.rule},
                )
            )
            done.note(f'needs a decision: {len(found.several)} candidates by {found.rule}')
            claim(graph, record.ref, 'undecided', seen.ref.system, [list(ref) for ref in found.several])
            record = graph.records[record.ref]
    primary = graph.primary(record.ref, seen.ref.system) is None
    linked = replace(graph.mirrors[seen.ref], record=record.ref, primary=primary)
    intent = graph.creating.get((record.ref, seen.ref.system))
    if intent is not None and (seen.record == record.ref or record.ref.id in (seen.fields.get('hermes_id') or ())):
        linked = replace(fold(_sent_first(linked, intent), seen, context.now), ours=True)
        if seen.intent:
            linked = settle(linked, seen.intent, seen.version)
            graph.creating.pop((record.ref, seen.ref.system))
    graph.put_mirror(linked)
    done.before.setdefault(record.ref, record)
    done.changes.append(
        Change(
            record.ref, f'{seen.ref.system} link', None, f'{seen.ref.type} {seen.ref.remote_id}', seen.ref.system, rule
        )
    )
    return True


def _sent_first(mirror: Mirror, intent: Intent) -> Mirror:
    """Our own creation: its values were sent before anything was seen."""
    return send(mirror, intent.fields, intent.started_at, intent.id) if intent.started_at else mirror


def _decision(kind: str, seen: Observation, record: RecordRef, reason: str) -> Decision:
    return Decision(kind, f'{kind}:{":".join(seen.ref)}', record, {'object': list(seen.ref), 'reason': reason})


def _link_user(graph: Graph, seen: Observation, context: Context, done: Applied) -> bool:
    """PD-USER-1: a CRM user is the admin with that pd_owner_id; nobody is made."""
    admin = context.directory.by_owner.get(int(seen.ref.remote_id)) if seen.ref.remote_id.isdigit() else None
    if admin is None:
        done.note(f'ignored: CRM user {seen.ref.remote_id} is no admin here')
        return False
    graph.put_mirror(replace(graph.mirrors[seen.ref], record=RecordRef('admin', admin), primary=True))
    return True


def _bear(
    graph: Graph, seen: Observation, record_type: str, context: Context, done: Applied
) -> tuple[Record | None, str]:
    """A new record for an object that nobody knows; None (with the reason) where the rules say that there is none."""
    company_id = None
    if record_type in PARTS:
        company_id = _parent(graph, seen, context, done)
        if company_id is None:
            return None, ''
        if seen.ref.type == 'recipient':
            client = graph.mirrors.get(seen.parent) if seen.parent else None
            if client is not None and seen.version < client.version:
                done.note('TC-15: a newer snapshot of the client is known')
                return None, ''
    rule = {
        'client': 'TC-1',
        'recipient': 'TC-1',
        'organization': 'PD-ORG-2',
        'person': 'PD-PER-2',
        'deal': 'PD-DEAL-2',
    }.get(seen.ref.type, f'PD-{seen.ref.type.upper()[:5]}-1')
    record = Record(RecordRef(record_type, graph.new_id()), {}, {}, company_id, born_event=context.event_id)
    if company_id is not None:
        record = replace(record, fields={'company_id': company_id})
    graph.put_record(record)
    done.born.add(record.ref)
    done.changes.append(Change(record.ref, 'born', None, rule, seen.ref.system, rule))
    if record_type == 'company':
        done.companies.add(record.ref.id)
    return record, rule


def _parent(graph: Graph, seen: Observation, context: Context, done: Applied) -> int | None:
    """The company under which a new contact or deal stands (D-3)."""
    if seen.parent is None:
        done.note(f'ignored: {seen.ref.type} without an organisation, and unknown here')
        return None
    company = graph.record_of(seen.parent)
    if company is not None:
        return company.ref.id
    mirror = graph.resolve(seen.parent)
    if mirror is not None and not mirror.live:
        done.note(f'ignored: its {seen.parent.type} {seen.parent.remote_id} does not exist in {seen.parent.system}')
        return None
    if seen.parent.system == CRM:
        ask(graph, seen.parent, context)
        done.waits_for.append(seen.parent)
        done.note(f'waits for its {seen.parent.type} {seen.parent.remote_id}')
    else:
        done.note(f'ignored: its {seen.parent.type} {seen.parent.remote_id} is unknown')
    return None


def _recipients(graph: Graph, seen: Observation, company: Record, context: Context, done: Applied) -> None:
    """TC-11: a recipient that vanished from the client keeps its contact; its TC2 link is dropped."""
    if seen.children is None or seen.version < graph.mirrors[seen.ref].version:
        return
    listed = set(seen.children)
    for mirror in list(graph.mirrors.values()):
        if mirror.ref.type != 'recipient' or mirror.ref in listed or mirror.current('client_id') != seen.ref.remote_id:
            continue
        if mirror.record is not None and mirror.live and mirror.version < seen.version:
            graph.put_mirror(replace(mirror, deleted=seen.version))
            link = f'recipient {mirror.ref.remote_id}'
            done.changes.append(
                Change(mirror.record, f'{PRODUCT} link', link, None, PRODUCT, 'TC-11', 'no longer a recipient')
            )


def _merged(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """PD-MERGE-1: the object was merged into another one; what it was is found under the survivor from now on."""
    merge(graph, None, seen, context)
    survivor = RemoteRef(seen.ref.system, seen.ref.type, str(seen.merged_into))
    if graph.resolve(survivor) is None:
        graph.put_mirror(replace(blank(survivor), reread_at=context.now))
    elif (mirror := graph.mirrors.get(survivor)) is not None:
        graph.put_mirror(replace(mirror, reread_at=context.now + timedelta(seconds=1)))
    loser = graph.record(graph.mirrors[seen.ref].record)
    done.note(f'{seen.ref.type} {seen.ref.remote_id} was merged into {seen.merged_into}')
    if loser is not None:
        done.remember(graph, loser)
