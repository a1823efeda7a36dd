"""The file of what app users are called in each target (PEOPLE_FILE): TOML, a table each. Here is what all of them are
read by; what stands in a table is the target's own. What is wrong names its place.
"""

import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hermes.domain.errors import Refused

T = TypeVar('T')


def read_file(file: Path | None, shipped: Path, table: str, read: Callable[[Any], T]) -> T:
    """What `read` makes of a target's table; of the `shipped` file where there is no other, or none in it. Raises
    Refused, naming the file and the place.
    """
    path = file or shipped
    try:
        told = tomllib.loads(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f'{path}: cannot be read ({type(error).__name__}); PEOPLE_FILE names it.') from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f'{path}: is not TOML: {error}') from None
    if file is not None and table not in told:
        return read_file(None, shipped, table, read)
    try:
        return read(told.get(table))
    except ValueError as error:
        raise Refused(f'{path}: {error}') from None


def table_of(told: Any, place: str, allowed: Collection[str] | None = None) -> Mapping[str, Any]:
    """A table; `allowed`: what may stand in it. Raises ValueError."""
    if not isinstance(told, dict):
        raise ValueError(f'{place}: the table is missing')
    if allowed is not None and (strange := sorted(told.keys() - set(allowed))):
        raise ValueError(f'{place}.{strange[0]}: is not known here; known are {", ".join(sorted(allowed))}')
    return told


def names_of(told: Any, place: str) -> Sequence[str]:
    """A list of names. Raises ValueError."""
    if not isinstance(told, list) or not all(isinstance(name, str) and name.strip() for name in told):
        raise ValueError(f'{place}: must be a list of names')
    return tuple(name.strip() for name in told)


def lists_of(told: Any, place: str) -> Mapping[str, Sequence[str]]:
    """Language codes with the mailing lists that each stands for (AU-1). Raises ValueError."""
    return {code: names_of(names, f'{place}.{code}') for code, names in table_of(told, place).items()}
