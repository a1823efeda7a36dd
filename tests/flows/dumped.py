"""A dump of a database, read as somebody would who looks for a person in it: whatever is written in hex, in base64 or
with escapes is read too.
"""

import base64
import os
import re
import subprocess
from collections.abc import Iterable
from contextlib import suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hermes.db.server.location import wheel_binaries

_HEX = re.compile(r'\\\\?x([0-9a-f]{8,})')
_BASE64 = re.compile(r'[A-Za-z0-9+/]{16,}={0,2}')
_ESCAPED = re.compile(r'\\+u([0-9a-fA-F]{4})')


def dump(url: str) -> str:
    """Everything that pg_dump writes, and what stands in it in another way."""
    address = conninfo_to_dict(url)
    password = address.pop('password', None)
    environment = {**os.environ, **({'PGPASSWORD': str(password)} if password else {})}
    done = subprocess.run(
        [str(wheel_binaries() / 'pg_dump'), f'--dbname={make_conninfo("", **address)}', '--no-password'],
        env=environment, capture_output=True, check=True,
    )  # fmt: skip
    text = done.stdout.decode()
    for found in _HEX.finditer(text):
        text += '\n' + bytes.fromhex(found[1][: len(found[1]) // 2 * 2]).decode('utf-8', 'replace')
    for found in _BASE64.finditer(text):
        with suppress(ValueError):
            text += '\n' + base64.b64decode(found[0] + '=' * (-len(found[0]) % 4)).decode('utf-8', 'replace')
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def found_in(text: str, canaries: Iterable[str]) -> list[str]:
    """Which canaries stand in a dump, with what stands around them. Digits are found in any spelling of a number."""
    told = text.casefold()
    found = []
    for canary in canaries:
        pattern = re.escape(canary.casefold())
        if canary.isdigit():
            pattern = r'[^0-9a-z\n]{0,3}'.join(canary)
        found += [f'{canary}: ...{told[max(0, one.start() - 160) : one.end() + 80]}...'
                  for one in list(re.finditer(pattern, told))[:3]]  # fmt: skip
    return found
