"""Typed calls to Salesforce's REST API. Whatever takes several requests (pages, questions that are too long for one
address, what was updated under an old version of the API) is one call: its answer is put together.

`send` never raises: what went wrong is in the Answer. Only the organisation that the settings name is called, without
redirects (S4). A token that is refused is fetched anew once: what was refused with it was certainly not done.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from hermes.domain.errors import Unreadable
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Lent, Request
from hermes.systems.salesforce import metadata, soql, values
from hermes.systems.salesforce.ids import long_id, try_id
from hermes.systems.salesforce.mapping import Kind, Mapped
from hermes.systems.salesforce.token import App, NoToken, Tokens

TIMEOUT_S: Final = 18.0
"""How long a call may take with everything in it; shorter than the engine waits."""
ENOUGH_S: Final = 8.0
"""After so long a listing is left where it is, and gone on with by another call."""
MOST_PAGES: Final = 100
UNFIT: Final = b'[{"errorCode": "CANNOT_BE_ENCODED", "message": "", "fields": []}]'
"""What stands in the vendor's place where something of ours has no form there: trying again is of no use."""
_NEXT: Final = re.compile(r'/services/data/v\d+\.\d+/query(?:All)?/[A-Za-z0-9_-]{1,100}', re.ASCII)
Body = Any


@dataclass(slots=True)
class Time:
    """How much is left of a call."""

    ends: float

    def left_s(self) -> float:
        return max(self.ends - asyncio.get_running_loop().time(), 0.001)


@dataclass(slots=True)
class Pages:
    """What a question brought: its rows, how many there are to be, where it goes on ('' at its end)."""

    rows: list[Any]
    total: int
    more: str
    answer: Answer


