"""What webhooks v2 carry in `data` and `previous`, written down apart from the REST shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.values import hook_shape

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Row = dict[str, Any]


def body(account: PipedriveAccount, kind: str, action: str, before: Row | None, after: Row | None) -> Row:
    """`data` is null for a delete; `previous` null for a create, what changed for a change, all of it for a delete."""
    old = before and SHAPES[kind](account, before)
    new = after and SHAPES[kind](account, after)
    if action == 'create':
        return {'data': new, 'previous': None}
    if action == 'delete':
        return {'data': None, 'previous': old}
    return {'data': new, 'previous': changed(account, old or {}, new or {})}


def changed(account: PipedriveAccount, old: Row, new: Row) -> Row:
    """The old values of what changed; `update_time` is left out now and then, as in the vendor's own examples."""
    previous = {key: value for key, value in old.items() if value != new.get(key) and key != 'custom_fields'}
    if 'update_time' in previous and account.world.chance.random() < 0.5:
        del previous['update_time']
    codes = old.get('custom_fields', {})
    fields = {code: value for code, value in codes.items() if value != new['custom_fields'].get(code)}
    return previous | ({'custom_fields': fields} if fields else {})


def _custom_fields(account: PipedriveAccount, kind: str, row: Row) -> Row:
    return {
        field['field_code']: hook_shape(field, row['custom_fields'].get(field['field_code']))
        for field in account.catalogues[kind].custom()
    }


def _label(row: Row) -> int | None:
    return row['label_ids'][0] if row['label_ids'] else None


def _organization(account: PipedriveAccount, row: Row) -> Row:
    return {
        'add_time': row['add_time'],
        'address': row['address'],
        'country_code': None,
        'custom_fields': _custom_fields(account, 'organization', row),
        'id': row['id'],
        'label': _label(row),
        'name': row['name'],
        'owner_id': row['owner_id'],
        'picture_id': row['picture_id'],
        'update_time': row['update_time'],
        'visible_to': str(row['visible_to']),
    }


def _person(account: PipedriveAccount, row: Row) -> Row:
    return {
        'add_time': row['add_time'],
        'custom_fields': _custom_fields(account, 'person', row),
        'emails': [dict(one) for one in row['emails']],
        'first_name': row['first_name'],
        'id': row['id'],
        'label': _label(row),
        'last_name': row['last_name'],
        'name': row['name'],
        'org_id': row['org_id'],
        'owner_id': row['owner_id'],
        'phones': [dict(one) for one in row['phones']],
        'update_time': row['update_time'],
        'visible_to': str(row['visible_to']),
    }


def _deal(account: PipedriveAccount, row: Row) -> Row:
    """By the vendor's examples nothing tells whether it is archived."""
    return {
        'add_time': row['add_time'],
        'channel': row['channel'],
        'channel_id': row['channel_id'],
        'close_time': row['close_time'],
        'creator_user_id': row['creator_user_id'],
        'currency': row['currency'],
        'custom_fields': _custom_fields(account, 'deal', row),
        'expected_close_date': row['expected_close_date'],
        'first_won_time': row['_first_won_time'],
        'id': row['id'],
        'label_ids': list(row['label_ids']),
        'lost_reason': row['lost_reason'],
        'lost_time': row['lost_time'],
        'org_id': row['org_id'],
        'origin': row['origin'],
        'origin_id': row['origin_id'],
        'owner_id': row['owner_id'],
        'person_id': row['person_id'],
        'pipeline_id': row['pipeline_id'],
        'probability': row['probability'],
        'stage_change_time': row['stage_change_time'],
        'stage_id': row['stage_id'],
        'status': row['status'],
        'title': row['title'],
        'update_time': row['update_time'],
        'value': row['value'],
        'visible_to': str(row['visible_to']),
        'won_time': row['won_time'],
        **({name: row[name] for name in ('is_archived', 'archive_time')} if account.hooks_tell_archive else {}),
    }


def _activity(account: PipedriveAccount, row: Row) -> Row:
    """No participants, and by the vendor's examples no note."""
    return {
        'active_flag': not row['is_deleted'],
        'add_time': row['add_time'],
        'busy_flag': row['busy'] or None,
        'custom_fields': {},
        'deal_id': row['deal_id'],
        'done': row['done'],
        'due_date': row['due_date'],
        'due_time': row['due_time'] and {'timezone_id': None, 'value': row['due_time']},
        'duration': row['duration'] and {'timezone_id': None, 'value': row['duration']},
        'id': row['id'],
        'lead_id': row['lead_id'],
        'location': row['location'] and row['location']['value'],
        **({'note': row['note']} if account.hooks_tell_notes else {}),
        'org_id': row['org_id'],
        'owner_id': row['owner_id'],
        'person_id': row['person_id'],
        'public_description': row['public_description'] or '',
        'subject': row['subject'],
        'type': row['type'],
        'update_time': row['update_time'],
        'update_user_id': None,
    }


def _pipeline(account: PipedriveAccount, row: Row) -> Row:
    return {
        'id': row['id'],
        'name': row['name'],
        'url_title': row['name'].replace(' ', '-'),
        'order_nr': row['order_nr'],
        'active_flag': not row['is_deleted'],
        'deal_probability': row['is_deal_probability_enabled'],
        'add_time': row['add_time'],
        'update_time': row['update_time'],
    }


def _stage(account: PipedriveAccount, row: Row) -> Row:
    return {
        'id': row['id'],
        'name': row['name'],
        'active_flag': not row['is_deleted'],
        'rotten_days': row['days_to_rotten'],
        'order_nr': row['order_nr'],
        'deal_probability': row['deal_probability'],
        'rotten_flag': row['is_deal_rot_enabled'],
        'add_time': row['add_time'],
        'pipeline_id': row['pipeline_id'],
        'update_time': row['update_time'],
    }


def _user(account: PipedriveAccount, row: Row) -> Row:
    return {
        'id': str(row['id']),
        'default_currency': account.currency,
        'name': row['name'],
        'email': row['email'],
        'phone': None,
        'locale': 'en_GB',
        'lang': 'en-GB',
        'active_flag': row['active_flag'],
        'last_login': row['created'],
        'timezone_name': 'Europe/London',
        'icon_url': None,
        'created': row['created'],
        'modified': row['modified'],
        'access': None,
    }


SHAPES: dict[str, Callable[[Any, Row], Row]] = {
    'organization': _organization,
    'person': _person,
    'deal': _deal,
    'activity': _activity,
    'pipeline': _pipeline,
    'stage': _stage,
    'user': _user,
}
