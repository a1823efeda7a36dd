"""How REST v2 (and the rest of v1) shows objects. The webhook shapes are written apart, in `hooks.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.values import rest_shape

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Row = dict[str, Any]
COMMON = ('id', 'add_time', 'update_time', 'is_deleted')
SHOWN: dict[str, tuple[str, ...]] = {
    'organization': (
        *('id', 'name', 'owner_id', 'add_time', 'update_time', 'address', 'is_deleted', 'visible_to', 'label_ids'),
        *('website', 'linkedin', 'industry', 'annual_revenue', 'employee_count'),
    ),
    'person': (
        *('id', 'name', 'first_name', 'last_name', 'owner_id', 'org_id', 'add_time', 'update_time', 'emails'),
        *('phones', 'is_deleted', 'visible_to', 'label_ids', 'picture_id', 'notes', 'im', 'birthday', 'job_title'),
        'postal_address',
    ),
    'deal': (
        *('id', 'title', 'creator_user_id', 'owner_id', 'value', 'person_id', 'org_id', 'stage_id', 'pipeline_id'),
        *('currency', 'archive_time', 'add_time', 'update_time', 'stage_change_time', 'status', 'is_archived'),
        *('is_deleted', 'probability', 'lost_reason', 'visible_to', 'close_time', 'won_time', 'lost_time'),
        *('expected_close_date', 'label_ids', 'origin', 'origin_id', 'channel', 'channel_id'),
    ),
    'activity': (
        *('id', 'subject', 'type', 'owner_id', 'creator_user_id', 'is_deleted', 'add_time', 'update_time'),
        *('deal_id', 'lead_id', 'person_id', 'org_id', 'project_id', 'due_date', 'due_time', 'duration', 'busy'),
        *('done', 'marked_as_done_time', 'location', 'participants', 'conference_meeting_client'),
        *('conference_meeting_url', 'conference_meeting_id', 'public_description', 'priority', 'note'),
    ),
    'pipeline': ('id', 'name', 'order_nr', 'is_deleted', 'is_deal_probability_enabled', 'add_time', 'update_time'),
    'stage': (
        *('id', 'order_nr', 'name', 'is_deleted', 'deal_probability', 'pipeline_id', 'is_deal_rot_enabled'),
        *('days_to_rotten', 'add_time', 'update_time'),
    ),
}


def shape(
    account: PipedriveAccount,
    kind: str,
    row: Row,
    *,
    only: tuple[str, ...] | None = None,
    labels: bool = False,
    included: tuple[str, ...] = (),
) -> Row:
    """One object as REST v2 answers it. `only` narrows the custom fields; unset ones come as null."""
    shown = {name: row[name] for name in SHOWN[kind]}
    if kind == 'deal':
        shown |= {'local_won_date': _day(row['won_time']), 'local_lost_date': _day(row['lost_time'])}
        shown |= {'local_close_date': _day(row['close_time']), 'source_lead_id': None, 'acv': None, 'arr': None}
        shown['mrr'] = None
    if kind in account.catalogues:
        shown['custom_fields'] = {
            field['field_code']: rest_shape(field, row['custom_fields'].get(field['field_code']), labels=labels)
            for field in account.catalogues[kind].custom()
            if only is None or field['field_code'] in only
        }
    for name in included:
        shown[name] = _included(account, kind, row, name)
    return shown


def _day(moment: str | None) -> str | None:
    return moment and moment[:10]


def _included(account: PipedriveAccount, kind: str, row: Row, name: str) -> Any:
    if name == 'attendees':
        return row['attendees']
    if name == 'first_won_time':
        return row['_first_won_time']
    link = {'organization': 'org_id', 'person': 'person_id', 'deal': 'deal_id'}[kind]
    if name.endswith('activities_count') or name.endswith('deals_count') or name == 'people_count':
        table = 'activity' if 'activities' in name else 'person' if name == 'people_count' else 'deal'
        children = [one for one in account.live(table).values() if one.get(link) == row['id']]
        return sum(_counts(name, one) for one in children)
    return 0 if name.endswith('_count') else None


def _counts(name: str, child: Row) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        'open_': lambda: child['status'] == 'open',
        'closed_': lambda: child['status'] != 'open',
        'won_': lambda: child['status'] == 'won',
        'lost_': lambda: child['status'] == 'lost',
        'done_': lambda: child['done'],
        'undone_': lambda: not child['done'],
        'related_': lambda: False,
        'participant_': lambda: False,
    }
    return bool(next((test() for start, test in tests.items() if name.startswith(start)), True))


def user_shape(account: PipedriveAccount, row: Row, you: int) -> Row:
    """A user as v1 answers."""
    access = [{'app': 'sales', 'admin': row['is_admin'], 'permission_set_id': f'sales-{row["is_admin"]}'.lower()}]
    if row['is_admin']:
        access.append({'app': 'global', 'admin': True, 'permission_set_id': 'global-admin'})
    return {
        'id': row['id'],
        'name': row['name'],
        'default_currency': account.currency,
        'locale': 'en_GB',
        'lang': 1,
        'email': row['email'],
        'phone': None,
        'activated': True,
        'last_login': row['modified'],
        'created': row['created'],
        'modified': row['modified'],
        'has_created_company': row['id'] == account.first_user_id,
        'access': access,
        'active_flag': row['active_flag'],
        'timezone_name': 'Europe/London',
        'timezone_offset': '+00:00',
        'role_id': 1,
        'icon_url': None,
        'is_you': row['id'] == you,
        'is_deleted': row['is_deleted'],
    }
