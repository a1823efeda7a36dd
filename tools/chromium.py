"""Says whether the browser tests can run, and where their Chromium is: `python -m tools.chromium`."""

import os
import shutil
import sys

NAMES = ('chromium', 'chromium-browser', 'google-chrome')


def find_chromium() -> str | None:
    """The path of a Chromium, from HERMES_CHROMIUM or the system; None if there is none."""
    return os.environ.get('HERMES_CHROMIUM') or next((path for name in NAMES if (path := shutil.which(name))), None)


if __name__ == '__main__':
    sys.exit(0 if find_chromium() else 1)
