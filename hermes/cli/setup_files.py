"""Set-ups as files (SETUP-10): everything that a person chose, as TOML with the CRM's ids and without any secret; and
the mapping files of older versions, read as literals and never run.
"""

import ast
import json
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes.domain.errors import Refused
from hermes.kit.spelling import fold_email

if TYPE_CHECKING:
    from hermes.cli.setup_desk import Desk
    from hermes.domain.fields import CustomField

FIELD_KEYS = (
    'linked_object_type', 'machine_name', 'name', 'field_type', 'hermes_field_name', 'tc2_machine_name', 'pd_field_id',
    'policy',
)  # fmt: skip
MAPS = {'COMPANY_PD_FIELD_MAP': 'Company', 'CONTACT_PD_FIELD_MAP': 'Contact', 'DEAL_PD_FIELD_MAP': 'Deal'}
MOST_BYTES = 2_000_000
PRIVATE = 0o600


def write_toml(tables: Mapping[str, Any]) -> str:
    """Plain tables (dict) and lists of tables (list of dict) as TOML; None is left out."""
    parts = []
    for name, told in tables.items():
        for entry in told if isinstance(told, list) else [told]:
            parts.append(f'[[{name}]]' if isinstance(told, list) else f'[{name}]')
            parts += [f'{key} = {_literal(value)}' for key, value in entry.items() if value is not None]
            parts.append('')
    return '\n'.join(parts)


def _literal(value: Any) -> str:
    """JSON's texts, numbers and truths are TOML's too. What cannot be seen is escaped, in the one form that TOML has
    for every character.
    """
    if isinstance(value, Mapping):
        return f'{{{", ".join(f"{_literal(key)} = {_literal(told)}" for key, told in value.items())}}}'
    if isinstance(value, list):
        return f'[{", ".join(_literal(each) for each in value)}]'
    told = json.dumps(value, ensure_ascii=False)
    return ''.join(mark if mark.isprintable() else f'\\U{ord(mark):08X}' for mark in told)


def read_toml(path: Path) -> dict[str, Any]:
    """Raises Refused."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f'{path} is no TOML: {error}.') from None


def read_text(path: Path) -> str:
    """Raises Refused."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f'{path} is too large for a set-up.')
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, 'strerror', None) or 'it is no text'
        raise Refused(f'{path} cannot be read: {why}.') from None


