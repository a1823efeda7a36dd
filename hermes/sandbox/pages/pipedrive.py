"""What the page of Pipedrive shows, and what its forms do, as a person who works in the app would."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pages import feed
from hermes.sandbox.pages.forms import NotDone, number, optional_number
from hermes.sandbox.pipedrive.answers import Refused

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive import PipedriveAccount
    from hermes.sandbox.world import World

PER_PAGE = 20
CALLS = 25
KINDS = ('organization', 'person', 'deal')
Json = dict[str, Any]


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `q` (part of a name), `page` from 1."""
    account = world.pipedrive
    wanted = query.get('q', '').strip().lower()
    found = [one for one in reversed(account.tables['organization'].values()) if wanted in one['name'].lower()]
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(int(query['page']) if query.get('page', '').isdecimal() else 1, 1), pages)
    users = {one['id']: one['name'] for one in account.tables['user'].values()}
    stages = {one['id']: one['name'] for one in account.tables['stage'].values()}
    visible = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    return {
        'organisations': [_organisation(account, one, users, stages) for one in visible],
        'living': [(one['id'], one['name']) for one in account.live('organization').values()][-200:],
        'loose': _loose(account, users, stages),
        'count': len(found),
        'q': query.get('q', ''),
        'page': page,
        'pages': pages,
        'users': {key: name for key, name in users.items() if account.tables['user'][key]['active_flag']},
        'stages': {one['id']: one['name'] for one in account.live('stage').values()},
        'fields': {kind: account.catalogues[kind].custom() for kind in KINDS},
        'subscriptions': [_subscription(account, one) for one in account.subscriptions.rows],
        'hooks': account.subscriptions,
        'tokens': account.ledger.state(),
        'calls': feed.calls(world, 'pipedrive', CALLS),
    }


def _organisation(account: 'PipedriveAccount', row: Json, users: dict[int, str], stages: dict[int, str]) -> Json:
    people = [one for one in account.tables['person'].values() if one['org_id'] == row['id']]
    deals = [one for one in account.tables['deal'].values() if one['org_id'] == row['id']]
    activities = [one for one in account.live('activity').values() if one['org_id'] == row['id']]
    return _with_fields(account, 'organization', row, users) | {
        'people': [_person(account, one, users) for one in people],
        'deals': [_deal(account, one, users, stages) for one in deals],
        'activities': activities,
    }


def _loose(account: 'PipedriveAccount', users: dict[int, str], stages: dict[int, str]) -> Json:
    """People and deals without an organisation."""
    people = [one for one in account.live('person').values() if one['org_id'] is None]
    deals = [one for one in account.live('deal').values() if one['org_id'] is None]
    return {
        'people': [_person(account, one, users) for one in people[-PER_PAGE:]],
        'deals': [_deal(account, one, users, stages) for one in deals[-PER_PAGE:]],
    }


def _person(account: 'PipedriveAccount', row: Json, users: dict[int, str]) -> Json:
    return _with_fields(account, 'person', row, users)


def _deal(account: 'PipedriveAccount', row: Json, users: dict[int, str], stages: dict[int, str]) -> Json:
    return _with_fields(account, 'deal', row, users) | {'stage': stages.get(row['stage_id'], '?')}


def _with_fields(account: 'PipedriveAccount', kind: str, row: Json, users: dict[int, str]) -> Json:
    """The row with its owner's name and its custom fields by name."""
    fields, empty = [], []
    for field in account.catalogues[kind].custom():
        value = row['custom_fields'].get(field['field_code'])
        if value is None:
            empty.append(field['field_name'])
        else:
            fields.append((field['field_name'], _readable(field, value)))
    merged_to = row.get('_merged_to')
    gone = f'merged into {merged_to}' if merged_to else 'deleted' if row['is_deleted'] else ''
    owner = users.get(row['owner_id'], str(row['owner_id']))
    return {**row, 'fields': fields, 'empty': empty, 'gone': gone, 'merged_to': merged_to, 'owner': owner}


def _readable(field: Json, value: Any) -> str:
    labels = {option['id']: option['label'] for option in field['options'] or ()}
    if isinstance(value, list):
        return ', '.join(str(labels.get(one, one)) for one in value)
    if isinstance(value, dict):
        return ' '.join(str(one) for one in value.values() if one is not None)
    return str(labels.get(value, value))


