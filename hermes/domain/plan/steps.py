"""The steps that the plans of several record types have in common. A step that settles a plan returns it; one that
lets it go on returns None.
"""

from collections.abc import Sequence
from typing import Final

from hermes.domain.adoption import is_left, may_write
from hermes.domain.fields import ABSENT
from hermes.domain.history import NEVER, edits, equal, is_empty
from hermes.domain.merge import OWNERS, decreed
from hermes.domain.model import Mirror, RemoteRef, Value
from hermes.domain.plan.values import Create, Delete, Noop, Plan, Subject, Update, Wait
from hermes.domain.plan.view import RecordView
from hermes.domain.record_types import IN_CRM
from hermes.domain.rules import buried_here, kept_despite_deletion, kept_despite_narc
from hermes.kit.texts import tidy
from hermes.parts.roles import CRM

OWNED: Final = (*OWNERS, 'owner_id')
"""The owners of what is made in the CRM. There must be one: a substituted one too, once (D-16, D-21)."""


def deleted(asked: Subject) -> Plan | None:
    """Nothing goes out for what is deleted (D-2); what an operator deleted here goes there too, unless something speaks
    against it (S21).
    """
    record, company = asked.record, asked.company
    if asked.mirror is not None and buried_here(record) and not _is_only_told(asked):
        reason = kept_despite_deletion(asked.graph, record)
        return Noop(f'D-2: kept there, because {reason}') if reason else Delete(asked.mirror)
    if record.gone or company is None or company.gone:
        return Noop('the record is deleted')
    return None


def _is_only_told(asked: Subject) -> bool:
    """Whether it is never made nor deleted there."""
    return all(item.when == 'linked' for item in asked.outgoing)


def marked(asked: Subject) -> Plan | None:
    """What is never made there; and what the mark of a company says (D-6)."""
    company, mirror = asked.company, asked.mirror
    narc = company is not None and company.fields.get('narc')
    if _is_only_told(asked):
        if mirror is None:
            return Noop('PD-ORG-5: it is not there, and is never made there')
        return Noop('D-6: nothing is pushed for it while the mark stands') if narc else None
    if company is None or not narc:
        return None
    if mirror is None:
        return Noop('D-6: the company is marked as not a real customer')
    let_go = company.claims.settled.get('narc') == 'delete'
    reason = '' if let_go else kept_despite_narc(asked.graph, company)
    return Noop(f'D-6: kept and not pushed, because {reason}') if reason else Delete(mirror)


def unread(mirror: Mirror) -> Plan | None:
    """An object of which nothing is known yet is not written."""
    return None if mirror.runs else Wait('TC-16: what it is linked to was not read yet')


def homeless(asked: Subject) -> str:
    """What a child waits for (OUT-3): its company's object there; '' when it is."""
    parent = asked.graph.primary(asked.company.ref, asked.system) if asked.company else None
    return f'waits for its {IN_CRM["company"]}' if parent is None or parent.version == NEVER else ''


def made(asked: Subject) -> Create:
    """The object as it is made: with whatever there is to say."""
    wanted, cut = wanted_fields(asked, creating=True)
    return Create({name: value for name, value in wanted.items() if not is_empty(value)}, cut)


def corrected(asked: Subject, mirror: Mirror) -> Plan:
    """Every field that differs and that we may write."""
    graph, record = asked.graph, asked.record
    wanted, cut = wanted_fields(asked, creating=False)
    inputs = {item.key: item.inputs for item in asked.outgoing}
    attributes, said = asked.context.catalogue.attributes(record.ref.type), decreed(graph, record)
    differing = {
        name: value
        for name, value in wanted.items()
        if not equal(mirror, name, value)
        and (
            name in said
            or (
                may_write(graph, mirror, record, name, value, inputs[name])
                and not is_left(mirror, name, attributes.get(name))
            )
        )
    }
    return _update(mirror, differing, cut)


def renewed(asked: Subject, mirror: Mirror, *, always: Sequence[str] = ()) -> Plan:
    """What we have to say that is new since we said it last: what a person wrote there meanwhile is left alone. The
    fields in `always` follow such a person, so that every difference of them is ours.
    """
    if not mirror.runs:
        return Wait('it was not read yet')
    wanted, cut = wanted_fields(asked, creating=False)
    differing = {
        name: value
        for name, value in wanted.items()
        if not equal(mirror, name, value)
        and not _merged_into(asked, mirror, name, value)
        and (name in always or not _said_last(mirror, name, value))
    }
    return _update(mirror, differing, cut)


def _update(mirror: Mirror, differing: dict[str, Value], cut: tuple[str, ...]) -> Plan:
    return Update(mirror, differing, tuple(name for name in cut if name in differing)) if differing else Noop()


def _merged_into(asked: Subject, mirror: Mirror, name: str, value: Value) -> bool:
    """Whether it names what was merged into `value`: the remote has moved the reference by itself (PD-MERGE-1)."""
    remote_type = IN_CRM.get(name.removesuffix('_id'), '')
    named = asked.graph.resolve(RemoteRef(mirror.ref.system, remote_type, str(mirror.current(name))))
    return named is not None and named.ref.remote_id == value


def _said_last(mirror: Mirror, name: str, value: Value) -> bool:
    """Whether this is what we sent last; of nothing that there is to say, that is never told first."""
    sent = mirror.sent.get(name, ())
    return (sent[-1].value == value) if sent else is_empty(value)


def wanted_fields(asked: Subject, *, creating: bool) -> tuple[dict[str, Value], tuple[str, ...]]:
    """What the object should hold, by mirror key; and which texts were cut (D-14)."""
    view = RecordView(asked.graph, asked.record, asked.context, asked.system)
    substituted = {
        f'{kind.ref.type.title()}.{name}'
        for kind in (asked.record, asked.company) if kind is not None
        for name in kind.claims.substituted
    }  # fmt: skip
    wanted: dict[str, Value] = {}
    cut: list[str] = []
    said = decreed(asked.graph, asked.record)
    for item in asked.outgoing:
        again = not creating and (item.key in said or (item.key == 'company_id' and _is_rehomed(asked)))
        unsure = bool(substituted) and substituted.intersection(item.inputs) and not (creating and item.key in OWNED)
        if (item.when == 'create' and not creating and not again) or (item.when == 'once' and not creating) or unsure:
            continue
        if item.when == 'known' and not creating and view.shown(item.key) == ABSENT:
            continue
        value = item.compute(view)
        if value == ABSENT or (again and item.when == 'create' and value is None):
            continue
        if isinstance(value, str):
            value = tidy(value)
        if item.limit is not None and isinstance(value, str) and len(value) > item.limit:
            value = value[: item.limit].rstrip()
            cut.append(item.key)
        wanted[item.key] = value
    return wanted, tuple(cut)


def _is_rehomed(asked: Subject) -> bool:
    """D-2: its organisation is made anew, so that it moves to the new one; a person who moves it afterwards is in
    charge.
    """
    mirror, after = asked.mirror, asked.record.claims.rehomed
    if after is None or mirror is None or asked.system != CRM:
        return False
    return not any(run.first > after for run, _ in edits(mirror, 'company_id'))
