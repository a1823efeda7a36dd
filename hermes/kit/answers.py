"""What a call to somebody outside brings, whatever happens: never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` None: nothing came back. `sent` False: it surely never left (refused connection)."""

    status: int | None
    body: bytes = b''
    headers: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    sent: bool = True
    error: str = ''
