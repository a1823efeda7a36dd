"""What an attacker puts where a value belongs: JSON as it is written, not as a library would write it, and what HTTP
carries in paths, queries and headers.
"""

import json
from collections.abc import Mapping
from typing import Final

MARKS: Final = '\\u0301\\u0316\\u0323\\u0307'
JSON: Final[dict[str, str]] = {
    'a deep list': '[' * 900 + ']' * 900,
    'a list without an end': '[' * 15_000,
    'a deep object': '{"a":' * 900 + '1' + '}' * 900,
    'a wide list': f'[{"[]," * 5_000}[]]',
    'a digit too many': '9' * 4_301,
    'digits': '9' * 4_000,
    'many digits in a text': f'"{"9" * 20_000}"',
    'a negative number': '-1',
    'no whole number': '0.5',
    'an endless number': '1e999',
    'a tiny number': '1e-999',
    'no number': 'NaN',
    'infinity': '-Infinity',
    'a lone surrogate': '"Lee \\ud800 Adams"',
    'surrogates turned round': '"\\udfff\\ud800@\\ud800.example"',
    'a surrogate as a key': '{"\\ud800": "\\udfff"}',
    'a NUL': '"a\\u0000b"',
    'what no text may hold': '"\\ufffe\\uffff\\u0085\\u2028\\u202e"',
    'marks': f'"{MARKS * 1_200}"',
    'a long text': f'"{"x" * 30_000}"',
    'spaces': f'"{" " * 30_000}"',
    'nothing': 'null',
    'yes': 'true',
    'an empty text': '""',
    'an empty object': '{}',
    'an empty list': '[]',
    'texts': '["a", "b"]',
    'the first moment': '"0001-01-01T00:00:00+23:59"',
    'the last moment': '"9999-12-31T23:59:59.999999-23:59"',
    'no moment': '"2026-02-30T25:61:61Z"',
    'a year of five digits': '"10000-01-01"',
    'a moment in milliseconds': '99999999999999999',
    'a path': '"../../../../etc/passwd"',
    'a zone that is a folder': '"Europe"',
    'a zone with a NUL': '"Europe/\\u0000London"',
    'dots': f'"{"." * 250}"',
    'ats': f'"{"@" * 250}"',
    'a domain of labels': f'"a@{"a." * 110}example"',
    'a domain that is encoded': '"a@xn--a-ecp.example"',
    'an address in brackets': '"http://[::1"',
    'a port that is none': '"http://a.example:99999999999"',
    'markup': '"{{7*7}}<script>alert(1)</script>%s%n"',
}
"""What stands there -> JSON."""
TEXT: Final[dict[str, str]] = {
    'a NUL': '%00',
    'half a letter': '%E0%A4',
    'a surrogate': '%ED%A0%80',
    'beyond Unicode': '%F4%90%80%80',
    'no UTF-8': '%FF%FE',
    'a percent sign': '%',
    'percent signs': '%25%25%00',
    'digits': '9' * 4_301,
    'a long text': 'x' * 7_000,
    'marks': '%CC%81%CC%96' * 500,
    'other digits': '%D9%A1%D9%A2',
    'a negative number': '-1',
    'a large number': '9223372036854775808',
    'no number': 'NaN',
    'an endless number': '1e999',
    'nothing': '',
    'the first moment': '0001-01-01T00:00:00%2B23:59',
    'the last moment': '9999-12-31T23:59:59.999999-23:59',
    'a path': '..%2F..%2Fetc%2Fpasswd',
    'dots': '....',
    'a token of ours, almost': 'YQ.YQ',
    'base 64 that is none': '%3D%3D%3D.%3D',
    'a list': '%5B%5D',
    'twice': '1&admin_id=2',
    'line ends': '%0D%0AX-A:%20b',
}
"""What stands there -> a part of a path or a query, as it is sent."""
HEADERS: Final[dict[str, bytes]] = {
    'bytes that are no text': bytes(range(128, 256)),
    'a long text': b'x' * 9_000,
    'digits': b'9' * 5_000,
    'nothing': b'',
    'commas': b',' * 8_000,
    'semicolons': b';="' * 2_500,
    'base 64 of anything': b'eyJhIjogWw==' * 300,
    'a proof nested without end': b'W1tb' * 1_000,
    'spaces': b' ' * 1_000,
    'a negative number': b'-1',
}
READ_HEADERS: Final = (
    'Accept', 'Authorization', 'CF-IPCountry', 'Content-Type', 'Cookie', 'Forwarded', 'Idempotency-Key', 'Origin',
    'User-Agent', 'Webhook-Signature', 'X-Altcha', 'X-Forwarded-For', 'X-Goog-Channel-Id', 'X-Goog-Channel-Token',
    'X-Goog-Message-Number', 'X-Goog-Resource-State', 'X-Real-IP',
)  # fmt: skip
"""Whatever anybody here looks at."""


def planted(form: Mapping[str, object], name: str, value: str) -> bytes:
    """The form as JSON, with `value` where `name` is."""
    return json.dumps({**form, name: '@'}).replace('"@"', value).encode()
