"""Existing users, taken over from a file (AU-19): CSV with a heading, or JSON Lines. The same file again changes
nothing; a line that is wrong is told with its number, and the others go on.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from hermes.db import people
from hermes.db.bookings import is_deadlock
from hermes.db.pool import Connection, DatabaseError
from hermes.domain.acts import AddAppUser, DecideAppUser
from hermes.domain.app_user import key_of
from hermes.domain.errors import Refused
from hermes.people.forms import Decided, ImportedUser
from hermes.sync.acts.commands import apply_command
from hermes.sync.engine import Engine

BATCH: Final = 100
TRIES: Final = 5


@dataclass
class Imported:
    """What became of a file: how many were new, known already, and what was refused (line number, why)."""

    made: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def read_lines(text: Iterable[str], name: str) -> Iterator[tuple[int, Any]]:
    """(line number, what it says as a mapping, or a text that says why it cannot be read)."""
    if name.endswith(('.jsonl', '.ndjson', '.json')):
        for number, line in enumerate(text, 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    yield number, 'it is no JSON'
        return
    reader = csv.DictReader(text)
    for row in reader:
        if None in row:
            yield reader.line_num, 'it has more cells than the heading'
        else:
            yield reader.line_num, {name.strip().lower(): _plain(value) for name, value in row.items() if value}


def _plain(value: str) -> str:
    """A cell as it was before it was made safe for spreadsheets."""
    return value[1:] if value.startswith("'") and value[1:2] in '=+-@|%' else value


async def import_users(engine: Engine, lines: Iterable[tuple[int, Any]], *, dry: bool, by: str) -> Imported:
    """Take over every user that can be. `dry`: nothing is kept."""
    done, batch = Imported(), []
    for number, told in lines:
        try:
            batch.append((number, _read(ImportedUser, told)))
        except Refused as error:
            done.refused.append((number, str(error)))
        if len(batch) == BATCH:
            await _take(engine, batch, done, dry=dry, by=by)
            batch.clear()
    await _take(engine, batch, done, dry=dry, by=by)
    return done


def _read(kind: Any, told: Any) -> dict[str, Any]:
    if isinstance(told, str):
        raise Refused(told)
    try:
        return dict(kind.model_validate(told).model_dump(exclude_unset=True))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = '.'.join(str(part) for part in wrong['loc'])
        what = str(wrong['msg']).removeprefix('Value error, ')
        raise Refused(f'{where}: {what}' if where else what) from None


class _DryRun(Exception):
    """Nothing is kept."""


async def _take(engine: Engine, batch: list[tuple[int, dict[str, Any]]], done: Imported, *, dry: bool, by: str) -> None:
    """One transaction for all of them; one that gave way to another import of the same people begins again."""
    for _ in range(TRIES if batch else 0):
        part = Imported()
        try:
            async with engine.database.transaction() as connection:
                await _add(engine, connection, batch, part, by)
                if dry:
                    raise _DryRun
        except _DryRun:
            pass
        except DatabaseError as error:
            if not is_deadlock(error):
                raise
            continue
        done.made, done.known = done.made + part.made, done.known + part.known
        done.refused += part.refused
        return
    if batch:
        raise Refused('Somebody else takes over the same people at this moment; say it again.')


async def _add(
    engine: Engine, connection: Connection, batch: list[tuple[int, dict[str, Any]]], part: Imported, by: str
) -> None:
    for number, told in batch:
        try:
            async with connection.transaction():
                key = key_of(str(told.get('user_id') or ''), str(told['email']))
                was = await people.find_key(connection, key)
                act = AddAppUser(id=await people.claim(connection, key), migrated=True, **told)
                await apply_command(engine, connection, act, by)
            part.made, part.known = part.made + (was is None), part.known + (was is not None)
        except Refused as error:
            part.refused.append((number, str(error)))


async def import_decisions(engine: Engine, lines: Iterable[tuple[int, Any]], *, by: str) -> Imported:
    """AU-11: what people decided, a line each: `id`, `decision` (create, link, skip, retry), `crm_id`, `reason`. The
    same line again changes nothing.
    """
    done = Imported()
    for number, told in lines:
        try:
            row = _read(Decided, told)
            act = DecideAppUser(row['id'], row['decision'], row.get('crm_id', ''), row.get('reason', ''))
            async with engine.database.transaction() as connection:
                await apply_command(engine, connection, act, by)
            done.made += 1
        except Refused as error:
            done.refused.append((number, str(error)))
    return done


def digest(*parts: object) -> bytes:
    """A key under which something is done once."""
    return hashlib.sha256('\x1f'.join(str(part) for part in parts).encode()).digest()[:16]
