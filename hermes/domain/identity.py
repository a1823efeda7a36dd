"""By what somebody is known beside a link: what two systems hold of one another, addresses, phones, names.

Everything here is a key (kit/spelling.py, kit/phones.py): it is compared, and stored beside the value, never shown. Of
a person every address and every phone counts that stands in a system now; which one is primary is another question.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from hermes.domain.graph import Context, Graph, Phones
from hermes.domain.model import Mirror, Record, Value
from hermes.kit.spelling import fold, fold_domain, fold_email
from hermes.parts.roles import CRM_ID

SHORTEST_NAME: Final = 3
"""Fewer letters and digits than this name nobody; a letter of a script without case counts for two."""
_FILLERS: Final = """
    abc abcd anonymous asdf asdfgh aucun aucune bar brak business company companyname demo dontknow example foo
    foobar freelance freelancer geen home idk individual keine keiner me mine mybusiness mycompany myself nan
    nessuna nessuno nil ninguna ninguno no nobusiness nocompany nocompanyyet noname none notapplicable notavailable
    nothing notprovided notset notyet null other pending personal private privateperson privatetutor qwerty sample
    self selfemployed soletrader tba tbc tbd test tester testing tests tutor tutoring tutors undefined unknown
    unnamed various
"""
PLACEHOLDERS: Final = frozenset(_FILLERS.split())
"""What people write where they have no name to give: letters and digits of the key alone."""
SAID: Final = {'email': ('email', 'user_email'), 'phone': ('phone', 'user_phone', 'user_mobile')}
"""Where objects say an e-mail or a phone, beside their list of all."""
_IN_URL: Final = re.compile(r'/(?:clients|cligency)/(\d+)')
_IDS: Final = re.compile(r'\s*\d{1,19}\s*(?:[,;]\s*\d{1,19}\s*)*')


def fold_name(name: Value) -> str:
    """The key of a name; '' for none, and for what only fills the field or is too short to be anybody's."""
    key = fold(str(name)) if name else ''
    letters = [letter for letter in key if letter.isalnum()]
    weight = sum(2 if unicodedata.category(letter) == 'Lo' else 1 for letter in letters)
    filler = len(set(letters)) < 2 or not any(letter.isalpha() for letter in letters)
    return '' if weight < SHORTEST_NAME or filler or ''.join(letters) in PLACEHOLDERS else key


def full_name(contact: Record) -> str:
    """The key of somebody's whole name."""
    return fold_name(f'{contact.fields.get("first_name") or ""} {contact.fields.get("last_name") or ""}')


def has_name(record: Record, key: str, country: Value) -> bool:
    """Whether a company has this name (its key) and is of no other country: one that is not known is no difference."""
    own = record.fields.get('country')
    return key != '' and fold_name(record.fields.get('name')) == key and (own == country or not (own and country))


def addresses(graph: Graph, contact: Record) -> frozenset[str]:
    """The keys of every e-mail address of a contact."""
    return frozenset(fold_email(told) for told in _told(graph, contact, 'email'))


def telephones(graph: Graph, contact: Record, phones: Phones) -> frozenset[str]:
    """The keys of every phone of a contact, read as its company's country writes them."""
    company = graph.company(contact)
    country = company.fields.get('country') if company is not None else None
    return frozenset(key for told in _told(graph, contact, 'phone') for key in phones.keys(told, country))


def _told(graph: Graph, contact: Record, name: str) -> Iterator[str]:
    """What we believe, and what every object of the contact says: its primary value and all the others."""
    if contact.fields.get(name):
        yield str(contact.fields[name])
    for mirror in graph.mirrors_of(contact.ref):
        if mirror.merged_into is None:
            yield from values_of(mirror.current, name)


def values_of(says: Callable[[str], Value], kind: str) -> Iterator[str]:
    """Every e-mail ('email') or phone ('phone') that an object says."""
    listed = [entry.get('value') for entry in says(f'{kind}s') or ()]
    return (str(told) for told in (*map(says, SAID[kind]), *listed) if told)


def has_phone(graph: Graph, contact: Record, phones: tuple[str, ...], context: Context) -> bool:
    """Whether one of the phones with these keys is the contact's."""
    return not context.phones.asked(phones).isdisjoint(telephones(graph, contact, context.phones))


def named(remote_type: str, says: Callable[[str], Value]) -> tuple[str, ...]:
    """What an organisation or a client holds of others, as 'client:77', 'organization:12', 'agency:5'."""
    if remote_type == 'organization':
        clients = [*_ids(says('tc2_cligency_url')), *_ids(says('tc2_cligency_id'))]
        return _names(client=clients, agency=_ids(says('tc2_agency_id')))
    if remote_type == 'client':
        return _names(organization=_ids(says(CRM_ID)), agency=_ids(says('tc2_agency_id')))
    return ()


def _names(**ids: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f'{kind}:{number}' for kind, numbers in ids.items() for number in numbers))


def _ids(value: Value) -> list[str]:
    """The ids in a value: one, a list of them (D-15), or the addresses of clients."""
    text = str(value or '')
    found = re.findall(r'\d+', text) if _IDS.fullmatch(text) else _IN_URL.findall(text)
    return [str(int(number)) for number in found if int(number)]


def names_of(mirror: Mirror) -> tuple[str, ...]:
    """What the object of a mirror holds of others."""
    return named(mirror.ref.type, mirror.current)


def domain_of(email: str) -> str:
    """The key of an address's domain; '' for none."""
    return fold_domain(email.rpartition('@')[2]) if '@' in email else ''


def site_of(website: Value) -> str:
    """The key of a website's domain, without its www; '' for none."""
    host = re.sub(r'^[a-z]+://', '', str(website or '').strip().lower())
    return fold_domain(re.split('[/?#:]', host)[0].rpartition('@')[2]).removeprefix('www.')