def _subscription(account: 'PipedriveAccount', row: Json) -> Json:
    memory = account.subscriptions.memory[row['id']]
    until = memory['banned_until'] if account.subscriptions.is_banned(row['id']) else None
    return {
        **row,
        'failures': memory['failures'],
        'banned_until': feed.moment_text(datetime.fromisoformat(until))[:8] if until else None,
    }


def carry_out(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Do what the form asks. Returns the place on the page to go to, and a sentence. Raises NotDone."""
    account, act = world.pipedrive, form.get('act', '')
    if act in ('webhooks_on', 'webhooks_off'):
        account.act_webhooks(on=act == 'webhooks_on')
        return 'webhooks', f'Webhooks are {"on" if account.subscriptions.on else "off: what happens now is lost"}.'
    if act == 'ban':
        account.act_ban()
        return 'webhooks', 'Every subscription is banned for 30 minutes.'
    kind = form.get('kind', '')
    if kind not in KINDS:
        raise NotDone('There is no such kind of object.')
    try:
        if act == 'create':
            row = account.act_create(kind, _values(form), optional_number(form, 'owner_id'))
            return _place(row, kind), f'{row.get("name") or row.get("title")} is made.'
        row = account.visible(kind, number(form, 'id'))
        return form.get('place') or _place(row, kind), _act_on(account, kind, row, act, form)
    except Refused as refusal:
        raise NotDone(refusal.error) from None


def _act_on(account: 'PipedriveAccount', kind: str, row: Json, act: str, form: dict[str, str]) -> str:
    name, user_id = row.get('name') or row.get('title'), _actor(account, row)
    if act == 'edit':
        account.act_update(kind, row['id'], _values(form), user_id)
        return f'{name} is edited.'
    if act == 'set_field':
        account.act_update(kind, row['id'], {'custom_fields': _custom(account, kind, form)}, user_id)
        return f'A field of {name} is set.'
    if act == 'move':
        account.act_move(row['id'], number(form, 'stage_id'), user_id)
        return f'{name} has moved.'
    if act in ('won', 'lost', 'open'):
        account.act_update('deal', row['id'], {'status': act}, user_id)
        return f'{name} is {act}.'
    if act == 'delete':
        account.act_delete(kind, row['id'], user_id)
        return f'{name} is deleted.'
    if act == 'undelete':
        account.act_undelete(kind, row['id'], user_id)
        return f'{name} is back.'
    if act == 'merge':
        survivor = number(form, 'merge_with_id')
        account.act_merge(kind, row['id'], survivor, user_id)
        return f'{name} ({row["id"]}) is merged into {survivor}.'
    raise NotDone('There is no such act.')


def _actor(account: 'PipedriveAccount', row: Json) -> int | None:
    """Its owner acts, if still there; else the account's first user."""
    owner = account.tables['user'].get(row['owner_id'])
    return row['owner_id'] if owner and owner['active_flag'] else None


def _place(row: Json, kind: str) -> str:
    return f'organisation-{row["id"] if kind == "organization" else row.get("org_id") or 0}'


def _values(form: dict[str, str]) -> Json:
    """What a form says about an object, in the body of REST v2. Only what the form has."""
    values: Json = {}
    for key in ('name', 'title'):
        if form.get(key):
            values[key] = form[key]
    for key in ('owner_id', 'org_id', 'person_id', 'stage_id'):
        if form.get(key, '').isdecimal():
            values[key] = int(form[key])
    for key in ('emails', 'phones'):
        if key in form:
            values[key] = [{'value': form[key], 'label': 'work', 'primary': True}] if form[key] else []
    return values


def _custom(account: 'PipedriveAccount', kind: str, form: dict[str, str]) -> Json:
    code, text = form.get('field', ''), form.get('value', '')
    field = account.catalogues[kind].get(code)
    if text == '':
        return {code: None}
    if field['field_type'] in ('enum', 'set'):
        known = {option['label'].lower(): option['id'] for option in field['options'] or ()}
        chosen = known.get(text.lower())
        if chosen is None:
            raise NotDone(f'{field["field_name"]} has the options {", ".join(known)}.')
        return {code: [chosen] if field['field_type'] == 'set' else chosen}
    if field['field_type'] in ('double', 'user', 'org', 'people'):
        try:
            return {code: int(text) if text.lstrip('-').isdecimal() else float(text)}
        except ValueError:
            raise NotDone(f'{field["field_name"]} is a number.') from None
    return {code: text}
