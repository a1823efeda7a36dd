"""How Hermes is, and what is wrong with it: one pure function over what was read (db/reads/status.py).

`hermes status` shows it, alerts are told of it (domain/alerts.py). A trouble has a name that stays the same for as long
as it lasts, a plain sentence, and the command that leads on. No personal data.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, get_args

Row = dict[str, Any]
Kind = Literal[
    'worker', 'room', 'paused', 'blocked', 'silent', 'budget', 'late', 'parked', 'held', 'unknown', 'calendar',
    'decisions', 'setting', 'unproven', 'listing', 'noted', 'untold', 'test',
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

LATE_S: Final = 60
"""How long an event or a push may be due before it counts as late."""
NEARLY_SPENT: Final = 0.9
LEAST_FREE: Final = 0.1
LEAST_FREE_BYTES: Final = 2**30
"""A database is almost full when less is free than this part of its room, and than so many bytes."""
PROVED: Final = {
    'deleted': 'deleted', 'unlisted': 'there but not listed', 'newer': 'newer', 'undecided': 'undecided'
}  # fmt: skip
"""What a proof counts, in the words of those who read it."""
BROKEN: Final = 'OUT-7'
"""How the reason of a pause begins where the credentials do not work."""
RESTORED: Final = 'restored'
"""How the reason of a pause begins that was set because the database came from elsewhere."""
DOCTOR: Final = 'hermes doctor'


class Trouble(NamedTuple):
    """Something that needs a person: what kind, about what ('' for Hermes as a whole), and what to call next."""

    kind: Kind
    about: str
    said: str
    look: str

    @property
    def name(self) -> str:
        return f'{self.kind} {self.about}'.strip()


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `hermes status` shows. Durations in seconds; times aware UTC."""

    now: Any
    workers: list[Row]
    events: Row
    records: list[Row]
    pushes: list[Row]
    systems: list[Row]
    budgets: list[Row]
    sweeps: list[Row]
    decisions: list[Row]
    refusals: list[Row]
    proofs: list[Row] = field(default_factory=list)
    heard: list[Row] = field(default_factory=list)
    """Per system since when nothing came, and how many of our writes should have come back since."""
    calendars: list[Row] = field(default_factory=list)
    """Calendars that could not be read when they were last tried, by their admins' ids."""
    letters: Row = field(default_factory=dict)
    settings: list[Row] = field(default_factory=list)
    """Settings that point at what is archived or gone (D-8)."""
    late_sweeps: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    """What was noted about webhooks and our door."""
    room: Row = field(default_factory=dict)
    """What the database takes up (`bytes`), of how much (`of_bytes`, None where nobody knows), and `what` is that."""
    untold: list[Row] = field(default_factory=list)
    """Channels over which alerts do not get out, with the last reason."""

    @property
    def troubles(self) -> list[Trouble]:
        """What needs a person, the most urgent first."""
        return find(self)

    @property
    def attention(self) -> list[str]:
        """The same, one sentence each, with the command that leads on unless it is the one for everything."""
        return [each.said if each.look == DOCTOR else f'{each.said}: "{each.look}"' for each in self.troubles]

    @property
    def clean(self) -> bool:
        return not self.troubles


def find(condition: Status) -> list[Trouble]:
    """What is wrong, the most urgent first; each name once."""
    return [
        *_workers(condition),
        *_room(condition),
        *_systems(condition),
        *_events(condition),
        *_pushes(condition),
        *_calendars(condition),
        *_decisions(condition),
        *_settings(condition),
        *_listings(condition),
        *_letters(condition),
        *_untold(condition),
    ]


def _workers(condition: Status) -> Iterator[Trouble]:
    if not any(worker['alive'] for worker in condition.workers):
        yield Trouble('worker', '', 'no worker is alive', 'hermes worker')


def _room(condition: Status) -> Iterator[Trouble]:
    room = condition.room
    if not room.get('of_bytes'):
        return
    free = max(room['of_bytes'] - room['bytes'], 0)
    if free < min(LEAST_FREE * room['of_bytes'], LEAST_FREE_BYTES):
        said = f'{room["what"]} is almost full: {free // 2**20} MB of {room["of_bytes"] // 2**20} MB are free'
        yield Trouble('room', '', said, DOCTOR)


def _systems(condition: Status) -> Iterator[Trouble]:
    for system in condition.systems:
        name, reason = system['system'], system['reason']
        if system['paused']:
            look = DOCTOR if (reason or '').startswith(BROKEN) else f'hermes resume {name}'
            yield Trouble('paused', name, f'{name} is paused{f" ({reason})" if reason else ""}', look)
        elif system['blocked_until']:
            said = f'{name} is blocked until {system["blocked_until"]:%Y-%m-%d %H:%M:%SZ}'
            yield Trouble('blocked', name, said, 'hermes status --budget')
    for heard in condition.heard:
        if silent := unheard(heard):
            yield Trouble('silent', heard['system'], f'{heard["system"]}: {silent}', DOCTOR)
    for budget in condition.budgets:
        if budget['daily_limit'] and budget['spent_today'] >= NEARLY_SPENT * budget['daily_limit']:
            name = budget['system']
            said = f'{name} has spent {budget["spent_today"]} of its {budget["daily_limit"]} tokens of today'
            yield Trouble('budget', name, said, 'hermes status --budget')