def save_text(path: Path, text: str) -> None:
    """A file that only this user can read, since it may name people. Raises Refused."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), 'w', encoding='utf-8') as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                os.fchmod(file.fileno(), PRIVATE)
            file.write(text)
    except OSError as error:
        raise Refused(f'{path} cannot be written: {error.strerror}.') from None


def read_mapping(path: Path) -> dict[tuple[str, str], str]:
    """(type, machine name) -> field id, out of a `field_mappings_override.py`. Nothing in it is executed: the maps
    have to be literal dicts of texts. Raises Refused.
    """
    try:
        tree = ast.parse(read_text(path), filename=str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f'{path} is no Python: {getattr(error, "msg", "it cannot be parsed")}.') from None
    found: dict[tuple[str, str], str] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names = [target.id for target in targets if isinstance(target, ast.Name) and target.id in MAPS]
        if names:
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            found |= {(MAPS[names[0]], key): code for key, code in _literal_map(node.value, path).items()}
    if not found:
        raise Refused(f'{path} holds none of {", ".join(MAPS)}.')
    return found


def _literal_map(value: ast.expr | None, path: Path) -> dict[str, str]:
    line = getattr(value, 'lineno', 1)
    try:
        told = ast.literal_eval(value) if value is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        told = None
    if not isinstance(told, dict) or not all(isinstance(each, str) for pair in told.items() for each in pair):
        raise Refused(f'{path}, line {line}: only a plain dict of texts is read here, nothing is executed.')
    return {key.strip(): code.strip() for key, code in told.items() if code.strip()}


def export_setup(desk: 'Desk') -> str:
    """Settings, pipelines with entry stages, admins and fields, as TOML."""
    from hermes.domain.config import KEYS

    known = desk.known()
    links = {record: ref.remote_id for ref, record in known.directory.links.items()}
    remote = {(record.type, record.id): code for record, code in links.items()}
    emails = {number: admin.fields.get('email') for number, admin in known.directory.admins.items()}
    settings: dict[str, Any] = {}
    for name, value in sorted(known.settings.items()):
        key = KEYS.get(name)
        if key is None or value is None:
            continue
        settings[name] = (
            int(remote[('pipeline', value)]) if key.type == 'pipeline' and ('pipeline', value) in remote
            else emails.get(value) if key.type == 'admin' else value if key.type != 'pipeline' else None
        )  # fmt: skip
    pipelines = []
    for number, pipeline in sorted(known.directory.pipelines.items()):
        stage = known.directory.stages.get(pipeline.fields.get('dft_entry_stage_id') or 0)
        if ('pipeline', number) not in remote or pipeline.fields.get('archived'):
            continue
        pipelines.append(
            {
                'pd_pipeline_id': int(remote['pipeline', number]),
                'name': pipeline.fields.get('name'),
                'entry_pd_stage_id': int(remote['stage', stage.ref.id]) if stage else None,
                'entry_stage': stage.fields.get('name') if stage else None,
            }
        )
    admins = [dict(admin.fields) for _, admin in sorted(known.directory.admins.items())]
    fields = [field_table(item) for item in known.catalogue.custom]
    return write_toml({'settings': settings, 'pipeline': pipelines, 'admin': admins, 'field': fields})


def field_table(item: 'CustomField') -> dict[str, Any]:
    """What of a field a person chose; empty texts are left out."""
    return {key: getattr(item, key) or None for key in FIELD_KEYS}


def import_setup(desk: 'Desk', told: Mapping[str, Any]) -> list[str]:
    """Write what a file says, each part an act of its own; what stands already is left. Says what it did."""
    lines = import_fields(desk, told.get('field', []))
    standing = [dict(admin.fields) for admin in desk.known().directory.admins.values()]
    for admin in _tables(told, 'admin'):
        if any(admin.items() <= each.items() for each in standing):
            continue
        outcome = desk.act('admin.save', fields=dict(admin))
        lines.append(f'admin {admin.get("email")} (ID: {outcome["id"]})')
    remote = {(ref.type, ref.remote_id): record.id for ref, record in desk.known().directory.links.items()}
    for line in _tables(told, 'pipeline'):
        pipeline = remote.get(('pipeline', str(line.get('pd_pipeline_id'))))
        stage = remote.get(('stage', str(line.get('entry_pd_stage_id'))))
        if pipeline is None or (line.get('entry_pd_stage_id') and stage is None):
            raise Refused(
                f'This account has no pipeline {line.get("pd_pipeline_id")} with that stage: another account?'
            )
        entry = desk.known().directory.pipelines[pipeline].fields.get('dft_entry_stage_id')
        if stage is not None and stage != entry:
            desk.act('pipeline.entry', pipeline=pipeline, stage=stage)
            lines.append(f'{line.get("name")} enters at {line.get("entry_stage")}')
    lines += _import_settings(desk, told.get('settings', {}), remote)
    return lines


def _import_settings(desk: 'Desk', told: Any, remote: Mapping[tuple[str, str], int]) -> list[str]:
    from hermes.domain.config import KEYS, check, find_key

    if not isinstance(told, dict):
        raise Refused('The part [settings] is no table.')
    emails = {
        fold_email(str(admin.fields.get('email'))): number for number, admin in desk.known().directory.admins.items()
    }
    lines = []
    for name, written in told.items():
        key = KEYS[find_key(name).name]
        value = written
        if key.type == 'pipeline':
            value = remote.get(('pipeline', str(written)))
        elif key.type == 'admin':
            value = emails.get(fold_email(str(written)))
        if value is None:
            raise Refused(f'{name}: this installation has no {key.type} {written}.')
        if desk.known().settings.get(key.name) == value:
            continue
        desk.act('setting.set', key=key.name, value=check(key, value))
        lines.append(f'{name} = {written}')
    return lines


def _tables(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Refused(f'The part [[{name}]] is no list of tables.')
    return found


def import_fields(desk: 'Desk', tables: Any) -> list[str]:
    """Fields out of a file: new ones are added, known ones changed where the file says otherwise."""
    from hermes.sync import cataloguing

    lines = []
    for item in sorted(read_fields(tables), key=lambda item: item.inherited):
        known = desk.known().catalogue
        old = next((each for each in known.custom if _key(each) == _key(item)), None)
        crm = desk.engine.systems.get('pipedrive')
        if old is None:
            desk.do(cataloguing.add(desk.engine, item, crm, create=False))
            lines.append(f'{item.linked_object_type} field {item.machine_name}: added')
            continue
        to = {
            key: getattr(item, key)
            for key in FIELD_KEYS
            if getattr(item, key) != getattr(old, key) and not (key in ('pd_field_id', 'name') and not item.pd_field_id)
        }
        if 'pd_field_id' not in to:
            to.pop('name', None)
        if to:
            desk.do(cataloguing.change(desk.engine, *_key(old), to, crm))
            lines.append(f'{item.linked_object_type} field {item.machine_name}: {", ".join(to)}')
    return lines


def _key(item: 'CustomField') -> tuple[str, str]:
    return item.linked_object_type, item.machine_name


def read_fields(tables: Any) -> Iterable['CustomField']:
    """Tables as fields. Raises Refused."""
    from hermes.domain.fields import CustomField

    if not isinstance(tables, list):
        raise Refused('The part [[field]] is no list of tables.')
    for table in tables:
        unknown = set(table) - set(FIELD_KEYS) if isinstance(table, dict) else {'no table'}
        if unknown:
            raise Refused(f'A field has {", ".join(FIELD_KEYS)}; {", ".join(sorted(unknown))} is none of them.')
        try:
            yield CustomField(**{'name': table.get('machine_name', ''), **table})
        except TypeError:
            raise Refused('A field needs at least linked_object_type, machine_name and field_type.') from None


def import_mapping(desk: 'Desk', path: Path) -> list[str]:
    """Bind the catalogue to the ids of an older mapping file; names that no field of ours has are said."""
    from hermes.sync import cataloguing

    told = read_mapping(path)
    by_key = {_key(item): item for item in desk.known().catalogue.custom}
    aliases = {'estimated_monthly_income': 'estimated_income'}
    ids: list[list[str]] = []
    unknown: list[list[str]] = []
    for (linked, name), code in told.items():
        ours = (linked, name if (linked, name) in by_key else aliases.get(name, name))
        (ids if ours in by_key else unknown).append([*ours, code])
    outcome = desk.act('fields.bind', ids=ids)
    crm = desk.engine.systems.get('pipedrive')
    for record_type in ('company', 'contact', 'deal') if crm else ():
        desk.do(cataloguing.look(desk.engine, desk.crm, record_type))
    if crm:
        desk.do(cataloguing.push_out(desk.engine, {'company', 'contact', 'deal'}))
    lines = list(outcome['notes'])
    after = {_key(item): item for item in desk.known().catalogue.custom}
    lines += [
        f'{linked}.{name}: {after[linked, name].problem}' for linked, name, _ in ids if after[linked, name].problem
    ]
    return lines + [
        f'{linked}.{name} is no field of the catalogue: see "hermes fields add"' for linked, name, _ in unknown
    ]
