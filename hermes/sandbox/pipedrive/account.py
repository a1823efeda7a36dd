"""One Pipedrive account: its objects, its people, its fields, its budget and its webhooks.

Every change, by the API or by a person's act, goes through `create`, `update`, `delete`, `undelete` and `merge`, so
that both make the same objects and the same webhooks. Deletes are soft; `update_time` stands in whole seconds.
"""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hermes.sandbox.pipedrive import answers, merge, rest
from hermes.sandbox.pipedrive.answers import Refused, not_found
from hermes.sandbox.pipedrive.fields import FieldCatalogue
from hermes.sandbox.pipedrive.hooks import Subscriptions
from hermes.sandbox.pipedrive.objects import BLANKS, fill
from hermes.sandbox.pipedrive.schema import check_body, parse_moment, rfc3339
from hermes.sandbox.pipedrive.tokens import BURSTS, TokenLedger

if TYPE_CHECKING:
    from hermes.sandbox.outbox import Delivery
    from hermes.sandbox.weather import Kind
    from hermes.sandbox.world import World

Row = dict[str, Any]
KEPT_DELETED = timedelta(days=30)
KINDS = ('organization', 'person', 'deal', 'activity', 'pipeline', 'stage')


@dataclass(frozen=True)
class Actor:
    """Who makes a change: a user, through the API or in the app; all webhooks of one act share the correlation id."""

    user_id: int
    source: str
    correlation_id: str