def _events(condition: Status) -> Iterator[Trouble]:
    events = condition.events
    if (events['oldest_due_s'] or 0) > LATE_S:
        said = f'events have been due for {events["oldest_due_s"]:.0f} s'
        yield Trouble('late', 'events', said, 'hermes events list --state new')
    if events['parked']:
        said = f'{_count(events["parked"], "event")} parked'
        yield Trouble('parked', 'events', said, 'hermes events list --state parked')


def _pushes(condition: Status) -> Iterator[Trouble]:
    for push in condition.pushes:
        system = push['system']
        for kind in ('parked', 'held'):
            if push[kind]:
                said = f'{_count(push[kind], f"push to {system}", f"pushes to {system}")} {kind}'
                yield Trouble(kind, system, said, f'hermes push list --state {kind}')
        if push['unknown']:
            said = f'{_count(push["unknown"], "call")} to {system} with an unknown outcome'
            yield Trouble('unknown', system, said, 'hermes push list --state intent')
        paused = any(
            item['system'] == system and (item['paused'] or item['blocked_until']) for item in condition.systems
        )
        if not paused and (push['oldest_due_s'] or 0) > LATE_S:
            said = f'pushes to {system} have been due for {push["oldest_due_s"]:.0f} s'
            yield Trouble('late', system, said, 'hermes push list --state due')


def _calendars(condition: Status) -> Iterator[Trouble]:
    for each in condition.calendars:
        said = f'the calendar of admin {each["admin"]}: {each["problem"]}{tried_again(each["due_at"])}'
        yield Trouble('calendar', f'admin:{each["admin"]}', said, DOCTOR)


def _decisions(condition: Status) -> Iterator[Trouble]:
    if number := sum(item['open'] for item in condition.decisions):
        yield Trouble('decisions', '', f'{_count(number, "decision")} open', 'hermes decisions list')


def _settings(condition: Status) -> Iterator[Trouble]:
    """D-8."""
    for setting in condition.settings:
        said = f'the setting {setting["key"]} points at {setting["type"]} {setting["value"]}: {setting["problem"]}'
        yield Trouble('setting', setting['key'], said, DOCTOR)


def _listings(condition: Status) -> Iterator[Trouble]:
    """PD-GAP-1: what was not proven to be complete, and a subscription that was gone."""
    for proof in condition.proofs:
        if proof['state'] == 'failed':
            said = (
                f'{proof["system"]} {proof["type"]}: the listing of {proof["at"]:%Y-%m-%d %H:%M:%SZ} does not prove '
                f'that nothing is missing: {proof["reason"]}'
            )
            yield Trouble('unproven', f'{proof["system"]} {proof["type"]}', said, 'hermes sweep --full')
    for sweep in condition.late_sweeps:
        said = (
            f'the listing of {sweep["system"]} {sweep["type"]} ({sweep["kind"]}) runs since '
            f'{sweep["started_at"]:%Y-%m-%d %H:%M:%SZ}{": " + sweep["reason"] if sweep["reason"] else ""}'
        )
        yield Trouble('listing', f'{sweep["system"]} {sweep["type"]} {sweep["kind"]}', said, 'hermes status')
    for note in condition.notes:
        said = f'{note["name"]}: {note["note"]} (said at {note["noted_at"]:%Y-%m-%d %H:%M:%SZ})'
        yield Trouble('noted', note['name'], said, DOCTOR)


def _letters(condition: Status) -> Iterator[Trouble]:
    """Letters about bookings that a person has to know of: refused for good, or tried again and again."""
    letters = condition.letters
    if letters.get('parked'):
        said = f'{_count(letters["parked"], "letter")} refused for good; the last: {letters["reason"]}'
        yield Trouble('parked', 'letters', said, f'hermes bookings show {letters["meeting_id"]}')
    if letters.get('stuck'):
        said = f'{_count(letters["stuck"], "letter")} tried more than twice; the last: {letters["reason"]}'
        yield Trouble('late', 'letters', said, f'hermes bookings show {letters["meeting_id"]}')


def _untold(condition: Status) -> Iterator[Trouble]:
    for each in condition.untold:
        said = f'alerts do not get out over {each["channel"]}: {each["reason"]}'
        yield Trouble('untold', each['channel'], said, 'hermes alerts test')


def standing(system: Row) -> Literal['ok', 'paused', 'blocked']:
    """How a system stands, in a word."""
    return 'paused' if system['paused'] else 'blocked' if system['blocked_until'] else 'ok'


def tell_proof(proof: Row) -> str:
    """What a full listing proved, in half a sentence (PD-GAP-1)."""
    if proof['state'] != 'proven':
        return f'NOT PROVEN: {proof["reason"]}'
    more = [f'{proof[name]} {said}' for name, said in PROVED.items() if proof[name]]
    return ', '.join([f'complete, {proof["listed"]} objects', *more])


def tried_again(at: datetime | None) -> str:
    """When something that failed is tried again, in half a sentence."""
    return f' (tried again at {at:%Y-%m-%d %H:%M:%SZ})' if at else ' (it is being tried again)'


def unheard(heard: Row) -> str:
    """Why it is suspicious that nothing comes from a system, in half a sentence; '' if our writes come back."""
    if not heard['unechoed']:
        return ''
    last = f'since {heard["last"]:%Y-%m-%d %H:%M:%SZ}' if heard['last'] else 'ever'
    return f'no webhook came {last}, although {_count(heard["unechoed"], "write")} of ours should have come back'


def _count(number: int, one: str, many: str = '') -> str:
    return f'{number} {one if number == 1 else many or one + "s"}'
