"""`hermes decisions`: what only a person can decide (MATCH-7, OUT-5, EDIT-3, PD-MERGE-3), and the answer to it."""

from typing import Annotated

import typer

from hermes.cli import acting
from hermes.cli.acting import PreviewFlag
from hermes.cli.output import Column, JsonFlag, print_json, print_pairs, print_rows, say, show
from hermes.domain.errors import Refused

NumberArgument = Annotated[int, typer.Argument(metavar='ID', min=1, max=2**63 - 1, help="The decision's number.")]
COLUMNS = [
    Column('id', 'ID', True), Column('kind', 'KIND'), Column('record', 'RECORD'), Column('company', 'COMPANY'),
    Column('at', 'SINCE'), Column('state', 'STATE'), Column('choices', 'ANSWERS'),
]  # fmt: skip


def list_decisions(
    state: Annotated[str, typer.Option(help='open, settled, or all.')] = 'open',
    kind: Annotated[str, typer.Option(help='Only this kind: match, gone, "fought over", ...')] = '',
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what waits for somebody's decision, newest first."""
    from hermes.cli.database import reading
    from hermes.db.reads import decisions

    with reading() as connection:
        found = decisions.list_decisions(connection, state=state, kind=kind, limit=limit)
    told = [{**item, 'record': _record(item), 'choices': ', '.join(_choices(item['kind']))} for item in found]
    if as_json:
        return print_json(told)
    print_rows(COLUMNS, told, empty='nothing waits for a decision')


def show_decision(number: NumberArgument, as_json: JsonFlag = False) -> None:
    """Show one decision: what is asked, what is known, and what may be answered."""
    from hermes.cli.database import reading
    from hermes.db.reads import decisions

    with reading() as connection:
        item = decisions.read_decision(connection, number)
    choices = _choices(item['kind'])
    if as_json:
        return print_json({**item, 'choices': choices})
    say(f'decision {number}: {show(item["kind"])} ({show(item["state"])})')
    print_pairs(
        [('record', _record(item)), ('since', item['at']), ('event', item['event_id']), *item['detail'].items()]
    )
    if item['state'] == 'open':
        for choice, meaning in choices.items():
            say(f'  hermes decisions settle {number} {choice:<9} {meaning}')


def settle(
    number: NumberArgument,
    choice: Annotated[str, typer.Argument(metavar='CHOICE', help='One of the answers that "show" names.')],
    value: Annotated[
        str, typer.Argument(metavar='[VALUE]', help='The candidate (company:12), or the id in the CRM.')
    ] = '',
    preview: PreviewFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Answer a decision and have it carried out."""
    from hermes.cli.database import writing
    from hermes.db.reads import decisions

    with writing() as connection:
        item = decisions.read_decision(connection, number)
        choices = _choices(item['kind'])
        if item['state'] != 'open':
            raise Refused(f'Decision {number} was settled already: {item["state"]}.')
        if choice not in choices:
            raise Refused(f'Decision {number} ({item["kind"]}) is answered with: {", ".join(choices)}.')
        said = f'decision {number} ({item["kind"]}): {choice}{" " + value if value else ""}'
        answer = decisions.settling_act(item, choice, value)
        if not preview:
            return acting.act(connection, [(said, answer)], as_json)
    acting.preview(answer, as_json)


def _choices(kind: str) -> dict[str, str]:
    from hermes.domain.resolutions import CHOICES, LEAVE

    return dict(CHOICES.get(kind, {'keep': LEAVE}))


def _record(item: dict[str, object]) -> str:
    return f'{item["record_type"]}:{item["record_id"]}' if item['record_type'] else ''


COMMANDS = {'list': list_decisions, 'show': show_decision, 'settle': settle}
