"""What stood in the CRM before Hermes wrote it (D-12): it is taken over, counted on from, and never lost to nothing.

Every answer is a function of the set of what was seen and sent, so that order and repetition do not matter (I5, I14).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hermes.domain.fields import UNREADABLE, is_readable
from hermes.domain.graph import Graph
from hermes.domain.history import KEPT_RUNS, KEPT_SENT, explained, has_spoken, is_empty
from hermes.domain.model import Change, Intent, Mirror, Record, Value
from hermes.domain.record_types import Attribute
from hermes.parts.roles import CRM, PRODUCT

RULE: Final = 'D-12'
ADOPTED: Final = 'adopted: it stood in the CRM'
OVERWRITTEN: Final = 'FIELD-3'
"""The rule of a line of the journal that keeps what a write of ours replaced: no value of the record, but of what
stood there.
"""

SAID_AS_TEXT: Final = {'false': False, '0': 0}
"""Nothing, as an extra attribute says it."""
THEIRS: Final = ('crm', 'follow')
"""The policies of what people in the CRM own."""


def is_nothing(value: Value) -> bool:
    """What says nothing where nobody wrote it: empty, no, or none."""
    return is_empty(value) or value is False or value == 0


def found(mirror: Mirror | None, name: str) -> Value:
    """What a field says as long as Hermes never wrote it, or said before Hermes did; None for nothing that we can
    read.
    """
    value = _stood(mirror, name)
    return value if is_readable(value) and not is_empty(value) else None


def is_strange(mirror: Mirror | None, name: str) -> bool:
    """Whether what was found is nothing that we can read."""
    return not is_readable(_stood(mirror, name))


def _stood(mirror: Mirror | None, name: str) -> Value:
    runs, sent = (mirror.runs.get(name, ()), mirror.sent.get(name, ())) if mirror is not None else ((), ())
    ours = next((place for place, run in enumerate(runs) if explained(run, sent)), len(runs))
    return runs[ours - 1].value if ours and len(sent) < KEPT_SENT else None


def untouched(mirror: Mirror | None, name: str) -> Value:
    """What was found and has not changed since."""
    return found(mirror, name) if mirror is not None and is_first(mirror, name) else None


def is_first(mirror: Mirror, name: str) -> bool:
    """Whether an object that Hermes did not make still says what it said at first sight."""
    return not mirror.ours and not mirror.sent.get(name) and len(mirror.runs.get(name, ())) == 1


def adopted(crm: Mirror | None, record: Record, name: str) -> Value:
    """What stands for a field that nobody here has a source for: what the record's object in the CRM has, else an
    older database.
    """
    value = found(crm, name)
    return _inherited(record, name) if value is None else value


def base(graph: Graph, company: Record, name: str) -> int:
    """From what a count goes on. What was found in several places, and in an older database, are the same calls: the
    most counts. What is too long ago to be seen is remembered (claim 'counted').
    """
    mirrors = graph.mirrors_of(company.ref, CRM)
    ours = {entry.value for mirror in mirrors if mirror.merged_into for entry in mirror.sent.get(name, ())}
    told = [_inherited(company, name)]
    for mirror in mirrors:
        if len(mirror.sent.get(name, ())) == KEPT_SENT or len(mirror.runs.get(name, ())) == KEPT_RUNS:
            told.append(company.claims.counted.get(name))
            continue
        value = found(mirror, name)
        if not (mirror.merges and value in ours):
            told.append(value)
    return max((value for value in told if isinstance(value, int)), default=0)


def _inherited(record: Record, name: str) -> Value:
    """What an older database said (its claim stands under every policy)."""
    found = record.claims.fallback.get(name)
    return found.value if found is not None else None


def may_write(graph: Graph, mirror: Mirror, record: Record, name: str, value: Value, inputs: Sequence[str]) -> bool:
    """Whether `value` may go where `mirror` has another one: nothing is never written over something, unless Hermes
    itself, or the field's owner in the other system, had a value there before.
    """
    value = SAID_AS_TEXT.get(value, value) if isinstance(value, str) and mirror.ref.system == PRODUCT else value
    if not is_nothing(value) or is_empty(mirror.current(name)) or mirror.sent.get(name):
        return True
    company = graph.company(record)
    other = PRODUCT if mirror.ref.system == CRM else CRM
    for kind, _, attribute in (each.partition('.') for each in inputs):
        if kind == 'Deal' and other == CRM and company is not None and graph.children(company.ref.id, 'deal'):
            return True
        owner = record if kind == 'Contact' else company
        voice = graph.voice(owner.ref, other) if owner is not None else None
        if voice is not None and has_spoken(voice, attribute):
            return True
    return False


def is_left(mirror: Mirror, name: str, attribute: Attribute | None) -> bool:
    """What a person entered and we cannot read is left as it is, where people own it."""
    return attribute is not None and attribute.policy in THEIRS and not is_readable(mirror.current(name))


def overwritten(mirror: Mirror, intent: Intent, attributes: Mapping[str, Attribute]) -> list[Change]:
    """What a write that is done replaced and nobody here had put there, as lines of the journal. What people own was
    believed, and stands there already.
    """
    told = ((name, entry) for name, entries in mirror.sent.items() for entry in entries if entry.intent == intent.id)
    return [
        Change(intent.record, name, _shown(entry.over), entry.value, 'hermes', OVERWRITTEN, 'it stood there before')
        for name, entry in told
        if entry.over is not None and not (name in attributes and attributes[name].policy in THEIRS)
    ]


def _shown(value: Value) -> Value:
    return value if is_readable(value) else value[UNREADABLE]
