"""What was kept in files while it could not go where it belongs: the journal that took sign-ups meanwhile (`load-log`),
and answers that the database did not take (`replay-journal`). Loading twice changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hermes.db import people
from hermes.domain.acts import NoteStates
from hermes.domain.app_user import JOURNAL, TARGET
from hermes.domain.errors import Refused
from hermes.domain.model import Event, RecordRef
from hermes.people.importing import digest
from hermes.sync import dirty
from hermes.sync.acts.commands import carry_out
from hermes.sync.acts.registry import ENGINE
from hermes.sync.engine import Engine

BATCH: Final = 200


async def load_log(engine: Engine, entries: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Have everybody looked at again who is named in the journal, in its order: what differs from the target in force
    is sent. Counts: lines, named, by state. Raises Refused while the journal is the target.
    """
    async with engine.database.transaction() as connection:
        target = str((await engine.known(connection)).settings.get(TARGET) or '')
    if target in ('', JOURNAL):
        raise Refused(f'The target is {target or "none"} still: first "hermes people migration next".')
    counts: Counter[str] = Counter()
    named: dict[RecordRef, None] = {}
    for entry in entries:
        counts['lines'] += 1
        if entry.get('record'):
            kind, number = entry['record']
            named[RecordRef(str(kind), int(number))] = None
    refs = list(named)
    counts['named'] = len(refs)
    for first in range(0, len(refs), BATCH):
        part = refs[first : first + BATCH]
        async with engine.database.transaction() as connection:
            event = Event(0, '', '', b'', engine.clock.now())
            await dirty.replan(engine, connection, set(part), event, lane='backfill')
            for ref in part:
                record = await people.find(connection, ref)
                counts[str(record.fields.get('state') or '') if record else 'unknown'] += 1
    return counts


async def replay_failures(engine: Engine, entries: Iterable[tuple[int, Mapping[str, Any]]]) -> Counter[str]:
    """Write what the database did not take at the time, once each. Counts: written, already."""
    counts: Counter[str] = Counter()
    for number, told in entries:
        run, fresh, said = int(told.get('run') or 0), False, str(told.get('reaction') or told['why'])
        for place, (steps, records) in enumerate(told['passed']):
            who = [number for kind, number in records if kind == 'app_user']
            key = digest('passed', number, place, told['answer'])
            fresh |= not (
                await carry_out(engine, NoteStates(who, steps, said, run), source=ENGINE, dedupe_key=key)
            ).repeated
        if not told.get('reaction'):
            key, answer = digest('failure', number, told['answer']), told['answer'].encode()
            async with engine.database.transaction() as connection:
                fresh = await people.keep_once(connection, str(told['system']), answer, key)
        counts['written' if fresh else 'already'] += 1
    return counts
