"""One instance a data folder: two would be two worlds on one database."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hermes.domain.errors import Refused
from hermes.kit import locks
from hermes.settings import SettingsError


@contextmanager
def only_one(folder: Path, what: str, addresses: Mapping[str, str]) -> Iterator[None]:
    """This process is the only `what` of a folder, as long as it is in here. Whoever comes meanwhile is told of
    it and its `addresses` (what is there, and where). Raises Refused.
    """
    file = folder / f'{what}.lock'
    try:
        held = locks.take(file, json.dumps({'pid': os.getpid(), **addresses}))
    except OSError as error:
        raise SettingsError(f'{folder} cannot be used: {error.strerror}.') from None
    if held is None:
        raise Refused(_sentence(folder, what, file))
    with held:
        yield


def _sentence(folder: Path, what: str, file: Path) -> str:
    told = _read(file)
    pid = told.pop('pid', None)
    where = [f'process {pid}'] if pid else []
    where += [f'{name} {address}' for name, address in told.items()]
    who = f' ({", ".join(where)})' if where else ''
    here = folder.resolve()
    return f'"hermes {what}" runs in {here} already{who}: stop that first, or say DATA_DIR and another folder.'


def _read(file: Path) -> dict[str, str]:
    try:
        told: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):  # It is just being written.
        return {}
    return told
