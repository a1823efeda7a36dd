"""One instance a data folder: two would be two worlds on one database. Who runs there, and in which processes, stands
in a file whose lock it holds.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hermes.domain.errors import Refused
from hermes.kit import listeners, locks
from hermes.kit.processes import SUPERVISOR, working_folder
from hermes.settings import SettingsError

RUN, SANDBOX = 'run', 'sandbox'
PARTS: Final = 'parts'
Tell = Callable[[Mapping[str, int]], None]


@contextmanager
def only_one(folder: Path, what: str, addresses: Mapping[str, str]) -> Iterator[Tell]:
    """This process is the only `what` of a folder, as long as it is in here. Whoever comes meanwhile is told of
    it and its `addresses` (what is there, and where), and of the processes of its parts that are told to what this
    yields. Raises Refused.
    """
    file = folder / f'{what}.lock'
    told = {'pid': os.getpid(), **addresses}
    try:
        held = locks.take(file, json.dumps(told))
    except OSError as error:
        raise SettingsError(f'{folder} cannot be used: {error.strerror}.') from None
    if held is None:
        raise Refused(_sentence(folder, what, file))
    with held:
        yield lambda parts: locks.tell(held, json.dumps({**told, PARTS: dict(parts)}))


def processes(folder: Path) -> dict[str, int]:
    """The processes of the `hermes run` of a data folder: its own, and one for each part; none if it does not run."""
    told = _read(locks.read(folder / f'{RUN}.lock'))
    return {RUN: told['pid'], **told.get(PARTS, {})} if 'pid' in told else {}


def holder(port: int) -> str:
    """Who listens on a port, in a few words; '' where the system does not tell."""
    pid = listeners.find_listener(port)
    if not pid:
        return ''
    supervisor = listeners.variables_of(pid).get(SUPERVISOR, '')
    for each in (int(supervisor) if supervisor.isdecimal() else pid, pid):
        for file in listeners.open_files(each):
            if file.stem in (RUN, SANDBOX) and file.suffix == '.lock' and _told_by(file, each):
                return f'the Hermes of {file.parent} (process {each})'
    where = working_folder(pid)
    return f'process {pid} ({listeners.name_of(pid)}{f", in {where}" if where else ""})'


def _told_by(file: Path, pid: int) -> bool:
    try:
        return bool(_read(file.read_text()).get('pid') == pid)
    except OSError:
        return False


def _sentence(folder: Path, what: str, file: Path) -> str:
    told = _read(locks.read(file))
    pid = told.pop('pid', None)
    told.pop(PARTS, None)
    where = [f'process {pid}'] if pid else []
    where += [f'{name} {address}' for name, address in told.items()]
    who = f' ({", ".join(where)})' if where else ''
    here = folder.resolve()
    return f'"hermes {what}" runs in {here} already{who}: stop that first, or say DATA_DIR and another folder.'


def _read(text: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(text)
    except ValueError:  # Nobody holds it, or it is just being written.
        return {}
    return told
