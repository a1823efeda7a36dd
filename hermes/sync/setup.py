"""Setting an installation up from plain data: admins, entry stages, which pipeline serves which plan (SETUP-1,
SETUP-3).

Everything is written by acts, so the log tells it; what is set already is left alone, so that it can run again.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from hermes.db import heartbeats
from hermes.domain.acts import Act, SaveAdmin, SetEntryStage, SetSetting
from hermes.domain.model import RemoteRef
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CRM
from hermes.sync.acts.commands import SETUP, carry_out
from hermes.sync.acts.scope import OPERATOR
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
KNOWN_BY = ('email', 'tc2_admin_id', 'pd_owner_id')
"""By which an admin of the demo is known again, whatever of it a person has changed."""


async def act(engine: Engine, act: Act, by: str = SETUP) -> Mapping[str, Any]:
    """Carry out one act of set-up; what it did. Raises Refused."""
    return (await carry_out(engine, act, source=OPERATOR, by=by)).outcome


async def set_up(engine: Engine, admins: Sequence[Mapping[str, Any]], entries: Mapping[str, tuple[int, int]]) -> None:
    """Write the admins that nobody knows yet, and for each plan the setting and the entry stage that are not set:
    `entries` names pipeline and stage by their ids in the CRM. Names play no part, since people change them; what is
    not there any more is said and left to them.
    """
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    taken = {(key, _plain(record.fields.get(key))) for record in known.directory.admins.values() for key in KNOWN_BY}
    for admin in admins:
        if not any(admin.get(key) and (key, _plain(admin[key])) in taken for key in KNOWN_BY):
            await act(engine, SaveAdmin(dict(admin)))
    for plan, (pipeline, stage) in entries.items():
        await _enter(engine, plan, RemoteRef(CRM, 'pipeline', str(pipeline)), RemoteRef(CRM, 'stage', str(stage)))


async def choose_default_sales_person(engine: Engine, email: str) -> None:
    """Whom a client without a sales person of ours gets (D-16), if nobody was chosen yet."""
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    chosen = next((each.ref.id for each in known.directory.admins.values() if each.fields.get('email') == email), None)
    if chosen is not None and known.settings.get('default_sales_person_id') is None:
        await act(engine, SetSetting('default_sales_person_id', chosen))


async def finish(engine: Engine) -> None:
    """The set-up of the demo is over, however far it came: what comes in is applied from now on."""
    async with engine.database.transaction() as connection:
        await heartbeats.beat(connection, heartbeats.SET_UP, timedelta(days=36_500))


async def is_finished(engine: Engine) -> bool:
    """Whether the set-up of the demo is over, by whichever worker."""
    async with engine.database.transaction() as connection:
        return await heartbeats.is_known(connection, heartbeats.SET_UP)


def _plain(value: Any) -> Any:
    return fold_email(value) if isinstance(value, str) else value


async def _enter(engine: Engine, plan: str, pipeline: RemoteRef, stage: RemoteRef) -> None:
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    links, key = known.directory.links, f'{plan}_pipeline_id'
    found = known.directory.pipelines.get(links[pipeline].id) if pipeline in links else None
    if found is None or found.fields.get('archived'):
        log.warning('a pipeline of the demo is not there any more: choose with "hermes setup pipelines"', plan=plan)
        return
    if found.fields.get('dft_entry_stage_id') is None and stage in links:
        await act(engine, SetEntryStage(found.ref.id, links[stage].id))
    if known.settings.get(key) is None:
        await act(engine, SetSetting(key, found.ref.id))
