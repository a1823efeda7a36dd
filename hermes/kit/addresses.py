"""Addresses: which host is this machine, and how those of databases are written. They are checked before the driver
reads them: it takes what follows an unencoded `@` or `/` of a password for the name of a host, and says it aloud.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote

_ADDRESS: Final = re.compile(
    r'postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^@/:\s]*)(?::(?P<password>[^@/\s]*))?@)?'
    r'(?P<rest>(?:(?:\[[^]@/\s]*\]|[^@/?,:\s]*)(?::\d*)?(?:,|(?=[/?]|$)))*(?:/[^@?\s]*)?(?:\?(?:\w+=[^&\s]*(?:&|$))*)?)'
)
_HALF: Final = re.compile(r'%(?![0-9A-Fa-f]{2})')
ENCODED: Final = 'with @ / % and spaces in its password written as %40 %2F %25 %20'


def read_database(text: str) -> str:
    """One spelling of a PostgreSQL address: `postgresql://...`. Raises ValueError, without what was in it, for anything
    that the driver would read otherwise than it is meant.
    """
    scheme, mark, _ = text.partition('://')
    if not mark or scheme.partition('+')[0] not in {'postgres', 'postgresql'}:
        raise ValueError('must be a PostgreSQL address such as postgresql://user@host/name')
    found = _ADDRESS.fullmatch(text)
    if found is None or _HALF.search(text):
        raise ValueError(f'must be an address such as postgresql://user:password@host/name, {ENCODED}')
    return f'postgresql://{text.partition("://")[2]}'


def with_password(address: str, password: str) -> str:
    """An address (as `read_database` gives it) with this password, whatever characters are in it."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None
    return f'postgresql://{found["user"] or ""}:{quote(password, safe="")}@{found["rest"]}'


def is_loopback(host: str | None) -> bool:
    """True for localhost and loopback addresses."""
    if host == 'localhost':
        return True
    try:
        return ip_address(host or '').is_loopback
    except ValueError:
        return False
