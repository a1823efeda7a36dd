"""What the database did not take (AU-9): an answer that then stands nowhere but in this process goes to a durable
journal file, with the states it led to; `hermes people replay-journal` writes it later, once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hermes.domain.model import RecordRef
from hermes.ports import encode_answer
from hermes.sync.calls import Asked

Passed = Mapping[tuple[str, ...], Sequence[RecordRef]]
"""Through which states who went."""


class FailureJournal(Protocol):
    """Where it is kept what the database did not take."""

    def append(self, lines: Sequence[dict[str, Any]]) -> list[int]: ...


def keep(journal: FailureJournal, asked: Asked, passed: Passed, why: BaseException) -> None:
    """Append an answer. Raises OSError."""
    journal.append(
        [
            {
                'system': asked.call.system, 'why': type(why).__name__, 'run': asked.request.params.get('run'),
                'passed': [[list(steps), [list(ref) for ref in refs]] for steps, refs in passed.items()],
                'answer': encode_answer(asked.request, asked.answer).decode('utf-8', 'replace'),
                'reaction': str(asked.reaction) if asked.reaction else '',
            }
        ]
    )  # fmt: skip
