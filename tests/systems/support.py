"""What the tests of the systems share: fixtures as events, the catalogue that they assume, a view of a plain dict."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

import hermes.systems
from hermes.domain.fields import ABSENT, Catalogue, CustomField
from hermes.domain.model import Event
from hermes.ports import Answer, Op, Request, encode_answer

ARRIVED = datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC)
SYSTEMS = Path(next(iter(hermes.systems.__path__)))
_NAMES = (
    'website', 'hermes_id', 'paid_invoice_count', 'support_person_id', 'price_plan', 'contact_id', 'pay0_dt',
    'has_signed_up', 'deal_hermes_id', 'deal_website', 'deal_support', 'utm_campaign',
)  # fmt: skip
CODES = {name: digit * 40 for digit, name in zip('123456789abc', _NAMES, strict=True)}

CATALOGUE = Catalogue(
    (
        CustomField('website', 'Site', 'str', 'Company', 'website', 'website', CODES['website'], remote_type='varchar'),
        CustomField('hermes_id', 'Hermes', 'fk_field', 'Company', 'id', '', CODES['hermes_id'], remote_type='varchar'),
        CustomField('paid_invoice_count', 'Paid', 'int', 'Company', 'paid_invoice_count', '',
                    CODES['paid_invoice_count'], 'tc2', 'varchar'),
        CustomField('support_person_id', 'Support', 'fk_field', 'Company', 'support_person', '',
                    CODES['support_person_id'], remote_type='user'),
        CustomField('price_plan', 'Plan', 'str', 'Company', 'price_plan', '', CODES['price_plan'], 'tc2', 'enum',
                    {'16': 'payg', '17': 'startup', '18': 'enterprise'}),
        CustomField('pay0_dt', 'Pay 0', 'date', 'Company', 'pay0_dt', '', CODES['pay0_dt'], 'tc2', 'date'),
        CustomField('has_signed_up', 'Signed up', 'bool', 'Company', 'has_signed_up', '', CODES['has_signed_up'],
                    'hermes', 'varchar'),
        CustomField('utm_campaign', 'Campaign', 'str', 'Company', 'utm_campaign', 'utm_campaign',
                    CODES['utm_campaign'], 'tc2', 'double'),
        CustomField('utm_source', 'Source', 'str', 'Company', 'utm_source', 'utm_source'),
        CustomField('estimated_income', 'Income', 'str', 'Company', 'estimated_income', 'estimated_monthly_income'),
        CustomField('hermes_id', 'Hermes', 'fk_field', 'Contact', 'id', '', CODES['contact_id'], remote_type='double'),
        CustomField('hermes_id', 'H', 'fk_field', 'Deal', 'id', '', CODES['deal_hermes_id'], remote_type='varchar'),
        CustomField('website', 'Website', 'str', 'Deal', '', '', CODES['deal_website'], 'hermes', 'text'),
        CustomField('support_person_id', 'Support', 'int', 'Deal', '', '', CODES['deal_support'], 'hermes', 'double'),
    )
)  # fmt: skip


def fixture(system: str, name: str) -> Any:
    return json.loads((SYSTEMS / system / 'fixtures' / f'{name}.json').read_text())


def webhook(system: str, told: Any) -> Event:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Event(1, system, 'webhook', body, ARRIVED)


def answered(
    system: str,
    kind: str,
    op: Op,
    remote_type: str,
    body: Any,
    *,
    status: int | None = 200,
    date: str = 'Mon, 02 Mar 2026 09:30:06 GMT',
    remote_id: str = '12',
) -> Event:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, raw, {'date': date}, ARRIVED, ARRIVED)
    return Event(1, system, kind, encode_answer(Request(op, remote_type, remote_id), answer), ARRIVED)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class Plain:
    """A record as `outgoing` reads it, from plain values; it remembers what was read."""

    def __init__(
        self,
        fields: Mapping[str, Any],
        *,
        remotes: Mapping[str, str] | None = None,
        admins: Mapping[str, int] | None = None,
        id: int = 55,
    ) -> None:
        self._fields, self._remotes, self._admins, self._id = fields, remotes or {}, admins or {}, id
        self.read: set[str] = set()

    def get(self, name: str) -> Any:
        self.read.add(name)
        return self._fields.get(name)

    def company(self, name: str) -> Any:
        self.read.add(f'company.{name}')
        return self._fields.get(f'company.{name}')

    def remote(self, record_type: str, name: str) -> str | None:
        self.read.add(name)
        return self._remotes.get(name)

    def admin(self, name: str) -> int | None:
        self.read.add(name)
        return self._admins.get(name)

    def owner(self, name: str) -> int | None:
        return self.admin(name)

    def other(self, name: str, attribute: str) -> Any:
        self.read |= {name, f'{name.removesuffix("_id")}.{attribute}'}
        return self._fields.get(f'{name.removesuffix("_id")}.{attribute}')

    def latest_deal(self, kind: Literal['pipeline', 'stage']) -> str | None:
        self.read.add(f'latest deal {kind}')
        told = self._fields.get(f'latest deal {kind}')
        return str(told) if told else None

    def shown(self, key: str) -> Any:
        return self._fields.get(f'shown {key}', ABSENT)

    @property
    def id(self) -> int:
        self.read.add('id')
        return self._id


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(['', '0', '12', 'x' * 300, 'שלום', '\U0001f9d1', '\x00', '\ud800', '2026-03-02', '1e400', '²'])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
