"""How a person is written: places of e-mails, what belongs to one person only, custom values, a merge.

Checked as a whole before anything is kept, so that a refused write leaves no trace.
"""

from __future__ import annotations

import re
from typing import Any, Final

from hermes.sandbox.nationbuilder.answers import Invalid, bad_request
from hermes.sandbox.nationbuilder.attributes import EMAILS, IDENTIFIERS, SIGNUP
from hermes.sandbox.nationbuilder.store import Row, Store

Fault = tuple[str, str, str]
LOOKS_LIKE_EMAIL = re.compile(r'[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+')
CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    'sex': ('M', 'F', 'O'),
    'primary_email_id': (1, 2, 3, 4),
    'signup_type': (0, 1),
    'support_level': (1, 2, 3, 4, 5),
    'contact_status': (
        'other', 'answered', 'bad_info', 'left_message', 'meaningful_interaction', 'send_information',
        'not_interested', 'no_answer', 'refused', 'inaccessible',
    ),
}  # fmt: skip
TOUCHED: Final = {'note': 'note_updated_at', 'support_level': 'support_level_changed_at'}
OF_A_PLACE = re.compile(r'email\d(_is_\w+)?|primary_email_id')
LONGEST = 255


def changed(store: Store, before: Row, given: Row, now: str) -> Row:
    """The person after the change. Raises Refused (400, 422)."""
    row = {**before, **{name: value for name, value in given.items() if name not in ('email', 'custom_values')}}
    if 'email' in given:
        row[EMAILS[(row.get('primary_email_id') or 1) - 1]] = given['email']
    if 'custom_values' in given:
        row['custom_values'] = _custom(store, before.get('custom_values') or {}, given['custom_values']) or None
    for name in EMAILS:
        if row.get(name):
            row[name] = row[name].lower()
        if row.get(name) != before.get(name):
            row.pop(f'{name}_is_bouncing', None)
    faults = [*_values(row), *_taken(store, row)]
    if not any(row.get(name) for name in ('first_name', 'last_name', 'mobile_number', 'phone_number', *EMAILS)):
        faults.append(('base', 'A person needs a name, an email address or a phone number', 'blank'))
    if faults:
        raise Invalid(*faults)
    for name, moment in TOUCHED.items():
        if row.get(name) != before.get(name):
            row[moment] = now
    defaults = {name: one.default for name, one in SIGNUP.items()}
    slim = {name: value for name, value in row.items() if name == 'id' or value != defaults.get(name)}
    if slim != before:
        slim['updated_at'] = now
    return slim


def _values(row: Row) -> list[Fault]:
    faults: list[Fault] = []
    for name in EMAILS:
        if row.get(name) and not LOOKS_LIKE_EMAIL.fullmatch(row[name]):
            place = 'email' if name == EMAILS[(row.get('primary_email_id') or 1) - 1] else name
            faults.append((place, f"'{row[name]}' should look like an email address", 'invalid'))
    for name, choices in CHOICES.items():
        if row.get(name) is not None and row[name] not in choices:
            faults.append((name, 'is not included in the list', 'inclusion'))
    for name, value in row.items():
        if isinstance(value, str) and len(value) > LONGEST and name not in ('note', 'profile_content'):
            faults.append((name, f'is too long (maximum is {LONGEST} characters)', 'too_long'))
    return faults


def _taken(store: Store, row: Row) -> list[Fault]:
    faults: list[Fault] = []
    for name in (*EMAILS, *(one for one in IDENTIFIERS if one != 'email')):
        value = row.get(name)
        owner = store.find('email' if name in EMAILS else name, value) if value else None
        if owner not in (None, row.get('id')):
            primary = name == EMAILS[(row.get('primary_email_id') or 1) - 1]
            faults.append(('email' if primary else name, 'has already been taken', 'taken'))
    return faults


def _custom(store: Store, before: Row, given: Row | None) -> Row:
    """Custom values by slug, patched; None clears them all. Raises Refused (400, 422)."""
    fields = {row['slug']: row for row in store.tables['custom_fields'].values() if row['resource_type'] == 'Signup'}
    if given is None:
        return {}
    values, faults = dict(before), []
    for slug, value in given.items():
        if slug not in fields:
            raise bad_request(f'Tried to write custom value :{slug}, but could not find a custom field with that slug.')
        field = fields[slug]
        if value is not None and not _fits(field, value):
            faults.append(('custom_values', f"'{value}' is no value of {slug}", 'invalid'))
        values[slug] = value if value is None or isinstance(value, bool) else str(value)
    if faults:
        raise Invalid(*faults)
    return {slug: value for slug, value in values.items() if value is not None}


def _fits(field: Row, value: Any) -> bool:
    match field['field_type']:
        case 'checkbox':
            return isinstance(value, bool)
        case 'number':
            return not isinstance(value, bool) and bool(re.fullmatch(r'-?\d+(\.\d+)?', str(value)))
        case 'multiple_choice':
            return value in (field['options'] or {}).values()
        case _:
            return isinstance(value, str)


def matched(store: Store, given: Row) -> str | None:
    """The id of the person whom a push means: the first identifier that is known decides."""
    for name in IDENTIFIERS:
        for one in ('email', *EMAILS) if name == 'email' else (name,):
            found = store.find(name, given[one]) if given.get(one) else None
            if found is not None:
                return found
    return None


def merged(store: Store, loser: Row, survivor: Row) -> Row:
    """The survivor with what only the loser had; e-mails go into its empty places."""
    row = {**survivor}
    for name, value in loser.items():
        if not OF_A_PLACE.fullmatch(name) and name not in ('id', 'created_at', 'updated_at', 'custom_values', 'is_cpu'):
            row.setdefault(name, value)
    custom = {**(loser.get('custom_values') or {}), **(survivor.get('custom_values') or {})}
    if custom:
        row['custom_values'] = custom
    spare = [name for name in EMAILS if not row.get(name)]
    for place, email in zip(spare, [loser[name] for name in EMAILS if loser.get(name)], strict=False):
        row[place] = email
    return row


def address(row: Row) -> str | None:
    """The primary e-mail."""
    found: str | None = row.get(EMAILS[(row.get('primary_email_id') or 1) - 1])
    return found


def full_name(row: Row) -> str:
    parts = (row.get(name) for name in ('prefix', 'first_name', 'middle_name', 'last_name', 'suffix'))
    return ' '.join(part for part in parts if part)


def reachable(row: Row) -> bool:
    """True if a letter may go to them: opted in, neither unsubscribed nor banned, with an address that works."""
    place = row.get('primary_email_id') or 1
    refused = ('unsubscribed_at', 'banned_at', 'do_not_contact', 'is_deceased')
    broken = (f'email{place}_is_bad', f'email{place}_is_bouncing')
    opted_in = row.get('email_opt_in', True)
    return bool(address(row) and opted_in and not any(row.get(name) for name in (*refused, *broken)))
