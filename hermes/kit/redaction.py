"""What must never be read in a log: secrets and personal data are masked before anything else sees a line (S8).

Two nets: by the name of a key (`authorization`, `email`, ...) and by the look of a text (e-mail, phone number, HMAC,
credentials of a URL, `Bearer ...`), plus the live secrets themselves, told at start. Exceptions go through them too.
"""

import re
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MASK = '***'

SECRET_KEYS = re.compile(
    r'authorization|cookie|passw|secret|token|signature|api_?key|private_?key|signing_?key|session|credential|dsn$|database_url|conninfo'
    r'|e_?mail|phone|mobile|(first|last|full|family|given)_?name|address|body|payload',
    re.IGNORECASE,
)
"""Keys whose value is masked whole. A bare `name` is not one of them: systems, fields and sources have names."""

PLAIN_KEYS = frozenset({'tokens', 'token_cost', 'tokens_spent', 'body_bytes', 'remote_address_kind'})
"""Keys that look like the above and hold numbers."""

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'(?<=://)[^/\s:@]*:[^/\s@]+(?=@)'), MASK),
    (re.compile(r'\b(Bearer|Basic|token)\s+[A-Za-z0-9+/=._~-]{8,}', re.IGNORECASE), rf'\1 {MASK}'),
    (
        re.compile(
            r'((?:api_?(?:token|key)|token|secret|password|passwd|signature|key|code|sig|s)["\']?\s*[=:]\s*["\']?)[^\s&"\',;}]{6,}',
            re.IGNORECASE,
        ),
        rf'\1{MASK}',
    ),
    (re.compile(r'-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)', re.DOTALL), MASK),
    (re.compile(r'\b[0-9a-f]{40,}\b', re.IGNORECASE), MASK),
    (re.compile(r'\beyJ[\w-]{8,2000}\.[\w-]+\.[\w-]*'), MASK),
    (re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,254}(?:@|%40)[\w-]+(?:\.[\w-]+)*", re.IGNORECASE), MASK),
    (re.compile(r'(?<![\w+])\+\d[\d\s().-]{6,18}\d(?!\d)'), MASK),
    (re.compile(r'(?<![\w.:-])\(?0\d[\d\s()-]{7,14}\d(?![\w.:-])'), MASK),
)

DEEPEST = 6
LONGEST = 16_384
"""More of one text is in no line: every net is drawn through all of it."""


class Redaction:
    """Masks log lines; `secrets` are the live ones (those shorter than six characters are left to the other nets)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)
        self._known = re.compile('|'.join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """`text` without anything that looks secret or personal."""
        if len(text) > LONGEST:
            text = f'{text[:LONGEST]}... ({len(text)} characters)'
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:
        """Any value of a log line, masked; unknown objects become their masked text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth >= DEEPEST or isinstance(value, bytes | bytearray | memoryview):
            return MASK
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.entry(str(key), inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner, depth + 1) for inner in value]
        return self.text(str(value))

    def entry(self, key: str, value: Any, depth: int = 0) -> Any:
        """The value that stands under `key`."""
        if (
            value is None
            or isinstance(value, bool)
            or key.lower() in PLAIN_KEYS
            or not SECRET_KEYS.search(key.replace('-', '_'))
        ):
            return self.value(value, depth)
        return MASK

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor: the first of the chain. Renders `exc_info` itself: nothing unmasked is left."""
        failure = _failure(line.pop('exc_info', None))
        for key in list(line):
            if key not in ('_record', '_from_structlog'):
                line[key] = self.entry(key, line[key])
        if failure:
            line['exception'] = self.text(failure)
        return line


def _failure(exc_info: Any) -> str:
    """The traceback that `exc_info` (True, an exception, or a triple) stands for."""
    if isinstance(exc_info, BaseException):
        return ''.join(traceback.format_exception(exc_info))
    if isinstance(exc_info, tuple) and len(exc_info) == 3 and exc_info[1] is not None:
        return ''.join(traceback.format_exception(*exc_info))
    return traceback.format_exc() if exc_info else ''
