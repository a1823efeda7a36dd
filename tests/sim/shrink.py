"""A failing seed made small: calm weather and unharmed workers if it still fails with them, then as few moves as do.

The search is the one of delta debugging, without chance: a seed shrinks to the same life each time. What is left is
kept as one line of seeds.txt, `SEED [moves=1,4,7] [weather=calm] [quiet]  # the first complaint`.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.sim.life import CALM, Life

Fails = Callable[[Life], Awaitable[bool]]
MOST_S = 90.0


async def shrink(life: Life, moves: tuple[int, ...], fails: Fails, most_s: float = MOST_S) -> Life:
    """The smallest life found, of those that fail as `life` does, within `most_s` seconds of real time."""
    end = time.monotonic() + most_s
    for simpler in (replace(life, weather=CALM), replace(life, quiet=True), replace(life, weather=CALM, quiet=True)):
        if await fails(simpler):
            life = simpler
    parts = 2
    while len(moves) > 1 and time.monotonic() < end:
        size = -(-len(moves) // parts)
        pieces = [moves[start : start + size] for start in range(0, len(moves), size)]
        for piece in reversed(pieces):
            left = tuple(number for number in moves if number not in piece)
            if left and time.monotonic() < end and await fails(replace(life, moves=left)):
                moves, parts = left, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(moves), parts * 2)
    return replace(life, moves=moves)


def write(life: Life) -> str:
    """A life as a line of seeds.txt has it."""
    words = [str(life.seed)]
    if life.moves is not None:
        words.append('moves=' + ','.join(map(str, life.moves)))
    if life.weather:
        words.append(f'weather={life.weather}')
    return ' '.join([*words, *['quiet'] * life.quiet])


def read(line: str) -> Life | None:
    """What `write` wrote, a comment after it or not; None for a line without a seed."""
    words = line.split('#')[0].split()
    if not words:
        return None
    told = dict(word.partition('=')[::2] for word in words[1:])
    moves = tuple(int(number) for number in told['moves'].split(',') if number) if 'moves' in told else None
    return Life(int(words[0]), moves, told.get('weather', ''), 'quiet' in told)
