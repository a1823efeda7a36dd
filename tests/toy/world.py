"""The toy itself: accounts with a name and our id, each with the second of its last change. It answers like a server
that lists, reads, makes, changes and deletes, and tells of what people do there.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from hermes.kit.clock import Clock
from hermes.ports import Answer, Request


@dataclass
class World:
    """All accounts, and every request that was made."""

    clock: Clock
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def act_save(self, number: str, **fields: Any) -> dict[str, Any]:
        """Somebody, or Hermes, writes an account."""
        changed_s = self.clock.now().timestamp()
        self.accounts[number] = {'id': number, **self.accounts.get(number, {}), **fields, 'changed_s': changed_s}
        return self.accounts[number]

    def answer(self, request: Request) -> Answer:
        """The answer to one call."""
        self.asked.append(request)
        now = self.clock.now()
        status, told = self._do(request)
        return Answer(status, json.dumps(told).encode(), {}, now, now)

    def _do(self, request: Request) -> tuple[int, Any]:
        if request.op == 'list':
            return 200, sorted(self.accounts.values(), key=lambda account: int(account['id']))
        if request.op == 'create':
            return 201, self.act_save(str(len(self.accounts) + 1), **request.fields)
        account = self.accounts.get(request.remote_id)
        if account is None:
            return 404, None
        if request.op == 'update':
            return 200, self.act_save(request.remote_id, **request.fields)
        if request.op == 'delete':
            return 200, self.accounts.pop(request.remote_id)
        return 200, account
