"""The third party that sends the letters: whom it reads from the CRM, for each mailing list.

It reads Contacts, each once, by the lists of the app users and e-mails that hang on them. A Contact of which one of
these was flagged as spam is not read at all.
"""

from __future__ import annotations

from typing import Any

from hermes.sandbox.salesforce.store import Row, Store

Json = dict[str, Any]


def readable_lists(store: Store, spam: str) -> Json:
    """By list, in the order of the options: the Contacts, with the records that brought them there."""
    contacts = store.by_part['contact']
    names: dict[str, dict[str, list[str]]] = {}
    flagged: set[str] = set()
    for part in ('app_user', 'app_email'):
        table = store.by_part[part]
        lists, review, contact = (table.parts[name] for name in ('lists', 'review', 'contact'))
        names |= {option: {} for option in table.spec.fields[lists].options if option not in names}
        for row in table.live():
            if row[contact] is None:
                continue
            if spam in (row[review] or '').lower():
                flagged.add(row[contact])
            for name in (row[lists] or '').split(';'):
                if name:
                    names.setdefault(name, {}).setdefault(row[contact], []).append(row['Id'])
    return {
        name: [_reader(store, contacts.rows[one], sources) for one, sources in found.items() if one not in flagged]
        for name, found in names.items()
    }


def _reader(store: Store, row: Row, sources: list[str]) -> Json:
    email = store.by_part['contact'].parts['email']
    return {'contact_id': row['Id'], 'email': row[email], 'name': row['Name'], 'sources': sources}
