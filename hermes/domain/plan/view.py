"""A record as outgoing fields read it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from hermes.domain.fields import ABSENT
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Mirror, Record, RecordRef, Value
from hermes.domain.record_types import SHARED
from hermes.parts.roles import CRM, PRODUCT


@dataclass
class RecordView:
    """A record as outgoing fields read it (`ports.View`); `reads` are the inputs it was asked for."""

    graph: Graph
    record: Record
    context: Context
    system: str = CRM
    reads: set[str] = field(default_factory=set)

    @cached_property
    def _title(self) -> str:
        return f'{self.record.ref.type.title()}.'

    @cached_property
    def _mirror(self) -> Mirror | None:
        return self.graph.primary(self.record.ref, self.system)

    @property
    def id(self) -> int:
        return self.record.ref.id

    def get(self, name: str) -> Value:
        self.reads.add(self._title + name)
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
        if record_type in SHARED:
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
        latest = max((deal for deal in deals if deal.is_open), key=self._age, default=None)
        known = self.context.directory.pipelines if kind == 'pipeline' else self.context.directory.stages
        place = known.get(latest.fields.get(f'{kind}_id') or 0) if latest else None
        return place.fields.get('name') if place else None

    def _age(self, deal: Record) -> tuple[bool, int, int]:
        """The CRM's ids grow; a deal that has none yet is the newest."""
        mirror = self.graph.primary(deal.ref, CRM)
        number = mirror.ref.remote_id if mirror else ''
        return mirror is None, int(number) if number.isdecimal() else 0, deal.ref.id

    def shown(self, key: str) -> Value:
        return self._mirror.current(key) if self._mirror is not None and self._mirror.says(key) else ABSENT
