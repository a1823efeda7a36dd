"""What it takes to undo an act (ADM-13): steps that its outcome keeps, one list each, with what stood there before.

held      [type, id, field, the decree that held it, up to where edits were released]
made      [type, id]                         a record that was made
buried    [type, id]                         ... deleted
lifted    [type, id]                         ... restored
setting   [key, old]
entry     [pipeline, old stage]
field     [linked, machine name, old values]
admin     [id, old values]
joined    [id]                               an admin who was made, or taken back
left      [id]                               ... removed
"""

from collections.abc import Mapping
from typing import Any

from hermes.db.codec import decree_row
from hermes.domain.model import Record, RecordRef, Value

Step = list[Any]


def held(record: Record, name: str) -> Step:
    """Whose a field is before it is written or released."""
    decree, released = record.claims.decree.get(name), record.claims.released.get(name)
    kept = decree_row(decree) if decree is not None and decree.by_hand else None
    return ['held', *record.ref, name, kept, released]


def made(ref: RecordRef) -> Step:
    return ['made', *ref]


def buried(ref: RecordRef) -> Step:
    return ['buried', *ref]


def lifted(ref: RecordRef) -> Step:
    return ['lifted', *ref]


def setting(key: str, old: Value) -> Step:
    return ['setting', key, old]


def entry(pipeline: int, old: Value) -> Step:
    return ['entry', pipeline, old]


def field(linked: str, machine_name: str, old: Mapping[str, Value]) -> Step:
    return ['field', linked, machine_name, dict(old)]


def admin(number: int, old: Mapping[str, Value]) -> Step:
    return ['admin', number, dict(old)]


def joined(number: int) -> Step:
    return ['joined', number]


def left(number: int) -> Step:
    return ['left', number]
