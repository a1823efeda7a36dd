"""`hermes mail`: the letters about calls, and what becomes of one that did not go out."""

from typing import Annotated

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows
from hermes.domain.errors import Refused

LetterNumbers = Annotated[list[int], typer.Argument(metavar='LETTER...', min=1, help='The numbers that "list" shows.')]
COLUMNS = [
    Column('id', 'LETTER', True), Column('kind', 'KIND'), Column('meeting_id', 'BOOKING', True),
    Column('state', 'STATE'), Column('due_at', 'DUE'), Column('sent_at', 'SENT'), Column('attempts', 'TRIES', True),
    Column('reason', 'REASON'),
]  # fmt: skip


def list_letters(
    state: Annotated[
        str, typer.Option(help='due, sent, dropped, parked, or all; without it what did not go out.')
    ] = '',
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List letters, the newest first."""
    from hermes.cli.database import reading
    from hermes.db.reads import letters

    with reading() as connection:
        found = letters.list_letters(connection, state=state, limit=limit)
    if as_json:
        return print_json(found)
    print_rows(COLUMNS, found, empty='no letters')


def retry(numbers: LetterNumbers, as_json: JsonFlag = False) -> None:
    """Send letters again that were refused, or wait for another try."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.db.reads import letters
    from hermes.domain.acts import RetryLetter

    with writing() as connection:
        for number in numbers:
            if (letter := letters.read_letter(connection, number))['state'] not in ('parked', 'due'):
                raise Refused(f'Letter {number} is {letter["state"]}: only one that is parked or due is sent again.')
        act(connection, [(f'retry letter {each}', RetryLetter(each)) for each in numbers], as_json)


def dismiss(
    numbers: LetterNumbers,
    reason: Annotated[str, typer.Option(help='Why, for those who look at it later.')],
    as_json: JsonFlag = False,
) -> None:
    """Put letters away that are not wanted any more."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.db.reads import letters
    from hermes.domain.acts import DismissLetter

    if not reason.strip():
        raise Refused('Say why: --reason "...".')
    with writing() as connection:
        wanted = []
        for number in numbers:
            letter = letters.read_letter(connection, number)
            if letter['state'] not in ('parked', 'due'):
                raise Refused(f'Letter {number} is {letter["state"]}: only one that is parked or due is dismissed.')
            said = f'dismiss letter {number} ({letter["kind"]} of booking {letter["meeting_id"]})'
            wanted.append((said, DismissLetter(number, reason.strip())))
        act(connection, wanted, as_json)


COMMANDS = {'list': list_letters, 'retry': retry, 'dismiss': dismiss}
