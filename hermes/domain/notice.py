"""What a letter about a meeting has to say, as plain values: what the database knows at the moment when it is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal['confirmation', 'moved', 'restored', 'cancelled', 'reminder', 'apology']


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a letter names them; '' for what is not known. `zone`: an IANA name."""

    name: str = ''
    email: str = ''
    zone: str = ''


@dataclass(frozen=True, slots=True)
class Notice:
    """A meeting (as it is now), and the letter about it. `sequence` is the meeting's, the number of the invitation;
    `rounds`: how often its event was made anew; `lang`: the code of the visitor's language, '' for English; times are
    aware UTC, half-open. No internal note is in here, so none can get into a letter (K-10).
    """

    kind: Kind
    message_id: str
    uid: str
    sequence: int
    meeting_kind: str
    planned: bool
    canceled_by: str
    start_at: datetime
    end_at: datetime
    visitor: Person
    admin: Person
    meet_url: str = ''
    rounds: int = 0
    lang: str = ''
