"""Rows and domain values: how records and mirrors stand in the database. Lossless both ways."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from hermes.db.pool import Row
from hermes.domain.identity import names_of
from hermes.domain.model import (
    NO_CLAIMS,
    UNSETTLED,
    UNTOLD,
    Absorbed,
    Claims,
    Decree,
    Doubt,
    Mirror,
    Record,
    RecordRef,
    RemoteRef,
    Run,
    Said,
    Sent,
    Tombstone,
    Version,
)  # fmt: skip
from hermes.domain.record_types import ATTRIBUTES, SHARED, UNDER_COMPANY
from hermes.kit.spelling import fold

KEYS = ('name_key', 'email_keys', 'phone_keys')
"""By what a record is found: computed from what it says (keys.py), and no value of it."""
PLAIN = frozenset({'id', 'extra', 'claims', 'tombstone', 'alias_of', 'born_event', *KEYS})


def dump(value: Any) -> str:
    """JSON as PostgreSQL takes it: no NUL, no half surrogates."""
    text = _encode(value)
    if '\\u0000' in text:
        text = _encode(_without_nul(value))
    return text if text.isascii() else text.encode('utf-8', 'replace').decode()


def _without_nul(value: Any) -> Any:
    """The same value without NUL characters; a text that only spells one keeps its spelling."""
    if isinstance(value, str):
        return value.replace('\x00', '')
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nul(item) for item in value]
    return value


def _plain(value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f'{type(value).__name__} is no JSON value')


_encode: Final = json.JSONEncoder(default=_plain, ensure_ascii=False).encode


def record_row(record: Record) -> dict[str, Any]:
    """A record as a row of its table."""
    fixed = ATTRIBUTES[record.ref.type]
    row: dict[str, Any] = {name: record.fields.get(name) for name in fixed}
    if record.ref.type in SHARED:
        row = {
            name: (fixed[name].type == 'bool' and name in ('active', 'bookable'))
            if value is None and fixed[name].type == 'bool'
            else value
            for name, value in row.items()
        }
    if record.ref.type in UNDER_COMPANY:
        row['company_id'] = record.company_id
    if record.ref.type == 'company':
        row['name_key'] = fold(str(record.fields.get('name') or '')) or None
    stone = record.tombstone
    return {
        'id': record.ref.id,
        **row,
        'extra': {name: value for name, value in record.fields.items() if name not in fixed},
        'claims': claims_row(record.claims),
        'tombstone': stone
        and {
            'kind': stone.kind,
            'at': stone.at.isoformat(),
            'event_id': stone.event_id,
            'seen': {key: list(version) for key, version in stone.seen.items()},
        },
        'alias_of': record.alias_of,
        'born_event': record.born_event,
    }


def read_record(record_type: str, row: Row) -> Record:
    """A row of a record's table as a record."""
    fields = {name: _canonical(value) for name, value in row.items() if name not in PLAIN and value is not None}
    fields.update(row['extra'])
    stone = row['tombstone']
    return Record(
        RecordRef(record_type, row['id']),
        fields,
        read_claims(row['claims']),
        row.get('company_id'),
        stone
        and Tombstone(
            stone['kind'],
            datetime.fromisoformat(stone['at']),
            stone['event_id'],
            {key: Version(*version) for key, version in stone['seen'].items()},
        ),
        row['alias_of'],
        row['born_event'],
    )


def claims_row(claims: Claims) -> dict[str, Any]:
    """Claims as JSON: the kinds of which one was ever made."""
    if claims is NO_CLAIMS:
        return {}
    told: dict[str, Any] = {
        'initial': {name: _said_row(it) for name, it in claims.initial.items()},
        'fallback': {name: _said_row(it) for name, it in claims.fallback.items()},
        'decree': {name: decree_row(it) for name, it in claims.decree.items()},
        **{kind: dict(getattr(claims, kind)) for kind in PLAIN_CLAIMS},
    }
    row = {kind: entries for kind, entries in told.items() if getattr(claims, kind) is not UNTOLD}
    if claims.rehomed is not None:
        row['rehomed'] = claims.rehomed
    return row | ({'renumbered': True} if claims.renumbered else {})


def _said_row(said: Said) -> dict[str, Any]:
    shown = {} if said.shown is None else {'shown': said.shown}
    return {'value': said.value, 'system': said.system, 'rule': said.rule, **shown}


def read_claims(row: Mapping[str, Any]) -> Claims:
    """The inverse of claims_row."""
    if not row:
        return NO_CLAIMS
    told: dict[str, Any] = dict(row)
    if 'rehomed' in told:
        told['rehomed'] = Version(*told['rehomed'])
    for kind in READ.keys() & told.keys():
        read = READ[kind]
        told[kind] = {name: read(entry) for name, entry in told[kind].items()}
    return Claims(**told)


