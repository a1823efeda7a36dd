"""Text as it is compared: whether two look the same, and the one folding for every key.

Keys are compared, and stored beside what they are keys of, never shown. Folding a key again changes nothing, and a text
and what `texts` made of it have one key.
"""

from typing import Any, Final

from hermes.kit.texts import NOTHING, SPELLING, composed, tidy, until_same

DOMAIN: Final = 253
"""Characters of the longest domain (RFC 1035). What is longer is none, and punycode takes quadratic time."""


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, or texts that differ in nothing that can be seen."""
    if one == other:
        return True
    return isinstance(one, str) and isinstance(other, str) and look(one) == look(other)


def look(told: str) -> str:
    """What can be seen of a text, without what joins its letters."""
    plain = tidy(told)
    return plain if plain.isascii() else tidy(SPELLING.sub('', plain))


def fold(told: str) -> str:
    """The key of a name: compatibility forms (NFKC), case, white space and everything invisible folded."""
    return ' '.join(told.split()).casefold() if told.isascii() and told.isprintable() else until_same(_fold, told)


def fold_email(told: str) -> str:
    """The key of an e-mail address: its name folded, its domain as IDNA says it."""
    name, at, domain = composed(tidy(told), 'NFKC').rpartition('@')
    return f'{fold(name)}@{fold_domain(domain)}' if at else fold(domain)


def fold_domain(told: str) -> str:
    """The key of a domain: lower case, every label in the ASCII form of IDNA, no dot at its end."""
    plain = ' '.join(until_same(_lower, told).replace('\u3002', '.').split()).strip('. ')
    if len(plain) > DOMAIN or (plain.isascii() and 'xn--' not in plain):
        return plain
    return '.'.join(map(_ascii, plain.split('.')))


def _fold(told: str) -> str:
    plain = SPELLING.sub('', NOTHING.sub('', composed(told, 'NFKC')))
    return ' '.join(composed(plain.casefold(), 'NFKC').split())


def _lower(told: str) -> str:
    """Not folded: IDNA tells letters apart that folding does not (ß is not ss)."""
    return composed(SPELLING.sub('', NOTHING.sub('', composed(told, 'NFKC'))).lower(), 'NFKC')


def _ascii(label: str) -> str:
    try:
        told = label[4:].encode('ascii').decode('punycode') if label.startswith('xn--') else label
    except UnicodeError:
        return label
    plain = until_same(_lower, told)
    if plain.isascii():
        return plain or label
    return f'xn--{plain.encode("punycode").decode("ascii")}'
