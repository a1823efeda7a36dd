"""Set-ups as files (SETUP-10): everything that a person chose, as TOML with the CRM's ids and without any secret; and
the mapping files of older versions, read as literals and never run.
"""

import ast
import json
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes.domain.errors import Refused
from hermes.domain.record_types import FIELDED
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.cli.session import Session
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


def export_setup(session: 'Session') -> str:
    """Settings, pipelines with entry stages, admins and fields, as TOML."""
    from hermes.domain.config import KEYS

    known = session.known()
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


def import_mapping(session: 'Session', path: Path) -> list[str]:
    """Bind the catalogue to the ids of an older mapping file; names that no field of ours has are said."""
    from hermes.sync import cataloguing
    from hermes.sync.acts.fields import key_of

    told = read_mapping(path)
    by_key = {key_of(item): item for item in session.known().catalogue.custom}
    aliases = {'estimated_monthly_income': 'estimated_income'}
    ids: list[list[str]] = []
    unknown: list[list[str]] = []
    for (linked, name), code in told.items():
        ours = (linked, name if (linked, name) in by_key else aliases.get(name, name))
        (ids if ours in by_key else unknown).append([*ours, code])
    outcome = session.act('fields.bind', ids=ids)
    crm = session.engine.systems.get(CRM)
    for record_type in FIELDED if crm else ():
        session.do(cataloguing.look(session.engine, session.crm, record_type))
    if crm:
        session.do(cataloguing.push_out(session.engine, {*FIELDED}))
    lines = list(outcome['notes'])
    after = {key_of(item): item for item in session.known().catalogue.custom}
    lines += [
        f'{linked}.{name}: {after[linked, name].problem}' for linked, name, _ in ids if after[linked, name].problem
    ]
    return lines + [
        f'{linked}.{name} is no field of the catalogue: see "hermes fields add"' for linked, name, _ in unknown
    ]