class Client:
    """One organisation."""

    def __init__(self, app: App, mapped: Mapped, line: Line) -> None:
        self._base, self._mapped, self._line = app.base, mapped, line
        self._root = f'/services/data/v{mapped.api_version}'
        self._tokens = Tokens(app, line)

    def __repr__(self) -> str:
        return f'Client({self._base!r})'

    async def send(self, request: Request) -> Answer:
        """Make the call."""
        time = Time(asyncio.get_running_loop().time() + TIMEOUT_S)
        try:
            return await self._send(request, time)
        except NoToken as missing:
            now = self._line.clock.now()
            status = 401 if missing.broken else None
            return Answer(status, started_at=now, ended_at=now, sent=False, error=missing.reason)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            now = self._line.clock.now()
            return Answer(
                400, UNFIT, started_at=now, ended_at=now, sent=False, error=f'cannot be encoded: {type(error).__name__}'
            )

    async def lend_access(self) -> Lent:
        """Raises Unreadable."""
        time = Time(asyncio.get_running_loop().time() + TIMEOUT_S)
        try:
            token = await self._tokens.get(time.left_s)
        except NoToken as missing:
            raise Unreadable(f'Salesforce lets nobody in now: {missing.reason}.') from None
        return Lent(token.instance, {'Authorization': f'Bearer {token.text}'})

    async def _send(self, request: Request, time: Time) -> Answer:
        if request.op == 'me':
            return await self._me(time)
        kind = self._mapped.kinds[request.type or 'app_user']
        if request.op == 'create':
            return await self._create(request, kind, time)
        if request.op == 'update':
            records = [self._record(item, kind, 'update') for item in items_of(request)]
            body = {'allOrNone': False, 'records': records}
            return await self._call('PATCH', f'{self._root}/composite/sobjects', time, body=body)
        if request.op == 'delete':
            ids = ','.join(long_id(item.remote_id) for item in items_of(request))
            query = [('ids', ids), ('allOrNone', 'false')]
            return await self._call('DELETE', f'{self._root}/composite/sobjects', time, query=query)
        if request.op == 'read':
            url = f'{self._root}/sobjects/{kind.source}/{long_id(request.remote_id)}'
            return await self._call('GET', url, time, query=[('fields', ','.join(dict.fromkeys(kind.read)))])
        if request.op == 'lookup':
            return await self._lookup(request, kind, time)
        if request.op == 'sustainers':
            return await self._sustainers(request, kind, time)
        if request.op == 'lists':
            told = await self._describe(kind.source, time)
            return told if told.status != 200 else _with(told, metadata.picklist(told.body, kind.fields['lists']))
        if request.op == 'describe':
            return await self._describe_all(time)
        raise ValueError('no call of this system')

    async def _create(self, request: Request, kind: Kind, time: Time) -> Answer:
        items = items_of(request)
        if len(items) > 1:
            body = {'allOrNone': False, 'records': [self._record(item, kind, 'create') for item in items]}
            url = f'{self._root}/composite/sobjects/{kind.source}/{kind.external_id}'
            return await self._call('PATCH', url, time, body=body)
        [item] = items
        key = quote(_key(item), safe='')
        url = f'{self._root}/sobjects/{kind.source}/{kind.external_id}/{key}'
        body = values.encode(item.fields, kind, self._mapped.words, with_key=False)
        told = await self._call('PATCH', url, time, body=body)
        if told.status != 204:
            return told
        seen = await self._call('GET', url, time, query=[('fields', 'Id')])
        found = wire.try_json(seen.body) if seen.status == 200 else None
        identity = found.get('Id') if isinstance(found, dict) else None
        return _with(told, {'id': identity, 'success': True, 'created': False, 'errors': []}, 200) if identity else told

    def _record(self, item: Request, kind: Kind, op: str) -> dict[str, Any]:
        fields = values.encode(item.fields, kind, self._mapped.words, with_key=True)
        named = {'id': long_id(item.remote_id)} if op == 'update' else {kind.external_id: _key(item)}
        return {'attributes': {'type': kind.source}, **named, **fields}

    async def _lookup(self, request: Request, kind: Kind, time: Time) -> Answer:
        """Everybody who has one of the keys, as one list of rows, each object once."""
        fields = fields_asked(request, kind)
        names = [*kind.read, *fields.values()]
        keys = [literals(key, fields, kind) for key in request.params['keys']]
        found: dict[str, Any] = {}
        last: Answer | None = None
        for question in soql.lookups(names, kind.source, [key for key in keys if key]):
            told = await self._ask(question, time)
            if isinstance(told, Answer):
                return told
            if len(told.rows) != told.total:
                return replace(told.answer, body=b'')
            last = told.answer
            found |= {str(try_id(values.at(row, 'Id')) or len(found)): row for row in told.rows}
        if last is None:
            now = self._line.clock.now()
            last = Answer(200, headers={}, started_at=now, ended_at=now)
        return _with(last, {'done': True, 'records': list(found.values())})

    async def _sustainers(self, request: Request, kind: Kind, time: Time) -> Answer:
        """The status of everybody, as far as one call gets; `params['cursor']` goes on where another stopped."""
        before, _, path = str(request.params.get('cursor') or '').partition(':')
        if path and not _NEXT.fullmatch(path):
            raise ValueError('not a place in a listing')
        question = soql.select(['Id', kind.external_id, kind.sustainer], kind.source)
        enough = Time(time.ends - TIMEOUT_S + ENOUGH_S)
        told = await self._ask(question, time, path, enough)
        if isinstance(told, Answer):
            return told
        count = int(before or 0) + len(told.rows)
        rows = [{'id': values.at(row, 'Id'), 'is_sustainer': values.at(row, kind.sustainer)} for row in told.rows]
        done = not told.more and count == told.total
        return _with(told.answer, {'done': done, 'count': count, 'next': told.more, 'records': rows})

    async def _ask(self, question: str, time: Time, path: str = '', enough: Time | None = None) -> Pages | Answer:
        """A question, or a further page of one, to its end, or until it was `enough`; the answer that went wrong."""
        rows: list[Any] = []
        seen: set[str] = set()
        while True:
            told = await (
                self._call('GET', path, time)
                if path
                else self._call('GET', f'{self._root}/query', time, query=[('q', question)])
            )
            page = wire.try_json(told.body) if told.status == 200 else None
            if not isinstance(page, dict) or not isinstance(page.get('records'), list):
                return told
            rows += page['records']
            total, path = page.get('totalSize'), page.get('nextRecordsUrl') or ''
            if not isinstance(total, int) or (not page.get('done') and not path):
                return replace(told, body=b'')
            if not path or page.get('done') is True:
                return Pages(rows, total, '', told)
            if not isinstance(path, str) or not _NEXT.fullmatch(path) or path in seen or len(seen) > MOST_PAGES:
                return replace(told, body=b'')
            if enough is not None and enough.left_s() <= 0.001:
                return Pages(rows, total, path, told)
            seen.add(path)

    async def _me(self, time: Time) -> Answer:
        """Whose organisation it is, as it said when it let us in; that it answers shows that the API may be used."""
        told = await self._call('GET', f'{self._root}/', time)
        if told.status != 200 or not isinstance(wire.try_json(told.body), dict):
            return told
        return _with(told, {'organisation': (await self._tokens.get(time.left_s)).organisation})

    async def _describe(self, source: str, time: Time) -> Answer:
        return await self._call('GET', f'{self._root}/sobjects/{source}/describe', time)

    async def _describe_all(self, time: Time) -> Answer:
        """What the organisation says of every object that the mapping names; None of one that is not there."""
        told: dict[str, Any] = {}
        names = [kind.source for kind in self._mapped.kinds.values()]
        last: Answer | None = None
        while names:
            name = names.pop(0)
            if name in told:
                continue
            last = await self._describe(name, time)
            if last.status == 404:
                told[name] = None
                continue
            said = wire.try_json(last.body) if last.status == 200 else None
            if not isinstance(said, dict):
                return last
            told[name] = metadata.kept(said)
            names += metadata.joined(name, told[name], self._mapped)
        assert last is not None
        return _with(last, {'objects': told}, 200)

    async def _call(
        self, method: str, path: str, time: Time, *, query: Sequence[tuple[str, str]] = (), body: Body = None
    ) -> Answer:
        """One request; once again with a fresh token where that was refused. Raises NoToken."""
        told: Answer | None = None
        for _ in range(2):
            token = await self._tokens.get(time.left_s)
            told = await self._line.call(
                method,
                token.instance + path,
                headers={'authorization': f'Bearer {token.text}', 'accept': 'application/json'},
                query=query,
                body=body,
                deadline_s=time.left_s(),
            )
            if told.status != 401:
                break
            self._tokens.forget(token)
        assert told is not None
        return told