def decree_row(decree: Decree) -> dict[str, Any]:
    """A decree as JSON."""
    row = {'value': decree.value, 'after': decree.after, 'rule': decree.rule}
    by_hand = {'system': decree.system, 'reason': decree.reason, 'event_id': decree.event_id}
    return row | (by_hand if decree.by_hand else {})


def read_decree(entry: Mapping[str, Any]) -> Decree:
    """The inverse of decree_row."""
    return Decree(**{**entry, 'after': Version(*entry['after'])})


PLAIN_CLAIMS: Final = ('released', 'substituted', 'counted', 'settled', 'doubts', 'undecided')
"""Kinds whose entries are JSON as they are."""
READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    'initial': lambda entry: Said(**entry),
    'fallback': lambda entry: Said(**entry),
    'decree': read_decree,
    'released': lambda entry: Version(*entry),
    'doubts': lambda entry: Doubt(*entry),
    'undecided': lambda entry: tuple(RecordRef(*ref) for ref in entry),
}


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec='seconds')
    return value.isoformat() if isinstance(value, date) else value


def mirror_row(mirror: Mirror, event_id: int) -> dict[str, Any]:
    """A mirror as a row of its table."""
    return {
        'system': mirror.ref.system,
        'type': mirror.ref.type,
        'remote_id': mirror.ref.remote_id,
        'version': list(mirror.version),
        'runs': dict(mirror.runs),
        'sent': {name: [_sent_row(entry) for entry in entries] for name, entries in mirror.sent.items()},
        'merges': [[*merge.at, merge.loser] for merge in mirror.merges],
        'ours': mirror.ours,
        'deleted': list(mirror.deleted) if mirror.deleted else None,
        'deleted_by': mirror.deleted_by,
        'merged_into': mirror.merged_into,
        'reread_at': mirror.reread_at.isoformat() if mirror.reread_at else None,
        'corrections': {name: list(times) for name, times in mirror.corrections.items()},
        'event_id': event_id,
        'seen': [[*version, *sorted(missing)] for version, missing in mirror.seen.items()],
        'names': names_of(mirror),
        'owned': mirror.record is not None,
    }


def _sent_row(entry: Sent) -> list[Any]:
    return [
        entry.value,
        entry.started_s,
        list(entry.answered) if entry.answered else None,
        entry.got,
        entry.normalised,
        entry.intent,
        *([] if entry.over is None else [entry.over]),
    ]


def link_row(mirror: Mirror) -> dict[str, Any]:
    """The link of a mirror that has a record."""
    assert mirror.record is not None
    state = 'merged' if mirror.merged_into is not None else 'live' if mirror.live else 'deleted'
    return {
        'system': mirror.ref.system,
        'type': mirror.ref.type,
        'remote_id': mirror.ref.remote_id,
        'record_type': mirror.record.type,
        'record_id': mirror.record.id,
        'is_primary': mirror.primary,
        'state': state,
    }


def read_mirror(row: Row) -> Mirror:
    """A row of mirror (left joined with link) as a mirror."""
    make, run, version = tuple.__new__, Run, Version
    return Mirror(
        RemoteRef(row['system'], row['type'], row['remote_id']),
        Version(*row['version']),
        {
            name: tuple([make(run, (value, make(version, first), make(version, last))) for value, first, last in runs])
            for name, runs in row['runs'].items()
        },
        {name: tuple(_read_sent(entry) for entry in entries) for name, entries in row['sent'].items()},
        tuple(_read_merge(entry) for entry in row['merges']),
        row['ours'],
        Version(*row['deleted']) if row['deleted'] else None,
        row['deleted_by'],
        row['merged_into'],
        row['reread_at'],
        {name: tuple(times) for name, times in row['corrections'].items()},
        RecordRef(row['record_type'], row['record_id']) if row['record_type'] else None,
        bool(row['is_primary']),
        {Version(seconds, sub): frozenset(missing) for seconds, sub, *missing in row['seen']},
    )


def _read_merge(entry: Any) -> Absorbed:
    """Older rows hold the second alone."""
    seconds, sub, loser = (entry, UNSETTLED, '') if isinstance(entry, int) else entry
    return Absorbed(Version(seconds, sub), loser)


def _read_sent(entry: list[Any]) -> Sent:
    value, started_s, answered, got, normalised, intent, *over = entry
    return Sent(value, started_s, Version(*answered) if answered else None, got, normalised, intent, *over)
