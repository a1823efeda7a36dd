"""Webhooks v2: subscriptions, the shapes that are sent, retries, the ban and the removal of dead subscriptions.

The shapes here are written down apart from REST on purpose: other types, other names. A banned or switched-off
subscription loses its events; nothing is queued for it.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.kit.signing import basic_auth
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.pipedrive import hook_shapes

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import Actor, PipedriveAccount

Row = dict[str, Any]
RETRIES_S = (3.0, 30.0, 150.0)
TIMEOUT_S = 10.0
BAN_AFTER = 10
BAN = timedelta(minutes=30)
REMOVED_AFTER = timedelta(days=3)


class Subscriptions:
    """The account's webhooks. `rows` is what the API lists, `memory` what only the sender knows about each."""

    def __init__(self, account: PipedriveAccount) -> None:
        self.account = account
        self.rows: list[Row] = []
        self.memory: dict[int, Row] = {}
        self.removed: list[Row] = []
        self.last_id = 0
        self.on = True
        self.lost = 0

    def add(self, body: Row, owner_id: int) -> Row:
        """A new subscription from a checked body."""
        self.last_id += 1
        row = {
            'id': self.last_id,
            'company_id': self.account.company_id,
            'owner_id': owner_id,
            'user_id': body.get('user_id') or owner_id,
            'event_action': body['event_action'],
            'event_object': body['event_object'],
            'subscription_url': body['subscription_url'],
            'version': body.get('version', '2.0'),
            'is_active': 1,
            'add_time': iso_ms(self.account.now()),
            'remove_time': None,
            'type': 'general',
            'http_auth_user': body.get('http_auth_user'),
            'http_auth_password': body.get('http_auth_password'),
            'remove_reason': None,
            'last_delivery_time': None,
            'last_http_status': None,
            'admin_id': owner_id,
            'name': body['name'],
        }
        self.rows.append(row)
        self.memory[row['id']] = {'failures': 0, 'banned_until': None, 'failing_since': None}
        return row

    def remove(self, wanted: int, reason: str | None = None) -> bool:
        """True if there was one."""
        for row in self.rows:
            if row['id'] == wanted:
                self.rows.remove(row)
                gone = {'is_active': 0, 'remove_time': iso_ms(self.account.now()), 'remove_reason': reason}
                self.removed.append(row | gone)
                return True
        return False

    def find(self, wanted: int) -> Row | None:
        return next((row for row in self.rows if row['id'] == wanted), None)

    def ban_all(self) -> None:
        for memory in self.memory.values():
            memory |= {'banned_until': (self.account.now() + BAN).isoformat(), 'failures': 0}

    def is_banned(self, wanted: int) -> bool:
        until = self.memory[wanted]['banned_until']
        return until is not None and self.account.now() < datetime.fromisoformat(until)

    def emit(self, kind: str, action: str, before: Row | None, after: Row | None, actor: Actor, **merged: str) -> None:
        """Send one event to every subscription that wants it. `merged`: merged_to_id or merged_from_id."""
        row = after or before
        if row is None:
            return
        stamp = self.account.stamp()
        body = hook_shapes.body(self.account, kind, action, before, after)
        for subscription in list(self.rows):
            if subscription['event_object'] not in ('*', kind) or subscription['event_action'] not in ('*', action):
                continue
            if not self.on or self.is_banned(subscription['id']):
                self.lost += 1
                continue
            meta = self._meta(kind, action, row, actor, stamp, subscription) | merged
            self._send(subscription, {'data': body['data'], 'previous': body['previous'], 'meta': meta}, 1, 0.0)

    def _meta(self, kind: str, action: str, row: Row, actor: Actor, stamp: datetime, subscription: Row) -> Row:
        event_id = str(uuid.UUID(int=self.account.world.chance.getrandbits(128), version=4))
        meta = {
            'action': action,
            'company_id': str(self.account.company_id),
            'correlation_id': actor.correlation_id,
            'entity_id': str(row['id']),
            'entity': kind,
            'id': event_id,
            'is_bulk_edit': False,
            'timestamp': iso_ms(stamp),
            'type': subscription['type'],
            'user_id': str(actor.user_id),
            'version': '2.0',
            'webhook_id': str(subscription['id']),
            'webhook_owner_id': str(subscription['owner_id']),
            'change_source': actor.source,
            'attempt': 1,
            'host': f'{self.account.company_domain}.pipedrive.com',
        }
        if kind == 'user':
            meta |= {'id': str(row['id']), 'timestamp': int(stamp.timestamp())}
        else:
            users = self.account.tables['user'].values()
            meta['permitted_user_ids'] = [str(user['id']) for user in users if user['active_flag']]
        return meta

    def _send(self, subscription: Row, payload: Row, attempt: int, wait_s: float) -> None:
        headers = {'content-type': 'application/json', 'user-agent': 'Pipedrive Webhooks'}
        if subscription['http_auth_user'] is not None:
            password = subscription['http_auth_password'] or ''
            headers['authorization'] = basic_auth(subscription['http_auth_user'], password)
        payload['meta']['attempt'] = attempt
        self.account.world.outbox.add(
            Delivery(
                system='pipedrive',
                url=subscription['subscription_url'],
                headers=headers,
                body=json.dumps(payload, separators=(',', ':'), ensure_ascii=False).encode(),
                due_at=self.account.now() + timedelta(seconds=wait_s),
                attempt=attempt,
                timeout_s=TIMEOUT_S,
                info={'subscription_id': subscription['id']},
            )
        )

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        """Count, retry, ban or remove, as the answer asks for."""
        subscription = self.find(delivery.info['subscription_id'])
        if subscription is None:
            return
        now, memory = self.account.now(), self.memory[subscription['id']]
        subscription |= {'last_delivery_time': iso_ms(now), 'last_http_status': status}
        if status is not None and 200 <= status < 300:
            memory['failing_since'] = None
            return
        memory['failing_since'] = memory['failing_since'] or now.isoformat()
        if now - datetime.fromisoformat(memory['failing_since']) >= REMOVED_AFTER:
            self.remove(subscription['id'], 'no successful delivery in 3 days')
            return
        if delivery.attempt == 1:
            memory['failures'] += 1
            if memory['failures'] >= BAN_AFTER:
                memory |= {'failures': 0, 'banned_until': (now + BAN).isoformat()}
        if delivery.attempt <= len(RETRIES_S):
            payload = json.loads(delivery.body)
            self._send(subscription, payload, delivery.attempt + 1, RETRIES_S[delivery.attempt - 1])

    def dump(self) -> Row:
        memory = {str(key): value for key, value in self.memory.items()}
        return {'rows': self.rows, 'memory': memory, 'last_id': self.last_id, 'on': self.on, 'lost': self.lost}

    def load(self, kept: Row) -> None:
        self.rows, self.last_id, self.on, self.lost = kept['rows'], kept['last_id'], kept['on'], kept['lost']
        self.memory = {int(key): value for key, value in kept['memory'].items()}


def iso_ms(moment: datetime) -> str:
    """UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.') + f'{moment.microsecond // 1000:03d}Z'
