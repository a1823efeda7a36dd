"""What a push sends: a plan as the call that carries it out, without what a person said not to send."""

from dataclasses import replace

from hermes.domain.fields import CURRENCY
from hermes.domain.model import Record
from hermes.domain.plan import Create, Delete, Noop, Plan, Update
from hermes.ports import Request, System


class LostLeaseError(Exception):
    """Somebody else took the push over while this worker stood still (I11)."""


def request_of(needed: Plan, record: Record, system: System) -> Request:
    """A plan as the call that carries it out."""
    remote_type, ref = system.types[record.ref.type], record.ref
    if isinstance(needed, Create):
        chosen = system.chosen_id(record, needed.fields)
        return Request('create', remote_type, chosen, needed.fields, record=ref)
    if isinstance(needed, Update):
        mirror = needed.mirror
        basis = {name: runs[-1].value for name, runs in mirror.runs.items() if runs}
        return Request('update', mirror.ref.type, mirror.ref.remote_id, needed.fields, basis, record=ref)
    if isinstance(needed, Delete):
        return Request('delete', needed.mirror.ref.type, needed.mirror.ref.remote_id, record=ref)
    raise ValueError(f'{type(needed).__name__} is no call')


def without(needed: Plan, ignored: tuple[str, ...]) -> Plan:
    """What a person said not to send (OUT-6: ignore this field)."""
    if not ignored or not isinstance(needed, (Create, Update)):
        return needed
    fields = {
        name: value for name, value in needed.fields.items() if not {name, name.removesuffix(CURRENCY)} & set(ignored)
    }
    return replace(needed, fields=fields) if fields else Noop('every differing field is ignored')
