"""Incident capsule (ADM-15): everything that explains an event, a push or a decision, as one JSON value that can be
looked at elsewhere, and replayed in an empty database.

It holds the log of the records concerned, so that what happened can be folded again (fold.py), and what is known of
them now, so that a person can read it. Secrets are masked; personal data becomes consistent stand-ins on request.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from hermes import __version__
from hermes.db import capsules, decisions, events, graphs, logs
from hermes.db.pool import Connection, Row, read_only_from_now
from hermes.db.reads.trace import say_change
from hermes.domain.errors import HermesError, Refused
from hermes.domain.model import RecordRef
from hermes.domain.record_types import SHARED, STORED, UNDER_COMPANY
from hermes.kit.bodies import masked
from hermes.kit.standins import Standins
from hermes.sync import ingest
from hermes.sync.acts.apply import apply_act
from hermes.sync.engine import Engine
from hermes.sync.fold import fold_one
from hermes.sync.observe import observe, wanted

FORMAT: Final = 1
PARTS: Final = (
    'about', 'focus', 'near', 'anonymous', 'left_out', 'settings', 'knowledge', 'shared', 'events', 'records',
    'mirrors', 'journal', 'pushes', 'calls', 'decisions', 'made_at', 'program', 'schema',
)  # fmt: skip
SETTINGS: Final = ('tc2_base_url', 'push_spacing_s', 'push_mode', 'write_back', 'decline_cancels')
"""What of the settings of the environment decides how events are applied."""
SENTENCES: Final = ('reason', 'note')
OURS: Final = (*SENTENCES, 'kind', 'state', 'rule', 'system', 'op', 'type', 'record_type', 'lane', 'reaction')
"""Columns of our own words."""
WHOLE: Final = ('page', 'metadata', 'look')
"""Listings and descriptions of fields: of many objects, and only part of a capsule that is about one of them."""


@dataclass(frozen=True, slots=True)
class About:
    """What a capsule is about: an `event` or a `decision` by its number, or the `push` of a record to a system."""

    kind: str
    number: int = 0
    record: RecordRef | None = None
    system: str = ''

    @property
    def said(self) -> str:
        if self.record is not None:
            return f'push:{self.record.type}:{self.record.id}:{self.system}'
        return f'{self.kind}:{self.number}'


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a capsule elsewhere. `differs`: what did not come out as it had, a sentence each."""

    applied: int
    state: str
    reason: str
    differs: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differs


async def make(
    engine: Engine, about: About, *, anonymous: bool = False, hidden: Collection[str] = ()
) -> dict[str, Any]:
    """The capsule of an event, a push or a decision. `hidden`: texts that are in no capsule (live secrets). Raises
    Refused when there is none such.
    """
    async with engine.database.transaction() as connection:
        await read_only_from_now(connection)
        focus, refs = await _focus(connection, about)
        near = set(await capsules.family(connection, focus)) if focus else set()
        told = await capsules.events(connection, near)
        refs |= await _named(engine, connection, told)
        refs = await _homes(connection, refs)
        ids = sorted({*await capsules.of_records(connection, refs), *near}) if refs else sorted(near)
        kept = set(ids[-capsules.MOST_EVENTS :]) | near
        rows = await capsules.events(connection, kept)
        rows = [row for row in rows if row['id'] in near or row['kind'] not in WHOLE]
        everybody = await capsules.shared(connection)
        capsule: dict[str, Any] = {
            'capsule': FORMAT,
            'program': __version__,
            'schema': await capsules.version(connection),
            'made_at': engine.clock.now().isoformat(),
            'about': about.said,
            'focus': focus,
            'near': sorted(near),
            'anonymous': anonymous,
            'left_out': len(ids) - len(rows),
            'settings': {name: getattr(engine, name) for name in SETTINGS},
            'knowledge': await capsules.knowledge(connection),
            'shared': await capsules.records(connection, everybody),
            'events': [_event(row) for row in rows],
            'records': await capsules.records(connection, refs - everybody),
            'mirrors': await capsules.mirrors(connection, refs | everybody),
            **await capsules.beside(connection, refs - everybody, near),
        }
    capsule = json.loads(json.dumps(masked(json.loads(json.dumps(capsule, default=_plain)))))
    if anonymous:
        capsule = _anonymous(capsule, engine)
    text = json.dumps(capsule, ensure_ascii=False)
    for secret in hidden:
        text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], '***') if secret else text
    capsule = json.loads(text)
    return {**capsule, 'digest': digest(capsule)}


