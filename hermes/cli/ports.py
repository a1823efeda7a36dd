"""Ports of this machine: which are free, who has one that is taken."""

import os
import socket
import time
from collections.abc import Mapping

from hermes.cli.instance import holder
from hermes.domain.errors import Refused

PATIENCE_S = 3.0
"""How long a port may stay taken: the children of a killed run need a moment."""


def answers(port: int) -> bool:
    """True if something on this machine accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(('127.0.0.1', port)) == 0


def choose_port() -> int:
    """A port of this machine that is free."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def require_ports(wanted: Mapping[str, int], host: str = '127.0.0.1') -> None:
    """Raise Refused, with a sentence for each, unless all ports of `wanted` (by the option that says them) are free
    within PATIENCE_S.
    """
    if len(set(wanted.values())) < len(wanted):
        raise Refused(f'{" and ".join(wanted)} say the same port {min(wanted.values())}: say two.')
    deadline = time.monotonic() + PATIENCE_S
    while taken := {option: error for option, port in wanted.items() if (error := _try(host, port))}:
        if any(isinstance(error, PermissionError) for error in taken.values()) or time.monotonic() > deadline:
            raise Refused(' '.join(_sentence(option, wanted[option], error) for option, error in taken.items()))
        time.sleep(0.1)


def _try(host: str, port: int) -> OSError | None:
    """Why nobody can listen on `port` now."""
    with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _sentence(option: str, port: int, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f'Port {port} may not be used by this user: say {option} with one above 1023.'
    who = holder(port)
    why = f'by {who}' if who else f'({os.strerror(error.errno or 0)})'
    return f'Port {port} is taken {why}: stop that first, or say {option} with another.'
