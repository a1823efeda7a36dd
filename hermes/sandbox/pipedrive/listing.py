"""Lists of REST v2: filters, sorting, opaque cursors. Fractional seconds and limits over 500 are refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive import rest
from hermes.sandbox.pipedrive.answers import Refused, invalid
from hermes.sandbox.pipedrive.schema import parse_moment, rfc3339

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Row = dict[str, Any]
Query = Mapping[str, str]
DEFAULT_LIMIT, MAX_LIMIT, MAX_IDS, MAX_CUSTOM_FIELDS = 100, 500, 100, 15
LINKS: dict[str, tuple[str, ...]] = {
    'organization': ('owner_id',),
    'person': ('owner_id', 'org_id'),
    'deal': ('owner_id', 'org_id', 'person_id', 'pipeline_id', 'stage_id'),
    'activity': ('owner_id', 'org_id', 'person_id', 'deal_id'),
    'pipeline': (),
    'stage': ('pipeline_id',),
}
SORTS = {'activity': ('due_date',), 'stage': ('order_nr',)}
STATUSES = ('open', 'won', 'lost', 'deleted')


def take_int(query: Query, name: str, low: int = 1, high: int | None = None) -> int | None:
    """The integer of that name, None if absent; raises Refused (400)."""
    if name not in query:
        return None
    try:
        value = int(query[name])
    except ValueError:
        raise invalid(name, 'Expected number') from None
    if value < low or (high is not None and value > high):
        raise invalid(name, f'Expected {low} or more' if value < low else f'Expected {high} or less')
    return value


def take_bool(query: Query, name: str) -> bool | None:
    if name not in query:
        return None
    if query[name] not in ('true', 'false', '1', '0'):
        raise invalid(name, 'Expected boolean')
    return query[name] in ('true', '1')


def take_list(query: Query, name: str) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in query[name].split(',') if part.strip()) if name in query else None


def take_choice(query: Query, name: str, choices: tuple[str, ...]) -> str:
    """One of `choices`, the first by default."""
    value = query.get(name, choices[0])
    if value not in choices:
        raise invalid(name, f'Expected one of {", ".join(choices)}')
    return value


def take_shape(account: PipedriveAccount, kind: str, query: Query) -> Callable[[Row], Row]:
    """How the query wants objects shown: `custom_fields`, `include_option_labels`, `include_fields`."""
    only = take_list(query, 'custom_fields')
    if only is not None and len(only) > MAX_CUSTOM_FIELDS:
        raise invalid('custom_fields', f'Array must contain at most {MAX_CUSTOM_FIELDS} element(s)')
    labels = take_bool(query, 'include_option_labels') or False
    included = take_list(query, 'include_fields') or ()

    def show(row: Row) -> Row:
        return rest.shape(account, kind, row, only=only, labels=labels, included=included)

    return show


def list_objects(account: PipedriveAccount, kind: str, query: Query, *, archived: bool = False) -> Row:
    """One page: `{data, additional_data: {next_cursor}}`, the cursor null at the end. Raises Refused (400)."""
    limit = take_int(query, 'limit', 1, MAX_LIMIT) or DEFAULT_LIMIT
    sort_by = take_choice(query, 'sort_by', ('id', 'update_time', 'add_time', *SORTS.get(kind, ())))
    down = take_choice(query, 'sort_direction', ('asc', 'desc')) == 'desc'
    show = take_shape(account, kind, query)
    rows = [row for row in account.tables[kind].values() if _is_wanted(account, kind, row, query, archived)]
    rows.sort(key=lambda row: (row[sort_by] or '', row['id']) if sort_by != 'id' else row['id'], reverse=down)
    start = _after(query, rows, sort_by, down)
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    cursor = _make_cursor(page[-1], sort_by, down) if more else None
    return {'success': True, 'data': [show(row) for row in page], 'additional_data': {'next_cursor': cursor}}


def _is_wanted(account: PipedriveAccount, kind: str, row: Row, query: Query, archived: bool) -> bool:
    if account.is_hidden(row) or row.get('is_archived', False) != archived:
        return False
    if not _has_status(kind, row, query):
        return False
    for name in LINKS[kind]:
        wanted = take_int(query, name)
        if wanted is not None and row[name] != wanted:
            return False
    if kind == 'person' and (deal_id := take_int(query, 'deal_id')) is not None:
        deal = account.tables['deal'].get(deal_id)
        if deal is None or deal['person_id'] != row['id']:
            return False
    if kind == 'activity' and take_bool(query, 'done') not in (None, row['done']):
        return False
    ids = take_list(query, 'ids')
    if ids is not None and len(ids) > MAX_IDS:
        raise invalid('ids', f'Array must contain at most {MAX_IDS} element(s)')
    if ids is not None and str(row['id']) not in ids:
        return False
    return _is_in_time(row, query)


def _has_status(kind: str, row: Row, query: Query) -> bool:
    statuses = take_list(query, 'status') if kind == 'deal' else None
    if statuses is None:
        return not row['is_deleted']
    for status in statuses:
        if status not in STATUSES:
            raise invalid('status', f'Expected one of {", ".join(STATUSES)}')
    return ('deleted' if row['is_deleted'] else row['status']) in statuses


def _is_in_time(row: Row, query: Query) -> bool:
    """Since is inclusive, until exclusive."""
    updated = row['update_time']
    since, until = query.get('updated_since'), query.get('updated_until')
    if since is not None and updated < rfc3339(parse_moment('updated_since', since)):
        return False
    return until is None or updated < rfc3339(parse_moment('updated_until', until))


def check_times(query: Query) -> None:
    """Refuse bad moments even where there is nothing to list."""
    for name in ('updated_since', 'updated_until'):
        if name in query:
            parse_moment(name, query[name])


def _make_cursor(row: Row, sort_by: str, down: bool) -> str:
    mark = {'by': sort_by, 'value': row[sort_by], 'down': down, 'id': row['id']}
    return base64.urlsafe_b64encode(json.dumps(mark).encode()).decode().rstrip('=')


def _after(query: Query, rows: list[Row], sort_by: str, down: bool) -> int:
    """Where the page begins: behind the marked object's place, even if it has moved or gone meanwhile."""
    text = query.get('cursor')
    if not text:
        return 0
    try:
        mark = json.loads(base64.urlsafe_b64decode(text + '=' * (-len(text) % 4)))
        if mark['by'] != sort_by or mark['down'] != down:
            raise ValueError
        place = (mark['value'] or '', mark['id']) if sort_by != 'id' else (mark['id'],)
    except (ValueError, KeyError, TypeError):
        raise Refused(400, 'Invalid cursor', 'ERR_INVALID_CURSOR') from None
    for number, row in enumerate(rows):
        own = (row[sort_by] or '', row['id']) if sort_by != 'id' else (row['id'],)
        if own < place if down else own > place:
            return number
    return len(rows)


def list_fields(fields: list[Row], query: Query) -> tuple[list[Row], str | None]:
    """One page of a field catalogue and its next cursor."""
    limit = take_int(query, 'limit', 1, MAX_LIMIT) or DEFAULT_LIMIT
    start = 0
    if query.get('cursor'):
        try:
            start = int(base64.urlsafe_b64decode(query['cursor'] + '=='))
        except ValueError:
            raise Refused(400, 'Invalid cursor', 'ERR_INVALID_CURSOR') from None
    end = start + limit
    cursor = base64.urlsafe_b64encode(str(end).encode()).decode().rstrip('=') if end < len(fields) else None
    return fields[start:end], cursor
