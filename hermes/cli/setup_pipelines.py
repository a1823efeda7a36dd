"""`hermes setup pipelines`: which pipeline serves which plan, and where deals enter each of them (SETUP-1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, read_known, read_one, table
from hermes.domain.errors import Refused

PLANS = {'payg': 'PAYG', 'startup': 'Startup', 'enterprise': 'Enterprise'}


@dataclass(frozen=True, slots=True)
class Line:
    """A pipeline or a stage: our id, the CRM's, its name."""

    id: int
    remote_id: str
    name: str


def set_up_pipelines(
    session: Session, answers: Answers, plans: Mapping[str, str | None], entries: Sequence[str] = ()
) -> None:
    """Ask for what is not set; `plans`: plan -> pipeline, `entries`: 'PIPELINE=STAGE', each by name or CRM id."""
    pipelines = read_pipelines(session)
    if not pipelines:
        raise Refused('The CRM has no pipeline: make one there first, then say this again.')
    show_pipelines(session, pipelines)
    given = dict(_split(entry) for entry in entries)
    _check_entries(given, pipelines)
    for line in pipelines:
        _choose_entry(session, answers, line, given.get(line.name.casefold(), given.get(line.remote_id)))
    for plan, title in PLANS.items():
        _choose_plan(session, answers, pipelines, plan, title, plans.get(plan))
    done('Pipelines are set up!')


def read_pipelines(session: Session) -> list[Line]:
    """The pipelines that stand in the CRM, in its order."""
    known = session.known().directory
    return _lines(known.links, 'pipeline', {ref: record.fields for ref, record in known.pipelines.items()})


def read_stages(session: Session, pipeline: int) -> list[Line]:
    """The stages of one pipeline, and only these."""
    known = session.known().directory
    stages = {
        ref: record.fields for ref, record in known.stages.items() if record.fields.get('pipeline_id') == pipeline
    }
    return _lines(known.links, 'stage', stages)


def _lines(links: Mapping, kind: str, fields: Mapping) -> list[Line]:  # type: ignore[type-arg]
    found = [
        Line(record.id, ref.remote_id, str(fields[record.id].get('name') or ''))
        for ref, record in links.items()
        if record.type == kind and record.id in fields and not fields[record.id].get('archived')
    ]
    return sorted(found, key=lambda line: int(line.remote_id))


def show_pipelines(session: Session, pipelines: Sequence[Line]) -> None:
    known = session.known()
    serves = {known.settings.get(f'{plan}_pipeline_id'): title for plan, title in PLANS.items()}
    rows = []
    for at, line in enumerate(pipelines, 1):
        entry = known.directory.pipelines[line.id].fields.get('dft_entry_stage_id')
        stage = known.directory.stages.get(entry or 0)
        rows.append(
            {
                'at': at,
                'name': line.name,
                'remote': line.remote_id,
                'entry': stage.fields.get('name') if stage else None,
                'plan': serves.get(line.id),
            }
        )
    columns = [('at', 'Index'), ('name', 'Pipeline'), ('remote', 'PD ID'), ('entry', 'Entry stage'), ('plan', 'Serves')]
    table('Pipelines', columns, rows)


def _split(entry: str) -> tuple[str, str]:
    pipeline, found, stage = entry.partition('=')
    if not found or not pipeline.strip() or not stage.strip():
        raise Refused(f'--entry is PIPELINE=STAGE, not "{entry}".')
    return pipeline.strip().casefold(), stage.strip()


def _check_entries(given: Mapping[str, str], pipelines: Sequence[Line]) -> None:
    names = {line.name.casefold() for line in pipelines} | {line.remote_id for line in pipelines}
    for name in given:
        if name not in names:
            raise Refused(f'--entry: the CRM has no pipeline "{name}".')


def _choose_entry(session: Session, answers: Answers, line: Line, given: str | None) -> None:
    stages = read_stages(session, line.id)
    if not stages:
        say(f'{line.name} has no stages yet, so it has no entry stage.')
        return
    current = session.known().directory.pipelines[line.id].fields.get('dft_entry_stage_id')
    standing = next((stage for stage in stages if stage.id == current), None)
    if given is None and standing and not answers.somebody:
        return
    if given is None and answers.somebody:
        rows = [{'at': at, 'name': stage.name, 'remote': stage.remote_id} for at, stage in enumerate(stages, 1)]
        table(f'Stages of {line.name}', [('at', 'Index'), ('name', 'Stage'), ('remote', 'PD ID')], rows)
    names, ids = [stage.name for stage in stages], [stage.remote_id for stage in stages]
    chosen = answers.ask(
        f'Default entry stage of {line.name} (number, or leave empty to skip)' if standing is None
        else f'Default entry stage of {line.name}',
        lambda text: read_one(text, names),
        flag=f'--entry "{line.name}=STAGE"',
        given=given,
        suggested=standing.name if standing else stages[0].name if answers.yes else '' if answers.somebody else None,
        read_flag=lambda text: read_known(text, f'--entry of {line.name}', names, ids),
    )  # fmt: skip
    if chosen is None:
        say(f'{line.name}: skipped.')
    elif stages[chosen] != standing:
        session.act('pipeline.entry', pipeline=line.id, stage=stages[chosen].id)
        done(f'{line.name}: deals enter at {stages[chosen].name}')


def _choose_plan(
    session: Session, answers: Answers, pipelines: Sequence[Line], plan: str, title: str, given: str | None
) -> None:
    key = f'{plan}_pipeline_id'
    current = session.known().settings.get(key)
    standing = next((line for line in pipelines if line.id == current), None)
    if given is None and standing and not answers.somebody:
        return
    likely = standing or next((line for line in pipelines if plan in line.name.casefold()), None)
    names, ids = [line.name for line in pipelines], [line.remote_id for line in pipelines]
    chosen = answers.ask(
        f'Pipeline for {title} clients (number)',
        lambda text: read_one(text, names),
        flag=f'--{plan} PIPELINE',
        given=given,
        suggested=likely.name if likely else '' if answers.somebody else None,
        read_flag=lambda text: read_known(text, f'--{plan}', names, ids),
    )
    if chosen is None:
        say(f'{title}: skipped; no deal is made for these clients until it is set.')
    elif pipelines[chosen] != standing:
        session.act('setting.set', key=key, value=pipelines[chosen].id)
        done(f'{title} clients: pipeline {pipelines[chosen].name}')
