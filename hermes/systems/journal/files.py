"""The journal's files: JSON Lines that are appended, forced to the disk, numbered, chained and sealed.

A line is {"n": its number, "chain": what ties it to the one before, "sealed": what it says}: nobody reads it without
SECRET_KEY, and a line that was changed, taken out or cut off is noticed by whoever reads. One writer at a time, over
all processes; a file that is full is left and the next one begun. A torn last line (the machine went down) was never
acknowledged, and is cut off.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hermes.domain.errors import Refused
from hermes.kit import sealing
from hermes.kit.locks import alone

PURPOSE: Final = 'journal'
FULL: Final = 16 * 2**20
"""Bytes after which the next file is begun."""
START: Final = '0' * 32


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, as it was written."""

    number: int
    says: Mapping[str, Any]


class Journal:
    """A folder of such files. `secret`: SECRET_KEY."""

    def __init__(self, folder: Path, secret: str, full: int = FULL) -> None:
        self.folder, self.full, self._secret = folder, full, secret

    def append(self, lines: Sequence[Mapping[str, Any]]) -> list[int]:
        """Write what is said, and return when the disk has it: the numbers of the lines. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(self.folder / '.lock'):
            file, number, chain = self._end()
            told, numbers = [], []
            for says in lines:
                number += 1
                sealed = sealing.seal(
                    json.dumps(dict(says), ensure_ascii=False).encode(), self._secret, PURPOSE, str(number)
                )
                chain = _chain(chain, number, sealed)
                told.append(_line(number, chain, sealed))
                numbers.append(number)
            fresh = not file.exists()
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 'ab') as out:
                out.write(b''.join(told))
                out.flush()
                os.fsync(out.fileno())
            if fresh:
                _sync_folder(self.folder)
            return numbers

    def read(self) -> Iterator[Entry]:
        """Every line, in order. Raises Refused where one was changed or is missing, or the key is another one."""
        number, chain = 0, START
        for file in self.files():
            for told in _whole_lines(file):
                row = json.loads(told)
                sealed = base64.b64decode(row['sealed'])
                chain = _chain(chain, row['n'], sealed)
                if row['n'] != number + 1 or row['chain'] != chain:
                    raise Refused(f'The journal {file.name} was changed or a line is missing after number {number}.')
                number = row['n']
                try:
                    says = json.loads(sealing.unseal(sealed, self._secret, PURPOSE, str(number)))
                except ValueError:
                    raise Refused(
                        f'Line {number} of the journal cannot be opened: SECRET_KEY is another one.'
                    ) from None
                yield Entry(number, says)

    def files(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob('journal-*.jsonl'))

    def _end(self) -> tuple[Path, int, str]:
        """Where the next line goes, the last number, and the chain up to it. A torn last line is cut off."""
        files = self.files()
        if not files:
            return self.folder / 'journal-000001.jsonl', 0, START
        last = files[-1]
        _cut_torn(last)
        number, chain = 0, START
        for file in reversed(files):
            lines = _whole_lines(file)
            if lines:
                row = json.loads(lines[-1])
                number, chain = row['n'], row['chain']
                break
        if last.stat().st_size >= self.full:
            return self.folder / f'journal-{len(files) + 1:06d}.jsonl', number, chain
        return last, number, chain


def _line(number: int, chain: str, sealed: bytes) -> bytes:
    row = {'n': number, 'chain': chain, 'sealed': base64.b64encode(sealed).decode()}
    return json.dumps(row, separators=(',', ':')).encode() + b'\n'


def _chain(before: str, number: int, sealed: bytes) -> str:
    return hashlib.sha256(f'{before} {number} '.encode() + sealed).hexdigest()[:32]


def _whole_lines(file: Path) -> list[bytes]:
    told = file.read_bytes()
    return told[: told.rfind(b'\n') + 1].splitlines()


def _cut_torn(file: Path) -> None:
    told = file.read_bytes()
    whole = told.rfind(b'\n') + 1
    if whole < len(told):
        os.truncate(file, whole)


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