def digest(capsule: Mapping[str, Any]) -> str:
    """By which a damaged file is known."""
    told = {name: value for name, value in capsule.items() if name != 'digest'}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read(text: bytes) -> dict[str, Any]:
    """A capsule out of its file. Raises Refused for one that is damaged, or of a newer version."""
    try:
        capsule = json.loads(text)
        number = int(capsule['capsule'])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused('This is no capsule of Hermes, or it is damaged.') from None
    if number > FORMAT:
        raise Refused(f'This capsule is of version {number}, and this program knows versions up to {FORMAT}: upgrade.')
    if capsule.get('digest') != digest(capsule) or not capsule.keys() >= set(PARTS):
        raise Refused('This capsule is damaged: its content is not what was written.')
    found: dict[str, Any] = capsule
    return found


async def replay(engine: Engine, capsule: Mapping[str, Any]) -> Replayed:
    """Fold the log of a capsule in an empty database, without a call, and say what came out otherwise than in life."""
    for name in SETTINGS:
        setattr(engine, name, capsule['settings'].get(name, getattr(engine, name)))
    log = {row['id']: row for row in capsule['events']}
    born = {number for row in log.values() if _is_folded(row) for number in row['births']}
    await _seed(engine, capsule, born)
    async with engine.database.transaction() as connection:
        await logs.copy(connection, [_row(row) for row in log.values()])
        await capsules.set_states(connection, [row['id'] for row in log.values() if not _is_folded(row)])
        todo = await logs.in_order(connection, 10 * capsules.MOST_EVENTS)
    births = {row['id']: list(row['births']) for row in todo}
    differs: list[str] = []
    for row in todo:
        try:
            async with engine.database.transaction() as connection:
                await fold_one(engine, connection, row['id'], births[row['id']])
        except HermesError as error:
            differs.append(f'event {row["id"]} was done, and is refused here: {error}')
    for number in capsule['focus']:
        if not _is_folded(log[number]):
            await _apply(engine, number)
    async with engine.database.transaction() as connection:
        came = {row['id']: row for row in await capsules.events(connection, list(log))}
        journal = await capsules.journal_of(connection, capsule['near'])
    differs += _compare(capsule, log, came, journal)
    last = came[capsule['focus'][-1]] if capsule['focus'] else None
    return Replayed(len(todo), last['state'] if last else '', (last['reason'] or '') if last else '', tuple(differs))


async def _focus(connection: Connection, about: About) -> tuple[list[int], set[RecordRef]]:
    """The events that it is about, and the records that are named beside them."""
    if about.record is not None:
        found = await capsules.event_of_push(connection, about.record, about.system)
        if found is None:
            raise Refused(f'There is no push of {about.record.type}:{about.record.id} to {about.system}.')
        return ([found['id']] if found['id'] else []), {about.record}
    if about.kind == 'decision':
        asked = await decisions.find(connection, about.number)
        if asked is None:
            raise Refused(f'There is no decision {about.number}.')
        refs = {RecordRef(asked['record_type'], asked['record_id'])} if asked['record_type'] else set()
        return ([asked['event_id']] if asked['event_id'] else []), refs
    if await events.find(connection, about.number) is None:
        raise Refused(f'There is no event {about.number}.')
    return [about.number], set()


