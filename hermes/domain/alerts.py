"""Alerts: what is wrong now, against what was told so far, says what is told next.

A trouble holds for some minutes before anybody is told of it, and is away for some before it has ended; so nothing
flaps. It is told once, then ever more rarely, and once more when it is well again. What comes back within the hour goes
on as the same alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from hermes.domain.status import Kind, Trouble

Said = Literal['opened', 'repeated', 'ended', 'test']
HOLD: Final = timedelta(minutes=3)
"""How long a trouble lasts before it is told."""
HOLDS: Final[Mapping[Kind, timedelta]] = {
    'late': timedelta(minutes=10), 'blocked': timedelta(minutes=30), 'unknown': timedelta(minutes=10),
    'listing': timedelta(minutes=30),
}  # fmt: skip
"""Kinds that come and go by themselves in an ordinary day."""
AWAY: Final = timedelta(minutes=5)
"""How long it is away before it has ended."""
RELAPSE: Final = timedelta(hours=1)
"""What comes back within this is the same alert: it is told again when its next repetition is due."""
REPEATS: Final = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1))
"""From one telling to the next; the last one from then on."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble and what was told of it. `told`: how often; `away_at`: since when it is not there any more; `well_at`:
    when it was told that it is well again. Times are aware UTC.
    """

    trouble: Trouble
    since: datetime
    away_at: datetime | None = None
    told_at: datetime | None = None
    told: int = 0
    well_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        """When it is told next, if it lasts."""
        held = self.since + HOLDS.get(self.trouble.kind, HOLD)
        if self.told_at is None:
            return held
        return max(held, self.told_at + REPEATS[min(self.told, len(REPEATS)) - 1])


@dataclass(frozen=True, slots=True)
class Message:
    """What is told over one channel. `id` is the same for every try; `body` is the documented JSON."""

    id: str
    body: Mapping[str, Any]


def follow(alert: Alert | None, trouble: Trouble | None, now: datetime) -> tuple[Alert | None, Said | None]:
    """What becomes of an alert (the newest of its name) and what is told, now that its trouble is there or is not.
    None for the alert: there is nothing (any more) that anybody was told of.
    """
    if trouble is None:
        return _miss(alert, now) if alert else (None, None)
    if alert is None or (alert.ended_at is not None and now - alert.ended_at >= RELAPSE):
        alert = Alert(trouble, since=now)
    elif alert.ended_at is not None:
        alert = replace(alert, since=now, ended_at=None)
    alert = replace(alert, trouble=trouble, away_at=None)
    if now < alert.due_at:
        return alert, None
    return replace(alert, told=alert.told + 1, told_at=now), 'repeated' if alert.told else 'opened'


def _miss(alert: Alert, now: datetime) -> tuple[Alert | None, Said | None]:
    if alert.ended_at is not None:
        return alert, None
    if alert.told_at is None:
        return None, None
    if alert.away_at is None:
        return replace(alert, away_at=now), None
    if now - alert.away_at < AWAY:
        return alert, None
    ended = replace(alert, ended_at=alert.away_at, well_at=now)
    return ended, 'ended' if alert.well_at is None or alert.well_at < alert.told_at else None


def write(alert: Alert, said: Said, now: datetime, sender: str) -> dict[str, Any]:
    """The body of a message, as docs/how-to/alerting.md describes it. `sender`: the address of this Hermes."""
    trouble = alert.trouble
    return {
        'type': f'alert.{said}',
        'timestamp': _stamp(now),
        'data': {
            'condition': trouble.kind,
            'about': trouble.about,
            'sentence': trouble.said,
            'command': trouble.look,
            'since': _stamp(alert.since),
            'told': alert.told,
            'ended_at': _stamp(alert.ended_at) if alert.ended_at else None,
            'hermes': sender,
        },
    }


def try_out(now: datetime, sender: str) -> dict[str, Any]:
    """The body of a message that only tries a channel."""
    trouble = Trouble('test', '', 'this is a test: nothing is wrong', 'hermes alerts list')
    return write(Alert(trouble, since=now), 'test', now, sender)


def subject(body: Mapping[str, Any]) -> str:
    """The same in a line, for a letter."""
    data = body['data']
    name = f'{data["condition"]} {data["about"]}'.strip()
    return {
        'alert.opened': f'Hermes needs you: {name}',
        'alert.repeated': f'Hermes still needs you: {name}',
        'alert.ended': f'Hermes is well again: {name}',
        'alert.test': 'Hermes tries its alerts',
    }[body['type']]


def text(body: Mapping[str, Any]) -> str:
    """The same as the text of a letter."""
    data = body['data']
    if body['type'] == 'alert.test':
        return f'{data["hermes"]}: {data["sentence"]}.\n'
    if body['type'] == 'alert.ended':
        return (
            f'Well again since {data["ended_at"]}. What it was, since {data["since"]}:\n\n{data["sentence"]}\n\n'
            f'Told by {data["hermes"]}.\n'
        )
    return (
        f'{data["sentence"]}\n\nSince {data["since"]}. Look with:\n\n    {data["command"]}\n\nTold by '
        f'{data["hermes"]}; the next time after an hour, then after four, then once a day, and once when it is well '
        'again.\n'
    )


def _stamp(at: datetime) -> str:
    return f'{at:%Y-%m-%dT%H:%M:%SZ}'