class PipedriveAccount:
    """`tables[kind][id]` holds every object, deleted ones too; `state()` shows all of it as the API would."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.company_id = world.chance.randrange(1_000_000, 9_999_999)  # every world is an account of its own
        self.company_name, self.company_domain = 'Sandbox', 'sandbox'
        self.currency, self.gone_status, self.search_lag_s = 'GBP', 404, 5.0
        self.shows_merged = False
        self.hooks_tell_notes = False
        self.hooks_tell_archive = False
        self.activity_types = {'call': 'Call', 'meeting': 'Meeting', 'task': 'Task', 'email': 'Email'}
        self.tables: dict[str, dict[int, Row]] = {kind: {} for kind in (*KINDS, 'user')}
        self.last_ids = dict.fromkeys((*KINDS, 'user'), 0)
        self.last_ids['user'] = 12_000_000
        self.catalogues = {kind: FieldCatalogue(kind, world.chance) for kind in ('organization', 'person', 'deal')}
        self.activity_fields = FieldCatalogue('activity', world.chance)
        self.subscriptions = Subscriptions(self)
        self.ledger = TokenLedger(world.clock)
        self.last_stamp = datetime.min.replace(tzinfo=world.clock.now().tzinfo)
        self.first_user_id = self.add_user('Sandbox Admin', 'admin@sandbox.example', is_admin=True)
        self.tokens = {world.secrets.pd_api_key: self.first_user_id}

    def now(self) -> datetime:
        return self.world.clock.now()

    def stamp(self) -> datetime:
        """A moment for a webhook: now, but never the same millisecond twice."""
        self.last_stamp = max(self.now(), self.last_stamp + timedelta(milliseconds=1))
        return self.last_stamp

    def live(self, kind: str) -> dict[int, Row]:
        return {one['id']: one for one in self.tables[kind].values() if not one['is_deleted']}

    def visible(self, kind: str, wanted: int) -> Row:
        """The object, deleted or not, unless it went for good. Raises Refused (404)."""
        row = self.tables[kind].get(wanted)
        if row is None or self.is_hidden(row):
            raise not_found(kind)
        return row

    def is_hidden(self, row: Row) -> bool:
        """Deleted more than 30 days ago, or merged away where that hides."""
        if not row['is_deleted']:
            return False
        if row.get('_merged_to') and not self.shows_merged:
            return True
        return parse_moment('update_time', row['update_time']) < self.now() - KEPT_DELETED

    def editable(self, kind: str, wanted: int) -> Row:
        row = self.visible(kind, wanted)
        if row['is_deleted']:
            raise Refused(self.gone_status, f'{kind.capitalize()} is deleted', 'ERR_NOT_FOUND')
        return row

    def actor(self, user_id: int | None = None, source: str = 'app') -> Actor:
        correlation_id = str(uuid.UUID(int=self.world.chance.getrandbits(128), version=4))
        return Actor(user_id or self.first_user_id, source, correlation_id)

    def create(self, kind: str, body: Any, actor: Actor) -> Row:
        """A new object; sends `create`. Raises Refused."""
        given = check_body(kind, body, creating=True)
        row = copy.deepcopy(BLANKS[kind])
        if kind in self.catalogues:
            row['custom_fields'] = {}
        if kind == 'deal':
            row['currency'] = self.currency
        fill(self, kind, row, given, actor.user_id)
        now = rfc3339(self.now())
        added = parse_moment('add_time', given['add_time']) if 'add_time' in given else self.now()
        self.last_ids[kind] += 1
        row |= {'id': self.last_ids[kind], 'add_time': rfc3339(added), 'update_time': now}
        row |= {'is_deleted': False, '_born_at': self.now().isoformat()}
        self.tables[kind][row['id']] = row
        self.subscriptions.emit(kind, 'create', None, row, actor)
        return row

    def update(self, kind: str, wanted: int, body: Any, actor: Actor) -> Row:
        """A partial change; sends `change` if anything changed. Raises Refused and then changes nothing."""
        before = self.editable(kind, wanted)
        given = check_body(kind, body, creating=False)
        if kind == 'deal' and before['is_archived'] and given.get('is_archived') is not False:
            raise Refused(400, 'Archived deals can not be edited', 'ERR_DEAL_ARCHIVED')
        if given.get('is_deleted') is True:
            self.delete(kind, wanted, actor)
            return before
        row = copy.deepcopy(before)
        fill(self, kind, row, given, actor.user_id)
        if row == before:
            return before
        row['update_time'] = rfc3339(self.now())
        self.tables[kind][wanted] = row
        self.subscriptions.emit(kind, 'change', before, row, actor)
        return row

    def delete(self, kind: str, wanted: int, actor: Actor) -> None:
        """Mark as deleted; sends `delete`. A pipeline takes its stages along. Raises Refused."""
        row = self.editable(kind, wanted)
        before = copy.deepcopy(row)
        row |= {'is_deleted': True, 'update_time': rfc3339(self.now())}
        self.subscriptions.emit(kind, 'delete', before, None, actor)
        if kind == 'pipeline':
            for stage in [one for one in self.live('stage').values() if one['pipeline_id'] == wanted]:
                self.delete('stage', stage['id'], actor)

    def undelete(self, kind: str, wanted: int, actor: Actor) -> Row:
        """Take a deletion back (people can, in the app); sends `change`. Raises Refused."""
        row = self.visible(kind, wanted)
        if row['is_deleted']:
            before = copy.deepcopy(row)
            row |= {'is_deleted': False, 'update_time': rfc3339(self.now())}
            self.subscriptions.emit(kind, 'change', before, row, actor)
        return row

    def merge(self, kind: str, loser: int, survivor: int, actor: Actor) -> Row:
        """`loser` disappears into `survivor`; sends `delete` and `change` in either order. Raises Refused."""
        return merge.merge(self, kind, loser, survivor, actor)

    def delete_field(self, kind: str, code: str) -> Row:
        """Delete a custom field and every value in it; sends nothing. Raises Refused."""
        field = self.catalogues[kind].delete(code)
        for row in self.tables[kind].values():
            row['custom_fields'].pop(code, None)
        return field

    def add_user(self, name: str, email: str, *, is_admin: bool = False, user_id: int | None = None) -> int:
        """A new user, by default with the next id. Returns the id."""
        self.last_ids['user'] += 1
        user_id = user_id or self.last_ids['user']
        now = self.now().strftime('%Y-%m-%d %H:%M:%S')
        row = {'id': user_id, 'name': name, 'email': email, 'is_admin': is_admin, 'active_flag': True}
        self.tables['user'][user_id] = row | {'is_deleted': False, 'created': now, 'modified': now}
        return user_id

    def change_user(self, user_id: int, changes: Row, actor: Actor) -> Row:
        """Change name, email or active_flag of a user; sends `change`. Raises Refused."""
        row = self.tables['user'].get(user_id)
        if row is None:
            raise not_found('user')
        before = dict(row)
        row |= changes
        if row != before:
            row['modified'] = self.now().strftime('%Y-%m-%d %H:%M:%S')
            self.subscriptions.emit('user', 'change', before, row, actor)
        return row

    def act_create(self, kind: str, values: Row, user_id: int | None = None) -> Row:
        """A person makes an object; `values` as REST v2 takes them. Returns the REST shape; raises Refused."""
        return rest.shape(self, kind, self.create(kind, values, self.actor(user_id)))

    def act_update(self, kind: str, wanted: int, values: Row, user_id: int | None = None) -> Row:
        """A person edits an object. Returns the REST shape; raises Refused."""
        return rest.shape(self, kind, self.update(kind, wanted, values, self.actor(user_id)))

    def act_move(self, wanted: int, stage_id: int, user_id: int | None = None) -> Row:
        """A person drags a deal to another stage."""
        return self.act_update('deal', wanted, {'stage_id': stage_id}, user_id)

    def act_archive(self, wanted: int, *, archived: bool = True, user_id: int | None = None) -> Row:
        """A person archives a deal, or takes it out of the archive."""
        return self.act_update('deal', wanted, {'is_archived': archived}, user_id)

    def act_delete(self, kind: str, wanted: int, user_id: int | None = None) -> None:
        self.delete(kind, wanted, self.actor(user_id))

    def act_undelete(self, kind: str, wanted: int, user_id: int | None = None) -> Row:
        return rest.shape(self, kind, self.undelete(kind, wanted, self.actor(user_id)))

    def act_merge(self, kind: str, loser: int, survivor: int, user_id: int | None = None) -> Row:
        return rest.shape(self, kind, self.merge(kind, loser, survivor, self.actor(user_id)))

    def act_deactivate_user(self, wanted: int, *, active: bool = False, user_id: int | None = None) -> Row:
        """Deactivate a user, or with `active` bring them back."""
        return self.change_user(wanted, {'active_flag': active}, self.actor(user_id))

    def act_webhooks(self, *, on: bool) -> None:
        """Off: events of that time are lost, as in a ban."""
        self.subscriptions.on = on

    def act_ban(self) -> None:
        """Ban every subscription for 30 minutes from now."""
        self.subscriptions.ban_all()

    def act_delete_subscriptions(self) -> None:
        """What the vendor does after 3 days without a success."""
        self.subscriptions.rows.clear()

    def act_set_plan(self, plan: str, seats: int | None = None) -> None:
        """lite, growth, premium or ultimate. Raises KeyError."""
        BURSTS[plan]
        self.ledger.plan, self.ledger.seats = plan, seats or self.ledger.seats

    def error_answer(self, kind: Kind) -> Response:
        if kind == 'blocked':
            return answers.blocked_page()
        if kind == 'rate_limited':
            return answers.json_answer(answers.over_limit().as_body(), 429, self.ledger.headers(429))
        return answers.server_error()

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        self.subscriptions.on_delivered(delivery, status)

    def shaped(self, kind: str) -> list[Row]:
        return [rest.shape(self, kind, row) for row in self.tables[kind].values()]

    def state(self) -> dict[str, Any]:
        """Everything, for tests and for people: objects in REST shape, deleted ones too."""
        return {
            **{f'{kind}s' if kind != 'activity' else 'activities': self.shaped(kind) for kind in KINDS},
            'users': list(self.tables['user'].values()),
            'fields': {kind: catalogue.custom() for kind, catalogue in self.catalogues.items()},
            'subscriptions': self.subscriptions.rows,
            'merged': {kind: self._merged(kind) for kind in ('organization', 'person', 'deal')},
            **self.ledger.state(),
            'lost_events': self.subscriptions.lost,
        }

    def _merged(self, kind: str) -> dict[int, int]:
        return {row['id']: row['_merged_to'] for row in self.tables[kind].values() if row.get('_merged_to')}

    def dump(self) -> dict[str, Any]:
        return {
            'company_id': self.company_id,
            'tables': {kind: list(rows.values()) for kind, rows in self.tables.items()},
            'last_ids': self.last_ids,
            'catalogues': {kind: catalogue.dump() for kind, catalogue in self.catalogues.items()},
            'subscriptions': self.subscriptions.dump(),
            'tokens_used': self.ledger.dump(),
        }

    def load(self, kept: dict[str, Any]) -> None:
        self.company_id = kept['company_id']
        self.tables = {kind: {row['id']: row for row in rows} for kind, rows in kept['tables'].items()}
        self.last_ids = kept['last_ids']
        for kind, catalogue in kept['catalogues'].items():
            self.catalogues[kind].load(catalogue)
        self.subscriptions.load(kept['subscriptions'])
        self.ledger.load(kept['tokens_used'])
