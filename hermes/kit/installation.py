"""Which folder an installation lives in: the one with its `.env` and its data, wherever a command is called.

The folder of the call comes first if it is one; then, where the code is no installed package but a checkout or an
image, the code's own folder; then the folders above the call, as a person in a subfolder expects.
"""

from pathlib import Path
from typing import Final

CODE: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ('site-packages', 'dist-packages')
WORLDS: Final = ('live', 'sandbox')
"""The folders in a data folder: one a world."""


def find_home(here: Path | None = None, code: Path = CODE) -> Path:
    """The installation's folder for a command that is called in `here`; makes nothing."""
    here = here or Path.cwd()
    standalone = code.name not in PACKAGES
    for folder in (here, code) if standalone else (here, *here.parents):
        if is_home(folder):
            return folder
    return code if standalone else here


def is_home(folder: Path) -> bool:
    """True if somebody configured Hermes in `folder`, or it has run there."""
    return (folder / '.env').is_file() or any((folder / 'data' / world).is_dir() for world in WORLDS)
