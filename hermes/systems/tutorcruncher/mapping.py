"""Which of our fields go to TutorCruncher: none by default. TutorCruncher is the source, not a target (D-1).

`encode` builds the partial update of a client for write-back: extra attributes go out as an object keyed by machine
name.
"""

from collections.abc import Mapping
from typing import Any

from hermes.domain.fields import ABSENT, Catalogue
from hermes.domain.model import Value
from hermes.ports import Outgoing


def outgoing(record_type: str, catalogue: Catalogue) -> list[Outgoing]:
    """The table of outgoing fields."""
    return []


def encode(fields: Mapping[str, Value]) -> dict[str, Any]:
    """Body of `POST /clients/{id}/`: `fields` are extra attributes by machine name; null and empty clear."""
    extras = {name: '' if value is None else value for name, value in fields.items() if name and value != ABSENT}
    return {'extra_attrs': extras} if extras else {}
