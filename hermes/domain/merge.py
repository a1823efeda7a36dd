"""What a record should say, given everything that was ever said about it (FIELD-2, FIELD-3, D-12).

`believe` is a pure function of the record's claims and its mirrors, so neither the order of arrival nor repetition
matters. `merge` folds one observation into its mirror and returns the record's changes.
"""

from dataclasses import dataclass, replace
from typing import Final

from hermes.domain.adoption import ADOPTED, is_first
from hermes.domain.adoption import RULE as D_12
from hermes.domain.fields import is_readable
from hermes.domain.graph import Context, Graph
from hermes.domain.history import edits, explained, fold, has_spoken, is_empty
from hermes.domain.model import UNTOLD, Change, Decree, Mirror, Observation, Record, RemoteRef, Run, Said, Value
from hermes.domain.record_types import ATTRIBUTES, IN_CRM, PARTS, SHARED, Attribute
from hermes.kit.spelling import look
from hermes.parts.roles import CRM, PRODUCT

OWNERS = ('sales_person_id', 'admin_id')
"""Native owners of CRM objects: there is always one, so that nobody says nothing, whoever says it (D-16)."""


BY_PERSON: Final = 'a person wrote it in the CRM'
HALVES: Final = {'first_name': 'last_name', 'last_name': 'first_name'}
"""Two attributes that are one name in the CRM."""


@dataclass(frozen=True, slots=True)
class Belief:
    """A value, whose it is, and why."""

    value: Value
    system: str
    rule: str
    note: str = ''


NOTHING = Belief(None, '', '')


def merge(graph: Graph, record: Record | None, seen: Observation, context: Context) -> list[Change]:
    """Fold `seen` into its mirror and, if it belongs to a record, let the record follow. Idempotent."""
    before = graph.mirrors.get(seen.ref)
    mirror = fold(before, seen, context.now)
    if mirror != before:
        graph.put_mirror(mirror)
    return settle_fields(graph, record, context) if record else []


def settle_fields(graph: Graph, record: Record, context: Context) -> list[Change]:
    """Bring the fields of a record to what it should say. Returns the changes (and puts the record)."""
    current = graph.records[record.ref]
    fields = dict(current.fields)
    changes: list[Change] = []
    substituted = dict(current.claims.substituted)
    voices = voices_of(graph, current)
    for attribute in context.catalogue.attributes(current.ref.type).values():
        if _is_computed(current, attribute):
            continue
        belief = believe(graph, current, attribute, context, voices)
        old = fields.get(attribute.name)
        if belief is NOTHING or belief.value == old:
            continue
        fields[attribute.name] = belief.value
        substituted.pop(attribute.name, None)
        changes.append(Change(current.ref, attribute.name, old, belief.value, belief.system, belief.rule, belief.note))
    if changes:
        movable = current.ref.type in PARTS
        company_id = fields.get('company_id', current.company_id) if movable else current.company_id
        told = current.claims.substituted is not UNTOLD
        claims = replace(current.claims, substituted=substituted) if told else current.claims
        graph.put_record(replace(current, fields=fields, company_id=company_id, claims=claims))
    return changes


def _is_computed(record: Record, attribute: Attribute) -> bool:
    """Whether a rule says it (rules.py). Of a run-time field of ours that no rule knows, the CRM is believed."""
    ours = attribute.policy == 'hermes' and not _initial(record, attribute.name)
    return ours and (attribute.name in ATTRIBUTES[record.ref.type] or record.ref.type == 'deal')


Voices = tuple[Mirror | None, Mirror | None]
"""The mirrors that feed a record: the CRM's and TC2's."""


def voices_of(graph: Graph, record: Record) -> Voices:
    return graph.voice(record.ref, CRM), graph.voice(record.ref, PRODUCT)


def believe(
    graph: Graph, record: Record, attribute: Attribute, context: Context, voices: Voices | None = None
) -> Belief:
    """What one attribute should say. NOTHING: nobody ever said anything."""
    name = attribute.name
    crm, product = voices or voices_of(graph, record)
    decree = standing_decree(record, name, crm)
    if decree is not None:
        return Belief(decree.value, decree.system, decree.rule, decree.reason)
    if attribute.policy == 'crm':
        return _crm_owned(graph, record, attribute, crm, context)
    initial = _initial(record, name)
    theirs = _product_says(graph, product, attribute, context)
    if attribute.policy == 'follow' and crm is not None:
        for edit in standing_edits(record, name, crm, product):
            value, known = _read(graph, crm, attribute, edit.value, context)
            if known:
                note = ADOPTED if is_first(crm, name) else BY_PERSON
                return Belief(value, CRM, 'FIELD-2', note)
    if theirs is not NOTHING:
        return theirs
    if initial is not None:
        return Belief(initial.value, initial.system, initial.rule)
    ours = crm is not None and crm.ours and name in crm.sent and name not in record.claims.decree
    if crm is not None and not ours and has_spoken(crm, name):
        shown = _found(crm, name) if name in record.claims.decree else crm.current(name)
        value, known = _read(graph, crm, attribute, shown, context)
        if known:
            first = is_first(crm, name)
            note = ADOPTED if first else 'nobody else has said anything'
            return Belief(value, CRM, 'FIELD-2' if attribute.policy == 'follow' else D_12, note)
    return _fallback(record, name)


