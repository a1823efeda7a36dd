"""The calendars as JSON values and back, so that the sandbox survives a restart.

Access tokens do not survive it: callers sign in again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hermes.sandbox.google.events import Event
from hermes.sandbox.google.people import Faults, Person

if TYPE_CHECKING:
    from hermes.sandbox.google.account import Account

Json = dict[str, Any]
MOMENTS = ('created_at', 'updated_at', 'meet_due_at')


def dump(account: Account) -> Json:
    return {
        'people': [asdict(one) for one in account.people.values()],
        'shared': sorted(account.shared),
        'events': [_event(one) for one in account.events.values()],
        'changes': account.changes,
        'epochs': account.epochs,
        'mails': list(account.post.sent),
        'channels': account.channels.dump(),
        'faults': plain_faults(account.faults),
    }


def load(account: Account, kept: Json) -> None:
    account.people = {one['email']: Person(**one) for one in kept['people']}
    account.shared = set(kept['shared'])
    events = [_read_event(one) for one in kept['events']]
    account.events = {(one.home, one.id): one for one in events}
    account.changes, account.epochs = kept['changes'], dict(kept['epochs'])
    account.post.sent.clear()
    account.post.sent.extend(kept['mails'])
    account.channels.load(kept['channels'])
    account.faults = Faults(**{**kept['faults'], 'away': set(kept['faults']['away'])})


def plain_faults(faults: Faults) -> Json:
    return asdict(faults) | {'away': sorted(faults.away)}


def _event(event: Event) -> Json:
    kept = asdict(event)
    return kept | {name: kept[name] and kept[name].isoformat() for name in MOMENTS}


def _read_event(kept: Mapping[str, Any]) -> Event:
    moments = {name: kept[name] and datetime.fromisoformat(kept[name]) for name in MOMENTS}
    return Event(**{**kept, **moments})
