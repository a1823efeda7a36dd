"""`hermes fields`: the field catalogue while Hermes runs (D-5, FIELD-8): a new field is one command, no restart.

Every change is an event; running workers see it with their next batch, existing records get their values and are pushed
in the lane that waits for all others.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli import acting
from hermes.cli.acting import PreviewFlag
from hermes.cli.losing import NameFlag, confirm
from hermes.cli.output import Column, JsonFlag, print_json, print_rows, say
from hermes.domain.acts import ChangeField, RemoveField
from hermes.domain.errors import Refused
from hermes.domain.record_types import TITLES
from hermes.parts.roles import CRM, CRM_TITLE, PRODUCT_TITLE

if TYPE_CHECKING:
    from hermes.cli.session import Session
    from hermes.domain.fields import CustomField
    from hermes.sync.cataloguing import Added

COLUMNS = [
    Column('linked_object_type', 'OF'),
    Column('machine_name', 'FIELD'),
    Column('field_type', 'TYPE'),
    Column('source', 'COMES FROM'),
    Column('policy', 'POLICY'),
    Column('pd_field_id', 'PD FIELD ID'),
    Column('remote_type', 'PD TYPE'),
    Column('problem', 'PROBLEM'),
]
LINKED = {name: title for title, name in TITLES.items()}

Name = Annotated[str, typer.Argument(metavar='FIELD', help='Machine name, e.g. utm_medium.')]
On = Annotated[str, typer.Option('--on', metavar='TYPE', help='company, contact, deal or meeting.')]
Tc2 = Annotated[
    str | None, typer.Option('--tc2', metavar='NAME', help=f'Extra attribute of {PRODUCT_TITLE} ("" for none).')
]
Ours = Annotated[str | None, typer.Option('--hermes-field', metavar='NAME', help="Attribute of Hermes's own.")]
Code = Annotated[str | None, typer.Option('--id', metavar='ID', help=f'Field id ("API key") in {CRM_TITLE}.')]
Kind = Annotated[str | None, typer.Option('--type', metavar='TYPE', help='str, int, bool, date or fk_field.')]
PolicyFlag = Annotated[str | None, typer.Option('--policy', help='follow, tc2, crm or hermes: who may write it.')]
Label = Annotated[
    str | None, typer.Option('--name', help=f"The field's name in {CRM_TITLE}; else it is its machine name.")
]
File = Annotated[Path, typer.Argument(metavar='FILE')]


def list_fields(as_json: JsonFlag = False) -> None:
    """Every field: where it comes from, who may write it, where it stands in the CRM, what is wrong with it."""
    from dataclasses import asdict

    from hermes.cli.session import session

    with session(contact=False) as here:
        custom = here.known().catalogue.custom
        rows = [{**asdict(item), 'source': source(item)} for item in custom]
    if as_json:
        return print_json(rows)
    shown = [{key: value or '' for key, value in row.items()} for row in rows]
    print_rows(COLUMNS, shown, empty='the catalogue is empty: start a worker once, or run "hermes setup fields"')


def source(item: 'CustomField') -> str:
    """Where its value comes from (FIELD-1)."""
    if item.inherited:
        return f'company {item.machine_name}'
    told = [item.hermes_field_name, f'tc2 {item.tc2_machine_name}' if item.tc2_machine_name else '']
    return ', '.join(part for part in told if part) or 'the CRM'


def add_field(
    name: Name,
    on: On = 'company',
    tc2: Tc2 = None,
    ours: Ours = None,
    code: Code = None,
    kind: Kind = None,
    policy: PolicyFlag = None,
    label: Label = None,
    create: Annotated[bool, typer.Option('--create', help=f'Make it in {CRM_TITLE}.')] = False,
    deals: Annotated[bool, typer.Option('--deals', help="Show it on the company's open deals too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add a field: it is bound to the CRM's, filled from what is known, and synced from now on."""
    from hermes.cli.session import session
    from hermes.domain.fields import CustomField
    from hermes.sync.acts.fields import check_policy

    values: dict[str, Any] = {
        'machine_name': name,
        'name': label or re.sub(r'_+', ' ', name).title(),
        'field_type': kind or 'str',
        'linked_object_type': read_linked(on),
        'hermes_field_name': ours or '',
        'tc2_machine_name': tc2 or '',
        'pd_field_id': code or '',
    }
    item = CustomField(**values)
    item = CustomField(**values, policy=policy or item.fixed_policy or ('hermes' if item.inherited else 'follow'))  # type: ignore[arg-type]
    if policy:
        check_policy(item)
    if deals and item.linked_object_type != 'Company':
        raise typer.BadParameter('only a company has deals that show its fields', param_hint='--deals')
    with session(contact=False) as here:
        _contact(here, code=code, create=create)
        told = [_add(here, item, create, label or '', as_json)]
        if deals:
            heir_type = 'int' if item.field_type == 'fk_field' else item.field_type
            heir = CustomField(name, item.name, heir_type, 'Deal', policy='hermes')
            told.append(_add(here, heir, create, label or '', as_json))
    if as_json:
        print_json(told)


def read_linked(text: str) -> str:
    """Raises BadParameter."""
    if (linked := LINKED.get(text.strip().lower())) is None:
        raise typer.BadParameter(f'it is one of {", ".join(LINKED)}', param_hint='--on')
    return linked


