"""App users and subscriptions: what the host says of them is what we believe; a target only answers (AU-1 to AU-9).

A target tells which object stands for whom (its id), and whether somebody is a sustainer. Nothing that people write
there becomes a value of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hermes.domain import app_user_states as states
from hermes.domain.applied import Applied
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.history import settle
from hermes.domain.linking import attach
from hermes.domain.merge import merge
from hermes.domain.model import (
    SETTLED,
    Change,
    Check,
    Intent,
    Lookup,
    Observation,
    Record,
    RecordRef,
    RemoteRef,
    Tombstone,
    Value,
    Version,
)
from hermes.domain.record_types import PEOPLE
from hermes.kit.spelling import fold_email

TARGET: Final = 'people_target'
"""The setting that names where app users are written to: an act alone changes it (AU-13)."""
PHASE: Final = 'people_phase'
"""The setting that names the phase of a migration (AU-13); '' where there is none."""
JOURNAL: Final = 'journal'
"""The target that keeps everything for later."""
KEY_OF_USER, KEY_OF_EMAIL, KEY_OF_LIST = 'user:', 'email:', 'list:'
LOGGED: Final = 'logged'
"""The action of an answer that is no object, but a line for later."""
FEED: Final = frozenset({'born', 'user_id', 'email', 'crm_id', 'state', 'is_sustainer', 'moderation', 'tombstone'})
"""What the host is told when it changes (AU-18)."""
RULE: Final = 'AU-1'

OWN_STEPS: Final = frozenset({states.ASKED_TO_ADD, states.UNEXPECTED, states.WROTE_ERROR})


@dataclass(frozen=True, slots=True)
class Told:
    """What the host is told of an app user (AU-18)."""

    id: int
    user_id: str | None
    crm_id: str | None
    state: str
    is_sustainer: bool
    deleted: bool


def key_of(user_id: str, email: str) -> str:
    """By what the host names somebody: its own id, else the folded address."""
    return f'{KEY_OF_USER}{user_id}' if user_id else f'{KEY_OF_EMAIL}{fold_email(email)}'


def key_of_list(email: str) -> str:
    """By what a subscription is found."""
    return f'{KEY_OF_LIST}{fold_email(email)}'


def told(record: Record) -> Told:
    says = record.fields.get
    return Told(
        record.ref.id, says('user_id'), says('crm_id'), str(says('state') or ''), bool(says('is_sustainer')),
        record.tombstone is not None,
    )  # fmt: skip


def make(
    graph: Graph, ref: RecordRef, fields: Mapping[str, Value], context: Context, *, migrated: bool = False
) -> list[Change]:
    """Somebody new, as the host says; the lines for the journal."""
    target = str(context.settings.get(TARGET) or '')
    state = states.first(fields.get('legacy_id'), logged=target in ('', JOURNAL), migrated=migrated)
    given = {name: value for name, value in {**fields, 'target': target, 'state': state}.items() if value is not None}
    graph.put_record(Record(ref, given, born_event=context.event_id))
    lines = [Change(ref, name, None, value, 'host', RULE) for name, value in given.items()]
    return [Change(ref, 'born', None, RULE, 'host', RULE), *lines]


def known_as(graph: Graph, ref: RecordRef, crm_id: str, context: Context, done: Applied) -> None:
    """The host knows already which object of the target stands for somebody new (AU-19): it is written to, and gets our
    own number with the first write.
    """
    target = str(context.settings.get(TARGET) or '')
    seen = _named(target, ref, crm_id)
    held = graph.mirrors.get(seen.ref)
    if held is not None and held.record not in (None, ref):
        _conflict(graph, graph.records[ref], seen, context, done, f'it belongs to {held.record}')
        return
    done.changes += write(graph, graph.records[ref], {'state': states.OK}, 'AU-19', 'host')
    observe(graph, seen, context, done)


def _named(target: str, ref: RecordRef, crm_id: str) -> Observation:
    """Somebody says that this object stands for a record; what it says itself is not known yet."""
    remote = RemoteRef(target, ref.type, crm_id)
    return Observation(remote, 'state', Version(0, SETTLED), {'external_id': None}, origin='act', record=ref)


def write(
    graph: Graph, record: Record, values: Mapping[str, Value], rule: str, system: str = 'host', note: str = ''
) -> list[Change]:
    """Other values; only what differs is a change."""
    current = graph.records[record.ref]
    changed = {name: value for name, value in values.items() if current.fields.get(name) != value}
    if not changed:
        return []
    fields = {name: value for name, value in {**current.fields, **changed}.items() if value is not None}
    graph.put_record(replace(current, fields=fields))
    return [
        Change(record.ref, name, current.fields.get(name), value, system, rule, note) for name, value in changed.items()
    ]


def revive(graph: Graph, record: Record) -> list[Change]:
    """Somebody who deleted the account signed up again."""
    if record.tombstone is None:
        return []
    graph.put_record(replace(graph.records[record.ref], tombstone=None))
    back = [Change(record.ref, 'tombstone', record.tombstone.kind, None, 'host', RULE)]
    return [*back, *write(graph, record, {'moderation': None}, RULE)]


def retarget(
    graph: Graph, record: Record, target: str, context: Context, done: Applied, *, leaving: bool = False
) -> None:
    """Another target is in force: whoever has an object there already is known by it; of everybody else it is looked
    first (AU-13). `leaving`: the old one is left for good, so that its ids are the old ids from now on.
    """
    there = graph.primary(record.ref, target) if target else None
    logged = target in ('', JOURNAL)
    known = there is not None and target != JOURNAL
    old = record.fields.get('target')
    legacy_id = record.fields.get('legacy_id') or (record.fields.get('crm_id') if leaving else None)
    was_there = old not in (None, '', JOURNAL) or record.fields.get('state') == states.NO_LEGACY_ID
    migrated = record.ref.type == 'app_user' and (bool(legacy_id) or was_there)
    before = states.first(legacy_id, logged=logged and not migrated, migrated=migrated)
    state = states.WROTE if known else before
    told = {
        'target': target, 'state': state, 'crm_id': there.ref.remote_id if there is not None and known else None,
        'cleared': target if known else None, 'decided': None,
        **({'legacy_id': legacy_id} if record.ref.type == 'app_user' else {}),
    }  # fmt: skip
    done.changes += write(graph, record, told, 'AU-13', 'hermes')
    done.checks.append(Check(record.ref, target, state, f'the target was {old or "none"}', context.event_id))


def told_before(graph: Graph, record: Record, fields: Mapping[str, Value], context: Context) -> None:
    """Of somebody who was there before the journal was the target, it need not keep what was known then: what they say
    from now on is news.
    """
    remote = RemoteRef(JOURNAL, record.ref.type, str(record.ref.id))
    seen = Observation(remote, 'state', Version(0, SETTLED), fields, origin='act', record=record.ref)
    merge(graph, None, seen, context)
    graph.put_mirror(replace(graph.mirrors[remote], record=record.ref, primary=True))


def decide(graph: Graph, record: Record, choice: str, crm_id: str, context: Context, done: Applied) -> None:
    """A person said what becomes of somebody (AU-11). 'skip': not there, for good. Raises Refused."""
    if choice == 'create':
        values: dict[str, Value] = {'decided': 'create', 'cleared': record.fields.get('target')}
        done.changes += write(graph, record, values, 'AU-11', 'operator')
        advance(graph, record.ref, [states.CREATED], done, context, 'decided: create')
    elif choice == 'skip':
        done.changes += write(graph, record, {'decided': 'skip'}, 'AU-11', 'operator')
    elif choice == 'retry':
        again = states.NOT_CHECKED if record.fields.get('legacy_id') else states.CREATED
        done.changes += write(graph, record, {'decided': None, 'cleared': None}, 'AU-11', 'operator')
        advance(graph, record.ref, [again], done, context, 'decided: retry')
    else:
        target = str(record.fields.get('target') or '')
        done.changes += write(graph, record, {'decided': 'link'}, 'AU-11', 'operator')
        observe(graph, _named(target, record.ref, crm_id), context, done)
    done.closed += [(kind, _key(kind, record.ref)) for kind in ('ambiguous', 'conflict')]


def roll_back(graph: Graph, record: Record, wrote: str, context: Context, done: Applied) -> bool:
    """The id that a run wrote is taken out, where it still stands (AU-11). Whether it was."""
    target = str(record.fields.get('target') or '')
    mirror = graph.mirrors.get(RemoteRef(target, record.ref.type, wrote))
    if record.fields.get('crm_id') != wrote or mirror is None or mirror.record != record.ref:
        return False
    graph.put_mirror(replace(mirror, record=None, primary=False))
    done.changes += write(graph, record, {'crm_id': None, 'cleared': None, 'decided': None}, 'AU-11', 'operator')
    advance(graph, record.ref, [states.NOT_CHECKED], done, context, 'rolled back')
    return True


def bury(graph: Graph, record: Record, kind: str, context: Context) -> list[Change]:
    """The host deleted the account (AU-20)."""
    if record.tombstone is not None:
        return []
    graph.put_record(replace(graph.records[record.ref], tombstone=Tombstone(kind, context.now, context.event_id)))
    return [Change(record.ref, 'tombstone', None, kind, 'host', 'AU-20')]


def matters(before: Record | None, after: Record) -> bool:
    """Whether something may have to be sent because of what changed. A step that our own call takes, or that its
    refusal is, is no news to whoever made the call: else what was refused would be said again at once.
    """
    if before is None or before == after:
        return before is None
    if after.ref.type not in PEOPLE or after.fields.get('state') not in OWN_STEPS:
        return True
    return replace(before, fields={**before.fields, 'state': after.fields.get('state')}) != after


def advance(
    graph: Graph, ref: RecordRef, steps: Sequence[str], done: Applied, context: Context, detail: str = ''
) -> None:
    """From state to state (AU-9), each with its line in the journal and in the checks. Raises Refused."""
    record = graph.records[ref]
    for into in steps:
        state = str(graph.records[ref].fields.get('state') or '')
        if states.follow(state, into) == state:
            continue
        done.changes += write(graph, record, {'state': into}, 'AU-9', 'hermes', detail)
        code = str(graph.records[ref].fields.get('crm_id') or '') if into == states.WROTE else ''
        target = str(record.fields.get('target') or '')
        done.checks.append(Check(ref, target, into, detail, context.event_id, code, done.run))


def arrive(
    graph: Graph, ref: RecordRef, steps: Sequence[str], done: Applied, context: Context, detail: str = ''
) -> bool:
    """The same, of what a target answered: that may come late, when somebody went on meanwhile. What cannot follow any
    more changes nothing. Whether it did.
    """
    state = str(graph.records[ref].fields.get('state') or '')
    if not states.leads(state, steps):
        done.note(f'AU-9: {ref.type} {ref.id} went on meanwhile and stays {state or "as it is"}; not {steps[-1]}')
        return False
    advance(graph, ref, steps, done, context, detail)
    return True


def note_intent(graph: Graph, intent: Intent, context: Context, done: Applied) -> None:
    """A creation is about to go out, or was refused."""
    record = graph.records.get(intent.record)
    if record is None or intent.op != 'create' or record.fields.get('target') != intent.ref.system:
        return
    if intent.state == 'open':
        arrive(graph, intent.record, [states.ASKED_TO_ADD], done, context)
    elif intent.state == 'void' and intent.refused:
        arrive(graph, intent.record, [states.UNEXPECTED, states.WROTE_ERROR], done, context, intent.refused)


def note_lookup(graph: Graph, lookup: Lookup, context: Context, done: Applied) -> None:
    """A target was asked whether it knows somebody: not at all, once, or several times (AU-7, AU-13). Of whoever is
    found once, their object says the rest.
    """
    record = graph.records.get(lookup.record)
    if record is None or record.gone or record.fields.get('target') != lookup.system:
        return
    done.run = lookup.run
    by_legacy = lookup.by == 'legacy_id'
    asked = [states.REQUESTED] if by_legacy else []
    if len(lookup.found) > 1:
        told = f'{len(lookup.found)} objects: {", ".join(lookup.found[:5])}'
        if arrive(graph, record.ref, [*asked, states.AMBIGUOUS], done, context, told):
            done.decisions.append(_decision(record, 'ambiguous', lookup.system, lookup.found))
            done.note(f'AU-15: {len(lookup.found)} objects of {lookup.system} may be {record.ref.type} {record.ref.id}')
    elif lookup.found:
        if by_legacy and record.fields.get('state') != states.WROTE:
            arrive(graph, record.ref, asked, done, context)
    elif by_legacy:
        arrive(graph, record.ref, [*asked, states.NOT_FOUND, states.WROTE_NOT_FOUND], done, context)
    else:
        done.changes += write(graph, record, {'cleared': lookup.system}, 'AU-13', lookup.system, 'it is not there yet')


def observe(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """What an object of a target says: whose it is, and no value of ours."""
    before = graph.mirrors.get(seen.ref)
    merge(graph, None, seen, context)
    mirror = graph.mirrors[seen.ref]
    if seen.intent:
        mirror = settle(mirror, seen.intent, seen.version)
        graph.put_mirror(mirror)
    if not mirror.live:
        _lose(graph, seen, context, done)
        return
    wanted = graph.records.get(seen.record) if seen.record else None
    if mirror.record is None:
        if wanted is None:
            done.note(f'{seen.ref.type} {seen.ref.remote_id} of {seen.ref.system} is nobody that the host told of')
            return
        if graph.primary(wanted.ref, seen.ref.system) is not None:
            _conflict(graph, wanted, seen, context, done, 'it has another object there already')
            return
        attach(graph, seen, wanted, RULE, context, done)
    elif wanted is not None and mirror.record != wanted.ref:
        _conflict(graph, wanted, seen, context, done, f'that object belongs to {mirror.record.type} {mirror.record.id}')
        return
    record = graph.record(graph.mirrors[seen.ref].record)
    if record is not None and record.fields.get('target') == seen.ref.system and (before is None or seen.record):
        _settle(graph, record, seen, context, done)


def _settle(graph: Graph, record: Record, seen: Observation, context: Context, done: Applied) -> None:
    """The id that the target gave is ours to keep; of a line for later there is none."""
    if seen.action == LOGGED:
        arrive(graph, record.ref, [states.LOGGED], done, context)
        return
    done.changes += write(
        graph, record, {'crm_id': seen.ref.remote_id, 'cleared': seen.ref.system}, RULE, seen.ref.system
    )
    if record.fields.get('state') != states.WROTE:
        arrive(graph, record.ref, [states.OK, states.WROTE], done, context)
    done.closed += [(kind, _key(kind, record.ref)) for kind in ('ambiguous', 'conflict')]


def _lose(graph: Graph, seen: Observation, context: Context, done: Applied) -> None:
    """Its object is gone there."""
    mirror = graph.mirrors[seen.ref]
    record = graph.record(mirror.record)
    if record is not None and record.fields.get('crm_id') == seen.ref.remote_id:
        done.changes += write(graph, record, {'crm_id': None}, 'AU-4', seen.ref.system, 'its object is gone there')
        if record.fields.get('target') == seen.ref.system and record.fields.get('state') == states.WROTE:
            arrive(graph, record.ref, [states.CREATED], done, context, 'its object is gone there')
    done.note(f'{seen.ref.type} {seen.ref.remote_id} of {seen.ref.system} is gone')


def _conflict(graph: Graph, record: Record, seen: Observation, context: Context, done: Applied, why: str) -> None:
    if record.fields.get('target') == seen.ref.system:
        steps = [states.CONFLICT] if record.fields.get('state') == states.WROTE else [states.OK, states.CONFLICT]
        arrive(graph, record.ref, steps, done, context, why)
    done.decisions.append(_decision(record, 'conflict', seen.ref.system, [seen.ref.remote_id], why))
    done.note(f'{seen.ref.system} {seen.ref.remote_id} is not taken for {record.ref.type} {record.ref.id}: {why}')


def _decision(record: Record, kind: str, system: str, found: Sequence[str], why: str = '') -> Decision:
    detail: dict[str, Any] = {'system': system, 'objects': list(found)[:50], **({'reason': why} if why else {})}
    return Decision(kind, _key(kind, record.ref), record.ref, detail)


def _key(kind: str, ref: RecordRef) -> str:
    return f'{kind}:{ref.type}:{ref.id}'
