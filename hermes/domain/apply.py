"""The one pure function that applies a row: an element of a delivery to the graph.

Fold each observation into its mirror, find or make its record, let the record follow, run the rules. Deterministic,
idempotent, without I/O. What cannot be applied yet says what it waits for; nothing is dropped silently (D-3, TC-4,
PD-PER-3).
"""

from dataclasses import replace
from typing import Final

from hermes.domain import app_user, doubts, meeting
from hermes.domain.adoption import overwritten
from hermes.domain.applied import Applied, ask
from hermes.domain.errors import Refused
from hermes.domain.graph import Context, Graph
from hermes.domain.history import is_empty, send, settle
from hermes.domain.linking import adopt, attach, link, note_conflict
from hermes.domain.matching import RECORD_TYPE, is_erased, seek
from hermes.domain.merge import merge, settle_fields
from hermes.domain.model import Change, Element, Intent, Mirror, Observation, Record, RecordRef, RemoteRef
from hermes.domain.record_types import PARTS, PEOPLE
from hermes.domain.remote_merges import NAMED_BY, absorb, fill_references, join, join_listed, observe_merge
from hermes.domain.rules import claim, rules
from hermes.domain.tombstones import keep_one_primary, lay_down, promote, revive
from hermes.parts.roles import CRM, PRODUCT, PRODUCT_TITLE

NO_DEAL: Final = 'CB-17'
"""The action of a client that was read because somebody there needs help: nobody is to be sold anything."""
ERASED: Final = 'ignored: it is about somebody who was erased'
NOBODY: Final = f'the {PRODUCT_TITLE} client has no sales person'


def apply(graph: Graph, element: Element, context: Context) -> Applied:
    """Apply one element. Raises Refused when it must be parked (D-16 without a default, an unknown shape)."""
    done = Applied()
    if element.unparseable:
        raise Refused(element.unparseable)
    if element.intent:
        _note_intent(graph, element.intent, context, done)
    if element.lookup:
        app_user.note_lookup(graph, element.lookup, context, done)
    if element.ignored:
        done.note(f'ignored: {element.ignored}')
    for wanted in element.fetch:
        if wanted.unknown_only and wanted.ref in graph.mirrors:
            continue
        ask(graph, wanted.ref, context)
        done.note(f'{wanted.ref.type} {wanted.ref.remote_id} is read from {wanted.ref.system}: {wanted.reason}')
    emails = [str(seen.fields.get('email') or seen.fields.get('user_email') or '') for seen in element.observations]
    for seen in element.observations:
        _observe(graph, seen, [email for email in emails if email], context, done)
    helped = any(seen.action == NO_DEAL for seen in element.observations)
    for company_id in sorted(done.companies):
        finish(graph, company_id, context, done, may_open_deal=not helped)
    return done


def _note_intent(graph: Graph, intent: Intent, context: Context, done: Applied) -> None:
    """What Hermes is about to send, or what became of it (EDIT-1, OUT-4)."""
    if is_erased(graph.record(intent.record)):
        done.note(ERASED)
        return
    if intent.record.type in PEOPLE:
        app_user.note_intent(graph, intent, context, done)
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
        mirror = settle(mirror, intent.id, mirror.version if intent.state == 'done' else None)
        graph.put_mirror(mirror)
        if intent.state == 'done':
            done.changes += overwritten(mirror, intent, context.catalogue.attributes(intent.record.type))
    done.note(f'{intent.op} of {intent.ref.type} {intent.ref.remote_id}: {intent.state}')


def finish(graph: Graph, company_id: int, context: Context, done: Applied, *, may_open_deal: bool = True) -> None:
    """Rules for one company, after everything of the element was merged."""
    doubts.look(graph, company_id, context, done)
    ref = RecordRef('company', company_id)
    created = may_open_deal and ref in done.created
    ruled = rules(graph, company_id, done.before.get(ref), created, context)
    done.changes += ruled.changes
    done.decisions += ruled.decisions
    for warning in ruled.warnings:
        done.note(warning)
    company = graph.records.get(ref)
    product = graph.voice(ref, PRODUCT)
    if (
        ref in done.created
        and may_open_deal
        and company is not None
        and product is not None
        and product.says('sales_person_id')
        and company.fields.get('sales_person_id') is None
    ):
        named = product.current('sales_person_id')
        who = f'sales person {named} of the {PRODUCT_TITLE} client is no admin' if named else NOBODY
        raise Refused(
            f'D-16: {who}, and no default is set. '
            'Add the admin, or set default_sales_person_id, then replay this event.'
        )


