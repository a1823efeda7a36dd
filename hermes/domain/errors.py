"""One exception class per *reaction*; a status code is an integer and nobody parses an error's text.

HermesError                 a plain sentence for people
├── Refused                 the input is wrong: say what and what to do
│   └── Unparseable         a well-formed delivery of a shape nobody knows: parked, never lost
├── Waiting                 something needed is not there yet: the event is tried again later
└── Reaction                what an outside system's answer asks for
    ├── Retry               try again later, with backoff and jitter
    ├── RateLimited         wait until a moment (OUT-8)
    ├── Gone                404 or 410 (OUT-5): read once, never create
    ├── Rejected            the remote refuses these fields (OUT-6): park and show
    ├── Forbidden           not allowed for this object: park and show
    ├── AuthBroken          401 (OUT-7): pause the system
    └── Ambiguous           nobody knows whether it was done (OUT-4): resolve first
"""

from datetime import datetime


class HermesError(Exception):
    """A plain sentence that names what is wrong and what to do."""


class Refused(HermesError):
    """The input is wrong."""


class Unparseable(Refused):
    """A delivery of an unknown shape."""


class Waiting(HermesError):
    """Something that this event needs is not there yet."""


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


class Gone(Reaction):
    """The remote object is not there."""


class Rejected(Reaction):
    """The remote refuses; `fields` are the canonical names of the fields it names, if any."""

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class Forbidden(Reaction):
    """Not allowed."""


class AuthBroken(Reaction):
    """The credentials do not work."""


class Ambiguous(Reaction):
    """The outcome of a call is unknown."""
