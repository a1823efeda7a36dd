"""Tags and lists by their names. What a nation calls them is read once and kept for a while; a tag that is not there is
made. Whoever finds that something is gone forgets all of it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.systems.nationbuilder.mapping import Mapped
from hermes.systems.nationbuilder.wire_calls import Failed, Nation, Time, identity

KEPT: Final = timedelta(minutes=10)


class NoList(Exception):
    """The nation has no such mailing list."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Labels:
    """The tags and lists of one nation."""

    def __init__(self, nation: Nation, mapped: Mapped, now: Any) -> None:
        self._nation, self._mapped, self._now = nation, mapped, now
        self._tags: dict[str, str] = {}
        self._lists: dict[str, str] = {}
        self._until: datetime | None = None

    def forget(self) -> None:
        self._tags, self._lists, self._until = {}, {}, None

    async def tag(self, name: str, time: Time, *, make: bool = True) -> str:
        """The id of a tag; '' for one that is not there and not made. Raises Failed, NoGrant."""
        folded = name.casefold()
        if folded not in self._tags:
            query = [('filter[name]', quoted(name)), ('fields[signup_tags]', 'name')]
            for page in await self._nation.pages('/signup_tags', time, query):
                self._tags |= {_attribute(row, 'name').casefold(): identity(row) for row in page['data']}
        if folded not in self._tags and make:
            body = {'data': {'type': 'signup_tags', 'attributes': {'name': name}}}
            told = await self._nation.call('POST', '/signup_tags', time, body=body)
            made = self._nation.document(told).get('data')
            if not identity(made):
                raise Failed(told)
            self._tags[folded] = identity(made)
        return self._tags.get(folded, '')

    async def ids_of(self, names: Collection[str], time: Time) -> dict[str, str]:
        """Our names of lists -> their ids. Raises NoList, Failed, NoGrant."""
        if not names:
            return {}
        if self._until is None or self._until <= self._now() or any(self._id_of(name) is None for name in names):
            await self.read_lists(time)
        found = {}
        for name in names:
            known = self._id_of(name)
            if known is None:
                raise NoList(name)
            found[name] = known
        return found

    async def read_lists(self, time: Time) -> list[dict[str, str]]:
        """Every list of the nation: its id, its name, its slug. Raises Failed, NoGrant."""
        rows = [
            {'id': identity(row), 'name': _attribute(row, 'name'), 'slug': _attribute(row, 'slug')}
            for page in await self._nation.pages('/lists', time, [('fields[lists]', 'name,slug')])
            for row in page['data']
        ]
        self._lists = {row[by].casefold(): row['id'] for by in ('name', 'slug', 'id') for row in rows if row[by]}
        self._until = self._now() + KEPT
        return rows

    def _id_of(self, name: str) -> str | None:
        return self._lists.get(self._mapped.lists.get(name, name).casefold())


def our_name(row: Mapping[str, Any], mapped: Mapped) -> str:
    """What we call a list of the nation."""
    ours = {theirs.casefold(): name for name, theirs in mapped.lists.items()}
    told = [str(row.get(by) or '') for by in ('id', 'slug', 'name')]
    return next((ours[each.casefold()] for each in told if each.casefold() in ours), told[2])


def quoted(value: str) -> str:
    """A value in a filter: commas stand between values, unless it says that they do not."""
    return '{{' + value + '}}' if ',' in value else value


def _attribute(row: Any, name: str) -> str:
    told = row.get('attributes') if isinstance(row, dict) else None
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ''
