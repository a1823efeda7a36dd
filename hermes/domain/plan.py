"""What has to be sent so that an outside system holds what it should: nothing, a creation, a difference, a deletion.

`plan` is pure. Only fields that differ from the mirror go out (OUT-1, OUT-2); creation-only fields only at creation
(OUT-11); a child waits for its parent's id (OUT-3); nothing goes out for what is deleted or marked (D-2, D-6).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, Protocol

from hermes.domain.adoption import is_left, may_write
from hermes.domain.fields import ABSENT
from hermes.domain.graph import CALENDAR, CRM, PRODUCT, Context, Graph
from hermes.domain.history import NEVER, edits, equal, is_empty
from hermes.domain.meeting import TIMES, calendar_of, is_planned, moment, stands_in
from hermes.domain.merge import OWNERS, REMOTE_TYPE
from hermes.domain.model import Mirror, Record, RecordRef, RemoteRef, Value, Version
from hermes.domain.rules import kept_despite_narc
from hermes.kit.texts import tidy


@dataclass(frozen=True, slots=True)
class Noop:
    """Nothing to send; `why` for whoever asks."""

    why: str = 'nothing differs'


@dataclass(frozen=True, slots=True)
class Wait:
    """Something must be there first."""

    why: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make the remote object with these canonical fields. `cut`: fields that were shortened to the remote's limit
    (D-14).
    """

    fields: Mapping[str, Value]
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Send these fields to the mirror's object. `corrects`: those whose last value a person wrote (EDIT-3)."""

    mirror: Mirror
    fields: Mapping[str, Value]
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the mirror's object."""

    mirror: Mirror


OWNED: Final = (*OWNERS, 'owner_id')
"""The owners of what is made in the CRM. There must be one: a substituted one too, once (D-16, D-21)."""

Plan = Noop | Wait | Create | Update | Delete

TOLD_LATE: Final = timedelta(days=7)
"""So long after its end a talk is still noted in the CRM."""


