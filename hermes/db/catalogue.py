"""What everybody reads: the field catalogue, the settings, the directory of admins, pipelines and stages.

Cached per process by revision: a number, and the transaction that wrote it. A writer bumps the revision in its own
transaction, so that every worker sees a change with its next batch (FIELD-8), and what was read in a transaction that
was taken back is never taken for what another one commits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hermes.db.codec import dump, read_record
from hermes.db.pool import Connection
from hermes.domain.fields import Catalogue, CustomField, default_catalogue
from hermes.domain.graph import Directory
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.record_types import IN_CRM, SHARED
from hermes.parts.roles import CRM

CURRENCY: Final = 'crm_currency'
"""The setting that holds what the CRM itself told: nobody sets it."""


@dataclass(frozen=True)
class Knowledge:
    """One consistent view of it all."""

    catalogue: Catalogue
    settings: Mapping[str, Any]
    directory: Directory
    revision: tuple[tuple[int, str], ...]
    erased: Mapping[str, RecordRef] = field(default_factory=dict)
    """By keyed hash whose it was (S10); empty where nobody was erased."""


class KnowledgeCache:
    """The newest knowledge, read again only when a revision moved."""

    def __init__(self) -> None:
        self._known: Knowledge | None = None

    async def get(self, connection: Connection) -> Knowledge:
        rows = await connection.execute('select number, xmin::text as writer from revision order by name')
        revision = tuple((row['number'], row['writer']) for row in await rows.fetchall())
        if self._known is None or self._known.revision != revision:
            self._known = Knowledge(
                await load_catalogue(connection, revision[0][0]),
                await load_settings(connection),
                await load_directory(connection),
                revision,
                await load_erased(connection),
            )
        return self._known


async def bump(connection: Connection, name: str) -> None:
    """Say that 'catalogue', 'setting' or 'directory' (whom nobody takes in any more, too) changed."""
    await connection.execute('update revision set number = number + 1 where name = %s', (name,))


async def load_catalogue(connection: Connection, version: int = 0) -> Catalogue:
    """Every custom field, in a stable order."""
    rows = await connection.execute('select * from custom_field order by linked_object_type, machine_name')
    custom = tuple(CustomField(**row) for row in await rows.fetchall())
    row = await (await connection.execute('select value from setting where key = %s', (CURRENCY,))).fetchone()
    return Catalogue(custom, version, str(row['value'] or '') if row else '')


async def keep_currency(connection: Connection, currency: str) -> None:
    """Remember the currency of the CRM's account."""
    if (await load_catalogue(connection)).currency != currency:
        await save_setting(connection, CURRENCY, currency)
        await bump(connection, 'catalogue')


async def save_field(connection: Connection, item: CustomField) -> None:
    """Write one custom field (insert or update by type and machine name)."""
    await connection.execute(
        'insert into custom_field (linked_object_type, machine_name, name, field_type, hermes_field_name, '
        'tc2_machine_name, pd_field_id, policy, '
        'remote_type, options, problem) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) '
        'on conflict (linked_object_type, machine_name) do update set name = excluded.name, field_type = '
        'excluded.field_type, '
        'hermes_field_name = excluded.hermes_field_name, tc2_machine_name = excluded.tc2_machine_name, pd_field_id = '
        'excluded.pd_field_id, '
        'policy = excluded.policy, remote_type = excluded.remote_type, options = excluded.options, problem = '
        'excluded.problem',
        (
            item.linked_object_type, item.machine_name, item.name, item.field_type, item.hermes_field_name,
            item.tc2_machine_name,
            item.pd_field_id, item.policy, item.remote_type, dump(dict(item.options)), item.problem,
        ),
    )  # fmt: skip


async def drop_field(connection: Connection, item: CustomField) -> None:
    """Take one custom field out of the catalogue."""
    await connection.execute(
        'delete from custom_field where linked_object_type = %s and machine_name = %s',
        (item.linked_object_type, item.machine_name),
    )


async def count_held(connection: Connection, record_type: str, attribute: str) -> int:
    """How many records of a type hold a run-time value of this name."""
    rows = await connection.execute(
        f"select count(*) as held from {record_type} where nullif(extra -> %s, 'null') is not null", (attribute,)
    )
    row = await rows.fetchone()
    return row['held'] if row else 0


