"""What becomes of what names somebody who was erased (S10): a keyed hash in its place, the same for the same text, so
that whatever was found by it is found by it still, and nobody reads it.

Of the erased themselves only what they are found by stays, as such hashes, and what refers to others. In what is said
of others an e-mail address and a phone are looked for everywhere, a name only under the company that the person stood
under: elsewhere it is a namesake's.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from hermes.domain.graph import Phones
from hermes.domain.identity import values_of
from hermes.domain.model import Element, Intent, Lookup, Observation, RecordRef, RemoteRef, Value
from hermes.domain.record_types import PEOPLE, UNDER_COMPANY
from hermes.kit.spelling import fold, fold_email

MARK: Final = '~'
"""How a hash begins that stands in the place of a value or of a remote id."""
KINDS: Final = ('object', 'email', 'phone', 'name', 'part', 'text', 'record', 'near')
"""Of what hashes are kept: remote objects, addresses, phones, whole names, first and last names, other texts (these
three under a company), records (and what the host names its users by), and the companies under which somebody was
erased.
"""
PERSONS: Final = frozenset({'person', 'recipient', 'contact', *PEOPLE})
"""Objects and records that are people."""
NAMED: Final = 'named'
"""In the hash of what the host names a user by, in the place of a type."""
NUMBERED: Final = ('company', *UNDER_COMPANY)
"""Records that can be erased."""
SHORTEST: Final = 12
"""A text of fewer characters is nobody's alone."""
_LETTERS: Final = str.maketrans('0123456789', 'ghijklmnop')
_ADDRESS: Final = re.compile(r"""([^\s<>"(),;:\[\]@%]*)(?:@|%40)(?=([^\s<>"(),;:\[\]@%]+))""")
"""Where an address may stand, and what stands around it up to what no address holds."""
_EDGE: Final = re.compile(r'[^\W_]+')
_EDGES: Final = 12
_OF_AN_ESCAPE: Final = (1, 5)
"""So many letters after a backslash may belong to it: \\n, \\u201c."""
_PHONE: Final = re.compile(r'[+(]?\d[\d\s().\-/\u2010-\u2015]{5,}\d')
_WORD: Final = re.compile(r"[^\W_][\w'\u2019.-]*")
_WORDS: Final = 5
"""A name has so many words at most, as far as it is looked for in other texts."""
_NAMES: Final = frozenset({'first_name', 'last_name', 'user_first_name', 'user_last_name'})
_EMAILS: Final = frozenset({'email', 'user_email'})
_PHONES: Final = frozenset({'phone', 'user_phone', 'user_mobile'})
_TEXTS_OF_ACTS: Final = frozenset(
    {'email', 'first_name', 'last_name', 'user_id', 'legacy_id', 'crm_id', 'reason', 'lang'}
)
_LISTS: Final[Mapping[str, str]] = {'emails': 'email', 'phones': 'phone'}
_KEPT: Final = frozenset({'hermes_id', 'company_id', 'contact_id', 'deal_id', 'client_id', 'owner_id'})


_ESCAPED: Final = re.compile(r'\\+u([0-9a-fA-F]{4})')


def unescaped(body: bytes) -> str:
    """Bytes as they are read by whoever looks for a text in them."""
    told = body.decode('utf-8', 'replace')
    for space in ('\\n', '\\r', '\\t'):
        told = told.replace(space, ' ')
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), told) if '\\u' in told else told


