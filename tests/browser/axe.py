"""axe-core, the judge of a page's accessibility: fetched through the package registry once, and known by its hash."""

import base64
import hashlib
import subprocess
import tarfile
from functools import cache
from typing import Any, Final

from playwright.sync_api import Page

from tests.referee.referee import cache as cache_folder
from tests.referee.referee import npm
from tests.waiting import PATIENCE_S

VERSION: Final = '4.14.1'
SHA512: Final = 'FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=='
JUDGE: Final = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(rule =>
    `${rule.id}: ${rule.nodes.map(node => node.target.join(' ') + ' (' + node.any.map(one => one.message) + ')')}`)"""


@cache
def source() -> str:
    """What a page runs to be judged; '' where no registry can be reached."""
    file = cache_folder() / f'axe-core-{VERSION}.tgz'
    if not file.is_file():
        words = ('pack', f'axe-core@{VERSION}', '--silent', '--pack-destination', str(file.parent))
        subprocess.run([*npm(), *words], check=False, capture_output=True, timeout=PATIENCE_S)
    if not file.is_file():
        return ''
    assert base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode() == SHA512, f'{file} is another one'
    with tarfile.open(file) as packed:
        found = packed.extractfile('package/axe.min.js')
        assert found is not None
        return found.read().decode()


def judged(page: Page) -> list[str]:
    """What is not accessible in a page as it stands; a rule a line."""
    if not page.evaluate('"axe" in window'):
        page.evaluate(source())
    found: list[Any] = page.evaluate(JUDGE)
    return [str(each) for each in found]
