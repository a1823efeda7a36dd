"""One exception class per *reaction*; a status code is an integer and nobody parses an error's text.

HermesError                 a plain sentence for people
├── Refused                 the input is wrong: say what and what to do
│   ├── Unparseable         a well-formed delivery of a shape nobody knows: parked, never lost
│   ├── SlotTaken           somebody was quicker, or the time does not fit: choose another
│   ├── NotFound            there is no such admin, company or meeting, for whoever asks
│   ├── Withheld            it is about somebody who was erased: what was asked is not kept either
│   └── OverLimit           allowed later, or after a proof of work
├── Unreadable              something outside cannot be read now: say so, never guess (CB-8)
└── Reaction                what an outside system's answer asks for
    ├── Retry               try again later, with backoff and jitter
    ├── RateLimited         wait until a moment (OUT-8)
    ├── Pending             taken, and done later: ask again how it stands
    ├── Gone                404 or 410 (OUT-5): read once, never create
    ├── Rejected            the remote refuses these fields (OUT-6): park and show
    ├── Forbidden           not allowed for this object: park and show
    │   └── StrangeOwner    nobody may act for its owner (any more): a few tries, then the same
    ├── AuthBroken          401 (OUT-7): pause the system
    └── Ambiguous           nobody knows whether it was done (OUT-4): resolve first
"""

from datetime import datetime
from typing import Any


class HermesError(Exception):
    """A plain sentence that names what is wrong and what to do."""


class Refused(HermesError):
    """The input is wrong. `code`: the same for machines, where an API tells it."""

    code: str = ''

    def __init__(self, message: str = '', code: str = '') -> None:
        super().__init__(message)
        if code:
            self.code = code


class Unparseable(Refused):
    """A delivery of an unknown shape."""


class SlotTaken(Refused):
    """The time is not free (any more)."""

    code = 'slot_taken'

    def __init__(self, message: str = 'This time was just taken; please choose another one.', code: str = '') -> None:
        super().__init__(message, code)


class NotFound(Refused):
    """Nothing of that name, or nothing that whoever asks may know of."""

    code = 'not_found'


class Withheld(Refused):
    """Nothing is taken in about this person (S10). Who reads the sentence is told nothing of anybody."""

    code = 'withheld'


class OverLimit(Refused):
    """Too much was asked for: allowed again in `retry_after_s` (whole seconds), or at once with a solution of
    `challenge` (None where no proof helps).
    """

    code = 'limit'

    def __init__(
        self, message: str = '', code: str = '', *, retry_after_s: int = 3600, challenge: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, code)
        self.retry_after_s = retry_after_s
        self.challenge = challenge


def refusal(code: str, message: str) -> Refused:
    """The refusal that was stored under its code, to be raised again."""
    kinds: dict[str, type[Refused]] = {kind.code: kind for kind in (SlotTaken, NotFound, OverLimit, Withheld)}
    return kinds.get(code, Refused)(message, code)


class Unreadable(HermesError):
    """Something outside cannot be read now."""


class Reaction(HermesError):
    """What the engine does about an answer."""


class Retry(Reaction):
    """Try again later."""


class RateLimited(Reaction):
    """Wait until `until` (aware UTC); `daily` when the whole day's budget is spent."""

    def __init__(self, message: str, until: datetime, *, daily: bool = False) -> None:
        super().__init__(message)
        self.until = until
        self.daily = daily


class Pending(Reaction):
    """The remote took it and does it later: ask again at `until`; `job`: by what, in the remote's own way."""

    def __init__(self, message: str, until: datetime, job: str) -> None:
        super().__init__(message)
        self.until = until
        self.job = job


class Gone(Reaction):
    """The remote object is not there."""


class Rejected(Reaction):
    """The remote refuses; `fields` are the canonical names of the fields it names, if any."""

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class Forbidden(Reaction):
    """Not allowed."""


class StrangeOwner(Forbidden):
    """Not allowed in the name of this object's owner; the credentials work for others."""


class AuthBroken(Reaction):
    """The credentials do not work."""


class Ambiguous(Reaction):
    """The outcome of a call is unknown."""


REACTIONS = tuple(
    kind.__name__
    for kind in (Retry, RateLimited, Pending, Gone, Rejected, Forbidden, StrangeOwner, AuthBroken, Ambiguous)
)
"""What a call is noted with that did not go well."""