def items_of(request: Request) -> Sequence[Request]:
    """The writes that go out in one call."""
    return request.items or (request,)


def fields_asked(request: Request, kind: Kind) -> Mapping[str, str]:
    """By what is looked for: our key -> field. Raises ValueError for a key that has no field there."""
    by = request.params.get('by')
    if not by:
        return kind.keys
    if by not in kind.keys:
        raise ValueError('nobody is found by this key there')
    return {by: kind.keys[by]}


def literals(key: Mapping[str, Any], fields: Mapping[str, str], kind: Kind) -> dict[str, str]:
    """What a key would be found by: field -> literal."""
    found: dict[str, str] = {}
    for name, theirs in fields.items():
        value = str(key.get(name) or '').strip()
        if not value or len(value) > soql.LONGEST_KEY:
            continue
        if name == 'legacy_id' and kind.legacy_is_number:
            if value.isascii() and value.isdigit():
                found[theirs] = str(int(value))
        else:
            found[theirs] = soql.text(value)
    return found


def _key(item: Request) -> str:
    """Our own number, under which an object is made."""
    told = item.fields.get('external_id') or (item.record.id if item.record else None)
    if not told:
        raise ValueError('nothing is made without a key of ours')
    return str(told)


def _with(answer: Answer, body: Any, status: int | None = None) -> Answer:
    return replace(
        answer, status=status or answer.status, body=json.dumps(body, ensure_ascii=False).encode('utf-8', 'replace')
    )
