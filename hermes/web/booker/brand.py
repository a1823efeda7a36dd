"""How a business's own pages look: `brand.css` beside the files of people, after our own styles. It is for the custom
properties that the reference names; nothing of it is needed.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

FILE: Final = 'brand.css'
ADDRESS: Final = f'/static/{FILE}'
LARGEST: Final = 64 * 1024


class Brand:
    """The style of a folder, read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._seen: tuple[int, int] | None = None
        self._style = b''

    def read(self) -> bytes:
        """The style; b'' where there is none, or none that can be read, or more of it than any style needs."""
        try:
            told = self._file.stat()
            seen = told.st_mtime_ns, told.st_size
            if seen != self._seen:
                self._seen, self._style = seen, self._file.read_bytes() if is_style(told) else b''
        except OSError:
            self._seen, self._style = None, b''
        return self._style

    def address(self) -> str:
        """Where a page finds it: another address for another style; '' for none."""
        style = self.read()
        return f'{ADDRESS}?v={hashlib.sha256(style).hexdigest()[:12]}' if style else ''


def is_style(told: os.stat_result) -> bool:
    """Whether a file can be read without waiting for anybody, and is no larger than any style."""
    return stat.S_ISREG(told.st_mode) and told.st_size <= LARGEST
