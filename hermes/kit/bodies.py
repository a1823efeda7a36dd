"""An event's body as people may see it: pretty, nested JSON unfolded, secrets blotted out (S8), control characters
escaped.
"""

import json
import re
from typing import Any, Final

SECRET: Final = re.compile(
    r'pass(word|wd)|secret|token$|api[_-]?(key|token)|authorization|cookie|signature|private[_-]?key|credential|assertion',
    re.IGNORECASE,
)
BLOTTED: Final = '[redacted]'
NESTED: Final = ('body',)
"""Keys whose text may be JSON itself: the answers to our calls keep the remote's bytes there."""


def read_body(body: bytes | None) -> Any:
    """The body as a redacted JSON value; text where it is no JSON, None where it was dropped."""
    if body is None:
        return None
    text = body.decode('utf-8', 'replace')
    try:
        return redact(json.loads(text))
    except (ValueError, RecursionError):
        return text


def redact(value: Any, key: str = '') -> Any:
    """`value` without secrets: texts and numbers under a key that names one are replaced."""
    if isinstance(value, dict):
        return {name: redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [redact(item, key) for item in value]
    if value not in (None, '', True, False) and SECRET.search(key):
        return BLOTTED
    if key in NESTED and isinstance(value, str) and value[:1] in ('{', '['):
        try:
            return redact(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return value


def masked(value: Any, key: str = '') -> Any:
    """`value` without secrets in the shape that it has: a text that is JSON stays a text."""
    if isinstance(value, dict):
        return {name: masked(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, key) for item in value]
    if value not in (None, '', True, False) and SECRET.search(key):
        return BLOTTED
    if isinstance(value, str) and value[:1] in ('{', '['):
        try:
            told = json.loads(value)
        except (ValueError, RecursionError):
            return value
        hidden = masked(told)
        return value if hidden == told else json.dumps(hidden, ensure_ascii=False)
    return value
