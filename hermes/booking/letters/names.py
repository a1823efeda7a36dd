"""Names of strangers, before they stand in anybody's mailbox or calendar (S22): a name and nothing else.

Whoever books may write what they like into the form and give somebody else's address. So links are taken out, and
whatever could look like one is broken; no line breaks, nothing invisible, no change of the direction of writing.
"""

import re
import unicodedata
from typing import Final

from hermes.kit import texts

LONGEST: Final = 80
DOTS: Final = re.compile('[.\u3002\uff0e\uff61\u2024]')
LINK: Final = re.compile(r'(?i)://|^www[.]|[/\\@<>]|^(?:https?|ftp|mailto|tel|javascript|data):')
ENDING: Final = re.compile(r'[.](?:[^\W\d_]{2,24}|xn--[\w-]+)$')


def clean_name(text: str, most: int = LONGEST) -> str:
    """`text` as a name; '' when nothing of it is one."""
    shown = ''.join(_shown(char) for char in texts.composed(texts.cut(text, most)))
    words = [_word(word) for word in shown.split()]
    return ' '.join(' '.join(words).split())[:most].strip()


def _shown(char: str) -> str:
    if char in texts.JOINERS:
        return char
    category = unicodedata.category(char)
    if category.startswith('Z') or char in '\t\n\r\v\f':
        return ' '
    return '' if category in ('Cc', 'Cf', 'Cs', 'Co', 'Cn') else char


def _word(word: str) -> str:
    plain = DOTS.sub('.', texts.composed(word, 'NFKC')).strip('.,;:!?()[]{}\'"')
    if LINK.search(plain):
        return ''
    ending = ENDING.search(plain)
    if ending and not ending[0][1:].istitle():
        return ''
    # "St.John" and "J.R.R." are names; with a space behind the dot no program makes a link of them.
    return DOTS.sub(lambda dot: f'{dot[0]} ', word)
