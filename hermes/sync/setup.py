"""Setting an installation up from plain data: admins, entry stages, which pipeline serves which plan (SETUP-1,
SETUP-3).

Everything is written by acts, so the log tells it; what is set already is left alone, so that it can run again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hermes.db import events
from hermes.db.catalogue import Knowledge
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.kit.spelling import fold_email
from hermes.sync import acts, dirty
from hermes.sync.engine import Engine

PLANS = ('payg', 'startup', 'enterprise')


Wanted = Callable[[Knowledge], Mapping[str, Any]]
"""An act that follows from what is known when its turn comes."""


async def act(engine: Engine, told: Mapping[str, Any]) -> dict[str, Any]:
    """Store one act and apply it in the same transaction. Raises Refused."""
    [outcome] = await act_together(engine, [lambda known: told])
    return outcome


async def act_together(engine: Engine, wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
    """Store and apply acts one after the other in one transaction: all of them or none. Raises Refused."""
    outcomes = []
    async with engine.database.transaction() as connection:
        for each in wanted:
            told = each(await engine.known(connection))
            event = await events.add(connection, 'operator', 'act', json.dumps(told).encode(), headers={'by': 'set-up'})
            known = await engine.known(connection)
            outcome = await acts.apply_act(connection, event, known, engine.context(event, known))
            if outcome.get('dirty'):
                await dirty.replan(engine, connection, {RecordRef(*ref) for ref in outcome['dirty']}, event)
            await events.finish(connection, [(event.id, [outcome])])
            outcomes.append(outcome)
    return outcomes


async def set_up(engine: Engine, admins: Sequence[Mapping[str, Any]], entry_stages: Mapping[str, str]) -> None:
    """Write admins (known by e-mail), and for each pipeline name its entry stage's name and, where the name is a
    plan's, the setting.
    """
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    emails = {fold_email(str(admin.fields.get('email'))) for admin in known.directory.admins.values()}
    for admin in admins:
        if fold_email(str(admin['email'])) not in emails:
            await act(engine, {'act': 'admin.save', 'fields': dict(admin)})
    for name, stage_name in entry_stages.items():
        await _enter(engine, name, stage_name)


async def _enter(engine: Engine, name: str, stage_name: str) -> None:
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    pipelines = [
        record
        for record in known.directory.pipelines.values()
        if record.fields.get('name') == name and not record.fields.get('archived')
    ]
    if len(pipelines) != 1:
        raise Refused(f'The CRM has {len(pipelines)} pipelines called {name}; one is needed.')
    pipeline = pipelines[0]
    stages = [
        stage
        for stage in known.directory.stages.values()
        if stage.fields.get('name') == stage_name and stage.fields.get('pipeline_id') == pipeline.ref.id
    ]
    if pipeline.fields.get('dft_entry_stage_id') is None and stages:
        await act(engine, {'act': 'pipeline.entry', 'pipeline': pipeline.ref.id, 'stage': stages[0].ref.id})
    key = f'{name.lower()}_pipeline_id'
    if name.lower() in PLANS and known.settings.get(key) is None:
        await act(engine, {'act': 'setting.set', 'key': key, 'value': pipeline.ref.id})
