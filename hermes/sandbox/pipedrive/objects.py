"""What Pipedrive makes of a body: defaults, trimming, name splitting, primary contacts, stages and deal states.

An object is one dict of REST-like values; keys that begin with `_` are the account's own memory and never leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.answers import Refused, invalid
from hermes.sandbox.pipedrive.schema import ADDRESS_PARTS, parse_moment, rfc3339
from hermes.sandbox.pipedrive.values import take

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Row = dict[str, Any]
REFERENCES = {'org_id': 'organization', 'person_id': 'person', 'deal_id': 'deal', 'owner_id': 'user'}
SPECIAL = ('custom_fields', 'emails', 'phones', 'im', 'address', 'postal_address', 'location', 'participants')
BLANKS: dict[str, Row] = {
    'organization': {
        'name': '',
        'owner_id': None,
        'address': None,
        'visible_to': 3,
        'label_ids': [],
        'website': None,
        'linkedin': None,
        'industry': None,
        'annual_revenue': None,
        'employee_count': None,
        'picture_id': None,
    },
    'person': {
        'name': '',
        'first_name': None,
        'last_name': None,
        'owner_id': None,
        'org_id': None,
        'emails': [],
        'phones': [],
        'visible_to': 3,
        'label_ids': [],
        'picture_id': None,
        'notes': None,
        'im': [],
        'birthday': None,
        'job_title': None,
        'postal_address': None,
    },
    'deal': {
        'title': '',
        'creator_user_id': None,
        'owner_id': None,
        'value': 0,
        'person_id': None,
        'org_id': None,
        'stage_id': None,
        'pipeline_id': None,
        'currency': 'GBP',
        'archive_time': None,
        'stage_change_time': None,
        'status': 'open',
        'is_archived': False,
        'probability': None,
        'lost_reason': None,
        'visible_to': 3,
        'close_time': None,
        'won_time': None,
        'lost_time': None,
        'expected_close_date': None,
        'label_ids': [],
        'origin': 'ManuallyCreated',
        'origin_id': None,
        'channel': None,
        'channel_id': None,
        '_first_won_time': None,
    },
    'activity': {
        'subject': 'Call',
        'type': 'call',
        'owner_id': None,
        'creator_user_id': None,
        'deal_id': None,
        'lead_id': None,
        'person_id': None,
        'org_id': None,
        'project_id': None,
        'due_date': None,
        'due_time': None,
        'duration': None,
        'busy': False,
        'done': False,
        'marked_as_done_time': None,
        'location': None,
        'participants': [],
        'attendees': [],
        'conference_meeting_client': None,
        'conference_meeting_url': None,
        'conference_meeting_id': None,
        'public_description': None,
        'priority': None,
        'note': None,
    },
    'pipeline': {'name': '', 'order_nr': 0, 'is_deal_probability_enabled': False},
    'stage': {
        'name': '',
        'order_nr': 0,
        'pipeline_id': None,
        'deal_probability': 100,
        'is_deal_rot_enabled': False,
        'days_to_rotten': None,
    },
}


def fill(account: PipedriveAccount, kind: str, row: Row, given: Row, user_id: int) -> None:
    """Put `given`, already checked for types, into `row`. Raises Refused (400) and leaves a half-filled row behind."""
    for name, target in REFERENCES.items():
        if given.get(name) is not None:
            _check_reference(account, name, target, given[name])
    for name, value in given.items():
        if name not in SPECIAL and name != 'is_deleted':
            row[name] = _plain(name, value)
    for name in ('emails', 'phones', 'im'):
        if name in given:
            row[name] = contacts(given[name] or [])
    for name in ('address', 'postal_address', 'location'):
        if name in given:
            value = given[name]
            row[name] = None if value is None else {part: value.get(part) for part in ADDRESS_PARTS}
    if kind in account.catalogues:
        fill_custom_fields(account, kind, row, given.get('custom_fields') or {})
    if row.get('owner_id') is None and 'owner_id' in row:
        row['owner_id'] = user_id
    if row.get('creator_user_id', 0) is None:
        row['creator_user_id'] = user_id
    SPECIALS.get(kind, _fill_nothing)(account, row, given)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
        if name == 'currency':
            return value.upper()
        return value if value or name in ('subject', 'title') else None
    return [] if value is None and name in ('label_ids', 'attendees') else value


def _check_reference(account: PipedriveAccount, name: str, target: str, wanted: int) -> None:
    row = account.tables[target].get(wanted)
    if row is None or row['is_deleted']:
        raise invalid(name, f'{target.capitalize()} {wanted} not found')
    if target == 'user' and not row['active_flag']:
        raise invalid(name, f'User {wanted} is deactivated')


def fill_custom_fields(account: PipedriveAccount, kind: str, row: Row, given: Row) -> None:
    """One unknown code refuses the whole write."""
    fields = account.catalogues[kind].fields
    taken = {}
    for code, value in given.items():
        if code not in fields or not fields[code]['is_custom_field']:
            raise invalid(f'custom_fields.{code}', 'Unrecognized key')
        taken[code] = take(account, fields[code], value)
    row['custom_fields'] = {**row.get('custom_fields', {}), **taken}


def contacts(given: list[Row]) -> list[Row]:
    """Labels default to work; the first is primary unless another says so."""
    kept = [one for one in given if one['value'].strip()]
    chosen = next((number for number, one in enumerate(kept) if one.get('primary')), 0)
    return [
        {'label': one.get('label') or 'work', 'value': one['value'].strip(), 'primary': number == chosen}
        for number, one in enumerate(kept)
    ]


def _fill_nothing(account: PipedriveAccount, row: Row, given: Row) -> None:
    return


def _fill_person(account: PipedriveAccount, row: Row, given: Row) -> None:
    if 'name' in given:
        first, _, rest = row['name'].partition(' ')
        row['first_name'], row['last_name'] = first or None, rest.strip() or None
    if 'first_name' in given or 'last_name' in given:
        for name in ('first_name', 'last_name'):
            row[name] = (given[name] or '').strip() or None if name in given else row[name]
        row['name'] = ' '.join(part for part in (row['first_name'], row['last_name']) if part)
    if not row['name']:
        raise invalid('name', 'String must contain at least 1 character(s)')
    row.pop('marketing_status', None)


def _fill_deal(account: PipedriveAccount, row: Row, given: Row) -> None:
    _place(account, row, given)
    now = rfc3339(account.now())
    if 'status' in given and given['status'] != row.get('_status'):
        row['won_time'] = row['lost_time'] = row['close_time'] = None
        if row['status'] != 'open':
            row[f'{row["status"]}_time'] = row['close_time'] = now
        if row['status'] != 'lost' and 'lost_reason' not in given:
            row['lost_reason'] = None
    row['_status'] = row['status']
    for name in ('won_time', 'lost_time', 'close_time'):
        if given.get(name) is None:
            continue
        wanted = name.removesuffix('_time')
        if row['status'] != wanted and not (wanted == 'close' and row['status'] != 'open'):
            raise invalid(name, f'Can not be set while the status is {row["status"]}')
        row[name] = rfc3339(parse_moment(name, given[name]))
    if row['lost_reason'] and row['status'] != 'lost':
        raise invalid('lost_reason', f'Can not be set while the status is {row["status"]}')
    row['_first_won_time'] = row['_first_won_time'] or row['won_time']
    if 'is_archived' in given and 'archive_time' not in given:
        row['archive_time'] = now if row['is_archived'] else None
    if row['value'] is None:
        row['value'] = 0


def _place(account: PipedriveAccount, row: Row, given: Row) -> None:
    """Pipeline and stage agree: a stage brings its pipeline along, a pipeline alone means its first stage."""
    before = row.get('_stage_id')
    stages, pipelines = account.live('stage'), account.live('pipeline')
    if given.get('pipeline_id') is not None and given['pipeline_id'] not in pipelines:
        raise invalid('pipeline_id', f'Pipeline {given["pipeline_id"]} not found')
    if given.get('stage_id') is not None:
        if given['stage_id'] not in stages:
            raise invalid('stage_id', f'Stage {given["stage_id"]} not found')
        pipeline_id = stages[given['stage_id']]['pipeline_id']
        if given.get('pipeline_id', pipeline_id) != pipeline_id:
            raise invalid('stage_id', 'Stage is not in this pipeline')
        row['pipeline_id'] = pipeline_id
    elif before is None or (given.get('pipeline_id') is not None and given['pipeline_id'] != row.get('_pipeline_id')):
        first = sorted(pipelines.values(), key=lambda one: (one['order_nr'], one['id']))
        if row['pipeline_id'] is None and first:
            row['pipeline_id'] = first[0]['id']
        own = [one for one in stages.values() if one['pipeline_id'] == row['pipeline_id']]
        if not own:
            raise Refused(400, 'The pipeline has no stage', 'ERR_BAD_REQUEST')
        row['stage_id'] = min(own, key=lambda one: (one['order_nr'], one['id']))['id']
    if before is not None and before != row['stage_id']:
        row['stage_change_time'] = rfc3339(account.now())
    row['_stage_id'], row['_pipeline_id'] = row['stage_id'], row['pipeline_id']


def _fill_activity(account: PipedriveAccount, row: Row, given: Row) -> None:
    if row['type'] not in account.activity_types:
        raise invalid('type', f'There is no activity type {row["type"]}')
    if 'participants' in given:
        people = given['participants'] or []
        for one in people:
            _check_reference(account, 'participants.person_id', 'person', one['person_id'])
        chosen = next((number for number, one in enumerate(people) if one.get('primary')), 0)
        row['participants'] = [
            {'person_id': one['person_id'], 'primary': number == chosen} for number, one in enumerate(people)
        ]
        row['person_id'] = people[chosen]['person_id'] if people else None
    for name in ('due_time', 'duration'):
        if row[name] and len(row[name]) < 8 and row[name].count(':') == 1:
            row[name] = f'{row[name]}:00'
    if row['done'] and not row['marked_as_done_time']:
        row['marked_as_done_time'] = rfc3339(account.now())
    if not row['done']:
        row['marked_as_done_time'] = None
    if not row['due_date'] and 'due_date' not in given and 'add_time' not in row:
        row['due_date'] = account.now().date().isoformat()
    row['subject'] = row['subject'] or account.activity_types[row['type']]


def _fill_pipeline(account: PipedriveAccount, row: Row, given: Row) -> None:
    row['order_nr'] = row['order_nr'] or 1 + max(
        (one['order_nr'] for one in account.live('pipeline').values()), default=0
    )


def _fill_stage(account: PipedriveAccount, row: Row, given: Row) -> None:
    if row['pipeline_id'] not in account.live('pipeline'):
        raise invalid('pipeline_id', f'Pipeline {row["pipeline_id"]} not found')
    mates = (one['order_nr'] for one in account.live('stage').values() if one['pipeline_id'] == row['pipeline_id'])
    row['order_nr'] = row['order_nr'] or 1 + max(mates, default=0)
    if not 0 <= row['deal_probability'] <= 100:
        raise invalid('deal_probability', 'Expected 0 to 100')


SPECIALS = {
    'person': _fill_person,
    'deal': _fill_deal,
    'activity': _fill_activity,
    'pipeline': _fill_pipeline,
    'stage': _fill_stage,
}
