"""Chance, as everybody gets it handed: a seeded source makes every run repeatable."""

import random
import secrets
from typing import Protocol


class Chance(Protocol):
    """The part of `random.Random` that Hermes uses."""

    def random(self) -> float: ...

    def uniform(self, a: float, b: float) -> float: ...

    def randrange(self, start: int, stop: int, /) -> int: ...

    def getrandbits(self, k: int, /) -> int: ...


def system_chance() -> random.Random:
    """A source seeded by the operating system."""
    return random.Random(secrets.randbits(128))  # noqa: S311 - jitter and ids, never secrets


def new_token(size_bytes: int = 24) -> str:
    """A secret of `size_bytes` random bytes, URL-safe."""
    return secrets.token_urlsafe(size_bytes)


def new_id(chance: Chance) -> str:
    """32 hex digits."""
    return f'{chance.getrandbits(128):032x}'