def standing_edit(record: Record, name: str, crm: Mirror, product: Mirror | None) -> Run | None:
    """The newest person's edit of a field that was not released since (EDIT-1, `hermes release`)."""
    return next(iter(standing_edits(record, name, crm, product)), None)


def standing_edits(record: Record, name: str, crm: Mirror, product: Mirror | None) -> list[Run]:
    """Every edit that was not released since, the newest first: the older ones count where a newer one says nothing.
    A name of one word leaves the other half of it empty on purpose (PD-PER-1).
    """
    found = _standing(record, name, crm, product)
    other = HALVES.get(name, '') if record.ref.type == 'contact' else ''
    if found or not other or not crm.says(name) or not is_empty(crm.current(name)):
        return found
    return [Run(None, run.first, run.last) for run in _standing(record, other, crm, product)]


def _standing(record: Record, name: str, crm: Mirror, product: Mirror | None) -> list[Run]:
    released = record.claims.released.get(name)
    said = {_key(run.value) for run in product.runs.get(name, ())} if product else set()
    initial = _initial(record, name)
    if initial is not None:
        said.add(_key(initial.value))
    before = record.claims.fallback.get(name)
    if before is not None:
        said.add(_key(before.value if before.shown is None else before.shown))
    return [
        run
        for run, first_sight in reversed(edits(crm, name))
        if (released is None or run.first > released) and not (first_sight and _key(run.value) in said)
    ]


def _key(value: Value) -> str:
    return f'{type(value).__name__}:{look(value) if isinstance(value, str) else value}'


def _initial(record: Record, name: str) -> Said | None:
    return record.claims.initial.get(name)


def _fallback(record: Record, name: str) -> Belief:
    """The voice of lowest rank: what stood in an older database, until a system says something (`shown`: how the CRM
    says the same).
    """
    found = record.claims.fallback.get(name)
    return Belief(found.value, found.system, found.rule) if found else NOTHING


def _found(crm: Mirror, name: str) -> Value:
    """What the CRM says of itself: not what Hermes has put there meanwhile, if it ever said anything else."""
    runs, sent = crm.runs[name], crm.sent.get(name, ())
    return next((run.value for run in reversed(runs) if not explained(run, sent)), runs[-1].value)


def standing_decree(record: Record, name: str, crm: Mirror | None) -> Decree | None:
    """What a rule of ours (TC-7, D-6) or an operator (D-22) wrote, unless a person has written the field in the CRM
    since. What an object says at first sight may have stood there before an operator spoke, and ends nothing of theirs.
    """
    decree = record.claims.decree.get(name)
    if decree is None:
        return None
    written = [] if crm is None else edits(crm, name)
    if any(run.first > decree.after and not (first_sight and decree.by_hand) for run, first_sight in written):
        return None
    return decree


def decreed(graph: Graph, record: Record) -> dict[str, Decree]:
    """The decrees of operators that stand in a record (D-22)."""
    told = [name for name, decree in record.claims.decree.items() if decree.by_hand]
    crm = graph.voice(record.ref, CRM) if told else None
    found = {name: standing_decree(record, name, crm) for name in told}
    return {name: decree for name, decree in found.items() if decree is not None}


def _crm_owned(graph: Graph, record: Record, attribute: Attribute, crm: Mirror | None, context: Context) -> Belief:
    if attribute.name == 'archived' and record.ref.type != 'deal' and crm is not None and not crm.live:
        return Belief(True, CRM, 'D-8', 'it was deleted in the CRM')
    if crm is not None and crm.says(attribute.name):
        written = crm.current(attribute.name)
        value, known = _read(graph, crm, attribute, written, context)
        if known and not (attribute.name == 'company_id' and value is None):
            return Belief(value, CRM, 'FIELD-2', 'the CRM owns it once linked')
        return NOTHING
    initial = _initial(record, attribute.name)
    if initial is None:
        return _fallback(record, attribute.name)
    return Belief(initial.value, initial.system, initial.rule)


def _product_says(graph: Graph, product: Mirror | None, attribute: Attribute, context: Context) -> Belief:
    if product is None or not has_spoken(product, attribute.name):
        return NOTHING
    runs = product.runs[attribute.name]
    for run in reversed(runs) if attribute.name in OWNERS else runs[-1:]:
        value, known = _read(graph, product, attribute, run.value, context)
        if known:
            return Belief(value, PRODUCT, 'FIELD-2')
    return NOTHING


def _read(graph: Graph, mirror: Mirror, attribute: Attribute, value: Value, context: Context) -> tuple[Value, bool]:
    """A mirrored value in our terms; (None, False) when it says nothing that we can use."""
    if not is_readable(value):
        return None, False
    if not attribute.is_ref:
        return (None if is_empty(value) else value), True
    if attribute.type == 'admin':
        if is_empty(value):
            return None, attribute.name not in OWNERS
        if value == 0:
            return None, mirror.ref.system != CRM
        admin = context.directory.admin_of(mirror.ref.system, value)
        return admin, admin is not None
    if is_empty(value):
        return None, True
    ref = RemoteRef(CRM, IN_CRM[attribute.type], str(value))
    if attribute.type in SHARED:
        found = context.directory.links.get(ref)
        if found is not None:
            return found.id, True
    record = graph.record_of(ref)
    return (record.ref.id, True) if record else (None, False)