def _observe(graph: Graph, seen: Observation, emails: list[str], context: Context, done: Applied) -> None:
    """One observation: into its mirror, and into its record."""
    kind = (seen.ref.system, seen.ref.type)
    record_type = RECORD_TYPE.get(kind) or context.types.get(kind)
    if record_type is None:
        done.note(f'ignored: {seen.ref.type} is nothing that Hermes keeps')
        return
    held = graph.mirrors.get(seen.ref)
    if held is not None and is_erased(graph.record(held.record)):
        done.note(ERASED)
        return
    if record_type in PEOPLE:
        app_user.observe(graph, seen, context, done)
        return
    if record_type == 'meeting':
        meeting.observe(graph, seen, context, done)
        return
    if seen.parent and seen.ref.type == 'recipient':
        seen = replace(seen, fields={**seen.fields, 'client_id': seen.parent.remote_id})
    if seen.kind == 'merged':
        observe_merge(graph, seen, context, done)
        return
    if seen.kind in ('deleted', 'missing'):
        lay_down(graph, seen, context, done)
        return
    known = graph.mirrors.get(seen.ref)
    merge(graph, None, seen, context)
    if seen.intent:
        graph.put_mirror(settle(graph.mirrors[seen.ref], seen.intent, seen.version))
    if seen.merged_from:
        loser = seen.ref._replace(remote_id=seen.merged_from)
        absorb(graph, loser, seen.ref, (seen.version,), context, done)
        done.note(f'{loser.type} {loser.remote_id} was merged into it')
    if graph.mirrors[seen.ref].merged_into is not None:
        _observe_late(graph, seen, known, emails, context, done)
        return
    if graph.mirrors[seen.ref].record is None and not link(graph, seen, record_type, emails, context, done):
        return
    mirror = graph.mirrors[seen.ref]
    record = graph.record(mirror.record)
    if record is None:
        return
    done.remember(graph, record)
    record = join_listed(graph, seen, record, context, done)
    note_conflict(graph, seen, known, record, done)
    if known is not None and not known.live and mirror.live:
        keep_one_primary(graph, mirror, record, context, done)
        mirror = graph.mirrors[seen.ref]
    if not mirror.live:
        done.note(f'{seen.ref.type} {seen.ref.remote_id} is deleted; this is older')
    elif record.tombstone is not None:
        revive(graph, record, mirror, seen, context, done)
    _follow(graph, record, seen, known, context, done)
    if seen.ref.type == 'client':
        _recipients(graph, seen, context, done)
        adopt(graph, seen, graph.records[record.ref], context, done)


def _observe_late(
    graph: Graph, seen: Observation, known: Mirror | None, emails: list[str], context: Context, done: Applied
) -> None:
    """What is told of an object after it was merged away: a record that it alone names belongs to the survivor too
    (PD-MERGE-1), and nobody new is made of it.
    """
    mirror = graph.mirrors[seen.ref]
    if known is None or not known.runs:
        found = seek(graph, seen, emails, context)
        if found.record is not None and found.record != graph.record(mirror.record):
            attach(graph, seen, found.record, found.rule, context, done)
        join(graph, seen.ref, context, done)
    done.note(f'{seen.ref.type} {seen.ref.remote_id} was merged into {mirror.merged_into}')


def _follow(
    graph: Graph, record: Record, seen: Observation, known: Mirror | None, context: Context, done: Applied
) -> None:
    """The record follows; where a new link came, the company's other records look again."""
    _ask_for_named(graph, seen, context, done)
    _auto_release(graph, record, seen, known, context)
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
        done.changes += fill_references(graph, seen.ref, context, done)


def _ask_for_named(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """PD-DEAL-2, PD-PER-4: an organisation, a pipeline or a stage that is named here and was never seen is read."""
    for remote_type in ('organization', 'pipeline', 'stage') if seen.ref.system == CRM else ():
        named = seen.fields.get(NAMED_BY[remote_type])
        ref = RemoteRef(CRM, remote_type, str(named))
        if named and ref not in graph.mirrors and ref not in context.directory.links:
            ask(graph, ref, context)
            done.note(f'its {remote_type} {named} is read')


def _auto_release(graph: Graph, record: Record, seen: Observation, known: Mirror | None, context: Context) -> None:
    """The hold on support and BDR person ends when TC2's own value changes afterwards."""
    crm = graph.voice(record.ref, CRM)
    if seen.ref.system != PRODUCT or known is None or crm is None:
        return
    mirror = graph.mirrors[seen.ref]
    for attribute in context.catalogue.attributes(record.ref.type).values():
        name = attribute.name
        if attribute.auto_release and not is_empty(known.current(name)) and known.current(name) != mirror.current(name):
            claim(graph, record.ref, 'released', name, crm.version)


def _recipients(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """TC-11: a recipient that vanished from the client keeps its contact; its TC2 link is dropped."""
    if seen.children is None:
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
            promote(graph, mirror.record, PRODUCT, context, done)
