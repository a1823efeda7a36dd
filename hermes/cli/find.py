"""`hermes find`: who and what a text may mean, wherever it stands."""

from typing import Annotated

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows

COLUMNS = [
    Column('what', 'WHAT'), Column('title', 'NAME'), Column('hits', 'FOUND IN'), Column('links', 'ELSEWHERE'),
]  # fmt: skip


def find(
    text: Annotated[list[str], typer.Argument(metavar='TEXT', help='A name, an e-mail, a phone number, an id.')],
    deleted: Annotated[bool, typer.Option('--deleted', help='Also what was deleted.')] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Find records and events by a name, an e-mail address, a phone number or an id, wherever it stands."""
    from hermes.cli.database import reading
    from hermes.cli.naming import canonical
    from hermes.db.reads.search import search

    with reading() as connection:
        found = search(connection, canonical(' '.join(text)), deleted=deleted, limit=limit)
    if as_json:
        return print_json(found)
    lines = [
        {
            'what': item['id'] if item['type'] == 'remote object' else f'{item["type"]}:{item["id"]}',
            'title': f'{item["title"] or ""}{" (deleted)" if item["deleted"] else ""}',
            'hits': ', '.join(dict.fromkeys(item['hits'])),
            'links': ', '.join(item['links']),
        }
        for item in found
    ]
    print_rows(COLUMNS, lines, empty='nothing is found')