def _contact(here: 'Session', *, code: str | None = None, create: bool = False) -> None:
    """The CRM's account is the one that this database belongs to (SETUP-12), where it is spoken with."""
    from hermes.sync import connect

    system = here.engine.systems.get(CRM)
    if system is None:
        if create or code:
            raise Refused(f'{CRM_TITLE} is off: set PD_API_KEY (and PD_BASE_URL) first.')
        return
    here.do(connect.meet(here.engine, system))


def _add(here: 'Session', item: 'CustomField', create: bool, called: str, quiet: bool) -> 'Added':
    from hermes.parts.systems import profiles
    from hermes.sync import cataloguing

    system = here.engine.systems.get(CRM)
    told = (lambda text: None) if quiet else say
    added = here.do(cataloguing.add(here.engine, item, system, create=create, called=called, tell=told))
    if not added.field.pd_field_id and not quiet and profiles()[CRM].fields.remote_type(item.record_type):
        say(f'It stands in no field of {CRM_TITLE} yet: --create makes it there, --id says which it is.')
    if added.reread and not quiet:
        say(f'{added.reread} clients are read from {PRODUCT_TITLE} again, because nothing older of them is kept.')
    return added


def change_field(
    name: Name,
    on: On = 'company',
    tc2: Tc2 = None,
    ours: Ours = None,
    code: Code = None,
    kind: Kind = None,
    policy: PolicyFlag = None,
    label: Label = None,
    preview: PreviewFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Change a field; what it holds is gathered anew where its source changed. After somebody renamed it in the CRM,
    --name says the new name.
    """
    from hermes.cli.engine import with_engine
    from hermes.cli.session import session
    from hermes.sync import cataloguing

    told = {
        'tc2_machine_name': tc2,
        'hermes_field_name': ours,
        'pd_field_id': code,
        'field_type': kind,
        'policy': policy,
        'name': label,
    }
    to = {key: value for key, value in told.items() if value is not None}
    if not to:
        raise typer.BadParameter('say what is to change: --tc2, --hermes-field, --id, --type, --policy or --name')
    with_engine(lambda engine: cataloguing.check_change(engine, read_linked(on), name, to), greeted=False)
    if preview:
        return acting.preview(ChangeField(read_linked(on), name, to), as_json)
    with session(contact=False) as here:
        _contact(here)
        system = here.engine.systems.get(CRM)
        changed = here.do(cataloguing.change(here.engine, read_linked(on), name, to, system))
    if as_json:
        return print_json(changed)
    say(f'{read_linked(on)} field {name}: {", ".join(to)} changed; {changed.pushes} records are on their way.')


def remove_field(
    name: Name, on: On = 'company', database: NameFlag = '', preview: PreviewFlag = False, as_json: JsonFlag = False
) -> None:
    """Take a field out of the catalogue; what stands in the CRM stays there. Asks for the database's name where Hermes
    forgets values.
    """
    from hermes.cli.session import session
    from hermes.sync.acts import fields

    if preview:
        return acting.preview(RemoveField(read_linked(on), name), as_json)
    with session(contact=False) as here:
        item = fields.find(here.known().catalogue, read_linked(on), name)
        held = here.do(fields.count_values(here.engine, item))
        if held:
            lost = [f'{fields.label(item)} of {held} records; adding it again gathers what the log still holds']
            confirm(here.engine.database.url, database, 'Values will be forgotten', lost, as_json=as_json)
        outcome = here.act('field.remove', linked=read_linked(on), machine_name=name)
    if as_json:
        return print_json(outcome)
    say(outcome['notes'][0])


def export_fields(file: Annotated[Path, typer.Argument(metavar='FILE', help='"-" prints it.')]) -> None:
    """Write the catalogue as TOML."""
    from hermes.cli.session import session
    from hermes.cli.setup_files import field_table, save_text, write_toml

    with session(contact=False) as here:
        custom = here.known().catalogue.custom
        text = write_toml({'field': [field_table(item) for item in custom]})
        if str(file) == '-':
            return say(text, end='')
        save_text(file, text)
        say(f'{len(custom)} fields are in {file}')


def import_file(file: File, as_json: JsonFlag = False) -> None:
    """Take over fields: a TOML file of `fields export`, or the field_mappings_override.py of an older version (read as
    literals, never executed).
    """
    from hermes.cli.imports import import_fields
    from hermes.cli.session import session
    from hermes.cli.setup_files import import_mapping, read_toml

    with session(contact=False) as here:
        _contact(here)
        if file.suffix == '.py':
            from hermes.db.catalogue import ensure_defaults

            here.do(_in_transaction(here, ensure_defaults))
            lines = import_mapping(here, file)
        else:
            lines = import_fields(here, file, read_toml(file))
    if as_json:
        return print_json(lines)
    for line in lines or ['nothing changed']:
        say(line)


async def _in_transaction(here: 'Session', act: Any) -> None:
    async with here.engine.database.transaction() as connection:
        await act(connection)


COMMANDS = {
    'list': list_fields,
    'add': add_field,
    'change': change_field,
    'remove': remove_field,
    'export': export_fields,
    'import': import_file,
}
