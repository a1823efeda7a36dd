"""Stand-ins for personal data: the same text gives the same stand-in within one file, and keeps its shape.

An e-mail address stays one, a phone number, an address of a page, a name of two words; ids, times, amounts and the
program's own words stay as they are. What is not known to be harmless is replaced.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from typing import Any, Final

EMAIL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)*")
URL: Final = re.compile(r'(?P<scheme>[a-z][a-z+.-]*://)(?P<host>[^/\s?#"<>]*)(?P<rest>[^\s"<>]*)', re.IGNORECASE)
PHONE: Final = re.compile(r'(?<![\w+])[+(]?\d[\d\s().\-/]{5,20}\d(?!\w)')
WORD: Final = re.compile(r'[^\W_]+')
HARMLESS: Final = re.compile(
    r'-?[\d.,]{1,9}|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?|[0-9a-f]{32}|[0-9a-f]{40}|'
    r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|true|false|null|yes|no|on|off|[A-Z]{2,3}|[A-Z]{1,6}(-[A-Z]+)*-\d+|'
    r'[a-z_]+:[a-z_]+:\w{1,40}|[a-z_]+:\d+|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT'
)
"""Numbers, times, codes, currencies, countries, rules, objects and records."""
PLAIN_KEYS: Final = re.compile(
    r'act|action|model|type|kind|state|status|op|entity|object|event|version|currency|policy|system|source|rule|field|'
    r'fields|machine_name|\w+_(type|status|plan|by|machine_name|field_name|field_id)|lane|reaction|lang|plan|method|'
    r'linked'
)
"""Under these a word is one of a program, and not of a person."""
PLAIN_TEXT: Final = re.compile(r'[A-Za-z][\w.-]{0,40}')
PLACES: Final = re.compile(r'country(_code)?|timezone|zone|content-type')
PLACE: Final = re.compile(r'[A-Za-z][\w .:/();=+-]{0,59}')
NUMBERS: Final = re.compile(r'(.*_)?ids?|uid', re.IGNORECASE)
PHONE_KEYS: Final = re.compile(r'.*(phone|mobile|fax|tel).*', re.IGNORECASE)
PLACE_KEYS: Final = re.compile(r'.*(latitude|longitude|_lat|_lng|_long)|lat|lng|lon', re.IGNORECASE)
INHERITING: Final = frozenset({'value', 'shown', 'old', 'new', 'got', 'shows', 'would_be'})
"""What stands under these is what the key around them says."""
VOWELS, CONSONANTS = 'aeiou', 'bdfgklmnprstvz'


class Standins:
    """The stand-ins of one file. `kept`: texts that stay; `hosts`: of addresses that stay."""

    def __init__(self, salt: bytes, kept: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._salt = salt
        self._kept = frozenset(kept)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()

    def value(self, value: Any, key: str = '') -> Any:
        """A JSON value whose texts are stand-ins; `key` is what it stands under."""
        if isinstance(value, dict):
            return {
                self._key(name): self.value(inner, key if name in INHERITING and key else str(name))
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(inner, key) for inner in value]
        if isinstance(value, str):
            return self.text(value, key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return 0 if PLACE_KEYS.fullmatch(key) else self._number(value, key)
        return value

    def text(self, text: str, key: str = '') -> str:
        """A text that stands under a key."""
        if text in self._kept:
            return text
        if text[:1] in ('{', '['):
            try:
                return json.dumps(self.value(json.loads(text), key), ensure_ascii=False)
            except (ValueError, RecursionError):
                pass
        if PHONE_KEYS.fullmatch(key) and any(one.isdigit() for one in text):
            return self.phone(text)
        if HARMLESS.fullmatch(text) or _is_plain(text, key):
            return text
        return self.prose(text)

    def prose(self, text: str) -> str:
        """Addresses, numbers and words of a text, each as its stand-in; what is between them stays."""
        for pattern, change in ((URL, self._url), (EMAIL, self._mail), (PHONE, self._found_phone)):
            if found := pattern.search(text):
                before, after = text[: found.start()], text[found.end() :]
                return f'{self.prose(before)}{change(found)}{self.prose(after)}'
        return WORD.sub(lambda found: self.word(found[0]), text)

    def sentence(self, text: str) -> str:
        """A sentence of the program's own: what it cites of a person is replaced, the rest stays."""
        for pattern, change in ((URL, self._url), (EMAIL, self._mail), (PHONE, self._found_phone)):
            if found := pattern.search(text):
                before, after = text[: found.start()], text[found.end() :]
                return f'{self.sentence(before)}{change(found)}{self.sentence(after)}'
        parts = re.split(r'"([^"]*)"', text)
        return '"'.join(self.text(part) if place % 2 else self._cited(part) for place, part in enumerate(parts))

    def _cited(self, text: str) -> str:
        """Words that begin with a capital within it, or hold a figure and a letter, if they are somebody's."""

        def change(found: re.Match[str]) -> str:
            word = found[0]
            foreign = word[0].isupper() or (any(c.isdigit() for c in word) and any(c.isalpha() for c in word))
            return self.word(word) if foreign and word.casefold() in self._words else word

        return WORD.sub(change, text)

    def word(self, word: str) -> str:
        """A word: another one of its length and case; a number keeps its length."""
        if word.isdigit():
            return self._digits(word) if len(word) > 1 else word
        made = self._made(word.casefold())
        if word.isupper() and len(word) > 1:
            return made.upper()
        return made.capitalize() if word[:1].isupper() else made

    def phone(self, text: str) -> str:
        """A number whose last six figures are others, the same in whichever way it is written."""
        figures = [one for one in text if one.isdigit()]
        count = min(6, max(0, len(figures) - 1))
        seed = self._bytes('phone', ''.join(figures)[-9:])
        fresh = [str(seed[place] % 10) for place in range(count)]
        places = [place for place, one in enumerate(text) if one.isdigit()][len(figures) - count :]
        letters = list(text)
        for place, figure in zip(places, fresh, strict=True):
            letters[place] = figure
        return re.sub(r'[^\W\d_]+', lambda found: self.word(found[0]), ''.join(letters))

    def email(self, address: str) -> str:
        """An address: another person at another domain."""
        name, _, domain = address.lower().rpartition('@')
        return f'{self._made(f"{name}@")}@{self.host(domain)}'

    def host(self, host: str) -> str:
        """A name of a machine or a domain, with or without `www.`."""
        bare, _, port = host.lower().rpartition('@')[2].partition(':')
        if bare in self._hosts or host.lower() in self._hosts:
            return host
        www = 'www.' if bare.startswith('www.') else ''
        made = self._made(f'@{bare.removeprefix(www)}')
        return f'{www}{made}.example{f":{port}" if port else ""}'

    def _key(self, name: Any) -> Any:
        return self.prose(name) if isinstance(name, str) and ('@' in name or ' ' in name) else name

    def _number(self, number: float, key: str) -> Any:
        return int(self.phone(str(number))) if PHONE_KEYS.fullmatch(key) and isinstance(number, int) else number

    def _url(self, found: re.Match[str]) -> str:
        rest = WORD.sub(lambda part: part[0] if part[0].isdigit() else self.word(part[0]), found['rest'])
        kept = found['host'].lower() in self._hosts
        return f'{found["scheme"]}{self.host(found["host"])}{found["rest"] if kept else rest}'

    def _mail(self, found: re.Match[str]) -> str:
        return self.email(found[0])

    def _found_phone(self, found: re.Match[str]) -> str:
        return self.phone(found[0])

    def _digits(self, digits: str) -> str:
        seed = self._bytes('digits', digits)
        return ''.join(str(seed[place % len(seed)] % 10) for place in range(len(digits)))

    def _made(self, told: str) -> str:
        """A word that stands for `told` alone, as long as it if it can be."""
        if told not in self._words:
            length, tries = max(2, min(len(told), 12)), 0
            while True:
                seed = self._bytes(f'word {tries}', told)
                letters = (VOWELS if place % 2 else CONSONANTS for place in range(length + tries // 3))
                made = ''.join(some[seed[place % len(seed)] % len(some)] for place, some in enumerate(letters))
                if made not in self._taken:
                    break
                tries += 1
            self._taken.add(made)
            self._words[told] = made
        return self._words[told]

    def _bytes(self, what: str, told: str) -> bytes:
        return hmac.new(self._salt, f'{what}\0{told}'.encode(), hashlib.sha256).digest()


def _is_plain(text: str, key: str) -> bool:
    """Whether a text is a program's word, by what it stands under."""
    return bool(
        (PLAIN_KEYS.fullmatch(key) and PLAIN_TEXT.fullmatch(text))
        or (PLACES.fullmatch(key) and PLACE.fullmatch(text))
        or (NUMBERS.fullmatch(key) and text.isdecimal())
    )
