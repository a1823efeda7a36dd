"""What has to be sent so that an outside system holds what it should: nothing, a creation, a difference, a deletion.

`plan` is pure. Only fields that differ from the mirror go out (OUT-1, OUT-2); creation-only fields only at creation
(OUT-11); a child waits for its parent's id (OUT-3); nothing goes out for what is deleted or marked (D-2, D-6).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hermes.domain.fields import ABSENT
from hermes.domain.graph import CRM, PRODUCT, Context, Graph
from hermes.domain.history import NEVER, equal, is_empty
from hermes.domain.merge import REMOTE_TYPE
from hermes.domain.model import Mirror, Record, RecordRef, Value
from hermes.domain.rules import kept_despite_narc


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


Plan = Noop | Wait | Create | Update | Delete


class OutgoingField(Protocol):
    """What plan reads of `ports.Outgoing`."""

    @property
    def key(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def compute(self) -> Callable[[Any], Value]: ...
    @property
    def when(self) -> Literal['create', 'always', 'linked']: ...
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

    def latest_deal(self, kind: Literal['pipeline', 'stage']) -> str | None:
        self.reads |= {'Deal.status', f'Deal.{kind}_id', f'{kind.title()}.name'}
        company = self.graph.company(self.record)
        deals = self.graph.children(company.ref.id, 'deal') if company else []
        latest = max(
            (deal for deal in deals if deal.fields.get('status') == 'open' and not deal.gone),
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
    if record.gone or company is None or company.gone:
        return Noop('the record is deleted')
    mirror = graph.primary(record.ref, system)
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
    if mirror is None:
        return _create(graph, record, company, outgoing, context, system, ahead=ahead)
    if not mirror.runs:
        return Wait('TC-16: what it is linked to was not read yet')
    if record.ref.type == 'deal' and mirror.current('status') != 'open':
        return Noop('OUT-9: a closed deal receives nothing')
    wanted, cut = _wanted(graph, record, company, outgoing, context, system, creating=False)
    differing = {name: value for name, value in wanted.items() if not equal(mirror, name, value)}
    return Update(mirror, differing, tuple(name for name in cut if name in differing)) if differing else Noop()


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
        if (item.when == 'create' and not creating) or substituted.intersection(item.inputs):
            continue
        value = item.compute(view)
        if value == ABSENT:
            continue
        if item.limit is not None and isinstance(value, str) and len(value) > item.limit:
            value = value[: item.limit].rstrip()
            cut.append(item.key)
        wanted[item.key] = value
    return wanted, tuple(cut)
