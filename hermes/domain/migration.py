"""The migration of app users from one CRM to another, as data (AU-13): phases, what leads from one to the next, and
what speaks against it. Every arrow of the plan that people drew is one here, also those that say "No" and lead back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hermes.domain import app_user_states as states
from hermes.domain.errors import Refused

Phase = Literal[
    'legacy', 'sandbox_verified', 'interim_log', 'interim_target', 'final_load', 'replay', 'resolve', 'validated',
    'retired',
]  # fmt: skip
Into = Literal['same', 'old', 'log', 'new']
"""Whom a phase writes to: as before, the CRM that is left, the journal, the CRM that is gone to."""
CONFIRMED: Final = 'people_confirmed'
"""The setting that keeps what people confirmed: step -> {'by', 'on'}."""
STEPS: Final[Mapping[str, str]] = {
    'mock_data_validated': 'the mock data in the sandbox of the new CRM was looked at, and is right',
    'production_created': 'the new CRM stands, for real',
    'final_data_loaded': 'the people of the old CRM were loaded into the new one',
    'twins_resolved': 'who signed up in between and was loaded too is one in the new CRM',
}
"""What people do by hand, and confirm with a name and a date."""
MEANS: Final[Mapping[str, str]] = {
    'legacy': 'everybody is kept in the old CRM',
    'sandbox_verified': 'writing to the new CRM was tried in its sandbox',
    'interim_log': 'sign-ups are kept in the journal meanwhile',
    'interim_target': 'sign-ups go to the new CRM meanwhile',
    'final_load': 'the people of the old CRM are in the new one',
    'replay': 'what the journal kept goes to the new CRM',
    'resolve': 'who was made meanwhile meets who was loaded',
    'validated': 'everybody stands in the new CRM',
    'retired': 'the old ids are gone',
}


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one phase to another. `confirmed`: the steps that must be. `settled`: nobody may be unresolved. `logged`:
    nobody may wait in the journal. `back`: it leads back, and asks for nothing.
    """

    start: Phase
    end: Phase
    into: Into = 'same'
    confirmed: tuple[str, ...] = ()
    settled: bool = False
    logged: bool = False
    back: bool = False


ARROWS: Final = (
    Arrow('legacy', 'sandbox_verified', confirmed=('mock_data_validated',)),
    Arrow('sandbox_verified', 'interim_log', 'log'),
    Arrow('sandbox_verified', 'interim_target', 'new', confirmed=('production_created',)),
    Arrow('interim_log', 'final_load', confirmed=('production_created', 'final_data_loaded')),
    Arrow('interim_target', 'final_load', confirmed=('final_data_loaded',)),
    Arrow('final_load', 'replay', 'new'),
    Arrow('final_load', 'resolve', 'new'),
    Arrow('replay', 'validated', settled=True, logged=True),
    Arrow('resolve', 'validated', confirmed=('twins_resolved',), settled=True),
    Arrow('validated', 'retired', settled=True, logged=True),
    Arrow('sandbox_verified', 'legacy', 'old', back=True),
    Arrow('interim_log', 'sandbox_verified', 'old', back=True),
    Arrow('interim_target', 'sandbox_verified', 'old', back=True),
    Arrow('interim_log', 'interim_target', 'new', confirmed=('production_created',)),
    Arrow('interim_target', 'interim_log', 'log', back=True),
    Arrow('final_load', 'interim_log', 'log', back=True),
    Arrow('final_load', 'interim_target', 'new', back=True),
    Arrow('replay', 'final_load', 'log', back=True),
    Arrow('resolve', 'final_load', back=True),
    Arrow('validated', 'replay', back=True),
    Arrow('validated', 'resolve', back=True),
)


LEAVING: Final = frozenset({'interim_log', 'interim_target'})
"""The phases that begin when the old CRM is left."""


def leaving(phase: str) -> list[Arrow]:
    """What may follow a phase."""
    return [arrow for arrow in ARROWS if arrow.start == phase]


def find(phase: str, end: str) -> Arrow:
    """The arrow from a phase to another. Raises Refused, naming what may follow."""
    for arrow in leaving(phase):
        if arrow.end == end:
            return arrow
    choices = ', '.join(arrow.end for arrow in leaving(phase)) or 'nothing'
    raise Refused(f'From the phase {phase} one cannot go to {end}; what may follow: {choices}.')


def obstacles(arrow: Arrow, counts: Mapping[str, int], confirmed: Iterable[str]) -> list[str]:
    """What speaks against an arrow, a sentence each. `counts`: app users by state in the target."""
    told = [
        f'nobody confirmed "{step}" ({STEPS[step]}): hermes people migration confirm {step}'
        for step in arrow.confirmed
        if step not in set(confirmed)
    ]
    if arrow.settled and (open_ := unresolved(counts)):
        told.append('not resolved: ' + ', '.join(f'{count} {state}' for state, count in sorted(open_.items())))
    if arrow.logged and (waiting := counts.get(states.LOGGED, 0)):
        told.append(f'{waiting} wait in the journal: hermes people load-log')
    return told


def unresolved(counts: Mapping[str, int]) -> dict[str, int]:
    """Those of whom it is not known where they stand in the target (AU-12)."""
    done = {states.WROTE, states.LOGGED, ''}
    return {state: count for state, count in counts.items() if state not in done and count}
