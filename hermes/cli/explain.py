"""`hermes explain ID`: what an id in a journal, a log or an answer promises."""

import textwrap
from shutil import get_terminal_size
from typing import Annotated

import typer

from hermes.cli.output import JsonFlag, plain_errors, print_json, say


def explain(
    ids: Annotated[list[str], typer.Argument(metavar='ID...', help='TC-9, MATCH-2, I4; or a group: TC, PD-ORG.')],
    as_json: JsonFlag = False,
) -> None:
    """What an id such as TC-9 or MATCH-2 promises."""
    from hermes.setup.promises import find_promises

    with plain_errors():
        found = [promise for each in ids for promise in find_promises(each)]
    if as_json:
        return print_json([{'id': each.id, 'kind': each.kind, 'page': each.page, **dict(each.told)} for each in found])
    width = min(get_terminal_size().columns, 120)
    for place, promise in enumerate(found):
        if place:
            say()
        say(f'{promise.id}  ({promise.kind}, docs/reference/{promise.page})')
        for title, text in promise.told:
            if text:
                head = f'  {title}: ' if title else '  '
                say(textwrap.fill(f'{head}{text}', max(width, 40), subsequent_indent='    '))
