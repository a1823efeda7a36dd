"""Bodies on their way in, from senders whom nobody has vouched for yet: how much of them all connections together hold.

A body that is announced and never comes costs as much as one that does. So there is room for so many bytes; when it is
used up, the connection that has been at it longest gives way, and whoever sends at once gets through.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Message, Receive

ROOM_BYTES: Final = 8 * 1024 * 1024


class Gone(Exception):
    """The body broke off: its sender hung up, or its chunks make no sense. Whoever is still there is told so."""


class TooLarge(Exception):
    """The body is larger than it may be."""


class GaveWay(Exception):
    """There was no room for the body any more."""


@dataclass(eq=False)
class Place:
    """What one connection holds. `until`: what ends its waiting."""

    until: asyncio.Timeout
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    lost: bool = False


class Intake:
    """Room for `most` bytes."""

    def __init__(self, most: int = ROOM_BYTES) -> None:
        self.most = most
        self.size = 0
        self.peak = 0
        self._places: dict[Place, None] = {}

    async def read(self, receive: Receive, limit: int, timeout_s: float) -> bytes:
        """The whole body, never read on past `limit` bytes. Raises Gone, TooLarge, TimeoutError, GaveWay."""
        place: Place | None = None
        try:
            async with asyncio.timeout(timeout_s) as until:
                place = Place(until)
                self._places[place] = None
                more = True
                while more and not place.lost:
                    message = await receive()
                    self._put(place, chunk(message), limit)
                    more = message.get('more_body', False)
            if place.lost:
                raise GaveWay
            return b''.join(place.parts)
        except TimeoutError:
            if place is not None and place.lost:
                raise GaveWay from None
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise Gone from None  # the server cancels what is awaited, not the task, when the connection breaks
        finally:
            if place is not None:
                self._places.pop(place, None)
                self.size -= place.size

    def _put(self, place: Place, part: bytes, limit: int) -> None:
        if place.size + len(part) > limit:
            raise TooLarge
        place.parts.append(part)
        place.size += len(part)
        self.size += len(part)
        self.peak = max(self.peak, self.size)
        while self.size > self.most and len(self._places) > 1:
            self._clear(next(iter(self._places)))

    def _clear(self, place: Place) -> None:
        """Its bytes are given up at once, its connection is told as soon as it wakes up."""
        del self._places[place]
        place.lost = True
        place.parts.clear()
        self.size -= place.size
        place.size = 0
        if not place.until.expired():
            place.until.reschedule(asyncio.get_running_loop().time())


def chunk(message: Message) -> bytes:
    """The bytes of one message. Raises Gone for a disconnect."""
    if message['type'] == 'http.disconnect':
        raise Gone
    part: bytes = message.get('body', b'')
    return part