class OutgoingField(Protocol):
    """What plan reads of `ports.Outgoing`."""

    @property
    def key(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def compute(self) -> Callable[[Any], Value]: ...
    @property
    def when(self) -> Literal['create', 'known', 'always', 'linked']: ...
    @property
    def limit(self) -> int | None: ...


@dataclass
class RecordView:
    """A record as outgoing fields read it (`ports.View`); `reads` are the inputs it was asked for."""

    graph: Graph
    record: Record
    context: Context
    system: str = CRM
    reads: set[str] = field(default_factory=set)

    @property
    def id(self) -> int:
        return self.record.ref.id

    def get(self, name: str) -> Value:
        self.reads.add(f'{self.record.ref.type.title()}.{name}')
        return self.record.fields.get(name)

    def company(self, name: str) -> Value:
        self.reads.add(f'Company.{name}')
        company = self.graph.company(self.record)
        return company.fields.get(name) if company else None

    def _get(self, name: str) -> Value:
        return self.company(name.partition('.')[2]) if name.startswith('company.') else self.get(name)

    def remote(self, record_type: str, name: str) -> str | None:
        number = self._get(name)
        if not isinstance(number, int):
            return None
        if record_type in ('pipeline', 'stage'):
            ref = RecordRef(record_type, number)
            return next(
                (link.remote_id for link, record in self.context.directory.links.items() if record == ref), None
            )
        record = self.graph.record(RecordRef(record_type, number))
        mirror = self.graph.primary(record.ref, self.system) if record else None
        return mirror.ref.remote_id if mirror else None

    def admin(self, name: str) -> int | None:
        directory, number = self.context.directory, self._get(name)
        if self.system != PRODUCT:
            return directory.owner_of(number)
        admin = directory.admins.get(number) if isinstance(number, int) else None
        return (admin.fields.get('tc2_admin_id') or None) if admin else None

    def owner(self, name: str) -> int | None:
        admin = self.context.directory.admins.get(self._get(name) or 0)
        return self.admin(name) if admin and admin.fields.get('active') is not False else None

    def other(self, name: str, attribute: str) -> Value:
        """An attribute of the contact, deal or admin that an attribute of the record refers to."""
        kind = name.removesuffix('_id')
        number = self.get(name)
        self.reads.add(f'{kind.title()}.{attribute}')
        if not isinstance(number, int):
            return None
        known = self.context.directory.admins.get(number) if kind == 'admin' else None
        record = known or self.graph.record(RecordRef(kind, number))
        return record.fields.get(attribute) if record else None

    def latest_deal(self, kind: Literal['pipeline', 'stage']) -> str | None:
        self.reads |= {'Deal.status', f'Deal.{kind}_id', f'{kind.title()}.name'}
        company = self.graph.company(self.record)
        deals = self.graph.children(company.ref.id, 'deal') if company else []
        latest = max(
            (deal for deal in deals if deal.is_open),
            key=self._age,
            default=None,
        )
        known = self.context.directory.pipelines if kind == 'pipeline' else self.context.directory.stages
        place = known.get(latest.fields.get(f'{kind}_id') or 0) if latest else None
        return place.fields.get('name') if place else None

    def _age(self, deal: Record) -> tuple[bool, int, int]:
        """The CRM's ids grow; a deal that has none yet is the newest."""
        mirror = self.graph.primary(deal.ref, CRM)
        number = mirror.ref.remote_id if mirror else ''
        return mirror is None, int(number) if number.isdecimal() else 0, deal.ref.id

    def shown(self, key: str) -> Value:
        mirror = self.graph.primary(self.record.ref, self.system)
        return mirror.current(key) if mirror is not None and mirror.says(key) else ABSENT


def plan(
    graph: Graph,
    record: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str = CRM,
    *,
    ahead: bool = False,
) -> Plan:
    """What is to be sent to `system` for one record. `ahead`: as if what it waits for were there (plan mode)."""
    company = graph.company(record)
    if system == CALENDAR:
        return _plan_event(graph, record, company, outgoing, context)
    if record.gone or company is None or company.gone:
        return Noop('the record is deleted')
    mirror = graph.primary(record.ref, system)
    if record.ref.type == 'deal' and mirror is not None and mirror.current('archived'):
        return Noop('PD-DEAL-8: an archived deal receives nothing')
    if all(item.when == 'linked' for item in outgoing):
        if mirror is None:
            return Noop('PD-ORG-5: it is not there, and is never made there')
        if company.fields.get('narc'):
            return Noop('D-6: nothing is pushed for it while the mark stands')
    elif company.fields.get('narc'):
        if mirror is None:
            return Noop('D-6: the company is marked as not a real customer')
        let_go = company.claims.get('settled', {}).get('narc') == 'delete'
        reason = '' if let_go else kept_despite_narc(graph, company)
        return Noop(f'D-6: kept and not pushed, because {reason}') if reason else Delete(mirror)
    if record.ref.type == 'meeting':
        return _plan_activity(graph, record, company, outgoing, context, system, ahead=ahead)
    if mirror is None:
        return _create(graph, record, company, outgoing, context, system, ahead=ahead)
    if not mirror.runs:
        return Wait('TC-16: what it is linked to was not read yet')
    if record.ref.type == 'deal' and mirror.current('status') != 'open':
        return Noop('OUT-9: a closed deal receives nothing')
    wanted, cut = _wanted(graph, record, company, outgoing, context, system, creating=False)
    inputs = {item.key: item.inputs for item in outgoing}
    attributes = context.catalogue.attributes(record.ref.type)
    differing = {
        name: value
        for name, value in wanted.items()
        if not equal(mirror, name, value)
        and may_write(graph, mirror, record, name, value, inputs[name])
        and not is_left(mirror, name, attributes.get(name))
    }
    return Update(mirror, differing, tuple(name for name in cut if name in differing)) if differing else Noop()


def _plan_event(
    graph: Graph, record: Record, company: Record | None, outgoing: Sequence[OutgoingField], context: Context
) -> Plan:
    """CB-7, CB-15, CB-22: one event, in the calendar of the meeting's admin, whatever became of the company: a visitor
    was promised it. None for what is cancelled; what a person deleted there is.
    """
    home = calendar_of(record, context.directory).lower()
    live = [event for event in graph.mirrors_of(record.ref, CALENDAR) if event.live]
    if record.fields.get('status') == 'canceled':
        return Delete(live[0]) if live else Noop('the meeting is cancelled')
    if record.gone or company is None or not home:
        return Noop('it takes place in no calendar')
    elsewhere = [event for event in live if stands_in(event).lower() != home]
    if elsewhere:
        return Delete(elsewhere[0])
    if moment(record.fields['end_at']) <= context.now:
        return Noop('it is over')
    if not live:
        return _made(graph, record, company, outgoing, context, CALENDAR)
    return _changed(graph, live[0], record, company, outgoing, context, CALENDAR, always=TIMES)


def _plan_activity(
    graph: Graph,
    record: Record,
    company: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str,
    *,
    ahead: bool,
) -> Plan:
    """OUT-10, PD-ACT-1: made once, changed where we have something new to say, deleted when the call is cancelled."""
    mirror = graph.primary(record.ref, system)
    if not is_planned(record):
        return Delete(mirror) if mirror else Noop('the meeting is cancelled')
    if mirror is not None:
        return _changed(graph, mirror, record, company, outgoing, context, system)
    if any(other.deleted_by != 'hermes' for other in graph.mirrors_of(record.ref, system)):
        return Noop('PD-ACT-1: a person deleted it, and it is not made again')
    if moment(record.fields['end_at']) + TOLD_LATE <= context.now:
        return Noop('it was over long ago')
    waits = _waits(graph, record, company, system)
    return Wait(waits) if waits and not ahead else _made(graph, record, company, outgoing, context, system)


def _waits(graph: Graph, record: Record, company: Record, system: str) -> str:
    """What must be there before an activity can name it (OUT-3); '' when all is."""
    parent = graph.primary(company.ref, system)
    if parent is None or parent.version == NEVER:
        return f'waits for its {REMOTE_TYPE["company"]}'
    for kind in ('contact', 'deal'):
        part = graph.record(RecordRef(kind, record.fields.get(f'{kind}_id') or 0))
        coming = part is not None and (part.is_open if kind == 'deal' else not part.gone)
        if part is not None and coming and graph.primary(part.ref, system) is None:
            return f'waits for its {REMOTE_TYPE[kind]}'
    return ''


def _made(
    graph: Graph, record: Record, company: Record, outgoing: Sequence[OutgoingField], context: Context, system: str
) -> Plan:
    if not outgoing:
        return Noop('nothing of it goes out')
    wanted, cut = _wanted(graph, record, company, outgoing, context, system, creating=True)
    return Create({name: value for name, value in wanted.items() if not is_empty(value)}, cut)


def _changed(
    graph: Graph,
    mirror: Mirror,
    record: Record,
    company: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str,
    *,
    always: Sequence[str] = (),
) -> Plan:
    """What we have to say that is new since we said it last: what a person wrote there meanwhile is left alone. The
    fields in `always` follow such a person, so that every difference of them is ours.
    """
    if not mirror.runs:
        return Wait('it was not read yet')
    wanted, cut = _wanted(graph, record, company, outgoing, context, system, creating=False)
    differing = {
        name: value
        for name, value in wanted.items()
        if not equal(mirror, name, value)
        and not _merged_into(graph, mirror, name, value)
        and (name in always or not _said_last(mirror, name, value))
    }
    return Update(mirror, differing, tuple(name for name in cut if name in differing)) if differing else Noop()


def _merged_into(graph: Graph, mirror: Mirror, name: str, value: Value) -> bool:
    """Whether it names what was merged into `value`: the remote has moved the reference by itself (PD-MERGE-1)."""
    remote_type = REMOTE_TYPE.get(name.removesuffix('_id'), '')
    named = graph.resolve(RemoteRef(mirror.ref.system, remote_type, str(mirror.current(name))))
    return named is not None and named.ref.remote_id == value


def _said_last(mirror: Mirror, name: str, value: Value) -> bool:
    """Whether this is what we sent last; of nothing that there is to say, that is never told first."""
    sent = mirror.sent.get(name, ())
    return (sent[-1].value == value) if sent else is_empty(value)


def _create(
    graph: Graph,
    record: Record,
    company: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str,
    *,
    ahead: bool,
) -> Plan:
    parent = graph.primary(company.ref, system)
    if record.ref.type != 'company' and (parent is None or parent.version == NEVER) and not ahead:
        return Wait(f'waits for its {REMOTE_TYPE["company"]}')
    if record.ref.type == 'deal':
        if record.fields.get('status') != 'open':
            return Noop('a closed deal is not made in the CRM')
        contact = graph.record(RecordRef('contact', record.fields.get('contact_id') or 0))
        if contact is not None and not contact.gone and graph.primary(contact.ref, system) is None and not ahead:
            return Wait('waits for its person')
    wanted, cut = _wanted(graph, record, company, outgoing, context, system, creating=True)
    fields = {name: value for name, value in wanted.items() if not is_empty(value)}
    if record.ref.type == 'company' and 'name' not in fields:
        return Noop('it has no name yet')
    if record.ref.type == 'contact' and 'name' not in fields:
        if 'email' not in fields:
            return Noop('it has neither a name nor an e-mail yet')
        fields['name'] = fields['last_name'] = fields['email']
    return Create(fields, cut)


def _wanted(
    graph: Graph,
    record: Record,
    company: Record,
    outgoing: Sequence[OutgoingField],
    context: Context,
    system: str,
    *,
    creating: bool,
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """What the object should hold, by mirror key; and which texts were cut (D-14)."""
    view = RecordView(graph, record, context, system)
    substituted = {
        f'{kind.ref.type.title()}.{name}' for kind in (record, company) for name in kind.claims.get('substituted', {})
    }  # fmt: skip
    wanted: dict[str, Value] = {}
    cut: list[str] = []
    for item in outgoing:
        again = item.key == 'company_id' and not creating and _is_rehomed(graph, record, system)
        unsure = substituted.intersection(item.inputs) and not (creating and item.key in OWNED)
        if (item.when == 'create' and not creating and not again) or unsure:
            continue
        if item.when == 'known' and not creating and view.shown(item.key) == ABSENT:
            continue
        value = item.compute(view)
        if value == ABSENT or (again and value is None):
            continue
        if isinstance(value, str):
            value = tidy(value)
        if item.limit is not None and isinstance(value, str) and len(value) > item.limit:
            value = value[: item.limit].rstrip()
            cut.append(item.key)
        wanted[item.key] = value
    return wanted, tuple(cut)


def _is_rehomed(graph: Graph, record: Record, system: str) -> bool:
    """D-2: its organisation is made anew, so that it moves to the new one; a person who moves it afterwards is in
    charge.
    """
    mirror, after = graph.primary(record.ref, system), record.claims.get('rehomed')
    if after is None or mirror is None or system != CRM:
        return False
    return not any(run.first > Version(*after) for run, _ in edits(mirror, 'company_id'))
