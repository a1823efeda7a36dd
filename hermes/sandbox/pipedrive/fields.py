"""The field catalogues: native fields, and custom ones by 40-hex code with their options."""

from __future__ import annotations

import random
from typing import Any

from hermes.sandbox.pipedrive.answers import Refused, invalid, not_found
from hermes.sandbox.pipedrive.schema import ADDRESS_PARTS, check_parts, check_value, is_int

Field = dict[str, Any]
CUSTOM_TYPES = (
    *('varchar', 'text', 'double', 'phone', 'date', 'daterange', 'time', 'timerange', 'set', 'enum', 'varchar_auto'),
    *('address', 'monetary', 'org', 'people', 'user'),
)
NATIVE: dict[str, tuple[tuple[str, str, str], ...]] = {
    'organization': (
        ('Name', 'name', 'varchar'),
        ('Owner', 'owner_id', 'user'),
        ('Labels', 'label_ids', 'set'),
        ('Address', 'address', 'address'),
        ('Website', 'website', 'varchar'),
        ('Annual revenue', 'annual_revenue', 'double'),
        ('Organization created', 'add_time', 'date'),
        ('Update time', 'update_time', 'date'),
        ('Visible to', 'visible_to', 'visible_to'),
    ),
    'person': (
        ('Name', 'name', 'varchar'),
        ('First name', 'first_name', 'varchar'),
        ('Last name', 'last_name', 'varchar'),
        ('Email', 'email', 'varchar'),
        ('Phone', 'phone', 'phone'),
        ('Owner', 'owner_id', 'user'),
        ('Organization', 'org_id', 'org'),
        ('Labels', 'label_ids', 'set'),
        ('Person created', 'add_time', 'date'),
        ('Update time', 'update_time', 'date'),
        ('Visible to', 'visible_to', 'visible_to'),
    ),
    'deal': (
        ('Title', 'title', 'varchar'),
        ('Value', 'value', 'monetary'),
        ('Owner', 'owner_id', 'user'),
        ('Organization', 'org_id', 'org'),
        ('Contact person', 'person_id', 'people'),
        ('Pipeline', 'pipeline_id', 'double'),
        ('Stage', 'stage_id', 'stage'),
        ('Status', 'status', 'status'),
        ('Lost reason', 'lost_reason', 'varchar_options'),
        ('Labels', 'label_ids', 'set'),
        ('Deal created', 'add_time', 'date'),
        ('Update time', 'update_time', 'date'),
        ('Visible to', 'visible_to', 'visible_to'),
    ),
    'activity': (
        ('Subject', 'subject', 'varchar'),
        ('Type', 'type', 'enum'),
        ('Due date', 'due_date', 'date'),
        ('Due time', 'due_time', 'time'),
        ('Duration', 'duration', 'time'),
        ('Assigned to user', 'owner_id', 'user'),
        ('Organization', 'org_id', 'org'),
        ('Contact person', 'person_id', 'people'),
        ('Deal', 'deal_id', 'deal'),
        ('Location', 'location', 'address'),
        ('Done', 'done', 'boolean'),
        ('Note', 'note', 'text'),
    ),
}
BODY_PARTS = ('ui_visibility', 'important_fields', 'required_fields', 'description')
SUBFIELDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    'monetary': (('value', 'Amount of', 'double'), ('currency', 'Currency of', 'varchar')),
    'daterange': (('value', 'Start of', 'date'), ('until', 'End of', 'date')),
    'time': (('value', 'Time of', 'time'), ('timezone_id', 'Time zone of', 'double')),
    'timerange': (('value', 'Start of', 'time'), ('until', 'End of', 'time')),
    'address': tuple(
        (part, f'{part.replace("_", " ").capitalize()} of', 'varchar') for part in (*ADDRESS_PARTS, 'formatted_address')
    ),
}


