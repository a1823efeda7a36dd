"""What every answer over HTTP is asked first, whoever gave it: whether the call came through.

A write of which nobody knows whether it was done is Ambiguous; what may go better the next time is to be tried again. A
status is an integer; no text decides anything (F-8).
"""

from collections.abc import Callable

from hermes.domain.errors import Ambiguous, Retry
from hermes.kit.answers import Answer


def came_through(name: str, answer: Answer, *, write: bool, proper: Callable[[], bool]) -> bool:
    """Whether the call succeeded; False for a refusal (400 to 499). `proper`: whether the body is one of such a call.
    Raises Ambiguous or Retry.
    """
    status, lost = answer.status, Ambiguous if write else Retry
    if status is None:
        if write and answer.sent:
            raise Ambiguous(f'{name} gave no answer ({answer.error or "connection lost"}).')
        raise Retry(f'{name} could not be reached ({answer.error or "connection lost"}).')
    if status >= 500:
        raise lost(f'{name} failed ({status}).')
    if 200 <= status < 300:
        if not proper():
            raise lost(f'{name} answered {status} without a proper body.')
        return True
    if status < 400:
        raise Retry(f'{name} answered with a redirect ({status}), which is never followed: check the base address.')
    return False
