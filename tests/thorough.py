"""How often a rule is tried: every case where there is time for it (`make verify`, and where a rule is taken out, by
THOROUGH=all), a spread of the cases with every `make test`. A case that alone proves a rule is never spread.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

THOROUGH = os.environ.get('THOROUGH') == 'all'
Case = TypeVar('Case')


def spread(cases: Iterable[Case], every: int) -> list[Case]:
    """All of them, or one of `every` so many, the first among them."""
    return list(cases)[:: 1 if THOROUGH else every]


def examples(most: int) -> int:
    """How many examples a property is tried with: `most`, or a fifth of them."""
    return most if THOROUGH else max(10, most // 5)
