"""`hermes setup pipelines`: which pipeline serves which plan, and where deals enter each of them (SETUP-1)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, read_known, read_one, table
from hermes.domain.errors import Refused
from hermes.setup.pipelines import choose_pipelines, offer_pipelines

if TYPE_CHECKING:
    from hermes.setup.pipelines import Line, Pipeline, PipelineOffer, Plan


def set_up_pipelines(
    session: Session, answers: Answers, plans: Mapping[str, str | None], entries: Sequence[str] = ()
) -> None:
    """Ask for what is not set; `plans`: plan -> pipeline, `entries`: 'PIPELINE=STAGE', each by name or CRM id."""
    offer = session.do(offer_pipelines(session.engine))
    if not offer.pipelines:
        raise Refused('The CRM has no pipeline: make one there first, then say this again.')
    _show(offer)
    lines = [each.line for each in offer.pipelines]
    given = dict(_split(entry) for entry in entries)
    _check_entries(given, lines)
    for each in offer.pipelines:
        name = each.line.name.casefold()
        _choose_entry(session, answers, each, given.get(name, given.get(each.line.remote_id)))
    for plan in offer.plans:
        _choose_plan(session, answers, lines, plan, plans.get(plan.name))
    done('Pipelines are set up!')


def _show(offer: 'PipelineOffer') -> None:
    serves = {plan.pipeline: plan.title for plan in offer.plans if plan.pipeline}
    rows = [
        {
            'at': at,
            'name': each.line.name,
            'remote': each.line.remote_id,
            'entry': each.entry.name if each.entry else None,
            'plan': serves.get(each.line),
        }
        for at, each in enumerate(offer.pipelines, 1)
    ]
    columns = [('at', 'Index'), ('name', 'Pipeline'), ('remote', 'PD ID'), ('entry', 'Entry stage'), ('plan', 'Serves')]
    table('Pipelines', columns, rows)


def _split(entry: str) -> tuple[str, str]:
    pipeline, found, stage = entry.partition('=')
    if not found or not pipeline.strip() or not stage.strip():
        raise Refused(f'--entry is PIPELINE=STAGE, not "{entry}".')
    return pipeline.strip().casefold(), stage.strip()


def _check_entries(given: Mapping[str, str], pipelines: 'Sequence[Line]') -> None:
    names = {line.name.casefold() for line in pipelines} | {line.remote_id for line in pipelines}
    for name in given:
        if name not in names:
            raise Refused(f'--entry: the CRM has no pipeline "{name}".')


def _choose_entry(session: Session, answers: Answers, here: 'Pipeline', given: str | None) -> None:
    line, stages, standing = here.line, here.stages, here.entry
    if not stages:
        say(f'{line.name} has no stages yet, so it has no entry stage.')
        return
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
        return say(f'{line.name}: skipped.')
    for said in session.do(choose_pipelines(session.engine, {line.id: stages[chosen].id}, {})):
        done(said)


def _choose_plan(
    session: Session, answers: Answers, pipelines: 'Sequence[Line]', plan: 'Plan', given: str | None
) -> None:
    if given is None and plan.pipeline and not answers.somebody:
        return
    names, ids = [line.name for line in pipelines], [line.remote_id for line in pipelines]
    chosen = answers.ask(
        f'Pipeline for {plan.title} clients (number)',
        lambda text: read_one(text, names),
        flag=f'--{plan.name} PIPELINE',
        given=given,
        suggested=plan.likely.name if plan.likely else '' if answers.somebody else None,
        read_flag=lambda text: read_known(text, f'--{plan.name}', names, ids),
    )
    if chosen is None:
        return say(f'{plan.title}: skipped; no deal is made for these clients until it is set.')
    for said in session.do(choose_pipelines(session.engine, {}, {plan.name: pipelines[chosen].id})):
        done(said)
