"""Fields of forms, as data: what a resource's form asks for, how a value stands in it, and how what was typed is read.

What a form may hold follows from what is declared already: attributes with their types and policies, the Config's keys,
the catalogue's fields.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from hermes.booking.timetables import CLOSED, DEFAULT, parse_days, parse_hours, show_hours
from hermes.db.catalogue import Knowledge
from hermes.domain.errors import Refused
from hermes.domain.model import Value
from hermes.domain.record_types import Attribute, Policy
from hermes.domain.staff import show_name
from hermes.domain.timetable import Defaults, check_days_off, hours_of
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM_TITLE, PRODUCT_TITLE
from hermes.web.desk.shown import label

Kind = Literal['text', 'int', 'bool', 'day', 'moment', 'choice', 'hours', 'days off', 'number', 'clock', 'json']
Wrong = dict[str, str]
"""Field -> what is wrong with it; '' for the form as a whole."""
LOCKED: Final[Mapping[Policy, str]] = {
    'hermes': 'Hermes computes this.',
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `choices`: (value, what it is called). `locked`: why it cannot be edited. `owned`: a reason is needed
    to write it. `group`: under which heading it stands.
    """

    name: str
    label: str
    kind: Kind = 'text'
    choices: Sequence[tuple[str, str]] = ()
    help: str = ''
    locked: str = ''
    owned: bool = False
    required: bool = False
    group: str = ''
    value: str = ''
    """What stands there at first, where that is not a record's value."""

    def show(self, value: Any) -> str:
        """A value as it stands in the form."""
        if value is None:
            return DEFAULT if self.kind == 'hours' else ''
        if self.kind == 'hours':
            return show_hours(hours_of({'working_hours': value}, Defaults()))
        if self.kind == 'days off':
            return '\n'.join(
                first if first == last else f'{first}..{last}' for first, last in check_days_off(value) or ()
            )
        if isinstance(value, bool):
            return 'yes' if value else 'no'
        return value.isoformat() if isinstance(value, datetime) else str(value)

    def read(self, text: str) -> Value:
        """What was typed, as the value that is stored; None for nothing. Raises Refused with a plain sentence."""
        told = text.strip()
        if self.kind == 'hours':
            return parse_hours(told or DEFAULT)
        if self.kind == 'days off':
            return (
                check_days_off([day for line in told.splitlines() if line.strip() for day in parse_days(line)]) or None
            )
        if not told:
            if self.required:
                raise Refused(f'{self.label} is needed.')
            return None
        if self.kind == 'bool':
            return _one_of(self, told, {'yes': True, 'no': False})
        if self.kind in ('int', 'number'):
            return _number(self, told)
        if self.kind == 'choice':
            if told not in {value for value, _ in self.choices}:
                raise Refused(f'{self.label} is one of those that are offered.')
            numbered = all(value.lstrip('-').isdigit() for value, _ in self.choices)
            return int(told) if numbered else told
        return told


def _one_of(field: Field, told: str, known: Mapping[str, Value]) -> Value:
    if told.lower() not in known:
        raise Refused(f'{field.label} is {" or ".join(known)}.')
    return known[told.lower()]


def _number(field: Field, told: str) -> Value:
    number = read_number(told.removeprefix('-'))
    if number is not None:
        return -number if told.startswith('-') else number
    raise Refused(f'{field.label} is a whole number, not "{told}".')


def read_all(fields: Iterable[Field], sent: Mapping[str, Sequence[str]]) -> tuple[dict[str, Value], Wrong]:
    """What a form says, and what is wrong with it. What is locked is not read."""
    values: dict[str, Value] = {}
    wrong: Wrong = {}
    for field in fields:
        if field.locked:
            continue
        try:
            values[field.name] = field.read(next(iter(sent.get(field.name, ())), ''))
        except Refused as error:
            wrong[field.name] = str(error)
    return values, wrong


def fields_of(record_type: str, known: Knowledge, *, making: bool = False) -> list[Field]:
    """The fields of a type of record: its attributes, those of the catalogue too, in their order."""
    found = []
    for attribute in known.catalogue.attributes(record_type).values():
        if making and (attribute.policy == 'hermes' or attribute.name == 'company_id'):
            continue
        found.append(_field(record_type, attribute, known))
    return found