async def forget_values(connection: Connection, record_type: str, attribute: str, *, system: str = '') -> None:
    """Drop what the remote objects of a type said about an attribute (those of one system, or of all), and the
    run-time value of its records, decrees too. What Hermes itself sent is remembered: it stays no person's edit.
    """
    await connection.execute(f'update {record_type} set extra = extra - %s where extra ? %s', (attribute, attribute))
    if not system:
        await connection.execute(
            f"update {record_type} set claims = claims #- array['decree', %s] where claims -> 'decree' ? %s",
            (attribute, attribute),
        )
    await connection.execute(
        'update mirror m set runs = runs - %(name)s from link l where l.system = m.system and l.type = m.type and '
        'l.remote_id = m.remote_id and l.record_type = %(type)s and m.runs ? %(name)s and '
        '%(system)s in (m.system, %(any)s)',
        {'name': attribute, 'type': record_type, 'system': system, 'any': ''},
    )


async def forget_field(connection: Connection, item: CustomField) -> None:
    """Drop what the CRM's objects said under a field's attribute, and what Hermes sent there: it is another field of
    theirs from now on.
    """
    await connection.execute(
        'update mirror set runs = runs - %(name)s, sent = sent - %(name)s '
        'where system = %(system)s and type = %(type)s and (runs ? %(name)s or sent ? %(name)s)',
        {'name': item.attribute, 'system': CRM, 'type': IN_CRM.get(item.record_type)},
    )


async def ensure_defaults(connection: Connection) -> None:
    """Fill an empty catalogue with the default fields (D-5)."""
    await connection.execute("select number from revision where name = 'catalogue' for update")
    row = await (await connection.execute('select count(*) as n from custom_field')).fetchone()
    if row is not None and row['n'] == 0:
        for item in default_catalogue().custom:
            await save_field(connection, item)
        await bump(connection, 'catalogue')


async def load_settings(connection: Connection) -> dict[str, Any]:
    """The settings that people change at run time (`hermes config`); one that was taken back is not among them."""
    rows = await connection.execute("select key, value from setting where value <> 'null' and key <> %s", (CURRENCY,))
    return {row['key']: row['value'] for row in await rows.fetchall()}


async def save_setting(connection: Connection, key: str, value: Any) -> None:
    """Write one setting."""
    await connection.execute(
        'insert into setting (key, value) values (%s, %s) on conflict (key) do update set value = excluded.value',
        (key, dump(value)),
    )
    await bump(connection, 'setting')


async def load_erased(connection: Connection) -> dict[str, RecordRef]:
    """What must not come in again (S10), by keyed hash."""
    rows = await connection.execute('select hash, record_type, record_id from erased')
    return {row['hash']: RecordRef(row['record_type'], row['record_id']) for row in await rows.fetchall()}


async def load_directory(connection: Connection) -> Directory:
    """Admins, pipelines, stages and their links."""
    admins = {
        row['id']: read_record('admin', row)
        for row in await (await connection.execute('select * from admin')).fetchall()
    }
    pipelines = {
        row['id']: read_record('pipeline', row)
        for row in await (await connection.execute('select * from pipeline')).fetchall()
    }
    stages = {
        row['id']: read_record('stage', row)
        for row in await (await connection.execute('select * from stage')).fetchall()
    }
    rows = await connection.execute('select * from link where record_type = any(%s)', (list(SHARED),))
    links = {
        RemoteRef(row['system'], row['type'], row['remote_id']): RecordRef(row['record_type'], row['record_id'])
        for row in await rows.fetchall()
    }
    by_tc2 = {
        admin.fields['tc2_admin_id']: number for number, admin in admins.items() if admin.fields.get('tc2_admin_id')
    }
    by_owner = {
        admin.fields['pd_owner_id']: number
        for number, admin in admins.items()
        if (admin.fields.get('pd_owner_id') or 0) > 0
    }
    return Directory(admins, by_tc2, by_owner, pipelines, stages, links)
