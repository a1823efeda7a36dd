"""The states of an app user in a target, as data (AU-9): what may follow what. Their names are those that people know
from the job's own diagrams; what they render to in an older system stands in LEGACY_CODES.

A user who was there before the target is looked for by the legacy id; a new one is made. A state that cannot follow the
one that stands is refused, and names both.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from hermes.domain.errors import Refused
from hermes.parts.roles import DIAGRAMS

NOT_CHECKED: Final = 'NotChecked'
NO_LEGACY_ID: Final = 'NoLegacyId'
REQUESTED: Final = 'RequestedContact'
OK: Final = 'OkResponse'
WROTE: Final = f'Wrote{DIAGRAMS}AppUserUid'
"""The only success: the id that the target gave is stored."""
NOT_FOUND: Final = 'NotFound'
WROTE_NOT_FOUND: Final = 'WroteNotFound'
UNEXPECTED: Final = 'UnexpectedResponse'
WROTE_UNEXPECTED: Final = 'WroteUnexpectedResponse'
AMBIGUOUS: Final = 'Ambiguous'
CONFLICT: Final = 'Conflict'
CREATED: Final = 'UserCreated'
ASKED_TO_ADD: Final = f'RequestAddTo{DIAGRAMS}'
WROTE_ERROR: Final = f'Wrote{DIAGRAMS}ErrorToDb'
LOGGED: Final = 'LoggedForLater'
DB_OK: Final = 'DbWriteOkErrorLogged'
DB_NOT_FOUND: Final = 'DbWriteNotFoundErrorLogged'
DB_UNEXPECTED: Final = 'DbWriteUnexpectedResFailure'
DB_FAILURE: Final = 'LoggedDbFailure'
SCRIPT_FAILURE: Final = 'ScriptFailureLogged'

JOURNALED: Final = frozenset({DB_OK, DB_NOT_FOUND, DB_UNEXPECTED, DB_FAILURE, SCRIPT_FAILURE})
"""What was told to the journal file alone, because the database did not take it; `replay-journal` writes it later."""
OPEN: Final = frozenset({WROTE_NOT_FOUND, WROTE_UNEXPECTED, AMBIGUOUS, CONFLICT, NO_LEGACY_ID, WROTE_ERROR}) | JOURNALED
"""Where a person has to decide or a script to go on."""
HELD: Final = frozenset({NOT_CHECKED, REQUESTED, OK, NOT_FOUND, UNEXPECTED, *OPEN} - {WROTE_ERROR, DB_OK, DB_FAILURE})
"""Of whom nothing is made in the target: whether they stand there is not known, or a person decides."""
START: Final = (CREATED, NOT_CHECKED, NO_LEGACY_ID, LOGGED)
DECIDED: Final = frozenset({OK, CREATED, NOT_CHECKED, REQUESTED})
"""What becomes of somebody who is open: a person decides, another look is taken, or their object shows itself."""
FOLLOWS: Final[Mapping[str, frozenset[str]]] = {
    '': frozenset(START),
    NOT_CHECKED: frozenset({REQUESTED, OK, SCRIPT_FAILURE, LOGGED}),
    REQUESTED: frozenset({OK, NOT_FOUND, UNEXPECTED, AMBIGUOUS, SCRIPT_FAILURE, NOT_CHECKED}),
    OK: frozenset({WROTE, CONFLICT, DB_OK}),
    NOT_FOUND: frozenset({WROTE_NOT_FOUND, DB_NOT_FOUND}),
    UNEXPECTED: frozenset({WROTE_UNEXPECTED, WROTE_ERROR, DB_UNEXPECTED, DB_FAILURE}),
    CREATED: frozenset({ASKED_TO_ADD, LOGGED, AMBIGUOUS, OK, REQUESTED}),
    ASKED_TO_ADD: frozenset({OK, WROTE, UNEXPECTED, AMBIGUOUS, CONFLICT, DB_OK, LOGGED}),
    LOGGED: frozenset({CREATED, NOT_CHECKED, NO_LEGACY_ID}),
    WROTE: frozenset({NOT_CHECKED, CREATED, CONFLICT, LOGGED}),
    WROTE_NOT_FOUND: DECIDED,
    WROTE_UNEXPECTED: DECIDED,
    WROTE_ERROR: DECIDED | {ASKED_TO_ADD, AMBIGUOUS},
    AMBIGUOUS: DECIDED,
    CONFLICT: DECIDED,
    NO_LEGACY_ID: DECIDED | {LOGGED},
    DB_OK: DECIDED | {WROTE, ASKED_TO_ADD, AMBIGUOUS},
    DB_NOT_FOUND: DECIDED | {WROTE_NOT_FOUND},
    DB_UNEXPECTED: DECIDED | {WROTE_UNEXPECTED},
    DB_FAILURE: DECIDED | {WROTE_ERROR, ASKED_TO_ADD, AMBIGUOUS},
    SCRIPT_FAILURE: DECIDED,
}
LEGACY_CODES: Final[Mapping[str, str]] = {
    WROTE_NOT_FOUND: f'NbProfileNotFoundIn{DIAGRAMS}',
    WROTE_UNEXPECTED: 'NbProfileUnexpectedRes',
    WROTE_ERROR: f'NewUser{DIAGRAMS}WriteError',
}
"""What an older system's log calls a state: `CODE-<ISO moment>: message` is rendered from a check."""


def legacy_text(state: str, at: datetime, said: str) -> str:
    """A check as an older system's log writes it; '' for a state that it does not know."""
    code = LEGACY_CODES.get(state, '')
    return f'{code}-{at.isoformat()}' + (f': {said}' if said else '') if code else ''


def follow(state: str, into: str) -> str:
    """`into`, where it may follow `state`. Raises Refused, naming both."""
    if into == state or into in FOLLOWS.get(state, frozenset()):
        return into
    raise Refused(f'AU-9: an app user in the state {state or "(none)"} cannot become {into}.')


def leads(state: str, steps: Sequence[str]) -> bool:
    """Whether all these steps may follow one after the other."""
    return all(into == before or into in FOLLOWS.get(before, ()) for before, into in pairwise([state, *steps]))


def first(legacy_id: object, *, logged: bool, migrated: bool = False) -> str:
    """The state of somebody of whom a target knows nothing yet. `logged`: the target is the journal, which holds nobody
    up. `migrated`: they were there before the target was, with a legacy id or without one.
    """
    if logged:
        return CREATED
    return NOT_CHECKED if legacy_id else NO_LEGACY_ID if migrated else CREATED