async def _named(engine: Engine, connection: Connection, rows: Sequence[Row]) -> set[RecordRef]:
    """The records that events changed, or would look at if they were applied now."""
    found = {
        RecordRef(ref[0], ref[1])
        for row in rows
        for part in (row['outcome'] if isinstance(row['outcome'], list) else ())
        for ref in part.get('records', ())
    }
    known = await engine.known(connection)
    for row in rows:
        if row['body'] is None or row['kind'] in ('act', 'view', *WHOLE):
            continue
        event = events.read_event({**row, 'body': bytes(row['body']), 'dedupe_key': bytes(row['dedupe_key'])})
        try:
            batch = [(event, await observe(engine, event, known))]
        except HermesError:
            continue
        graph = await graphs.load(connection, wanted(batch, engine.systems, known.directory.links), lock=False)
        found |= set(graph.records)
    return {ref for ref in found if ref.type in STORED}


async def _homes(connection: Connection, refs: set[RecordRef]) -> set[RecordRef]:
    """Records with the whole of their companies."""
    graph = await graphs.load(connection, graphs.Wanted(records=refs), lock=False)
    return refs | set(graph.records)


def _event(row: Row) -> dict[str, Any]:
    """An event as the file has it: a body that is text stays text."""
    body = None if row['body'] is None else bytes(row['body'])
    told: dict[str, Any] = {**row, 'dedupe_key': bytes(row['dedupe_key']).hex()}
    try:
        told['body'] = None if body is None else body.decode()
    except UnicodeDecodeError:
        told['body'], told['encoding'] = base64.b64encode(body or b'').decode(), 'base64'
    return told


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_event`."""
    text = told['body'] or ''
    body = base64.b64decode(text) if told.get('encoding') == 'base64' else text.encode()
    received_at = datetime.fromisoformat(told['received_at'])
    return {**told, 'body': body, 'dedupe_key': bytes.fromhex(told['dedupe_key']), 'received_at': received_at}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def _is_folded(row: Mapping[str, Any]) -> bool:
    """Whether it is part of what had been applied."""
    return row['state'] == 'done' and row['applied_seq'] is not None and row['body'] is not None


async def _seed(engine: Engine, capsule: Mapping[str, Any], born: Collection[int]) -> None:
    """What everybody knew, and the records whose birth no event of the log tells, as they are."""
    rows = {name: list(found) for name, found in capsule['shared'].items()}
    for name, found in capsule['records'].items():
        rows[name] = [*rows.get(name, ()), *(row for row in found if row['id'] not in born)]
    ids = {(name, row['id']) for name, found in rows.items() for row in found}
    said = [row for row in capsule['mirrors'] if (row['record_type'], row['record_id']) in ids]
    numbers = [*born, *(number for _, number in ids)]
    async with engine.database.transaction() as connection:
        await capsules.seed(connection, capsule['knowledge'], rows, said)
        await capsules.number_from(connection, max(numbers, default=0) + 1_000)


async def _apply(engine: Engine, number: int) -> None:
    """An event that was put aside is applied as it was: that it is put aside is what is to be seen."""
    async with engine.database.transaction() as connection:
        event = events.read_event(await logs.lock_event(connection, number))
        try:
            async with connection.transaction():
                if event.kind == 'act':
                    await apply_act(engine, connection, event, marking=False)
                else:
                    await ingest.record(engine, connection, event)
        except Refused as error:
            await events.refuse(connection, number, error.code, str(error))


def _compare(
    capsule: Mapping[str, Any],
    log: Mapping[int, Mapping[str, Any]],
    came: Mapping[int, Row],
    journal: Iterable[Mapping[str, Any]],
) -> list[str]:
    differs = []
    for number in capsule['near']:
        was, now = log.get(number), came.get(number)
        if was is None or now is None or was['body'] is None or was['kind'] in ('view', 'metadata'):
            continue
        if not _is_folded(was) and number not in capsule['focus']:
            continue
        if (was['state'], was['reason'] or '') != (now['state'], now['reason'] or ''):
            differs.append(f'event {number} was {_how(was)}, and is {_how(now)} here')
    anonymous = capsule['anonymous']
    before = {_entry(row, anonymous) for row in capsule['journal'] if row['event_id'] in capsule['near']}
    after = {_entry(row, anonymous) for row in journal}
    records = {(name, row['id']) for name, found in capsule['records'].items() for row in found}
    gone = [entry for entry in before - after if log.get(entry[0], {}).get('body') is not None]
    fresh = [entry for entry in after - before if (entry[1], entry[2]) in records]
    for what, entries in (('and does not here', gone), ('only here', fresh)):
        for event_id, kind, record, field, old, new in sorted(entries):
            moved = say_change(field, old, new) if not anonymous else field
            differs.append(f'event {event_id} changes {kind}:{record} {moved}, {what}')
    return differs


def _how(row: Mapping[str, Any]) -> str:
    return f'{row["state"]} ({row["reason"]})' if row['reason'] else str(row['state'])


def _entry(row: Mapping[str, Any], anonymous: bool) -> tuple[int, str, int, str, str, str]:
    """A change to be compared; in a capsule of stand-ins without its values, of which some were computed."""
    old, new = (
        ('', '') if anonymous else (json.dumps(row['old'], sort_keys=True), json.dumps(row['new'], sort_keys=True))
    )
    return row['event_id'], row['record_type'], row['record_id'], row['field'], old, new


def _anonymous(capsule: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """The same with stand-ins for whatever could be of a person."""
    kinds = {name for system in engine.systems.values() for pair in system.types.items() for name in pair}
    kept = {*engine.systems, *kinds, *STORED, *UNDER_COMPANY, *SHARED, 'operator', 'website', 'engine', 'hermes'}
    kept |= {str(row['machine_name']) for row in capsule['knowledge']['custom_field']}
    host = urlsplit(engine.tc2_base_url).netloc
    standins = Standins(secrets.token_bytes(16), kept, [host] if host else [])
    told = dict(capsule)
    for part in ('records', 'shared', 'mirrors'):
        told[part] = standins.value(capsule[part])
    told['events'] = [_standing_in(row, standins) for row in capsule['events']]
    told['journal'] = [
        {**row, **{name: standins.value(row[name], row['field']) for name in ('old', 'new')}}
        for row in capsule['journal']
    ]
    for part in ('pushes', 'calls', 'decisions'):
        told[part] = [
            {name: value if name in OURS else standins.value(value, name) for name, value in row.items()}
            for row in capsule[part]
        ]
    for part in ('events', 'journal', 'pushes', 'calls', 'decisions'):
        told[part] = [_said(row, standins) for row in told[part]]
    return told


def _standing_in(row: Mapping[str, Any], standins: Standins) -> dict[str, Any]:
    told = dict(row)
    if row.get('encoding') == 'base64':
        told['body'] = base64.b64encode(b'a body that is no text').decode()
    elif row['body']:
        told['body'] = standins.text(row['body'])
    told['headers'] = standins.value(row['headers'])
    told['outcome'] = [
        {
            **standins.value({key: value for key, value in part.items() if key != 'notes'}),
            'notes': part.get('notes', []),
        }
        for part in row['outcome'] or ()
        if isinstance(part, dict)
    ]
    return told


def _said(row: dict[str, Any], standins: Standins) -> dict[str, Any]:
    """Sentences of our own, after everything that they could cite."""
    told = {
        name: standins.sentence(value) if name in SENTENCES and isinstance(value, str) else value
        for name, value in row.items()
    }
    for part in told.get('outcome') or ():
        if isinstance(part, dict) and isinstance(part.get('notes'), list):
            part['notes'] = [standins.sentence(str(note)) for note in part['notes']]
    return told
