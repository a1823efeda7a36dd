"""What the emulated CRM told Hermes of a field and what Hermes wrote there: whether an edit could be known (EDIT-1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hermes.sandbox.world import Call
from tests.flows.house import House

WEBHOOKS = """
select convert_from(body, 'UTF8')::jsonb as told from event where source = 'pipedrive' and kind = 'webhook'
  and convert_from(body, 'UTF8')::jsonb #>> '{meta,entity}' = %s
  and convert_from(body, 'UTF8')::jsonb #>> '{meta,entity_id}' = %s
"""


@dataclass
class Place:
    """One field of one object; `name` is 'name' or 'custom:website'."""

    house: House
    kind: str
    number: int
    name: str

    def __post_init__(self) -> None:
        self.custom = self.name.partition('custom:')[2]
        self.code = self.house.code(self.kind, self.custom) if self.custom else self.name

    def writes(self) -> list[Call]:
        """Hermes's writes of it."""
        calls = [call for call in self.house.calls('PATCH') if call.path.endswith(f'/{self.kind}s/{self.number}')]
        sent = [(call, call.request if isinstance(call.request, dict) else {}) for call in calls]
        return [call for call, body in sent if self.code in (body.get('custom_fields') or {} if self.custom else body)]

    async def showed(self, value: Any, since: datetime, written: Call) -> bool:
        """Whether Hermes was shown a value, and first by anything but a merge: by an answer before that call, or by a
        webhook that left before it.
        """
        shown = [(at, False) for at, told in self._answered(written.number) if since <= at and told == value]
        for row in await self.house.rows(WEBHOOKS, self.kind, str(self.number)):
            meta, item = row['told']['meta'], row['told']['data'] or {}
            at = datetime.fromisoformat(meta['timestamp'])
            custom = (item.get('custom_fields') or {}).get(self.code) or {}
            told = custom.get('value') if self.custom else item.get(self.name)
            if since <= at < written.at and told == value:
                shown.append((at, 'merged_from_id' in meta))
        return bool(shown) and not min(shown)[1]

    def _answered(self, before: int) -> list[tuple[datetime, Any]]:
        """What the answers that arrived said, with the times of their calls."""
        found = []
        for call in self.house.calls(path=f'/{self.kind}s'):
            if call.number >= before or call.note or not isinstance(call.answer, dict):
                continue
            data = call.answer.get('data')
            for item in data if isinstance(data, list) else [data]:
                if isinstance(item, dict) and item.get('id') == self.number:
                    held = (item.get('custom_fields') or {}).get(self.code) if self.custom else item.get(self.name)
                    found.append((call.at, held))
        return found
