"""Whose an object is that nobody knows yet: the record that matching finds, a new one, or nobody's, with the reason.

What names an unknown parent waits for it (D-3); what several records could be is a decision (MATCH-7); TC2 may name the
organisation of a company (TC-16).
"""

from dataclasses import replace

from hermes.domain.applied import Applied, ask
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import fold, send, settle
from hermes.domain.matching import conflicting, is_erased, match
from hermes.domain.merge import settle_fields
from hermes.domain.model import UNTOLD, Change, Intent, Mirror, Observation, Record, RecordRef, RemoteRef
from hermes.domain.record_types import PARTS
from hermes.domain.rules import claim
from hermes.domain.tombstones import goes_with
from hermes.parts.roles import CRM, CRM_ID, PRODUCT, PRODUCT_TITLE, ROLES


def link(graph: Graph, seen: Observation, record_type: str, emails: list[str], context: Context, done: Applied) -> bool:
    """Give an unlinked mirror its record: a known one, or a new one. False when there is none (yet), with the
    reason.
    """
    mirror = graph.mirrors[seen.ref]
    if seen.ref.type == 'user':
        return _link_user(graph, seen, context, done)
    found = match(graph, seen, emails, context)
    if found.conflict is not None:
        done.decisions.append(
            _decision('duplicate', seen, found.conflict, 'its hermes_id names a record that is linked elsewhere')
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
        if seen.ref.system not in ROLES:
            done.note(f'{seen.ref.type} {seen.ref.remote_id} is unknown here, and {seen.ref.system} makes nobody')
            return False
        record, rule = _create(graph, seen, record_type, context, done)
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
            claim(graph, record.ref, 'undecided', seen.ref.system, found.several)
            record = graph.records[record.ref]
    attach(graph, seen, record, rule, context, done)
    return True


def attach(graph: Graph, seen: Observation, record: Record, rule: str, context: Context, done: Applied) -> None:
    """Give an unlinked mirror this record; the values of our own creation were sent before anything was seen."""
    mirror = graph.mirrors[seen.ref]
    primary = mirror.merged_into is None and graph.primary(record.ref, seen.ref.system) is None
    linked = replace(mirror, record=record.ref, primary=primary)
    intent = graph.creating.get((record.ref, seen.ref.system))
    if intent is not None and (seen.record == record.ref or record.ref.id in (seen.fields.get('hermes_id') or ())):
        linked = replace(fold(_sent_first(linked, intent), seen, context.now), ours=True)
        if seen.intent:
            linked = settle(linked, seen.intent, seen.version)
            graph.creating.pop((record.ref, seen.ref.system))
    graph.put_mirror(linked)
    done.before.setdefault(record.ref, record)
    if 'legacy' in record.claims.undecided:
        graph.put_record(replace(record, claims=replace(record.claims, undecided=UNTOLD)))
        done.closed.append(('match', f'match:legacy:{record.ref.type}:{record.ref.id}'))
    done.changes.append(
        Change(
            record.ref, f'{seen.ref.system} link', None, f'{seen.ref.type} {seen.ref.remote_id}', seen.ref.system, rule
        )
    )


def note_conflict(graph: Graph, seen: Observation, known: Mirror | None, record: Record, done: Applied) -> None:
    """PD-MERGE-3: its `hermes_id` names another record than the one it is linked to. The link wins, which is shown
    once; the other record is left alone.
    """
    if known is None or known.record is None or seen.ref.system != CRM or not seen.fields.get('hermes_id'):
        return
    named = conflicting(graph, record, seen)
    if named is None or known.current('hermes_id') == graph.mirrors[seen.ref].current('hermes_id'):
        return
    key = f'identity:{":".join(seen.ref)}:{named.id}'
    reason = 'its hermes_id names another record than the one that it is linked to; the link holds'
    detail = {'object': list(seen.ref), 'reason': reason, 'names': list(named)}
    done.decisions.append(Decision('identity', key, record.ref, detail))
    done.note(
        f'PD-MERGE-3: its hermes_id names {named.type} {named.id}, it is linked to {record.ref.id}: the link holds'
    )


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
    if RecordRef('admin', admin) not in graph.records:
        graph.put_record(context.directory.admins[admin])
    return True


def _create(
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
    record = Record(RecordRef(record_type, graph.new_id()), company_id=company_id, born_event=context.event_id)
    if company_id is not None:
        company = graph.records[RecordRef('company', company_id)]
        kind = company.tombstone.kind if company.tombstone else ''
        buried = company.tombstone if record_type in goes_with(kind) else None
        record = replace(record, fields={'company_id': company_id}, tombstone=buried)
    graph.put_record(record)
    done.created.add(record.ref)
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
    if is_erased(company):
        done.note(f'ignored: its {seen.parent.type} was erased')
        return None
    if company is not None:
        return company.ref.id
    mirror = graph.resolve(seen.parent)
    if mirror is not None and not mirror.live:
        done.note(f'ignored: its {seen.parent.type} {seen.parent.remote_id} does not exist in {seen.parent.system}')
        return None
    if seen.parent.system == CRM:
        parent = mirror.ref if mirror is not None else seen.parent
        ask(graph, parent, context)
        done.waits_for.append(parent)
        done.note(f'waits for its {parent.type} {parent.remote_id}')
    else:
        done.note(f'ignored: its {seen.parent.type} {seen.parent.remote_id} is unknown')
    return None


def adopt(graph: Graph, seen: Observation, company: Record, context: Context, done: Applied) -> None:
    """TC-16: TC2 names the organisation of the company."""
    named = graph.mirrors[seen.ref].current(CRM_ID)
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
        detail = {
            'object': list(mirror.ref),
            'reason': f'{PRODUCT_TITLE} names an organisation that is linked elsewhere',
        }
        done.decisions.append(Decision('tc16', f'tc16:{company.ref.id}:{mirror.ref.remote_id}', company.ref, detail))
