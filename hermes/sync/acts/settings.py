"""Acts on the Config: a setting, and the stage at which a pipeline's deals begin (SETUP-1)."""

from dataclasses import replace

from hermes.db import graphs
from hermes.db.catalogue import bump, save_setting
from hermes.domain.acts import SetEntryStage, SetSetting
from hermes.domain.config import KEYS, check, check_day
from hermes.domain.errors import Refused
from hermes.domain.graph import Graph
from hermes.domain.model import Change
from hermes.sync.acts import steps
from hermes.sync.acts.scope import Outcome, Scope


async def set_setting(scope: Scope, act: SetSetting) -> Outcome:
    """Raises Refused for an unknown key, or a value that it cannot have."""
    if act.key not in KEYS:
        raise Refused(f'There is no setting {act.key}.')
    value = check(KEYS[act.key], act.value)
    settings = {**scope.known.settings, act.key: value}
    check_day(settings.get('meeting_min_start'), settings.get('meeting_max_end'))
    await save_setting(scope.connection, act.key, value)
    back = steps.setting(act.key, scope.known.settings.get(act.key))
    return {'notes': [f'{act.key} = {act.value}'], 'undo': [back]}


async def set_entry_stage(scope: Scope, act: SetEntryStage) -> Outcome:
    """A pipeline's own stages count only."""
    pipeline = scope.known.directory.pipelines.get(act.pipeline)
    stage = scope.known.directory.stages.get(act.stage)
    if pipeline is None or stage is None or stage.fields.get('pipeline_id') != pipeline.ref.id:
        raise Refused(f'Stage {act.stage} is no stage of pipeline {act.pipeline}.')
    old = pipeline.fields.get('dft_entry_stage_id')
    graph = Graph()
    graph.put_record(replace(pipeline, fields={**pipeline.fields, 'dft_entry_stage_id': stage.ref.id}))
    change = Change(pipeline.ref, 'dft_entry_stage_id', old, stage.ref.id, 'operator', 'SETUP-1')
    await graphs.commit(scope.connection, graph, graphs.Effects.of([change], scope.event.id), scope.event)
    await bump(scope.connection, 'directory')
    back = [steps.entry(pipeline.ref.id, old)] if old not in (None, stage.ref.id) else []
    return {'notes': [f'pipeline {pipeline.ref.id} enters at stage {stage.ref.id}'], 'undo': back}
