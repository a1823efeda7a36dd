"""Which pipeline serves which plan, and where deals enter each of them (SETUP-1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hermes.db.catalogue import Knowledge
from hermes.db.connections import Connection
from hermes.db.reads.settings import describe, read_settings
from hermes.domain.acts import Act, SetEntryStage, SetSetting
from hermes.domain.config import KEYS, effective
from hermes.domain.errors import Refused
from hermes.setup.findings import Finding
from hermes.sync import setup
from hermes.sync.acts.commands import SETUP
from hermes.sync.engine import Engine

Thing = TypeVar('Thing')
PLANS: Final = {'payg': 'PAYG', 'startup': 'Startup', 'enterprise': 'Enterprise'}


def examine_targets(connection: Connection) -> Iterator[Finding]:
    """The settings that point at a pipeline or an admin: whether each is set, and at something that is there (D-8)."""
    stored = read_settings(connection)
    for key in KEYS.values():
        if key.record_type is None:
            continue
        value = effective(key, stored)
        command = '"hermes setup pipelines"' if key.type == 'pipeline' else f'"hermes config set {key.name} ID"'
        if value is None:
            yield Finding(key.name, 'todo', 'not set', f'run {command}')
            continue
        name, problem = describe(connection, key, value)
        if problem:
            yield Finding(key.name, 'todo', f'{key.type} {value}: {problem}', f'run {command}')
        else:
            said = f'{key.type} {value} ({name})' if key.type == 'pipeline' else f'{key.type} {value}'
            yield Finding(key.name, 'ok', said)


@dataclass(frozen=True, slots=True)
class Line:
    """A pipeline or a stage: our id, the CRM's, its name."""

    id: int
    remote_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline with its stages, and at which of them deals enter, None while nobody has said."""

    line: Line
    stages: tuple[Line, ...]
    entry: Line | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, the pipeline that serves it, and the one that its name suggests."""

    name: str
    title: str
    pipeline: Line | None
    likely: Line | None

    @property
    def setting(self) -> str:
        return f'{self.name}_pipeline_id'


@dataclass(frozen=True, slots=True)
class PipelineOffer:
    """The pipelines that stand in the CRM, in its order, and the plans."""

    pipelines: tuple[Pipeline, ...]
    plans: tuple[Plan, ...]


async def offer_pipelines(engine: Engine) -> PipelineOffer:
    """As they are known; nobody is asked."""
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    directory = known.directory
    pipelines = []
    for line in _lines(known, 'pipeline', directory.pipelines):
        own = {key: one for key, one in directory.stages.items() if one.fields.get('pipeline_id') == line.id}
        stages, entry = _lines(known, 'stage', own), directory.pipelines[line.id].fields.get('dft_entry_stage_id')
        pipelines.append(Pipeline(line, stages, next((stage for stage in stages if stage.id == entry), None)))
    plans = []
    for name, title in PLANS.items():
        current = known.settings.get(f'{name}_pipeline_id')
        standing = next((each.line for each in pipelines if each.line.id == current), None)
        named = next((each.line for each in pipelines if name in each.line.name.casefold()), None)
        plans.append(Plan(name, title, standing, standing or named))
    return PipelineOffer(tuple(pipelines), tuple(plans))


async def choose_pipelines(
    engine: Engine, entries: Mapping[int, int], plans: Mapping[str, int], by: str = SETUP
) -> list[str]:
    """Pipeline -> the stage at which its deals enter, plan -> its pipeline, by our ids; a sentence for each that
    changed. Raises Refused, and nothing was done then, for what is not there, or a stage of another pipeline.
    """
    offer = await offer_pipelines(engine)
    pipelines = {each.line.id: each for each in offer.pipelines}
    acts: list[tuple[str, Act]] = []
    for number, chosen in entries.items():
        one = _there(pipelines, number, 'pipeline')
        stage = _there({each.id: each for each in one.stages}, chosen, f'stage of {one.line.name}')
        if stage != one.entry:
            acts.append((f'{one.line.name}: deals enter at {stage.name}', SetEntryStage(number, chosen)))
    for plan in offer.plans:
        if plan.name in plans:
            line = _there(pipelines, plans[plan.name], 'pipeline').line
            if line != plan.pipeline:
                acts.append((f'{plan.title} clients: pipeline {line.name}', SetSetting(plan.setting, line.id)))
    for _, act in acts:
        await setup.act(engine, act, by)
    return [said for said, _ in acts]


def _there(these: Mapping[int, Thing], number: int, what: str) -> Thing:
    if number not in these:
        raise Refused(f'There is no {what} {number}.')
    return these[number]


def _lines(known: Knowledge, kind: str, records: Mapping[int, Any]) -> tuple[Line, ...]:
    found = [
        Line(record.id, ref.remote_id, str(records[record.id].fields.get('name') or ''))
        for ref, record in known.directory.links.items()
        if record.type == kind and record.id in records and not records[record.id].fields.get('archived')
    ]
    return tuple(sorted(found, key=lambda line: int(line.remote_id)))