class FieldCatalogue:
    """The fields of one kind of object, in the order in which they were made."""

    def __init__(self, kind: str, chance: random.Random) -> None:
        self.kind, self.chance = kind, chance
        self.fields: dict[str, Field] = {}
        self.last_option_id = 0
        for name, code, field_type in NATIVE[kind]:
            options: list[dict[str, Any]] | None = [] if field_type in ('enum', 'set') else None
            self.fields[code] = make_field(name, code, field_type, options, custom=False)

    def custom(self) -> list[Field]:
        return [field for field in self.fields.values() if field['is_custom_field']]

    def named(self, name: str) -> Field:
        """The first custom field with that name (names are not unique). Raises LookupError."""
        for field in self.custom():
            if field['field_name'] == name:
                return field
        raise LookupError(name)

    def get(self, code: str) -> Field:
        if code not in self.fields:
            raise not_found('field')
        return self.fields[code]

    def create(self, body: Any) -> Field:
        """A new custom field; raises Refused (400)."""
        if not isinstance(body, dict):
            raise invalid('body', 'Expected object')
        known = {'field_name', 'field_type', 'options', *BODY_PARTS}
        for key in body:
            if key not in known:
                raise invalid(key, 'Unrecognized key')
        for key in ('field_name', 'field_type'):
            if key not in body:
                raise invalid(key, 'Required')
        name = check_name(body['field_name'])
        if body['field_type'] not in CUSTOM_TYPES:
            raise invalid('field_type', 'Invalid enum value')
        has_options = body['field_type'] in ('enum', 'set')
        if has_options and not body.get('options'):
            raise invalid('options', 'Required')
        if not has_options and body.get('options'):
            raise invalid('options', 'Only enum and set fields have options')
        code = f'{self.chance.getrandbits(160):040x}'
        options = [self._option(one) for one in body['options']] if has_options else None
        field = make_field(name, code, body['field_type'], options, custom=True)
        field.update({part: body[part] for part in BODY_PARTS if part in body})
        self.fields[code] = field
        return field

    def _option(self, body: Any) -> dict[str, Any]:
        check_parts('options', body, {'label': str}, ('label',))
        self.last_option_id += 1
        return {'id': self.last_option_id, 'label': body['label'].strip()}

    def update(self, code: str, body: Any) -> Field:
        field = self.get(code)
        if not isinstance(body, dict) or not body:
            raise invalid('body', 'Expected object with at least one property')
        for key in body:
            if key not in ('field_name', *BODY_PARTS):
                raise invalid(key, 'Unrecognized key')
        if 'field_name' in body:
            field['field_name'] = check_name(body['field_name'])
        field.update({part: body[part] for part in BODY_PARTS if part in body})
        return field

    def delete(self, code: str) -> Field:
        """Take a custom field away, with every value that stood in it."""
        if not self.get(code)['is_custom_field']:
            raise Refused(403, 'Default fields can not be deleted', 'ERR_FORBIDDEN')
        return self.fields.pop(code)

    def options_of(self, code: str) -> list[dict[str, Any]]:
        field = self.get(code)
        if not field['is_custom_field'] or field['field_type'] not in ('enum', 'set'):
            raise invalid('field_code', 'This field has no options')
        options: list[dict[str, Any]] = field['options']
        return options

    def add_options(self, code: str, body: Any) -> list[dict[str, Any]]:
        options = self.options_of(code)
        if not isinstance(body, list) or not body:
            raise invalid('body', 'Expected array')
        added = [self._option(one) for one in body]
        options.extend(added)
        return added

    def change_options(self, code: str, body: Any) -> list[dict[str, Any]]:
        found = self._named_options(code, body, {'id': int, 'label': str}, ('id', 'label'))
        for option, change in zip(found, body, strict=True):
            option['label'] = change['label'].strip()
        return found

    def delete_options(self, code: str, body: Any) -> list[dict[str, Any]]:
        found = self._named_options(code, body, {'id': int}, ('id',))
        gone = {option['id'] for option in found}
        field = self.fields[code]
        field['options'] = [option for option in field['options'] if option['id'] not in gone]
        return found

    def _named_options(
        self, code: str, body: Any, parts: dict[str, type | tuple[type, ...]], needed: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        options = {option['id']: option for option in self.options_of(code)}
        if not isinstance(body, list) or not body:
            raise invalid('body', 'Expected array')
        for one in body:
            check_parts('options', one, parts, needed)
            if not is_int(one['id']) or one['id'] not in options:
                raise invalid('options.id', f'There is no option {one["id"]}')
        return [options[one['id']] for one in body]

    def dump(self) -> dict[str, Any]:
        return {'fields': self.fields, 'last_option_id': self.last_option_id}

    def load(self, kept: dict[str, Any]) -> None:
        self.fields, self.last_option_id = kept['fields'], kept['last_option_id']


def check_name(value: Any) -> str:
    check_value('field_name', 'text!', value)
    name = str(value).strip()
    if not 1 <= len(name) <= 255:
        raise invalid('field_name', 'Expected 1 to 255 characters')
    return name


def make_field(name: str, code: str, field_type: str, options: list[dict[str, Any]] | None, *, custom: bool) -> Field:
    parts = SUBFIELDS.get(field_type)
    subfields = parts and [
        {'field_code': part, 'field_name': f'{words} {name}', 'field_type': kind} for part, words, kind in parts
    ]
    return {
        'field_name': name,
        'field_code': code,
        'field_type': field_type,
        'options': options,
        'subfields': subfields or None,
        'is_custom_field': custom,
        'is_optional_response_field': False,
    }


def field_shape(kind: str, field: Field, included: tuple[str, ...] = ()) -> dict[str, Any]:
    """As the fields endpoints answer; the parts named in `include_fields` only on demand."""
    shape = {key: value for key, value in field.items() if key not in BODY_PARTS}
    defaults: dict[str, dict[str, Any]] = {
        'ui_visibility': {'add_visible_flag': False, 'details_visible_flag': True},
        'important_fields': {'enabled': False, 'stage_ids': []},
        'required_fields': {'enabled': False},
    }
    for part in included:
        if part not in defaults or (kind == 'activity' and part != 'ui_visibility'):
            raise invalid('include_fields', f'Invalid value {part}')
        shape[part] = {**defaults[part], **(field.get(part) or {})}
    return shape
