"""Every page and state of the booking, looked at: wide and narrow, light and dark, with the script and without it.

Pictures go to the folder that SCREENSHOTS names, else to a passing one. axe judges each state as it stands;
`BROWSER_MATRIX=full` has it judge the dark and the forced colours, too.
"""

import os
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser import axe
from tests.browser.conftest import FULL, needs_chromium, one_way
from tests.browser.states import states
from tests.browser.website import Website

pytestmark = needs_chromium
MEDIA: Final[dict[str, Any]] = {
    'light': {'color_scheme': 'light', 'forced_colors': 'none'},
    'dark': {'color_scheme': 'dark', 'forced_colors': 'none'},
    'forced': {'color_scheme': 'light', 'forced_colors': 'active'},
}
LOOKS: Final = (*product((320, 768, 1280), ('light', 'dark')),) if FULL else ((320, 'light'), (1280, 'dark'))
JUDGED: Final = (*product((320, 1280), MEDIA),) if FULL else ((1280, 'light'),)
NEEDS_AXE: Final = 'axe: not run, no package registry'


@one_way
@pytest.mark.behaviour('WEB-17')
def test_every_state_can_be_looked_at(website: Website, tmp_path: Path, scripts: bool) -> None:
    """Nothing scrolls sideways, nothing is said to the console, and axe finds nothing."""
    if not axe.source():
        pytest.skip(NEEDS_AXE)
    folder = Path(os.environ.get('SCREENSHOTS') or tmp_path) / ('script' if scripts else 'plain')
    visitor = website.visit(scripts=scripts, judged=True, reduced_motion='reduce')
    page, wide, found = visitor.page, [], []
    for state in states(visitor, website.people[0]):
        for width, scheme in LOOKS:
            page.emulate_media(**MEDIA[scheme])
            page.set_viewport_size({'width': width, 'height': 900})
            page.screenshot(path=folder / f'{state}-{width}-{scheme}.png', full_page=True, animations='disabled')
            if page.evaluate('document.documentElement.scrollWidth') > width:
                wide.append(f'{state} at {width} px')
        for width, scheme in JUDGED:
            page.emulate_media(**MEDIA[scheme])
            page.set_viewport_size({'width': width, 'height': 900})
            found += [f'{state}, {width} px, {scheme}: {each}' for each in axe.judged(page)]
        page.emulate_media(**MEDIA['light'])
        page.set_viewport_size({'width': 1280, 'height': 900})
    assert wide == []
    assert '\n'.join(found) == ''