def _spans(found: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Where an address may begin and end, the longest first: whatever it is wrapped in, quoted or escaped."""
    user, host = [list(_EDGE.finditer(found.string, *found.span(part))) for part in (1, 2)]
    firsts = [each.start() + skipped for each in user[-_EDGES:]
              for skipped in ((0, *_OF_AN_ESCAPE) if found.string[each.start() - 1 : each.start()] == '\\' else (0,))
              if skipped < len(each[0])]  # fmt: skip
    lasts = [each.end() for each in host[:_EDGES]]
    yield from product((found.start(), *firsts), (found.end(2), *reversed(lasts)))


def seal(key: str, kind: str, *parts: object) -> str:
    """The keyed hash of a value: letters alone, so that it is never taken for a number."""
    said = '\x1f'.join((kind, *(str(part) for part in parts))).encode()
    return MARK + hmac.new(key.encode(), b'erased\x1f' + said, hashlib.sha256).hexdigest()[:32].translate(_LETTERS)


@dataclass(frozen=True)
class Veil:
    """What is known of everybody who was erased: `hashes` and whose each is; `references`: by system, which fields name
    objects of which type.
    """

    key: str
    hashes: Mapping[str, RecordRef]
    phones: Phones
    references: Mapping[str, Mapping[str, str]]

    def seal(self, kind: str, *parts: object) -> str:
        return seal(self.key, kind, *parts)

    def find(self, kind: str, *parts: object) -> str:
        """The hash, if it is one of somebody who was erased; '' for everybody else's."""
        sealed = self.seal(kind, *parts)
        return sealed if sealed in self.hashes else ''

    def object(self, ref: RemoteRef) -> RemoteRef:
        """A remote object, under its hash if it was erased."""
        if ref.remote_id.startswith(MARK):
            return ref
        return ref._replace(remote_id=self.find('object', *ref) or ref.remote_id)

    def email(self, told: Value) -> str:
        """The hash of an erased address; '' for others."""
        return self.find('email', fold_email(told)) if isinstance(told, str) and told else ''

    def phone(self, told: Value) -> str:
        """The hash of an erased phone, in whatever spelling; '' for others."""
        if not isinstance(told, str) or not told:
            return ''
        found = (self.find('phone', each) for each in sorted(self.phones.asked(self.phones.keys(told, None))))
        return next(filter(None, found), '')

    def text(self, told: str, company: int | None = None) -> str:
        """A text without what names the erased."""
        if told.startswith(MARK):
            return told
        whole = company is not None and (
            self.find('part', company, fold(told)) or self.find('text', company, fold(told)) if told.strip() else ''
        )
        if whole:
            return whole
        told = self._without_addresses(told)
        told = _PHONE.sub(lambda found: self.phone(found[0]) or found[0], told)
        return self._without_names(told, company) if company is not None else told

    def _without_addresses(self, told: str) -> str:
        parts, at = [], 0
        for found in _ADDRESS.finditer(told):
            for first, last in _spans(found):
                if first >= at and (sealed := self.email(told[first:last].replace('%40', '@'))):
                    parts += [told[at:first], sealed]
                    at = last
                    break
        return ''.join((*parts, told[at:]))

    def _without_names(self, told: str, company: int) -> str:
        words = list(_WORD.finditer(told))
        parts, at, place = [], 0, 0
        while place < len(words):
            for count in range(min(_WORDS, len(words) - place), 1, -1):
                first, last = words[place], words[place + count - 1]
                said = told[first.start() : last.end()].rstrip('.')
                name = fold(' '.join(word[0].rstrip('.') for word in words[place : place + count]))
                if found := self.find('name', company, name):
                    parts += [told[at : first.start()], found]
                    at, place = first.start() + len(said), place + count - 1
                    break
            place += 1
        return ''.join((*parts, told[at:]))

    def value(self, told: Value, company: int | None = None) -> Value:
        """The same of any JSON value."""
        if isinstance(told, str):
            return self.text(told, company)
        if isinstance(told, Mapping):
            return {self.text(name, None): self.value(item, company) for name, item in told.items()}
        if isinstance(told, (list, tuple)):
            return [self.value(item, company) for item in told]
        return told

    def fields(self, system: str, told: Mapping[str, Value], company: int | None, *, person: bool) -> dict[str, Value]:
        """What is said of somebody else. A person's own name is that person's."""
        found: dict[str, Value] = {}
        for name, value in told.items():
            kind = self.references.get(system, {}).get(name)
            if kind and value:
                found[name] = self.reference(system, kind, value)
            elif name == 'participants' and isinstance(value, list):
                found[name] = [each for each in value if not self.find('object', system, 'person', str(each))]
            elif name in _LISTS and isinstance(value, list):
                hide = self.email if name == 'emails' else self.phone
                found[name] = [
                    {**each, 'value': hide(each['value']) or each['value']}
                    if isinstance(each, Mapping) and isinstance(each.get('value'), str)
                    else each
                    for each in value
                ]
            elif name in _EMAILS:
                found[name] = self.email(value) or value
            elif name in _PHONES:
                found[name] = self.phone(value) or value
            else:
                own_name = person and (name in _NAMES or name == 'name')
                found[name] = value if own_name else self.value(value, company)
        return found

    def reference(self, system: str, kind: str, value: Value) -> Value:
        """A reference to another object: a remote id, or as a run-time value whatever it is."""
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return self.find('object', system, kind, str(value)) or value
        return value

    def own(self, system: str, told: Mapping[str, Value]) -> dict[str, Value]:
        """What is left of what somebody erased said: by what they are found, as hashes, and whom they refer to."""
        found: dict[str, Value] = {}
        for name, value in told.items():
            kind = self.references.get(system, {}).get(name)
            if value is None or (isinstance(value, str) and value.startswith(MARK)):
                found[name] = value
            elif kind:
                found[name] = self.reference(system, kind, value)
            elif name in _KEPT:
                found[name] = value
            elif name in _NAMES:
                found[name] = self.part(value)
            elif name == 'name':
                found[name] = self.full_name(value)
            elif name in _EMAILS:
                found[name] = self.seal('email', fold_email(str(value)))
            elif name in _PHONES:
                found[name] = self.sealed_phone(value)
            elif name in _LISTS and isinstance(value, list):
                of = self.sealed_phone if name == 'phones' else lambda each: self.seal('email', fold_email(str(each)))
                found[name] = [
                    each if str(each.get('value')).startswith(MARK) else {**each, 'value': of(each.get('value'))}
                    for each in value
                    if isinstance(each, Mapping)
                ]
        return found

    def part(self, told: Value) -> str:
        """The hash of a first or a last name, wherever it stands."""
        return self.seal('word', fold(str(told)))

    def full_name(self, told: Value) -> str:
        """A name, split as every system splits it."""
        return ' '.join(self.part(word) for word in str(told).split(maxsplit=1))

    def sealed_phone(self, told: Value) -> str:
        known = sorted(self.phones.keys(str(told), None))
        return self.seal('phone', known[0] if known else fold(str(told)))

    def is_erased(self, ref: RemoteRef) -> bool:
        return ref.remote_id.startswith(MARK) or bool(self.find('object', *ref))

    def of_record(self, record: RecordRef | None) -> RecordRef | None:
        """The record, if it was erased."""
        return self.hashes.get(self.seal('record', *record)) if record is not None else None

    def whose(self, seen: Observation) -> RecordRef | None:
        """The erased record that an object belongs to which nobody knows by its id: made for it, under its number,
        under its address, or under what was erased as a whole.
        """
        if found := self.of_record(seen.record):
            return found
        for number in seen.fields.get('hermes_id') or ():
            found = next(filter(None, (self.of_record(RecordRef(kind, number)) for kind in NUMBERED)), None)
            if found:
                return found
        if seen.ref.type in PERSONS:
            told = seen.fields.get('email')
            if (sealed := self.email(told)) and (found := self.hashes.get(sealed)):
                return found
        if seen.parent is not None and (sealed := self.find('object', *seen.parent)):
            return self.hashes[sealed] if self.hashes[sealed].type == 'company' else None
        return None

    def observation(self, seen: Observation, company: int | None, *, own: bool) -> Observation:
        """The same, without anything that names the erased. `own`: it is said of one of them."""
        system, ref = seen.ref.system, seen.ref
        if own and not ref.remote_id.startswith(MARK):
            ref = ref._replace(remote_id=self.seal('object', *ref))
        elif not own:
            ref = self.object(ref)
        into, past = (
            None if other is None else self.object(seen.ref._replace(remote_id=other)).remote_id
            for other in (seen.merged_into, seen.merged_from)
        )
        kind = seen.kind
        if not own and (into or '').startswith(MARK):  # Whoever it was lives on under an erased id: it is gone.
            kind, into = 'deleted', None
        if not own and (past or '').startswith(MARK):
            past = None
        fields = (
            self.own(system, seen.fields)
            if own
            else self.fields(system, seen.fields, company, person=seen.ref.type in PERSONS)
        )
        return replace(
            seen,
            ref=ref,
            kind=kind,
            fields=fields,
            merged_into=into,
            merged_from=past,
            parent=self.object(seen.parent) if seen.parent else None,
            children=None if seen.children is None else tuple(self.object(child) for child in seen.children),
            correlation='' if own else seen.correlation,
        )

    def intent(self, told: Intent, company: int | None) -> Intent:
        """What Hermes sent, or was about to send."""
        own = self.of_record(told.record) is not None or self.is_erased(told.ref)
        system = told.ref.system
        fields = self.own(system, told.fields) if own else self.fields(
            system, told.fields, company, person=told.record.type in PERSONS
        )  # fmt: skip
        return replace(told, ref=self.object(told.ref), fields=fields)

    def lookup(self, told: Lookup) -> Lookup:
        """What a target was asked of somebody."""
        refs = (RemoteRef(told.system, told.record.type, found) for found in told.found)
        return replace(told, found=tuple(self.object(ref).remote_id for ref in refs))

    def act(self, told: Mapping[str, Value]) -> dict[str, Value]:
        """What the host said of a user: of whom, and hashes, so that a fold takes the same steps."""
        found: dict[str, Value] = {}
        for name, value in told.items():
            if isinstance(value, Mapping):
                found[name] = self.act(value)
            elif name in _TEXTS_OF_ACTS and isinstance(value, str) and value and not value.startswith(MARK):
                found[name] = self.seal('email', fold_email(value)) if name == 'email' else self.seal('text', value)
            elif name == 'lists':
                found[name] = []
            else:
                found[name] = value
        return found

    def element(
        self, told: Element, company: Callable[[Observation], int | None], own: Callable[[Observation], bool]
    ) -> Element:
        """An element of a delivery in which nobody finds the erased. What was not understood is not kept."""
        return replace(
            told,
            observations=tuple(self.observation(seen, company(seen), own=own(seen)) for seen in told.observations),
            fetch=tuple(replace(fetch, ref=self.object(fetch.ref)) for fetch in told.fetch),
            intent=self.intent(told.intent, None) if told.intent is not None else None,
            lookup=self.lookup(told.lookup) if told.lookup is not None else None,
            ignored=self.text(told.ignored),
            unparseable=self.text(told.unparseable),
            alone=MARK.encode() if told.alone else b'',
        )


@dataclass(frozen=True, slots=True)
class Person:
    """By what somebody is known who is to be erased: their objects, addresses, phones (as keys), whole names, first and
    last names, what the host names them by, and other texts that are theirs; by company for what counts under it alone.
    """

    objects: frozenset[RemoteRef] = frozenset()
    records: frozenset[RecordRef] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    names: frozenset[tuple[int, str]] = frozenset()
    parts: frozenset[tuple[int, str]] = frozenset()
    near: frozenset[int] = frozenset()
    keys: frozenset[str] = frozenset()
    texts: frozenset[tuple[int, str]] = frozenset()

    def sealed(self, key: str) -> dict[str, str]:
        """Each hash, with its kind."""
        told: Iterable[tuple[object, ...]] = (
            *(('object', *ref) for ref in self.objects),
            *(('record', *ref) for ref in self.records),
            *(('near', company) for company in self.near),
            *(('email', each) for each in self.emails),
            *(('record', NAMED, each) for each in self.keys),
            *(('phone', each) for each in self.phones),
            *(('name', *each) for each in self.names),
            *(('part', *each) for each in self.parts),
            *(('text', *each) for each in self.texts),
        )
        return {seal(key, str(kind), *parts): str(kind) for kind, *parts in told}


def spellings(first: Value, last: Value) -> Iterator[str]:
    """How a whole name is looked for: both ways round. One word alone is looked for nowhere."""
    words = [word for word in (str(first or '').strip(), str(last or '').strip()) if word]
    if len(words) == 2:
        yield fold(' '.join(words))
        yield fold(' '.join(reversed(words)))
    elif words and len(words[0].split()) > 1:
        yield fold(words[0])


def reached_by(says: Callable[[str], Value]) -> tuple[set[str], set[str]]:
    """Every address and every phone that an object tells, as they stand."""
    return set(values_of(says, 'email')), set(values_of(says, 'phone'))
