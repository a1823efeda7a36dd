"""Rows as JSON:API's resource objects: attributes, links to what is related, and what is sideloaded with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hermes.sandbox.nationbuilder import people
from hermes.sandbox.nationbuilder.answers import bad_request
from hermes.sandbox.nationbuilder.attributes import EXTRA, TYPES
from hermes.sandbox.nationbuilder.store import Row, Store

Json = dict[str, Any]
API: Final = '/api/v2'
DEFAULTS: Final = {kind: {name: one.default for name, one in known.items()} for kind, known in TYPES.items()}


def value_of(store: Store, kind: str, row: Row, name: str) -> Any:
    """One attribute as it is shown."""
    if name == 'id':
        return row['id']
    worked_out = WORKED_OUT.get((kind, name))
    return worked_out(store, row) if worked_out else row.get(name, DEFAULTS[kind][name])


def _custom(store: Store, row: Row) -> Json:
    """Every field of the nation, null where it is not set."""
    set_ = row.get('custom_values') or {}
    fields = store.tables['custom_fields'].values()
    return {one['slug']: set_.get(one['slug']) for one in fields if one['resource_type'] == 'Signup'}


def _count(link: str) -> Callable[[Store, Row], int]:
    return lambda store, row: len(store.by_link[link].get(row['id'], ()))


WORKED_OUT: Final[dict[tuple[str, str], Callable[[Store, Row], Any]]] = {
    ('signups', 'email'): lambda _, row: people.address(row),
    ('signups', 'full_name'): lambda _, row: people.full_name(row),
    ('signups', 'custom_values'): _custom,
    ('signups', 'profile_content_html'): lambda _, row: row.get('profile_content'),
    ('lists', 'signups_count'): lambda store, row: len(store.members[row['id']]),
    ('signup_tags', 'taggings_count'): _count('signup_taggings.tag_id'),
}


def resource(store: Store, kind: str, row: Row, only: Iterable[str] | None = None, extra: Iterable[str] = ()) -> Json:
    """The resource object of one row, with these attributes only."""
    names = TYPES[kind] if only is None else [name for name in TYPES[kind] if name in set(only)]
    attributes = {name: value_of(store, kind, row, name) for name in names}
    attributes |= dict.fromkeys(extra)
    found: Json = {'id': row['id'], 'type': kind, 'attributes': attributes}
    if RELATED.get(kind):
        found['relationships'] = {
            name: {'links': {'related': f'{API}/{link}'.format(**row)}}
            for name, (link, _) in RELATED[kind].items()
            if link
        }
    return found


def _hanging(kind: str, name: str) -> Callable[[Store, Row], list[tuple[str, Row]]]:
    return lambda store, row: [(kind, one) for one in store.linked(kind, name, row['id'])]


def _owner(kind: str, name: str) -> Callable[[Store, Row], list[tuple[str, Row]]]:
    def find(store: Store, row: Row) -> list[tuple[str, Row]]:
        found = store.tables[kind].get(row.get(name) or '')
        return [] if found is None else [(kind, found)]

    return find


def _through(kind: str, mine: str, theirs: str) -> Callable[[Store, Row], list[tuple[str, Row]]]:
    """By way of the taggings."""
    return lambda store, row: [
        (kind, store.tables[kind][one[theirs]]) for one in store.linked('signup_taggings', mine, row['id'])
    ]


def _nothing(store: Store, row: Row) -> list[tuple[str, Row]]:
    return []


Related = tuple[str, Callable[[Store, Row], list[tuple[str, Row]]]]
EMPTY: Final = ('page', 'path_journeys', 'petition_signatures', 'precinct', 'signup_profile', 'voter')
"""What a person may be sideloaded with by the document and never has here."""
OF_A_DONATION: Final = (
    'author', 'donation_tracking_code', 'import', 'mailing', 'membership', 'page', 'payment_type', 'pledge',
    'recruiter',
)  # fmt: skip
RELATED: Final[dict[str, dict[str, Related]]] = {
    'signups': {
        'memberships': ('memberships?filter[signup_id]={id}', _hanging('memberships', 'signup_id')),
        'signup_tags': ('signup_tags?filter[signup_id]={id}', _through('signup_tags', 'signup_id', 'tag_id')),
        'taggings': ('signup_taggings?filter[signup_id]={id}', _hanging('signup_taggings', 'signup_id')),
        'author': ('', _owner('signups', 'author_id')),
        'parent': ('', _owner('signups', 'parent_id')),
        'recruiter': ('', _owner('signups', 'recruiter_id')),
        'last_contacted_by': ('', _owner('signups', 'last_contacted_by_id')),
        **dict.fromkeys(EMPTY, ('', _nothing)),
    },
    'lists': {
        'author': ('', _owner('signups', 'author_id')),
        'signup': ('', _owner('signups', 'signup_id')),
        'parent': ('', _owner('lists', 'parent_id')),
        'lists': ('lists?filter[parent_id]={id}', _nothing),
        'mailings': ('', _nothing),
    },
    'signup_tags': {
        'taggings': ('signup_taggings?filter[tag_id]={id}', _hanging('signup_taggings', 'tag_id')),
        'signups': ('', _through('signups', 'tag_id', 'signup_id')),
    },
    'signup_taggings': {
        'signup': ('signups/{signup_id}', _owner('signups', 'signup_id')),
        'tag': ('signup_tags/{tag_id}', _owner('signup_tags', 'tag_id')),
    },
    'membership_types': {
        'memberships': ('memberships?filter[membership_type_id]={id}', _hanging('memberships', 'membership_type_id')),
        'page': ('', _nothing),
    },
    'memberships': {
        'signup': ('signups/{signup_id}', _owner('signups', 'signup_id')),
        'membership_type': ('membership_types/{membership_type_id}', _owner('membership_types', 'membership_type_id')),
        'donations': ('', _nothing),
    },
    'donations': {
        'signup': ('signups/{signup_id}', _owner('signups', 'signup_id')),
        **dict.fromkeys(OF_A_DONATION, ('', _nothing)),
    },
    'pledges': {
        'signup': ('signups/{signup_id}', _owner('signups', 'signup_id')),
        **dict.fromkeys(('author', 'donation_tracking_code', 'page', 'recruiter'), ('', _nothing)),
    },
    'contacts': {
        'signup': ('signups/{signup_id}', _owner('signups', 'signup_id')),
        'author': ('', _owner('signups', 'author_id')),
    },
}  # fmt: skip
TO_ONE: Final = frozenset(
    (
        'author', 'last_contacted_by', 'membership_type', 'page', 'parent', 'precinct', 'recruiter', 'signup',
        'signup_profile', 'tag', 'voter', *OF_A_DONATION,
    )
)  # fmt: skip


class Look:
    """How a query wants rows shown: `include`, `fields[type]`, `extra_fields[signups]`. Raises Refused (400)."""

    def __init__(self, store: Store, query: Mapping[str, str]) -> None:
        self.store = store
        self.included = _names(query.get('include', ''))
        self.fields: dict[str, list[str]] = {}
        self.extra: list[str] = []
        for name, value in query.items():
            if name.startswith('fields[') and name.endswith(']'):
                self.fields[name[7:-1]] = _names(value)
            if name == 'extra_fields[signups]':
                self.extra = _names(value)
        for kind, names in self.fields.items():
            _check(names, TYPES.get(kind, {}), f'field of {kind}')
        _check(self.extra, EXTRA, 'extra field of signups')

    def show(self, kind: str, rows: list[Row]) -> Json:
        """`data` as a list, and `included` where something was asked for."""
        _check(self.included, RELATED.get(kind, {}), f'sideload of {kind}')
        data = [self._resource(kind, row) for row in rows]
        document: Json = {'data': data}
        if self.included:
            found: dict[tuple[str, str], Json] = {}
            for shown, row in zip(data, rows, strict=True):
                for name in self.included:
                    related = RELATED[kind][name][1](self.store, row)
                    told = [{'type': other, 'id': one['id']} for other, one in related]
                    linked: Any = (told[0] if told else None) if name in TO_ONE else told
                    shown['relationships'].setdefault(name, {})['data'] = linked
                    for other, one in related:
                        found.setdefault((other, one['id']), self._resource(other, one))
            document['included'] = list(found.values())
        document['meta'] = {}
        return document

    def show_one(self, kind: str, row: Row) -> Json:
        document = self.show(kind, [row])
        return {**document, 'data': document['data'][0]}

    def _resource(self, kind: str, row: Row) -> Json:
        return resource(self.store, kind, row, self.fields.get(kind), self.extra if kind == 'signups' else ())


def _names(text: str) -> list[str]:
    return [name for name in text.split(',') if name]


def _check(names: Iterable[str], known: Iterable[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise bad_request(f'{name!r} is no {what}.')