def _field(record_type: str, attribute: Attribute, known: Knowledge) -> Field:
    name = attribute.name
    locked = LOCKED.get(attribute.policy, '')
    if not locked and record_type == 'deal' and name == 'archived':
        locked = 'The CRM alone archives deals.'
    owned = attribute.policy == 'tc2'
    group = f'What {PRODUCT_TITLE} says' if owned else ''
    if choices := _choices(record_type, name, attribute, known):
        return Field(name, label(name), 'choice', choices, locked=locked, owned=owned, group=group)
    kinds: Mapping[str, Kind] = {'int': 'int', 'bool': 'bool', 'date': 'day', 'time': 'moment', 'json': 'json'}
    kind = 'number' if attribute.is_ref else kinds.get(attribute.type, 'text')
    return Field(name, label(name), kind, locked=locked, owned=owned, group=group)


WORDS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ('deal', 'status'): ('open', 'won', 'lost'),
    ('meeting', 'status'): ('planned', 'canceled'),
    ('meeting', 'kind'): ('sales', 'support'),
    ('', 'price_plan'): ('payg', 'startup', 'enterprise'),
}
"""What a field of few words may say; without a type: of whatever has it."""


def _choices(record_type: str, name: str, attribute: Attribute, known: Knowledge) -> list[tuple[str, str]]:
    directory = known.directory
    if attribute.type == 'admin':
        return [
            (str(n), show_name(each.fields))
            for n, each in directory.admins.items()
            if n == each.ref.id and not each.gone
        ]
    if attribute.type in ('pipeline', 'stage'):
        records = directory.pipelines if attribute.type == 'pipeline' else directory.stages
        return [
            (str(n), _place(each.fields, directory, attribute.type))
            for n, each in records.items()
            if n == each.ref.id and not each.gone and not each.fields.get('archived')
        ]
    return [(each, each) for each in WORDS.get((record_type, name)) or WORDS.get(('', name), ())]


def _place(fields: Mapping[str, Value], directory: Any, record_type: str) -> str:
    called = str(fields.get('name') or 'unnamed')
    pipeline = directory.pipelines.get(fields.get('pipeline_id')) if record_type == 'stage' else None
    return f'{pipeline.fields.get("name")}: {called}' if pipeline else called


GROUPS: Final = (
    ('Who', ('first_name', 'last_name', 'email', 'timezone')),
    ('Ids', ('tc2_admin_id', 'pd_owner_id')),
    ('Role', ('is_sales_person', 'is_support_person', 'is_bdr_person')),
    ('Sells', ('sells_payg', 'sells_startup', 'sells_enterprise')),
    ('In', ('sells_us', 'sells_gb', 'sells_au', 'sells_ca', 'sells_eu', 'sells_row')),
    ('Calls', ('bookable', 'working_hours', 'days_off', 'meeting_dur_mins', 'meeting_buffer_mins', 'daily_cap')),
)
HELP: Final = {
    'timezone': 'Such as Europe/London.',
    'pd_owner_id': f"{CRM_TITLE}'s number of the user; 0 for none.",
    'tc2_admin_id': f"{PRODUCT_TITLE}'s number of the person.",
    'working_hours': f'mon-fri 10:00-17:30; sat 10:00-12:00. "{DEFAULT}": those of the settings. "{CLOSED}": never.',
    'days_off': 'One a line: 2026-12-24..2027-01-02, or one day.',
    'daily_cap': 'The most calls of a day; empty for no limit.',
    'meeting_dur_mins': 'Minutes of a call; empty for the setting.',
    'meeting_buffer_mins': 'Minutes that are kept free after a call; empty for the setting.',
}

IDS: Final = {'tc2_admin_id': f'Id in {PRODUCT_TITLE}', 'pd_owner_id': f'User id in {CRM_TITLE}'}


def admin_fields(known: Knowledge, *, making: bool = False) -> list[Field]:
    """What is chosen of our own people."""
    attributes = known.catalogue.attributes('admin')
    found = []
    for group, names in GROUPS:
        for name in names:
            kinds: dict[str, Kind] = {'int': 'int', 'bool': 'bool'}
            kind = kinds.get(attributes[name].type, 'text')
            kind = 'hours' if name == 'working_hours' else 'days off' if name == 'days_off' else kind
            called = IDS.get(name) or label(name.removeprefix('sells_'))
            needed = kind == 'bool' or (making and name in ('last_name', 'email'))
            first = 'no' if kind == 'bool' else DEFAULT if kind == 'hours' else ''
            found.append(Field(name, called, kind, help=HELP.get(name, ''), group=group, required=needed, value=first))
    return found
