"""The pictures of the booking pages in `docs/images`, taken anew: `make screenshots`."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.browser.states import states
from tests.browser.website import chromium, open_website

FOLDER: Final = Path(__file__).parents[2] / 'docs' / 'images'
WANTED: Final = ('index', 'times', 'form', 'booked')
SIZE: Final = {'width': 1280, 'height': 800}


def main() -> int:
    """Go through a booking, and look at some of it."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, open_website(Path(folder), browser) as website:
        visitor = website.visit(scripts=True, viewport=SIZE, color_scheme='light', reduced_motion='reduce')
        for state in states(visitor, website.people[0]):
            if state in WANTED:
                path = FOLDER / f'booking-{state}.png'
                visitor.page.screenshot(path=path, full_page=True, animations='disabled')
                print(f'{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size / 1024:.0f} KB')
            if state == WANTED[-1]:
                break
        website.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
