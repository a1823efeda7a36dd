"""The ids in the journal (FIELD-2, D-22): each a small link to what it promises, as `hermes explain` tells it."""

import re
from typing import Final

from markupsafe import Markup, escape

from hermes.domain.errors import Refused
from hermes.setup.promises import ID, find_promises

WORD: Final = re.compile(rf'\b{ID.pattern}\b')
LONGEST: Final = 300


def link_rules(told: str) -> Markup:
    """A rule as the journal names it, every id of a promise in it as a link with what it promises."""
    found, last = Markup(), 0
    for match in WORD.finditer(told):
        if promise := _explained(match[0]):
            found += escape(told[last : match.start()])
            found += Markup('<a class="rule" href="/desk/rules/{0}/" title="{1}">{0}</a>').format(match[0], promise)
            last = match.end()
    return found + escape(told[last:])


def _explained(name: str) -> str:
    """What an id promises, cut; '' for what is none, or where this installation came without its pages."""
    try:
        text = ': '.join(each for _, each in find_promises(name)[0].told if each)
    except Refused:
        return ''
    return text if len(text) <= LONGEST else f'{text[:LONGEST]}…'
