"""Calls to a nation, each put together of many requests, and their answers as one.

`send` never raises: what went wrong is in the Answer. Of writes every item has its own part in the answer: `status` of
the request that decided, `id` of the person, `did` (the keys that stand there now), `jobs` that go on there, `error`.
Whoever has no time or no room left in the window is not begun with.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hermes.domain.model import Value
from hermes.kit.http import Line
from hermes.ports import Answer, Request
from hermes.ports.grants import NoGrant
from hermes.systems.nationbuilder import values
from hermes.systems.nationbuilder.labels import Labels, NoList, quoted
from hermes.systems.nationbuilder.mapping import Mapped
from hermes.systems.nationbuilder.wire_calls import Failed, Nation, Time, identity

TIMEOUT_S: Final = 26.0
"""How long a call may take with everything in it; shorter than the engine waits."""
ITEM_S: Final = 8.0
"""With less time left, nobody else is begun with."""
MANY: Final = 50
"""So many keys stand in one address."""
KEYS: Final = {'external_id': 'external_id', 'legacy_id': 'id', 'email': 'email'}
"""By what people are found, in the order in which it counts: key -> attribute."""
HANGING: Final = ('memberships', 'path_journeys', 'petition_signatures')
COLLECTIONS: Final = ('/donations', '/pledges', '/contacts')
MARKS: Final = ('is_donor', 'is_fundraiser', 'is_volunteer', 'is_cpu', 'first_donated_at', 'note', 'donations_count')
"""What a person may have been or done: whoever has any of it is nobody to be deleted by a machine."""
TAGGED: Final = ('educator', 'review')
Item = dict[str, Any]


class Client:
    """One nation, as the engine speaks with it."""

    def __init__(self, nation: Nation, mapped: Mapped, line: Line) -> None:
        self._nation, self._mapped, self._line = nation, mapped, line
        self._labels = Labels(nation, mapped, line.clock.now)

    async def send(self, request: Request) -> Answer:
        """Make the call."""
        time = Time(asyncio.get_running_loop().time() + TIMEOUT_S)
        started_at = self._line.clock.now()
        try:
            return replace(await self._send(request, time), started_at=started_at)
        except NoGrant as missing:
            return self._no_grant(missing)
        except Failed as failed:
            return failed.answer
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            told = {'code': 'cannot_be_encoded', 'message': type(error).__name__}
            return self._made(told, 400)

    async def _send(self, request: Request, time: Time) -> Answer:
        if request.op in ('create', 'update', 'delete'):
            return await self._write_all(request, time)
        if request.op == 'read':
            return await self._person(_id(request.remote_id), time)
        if request.op == 'lookup':
            return await self._lookup(request, time)
        if request.op == 'sustainers':
            return await self._sustainers(request, time)
        if request.op == 'job':
            return await self._poll(request, time)
        if request.op in ('lists', 'describe'):
            return self._made({'lists': await self._labels.read_lists(time)})
        if request.op == 'me':
            return await self._nation.call('GET', '/signups/me', time, [('fields[signups]', 'full_name')])
        raise ValueError('no call of this system')

    async def _write_all(self, request: Request, time: Time) -> Answer:
        """One person after the other. Where the first fails for a reason that all share, that is the answer."""
        told: list[Item] = []
        last: Answer | None = None
        for item in items_of(request):
            full, late = self._nation.full_until, time.left_s() < ITEM_S
            if told and (full or late or told[-1].get('stop')):
                told.append({'sent': False, 'until': full.isoformat() if full else None})
                continue
            done: Item = {'op': item.op, 'id': item.remote_id, 'did': [], 'jobs': []}
            told.append(done)
            try:
                await self._write(item, done, time)
            except Failed as failed:
                last = failed.answer
            except NoGrant as missing:
                last = self._no_grant(missing)
            except NoList as missing_list:
                last = self._made({'code': 'no_list', 'message': '', 'field': 'lists', 'list': missing_list.name}, 400)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                last = self._made({'code': 'cannot_be_encoded', 'message': type(error).__name__}, 400)
            else:
                done['status'] = 200
                continue
            done |= _failure(last)
            untouched = not done['did'] and (item.op != 'create' or not done['id'])
            alone = len(items_of(request)) == 1 and last.status not in (404, 410)
            if untouched and len(told) == 1 and (alone or done['stop']):
                return last
        return self._made({'items': told}, headers=last.headers if last else None)

    async def _write(self, item: Request, done: Item, time: Time) -> None:
        """One person, step by step; `done` says how far it got. Raises Failed, NoGrant, NoList."""
        if item.op == 'delete':
            await self._delete(_id(item.remote_id), done, time)
            return
        lists = await self._labels.ids_of(_names(item.fields) | _names(item.basis), time)
        spam = item.fields.get('review') == 'spam' and item.op == 'update'
        if spam and await self._is_nobody(_id(item.remote_id), time):
            await self._delete(item.remote_id, done, time)
            return
        person, fresh = await self._put(item, done, time)
        if not fresh or _wanted_tags(item, self._mapped):
            await self._tag(person, item, time, fresh=fresh)
        done['did'] += [key for key in TAGGED if key in item.fields]
        await self._enlist(person, item, lists, done, time)

    async def _put(self, item: Request, done: Item, time: Time) -> tuple[str, bool]:
        """The person's own attributes: their id, and whether they are new."""
        attributes = values.encode(item.fields, self._mapped, item.type)
        if item.op == 'create':
            body: dict[str, Any] = {'type': 'signups', 'attributes': attributes}
            told = await self._nation.call('PATCH', '/signups/push', time, body={'data': body})
        elif attributes:
            person = _id(item.remote_id)
            body = {'id': person, 'type': 'signups', 'attributes': attributes}
            told = await self._nation.call('PATCH', f'/signups/{person}', time, body={'data': body})
            done['gone'] = told.status in (404, 410)
        else:
            return _id(item.remote_id), False
        row = self._nation.document(told).get('data')
        found = identity(row)
        if not found or (item.op == 'update' and found != item.remote_id):
            raise Failed(replace(told, body=b''))
        done['id'], done['created'] = found, told.status == 201
        done['did'] += [key for key in item.fields if key not in (*TAGGED, 'lists')]
        return found, told.status == 201

    async def _tag(self, person: str, item: Request, time: Time, *, fresh: bool) -> None:
        """The tags that these fields stand for; those that no longer stand for anything are taken away."""
        wanted = _wanted_tags(item, self._mapped)
        held = {} if fresh else await self._taggings(person, time)
        for name in wanted:
            if name.casefold() not in held:
                body = {'signup_id': person, 'tag_id': await self._labels.tag(name, time)}
                told = await self._nation.call(
                    'POST', '/signup_taggings', time, body={'data': {'type': 'signup_taggings', 'attributes': body}}
                )
                if told.status != 422:  # it has the tag already
                    self._labels.forget() if told.status in (400, 404) else None
                    self._nation.document(told)
        for name in _unwanted_tags(item, self._mapped):
            if tagging := held.get(name.casefold()):
                told = await self._nation.call('DELETE', f'/signup_taggings/{tagging}', time)
                if told.status not in (204, 404):
                    self._nation.document(told)

    async def _taggings(self, person: str, time: Time) -> dict[str, str]:
        """The tags that somebody has, folded -> the id of the tagging."""
        found: dict[str, str] = {}
        query = [('filter[signup_id]', person), ('include', 'tag')]
        for page in await self._nation.pages('/signup_taggings', time, query):
            names = values.tag_names(page)
            for row in page['data']:
                tag = str((row.get('attributes') or {}).get('tag_id'))
                found[names.get(tag, '').casefold()] = identity(row)
        return found

    async def _enlist(self, person: str, item: Request, lists: Mapping[str, str], done: Item, time: Time) -> None:
        """On and off mailing lists, which the nation does later."""
        if 'lists' not in item.fields:
            return
        wanted, known = _names(item.fields), _names(item.basis)
        for action, names in (('add', wanted - known), ('remove', known - wanted)):
            for name in sorted(names):
                body = {'data': {'id': lists[name], 'type': 'lists', 'signup_ids': [person]}}
                told = await self._nation.call('PATCH', f'/lists/{lists[name]}/{action}_signups', time, body=body)
                self._labels.forget() if told.status == 404 else None
                token = self._nation.document(told).get('token')
                if not isinstance(token, str) or not token:
                    raise Failed(replace(told, body=b''))
                done['jobs'].append(token)
        if not done['jobs']:
            done['did'].append('lists')

    async def _delete(self, person: str, done: Item, time: Time) -> None:
        told = await self._nation.call('DELETE', f'/signups/{person}', time)
        if told.status not in (204, 404):
            self._nation.document(told)
        done['deleted'] = True

    async def _is_nobody(self, person: str, time: Time) -> bool:
        """Whether nothing but our own tags hangs on somebody (AU-4): read first, and what cannot be read says no."""
        query = [('include', ','.join((*HANGING, 'signup_tags')))]
        found = await self._nation.get(f'/signups/{person}', time, query)
        row = found.get('data')
        said = row.get('attributes') if isinstance(row, dict) else None
        if identity(row) != person or not isinstance(said, dict):
            raise Failed(Answer(200, sent=True, ended_at=self._line.clock.now()))
        tags, names = values.related(row, 'signup_tags'), values.tag_names(found)
        if tags is None or any(names.get(each, '').casefold() not in self._mapped.ours for each in tags):
            return False
        if any(values.related(row, name) != [] for name in HANGING) or any(said.get(name) for name in MARKS):
            return False
        for path in COLLECTIONS:
            told = await self._nation.call('GET', path, time, [('filter[signup_id]', person), ('page[size]', '1')])
            if told.status == 404:
                continue  # this nation keeps no such thing
            rows = self._nation.document(told).get('data')
            if not isinstance(rows, list) or rows:
                return False
        return True

    async def _person(self, person: str, time: Time) -> Answer:
        return await self._nation.call('GET', f'/signups/{person}', time, [('include', 'signup_tags')])

    async def _lookup(self, request: Request, time: Time) -> Answer:
        """Everybody who has one of the keys, each once, with the names of their tags."""
        rows: dict[str, Any] = {}
        for key in [by] if (by := str(request.params.get('by') or '')) else KEYS:
            wanted = [text for each in request.params['keys'] if (text := _text(key, each.get(key)))]
            for value in _joined(list(dict.fromkeys(wanted))):
                query = [(f'filter[{KEYS[key]}]', value), ('include', 'signup_tags')]
                for page in await self._nation.pages('/signups', time, query):
                    names = values.tag_names(page)
                    for row in page['data']:
                        tags = [names.get(each, '') for each in values.related(row, 'signup_tags') or ()]
                        rows[identity(row)] = {**row, 'tags': tags, 'relationships': None}
        return self._made({'done': True, 'rows': list(rows.values())})

    async def _sustainers(self, request: Request, time: Time) -> Answer:
        """One page of those who have the tag; the end is an empty one."""
        number = int(request.params.get('cursor') or 1)
        tag = await self._labels.tag(self._mapped.sustainer, time, make=False) if self._mapped.sustainer else ''
        if not tag:
            return self._made({'ids': [], 'next': None})
        query = [('filter[tag_id]', tag)]
        page = await self._nation.page('/signup_taggings', time, query, number)
        ids = [str((row.get('attributes') or {})['signup_id']) for row in page['data']]
        return self._made({'ids': ids, 'next': number + 1 if ids else None})

    async def _poll(self, request: Request, time: Time) -> Answer:
        """How the jobs stand. `params['job']`: as `job_of` (answers.py) named them."""
        job = json.loads(str(request.params['job']))
        found = []
        for token in job['tokens']:
            if not isinstance(token, str) or not token.isalnum():
                raise ValueError('no token of a job')
            told = await self._nation.call('GET', f'/async_processes/{token}', time)
            if told.status == 404:
                found.append({'token': token, 'status': 'unknown'})
                continue
            said = self._nation.document(told)
            said = said['data']['attributes'] if isinstance(said.get('data'), dict) else said
            found.append(
                {'token': token, 'status': str(said.get('status') or ''), 'message': str(said.get('message') or '')}
            )
        return self._made({'id': str(job['id']), 'jobs': found})

    def _made(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer put together of several."""
        now = self._line.clock.now()
        raw = json.dumps(body, ensure_ascii=False).encode('utf-8', 'replace')
        return Answer(status, raw, headers or {}, now, now)

    def _no_grant(self, missing: NoGrant) -> Answer:
        now = self._line.clock.now()
        return Answer(401 if missing.broken else None, started_at=now, ended_at=now, sent=False, error=missing.reason)


def items_of(request: Request) -> Sequence[Request]:
    """The writes that go out in one call."""
    return request.items or (request,)


def _failure(told: Answer) -> Item:
    """What became of an item, as its part of the answer. `stop`: whoever comes after it would fare no better."""
    stop = told.status is None or told.status in (401, 429) or told.status >= 500
    body = told.body.decode('utf-8', 'replace')[:4000]
    return {'status': told.status, 'sent': told.sent, 'error': told.error, 'body': body, 'stop': stop,
            'headers': dict(told.headers)}  # fmt: skip


def _id(remote_id: str) -> str:
    if not remote_id.isascii() or not remote_id.isdigit():
        raise ValueError('not an id of a person')
    return remote_id


def _names(fields: Mapping[str, Value]) -> set[str]:
    return {str(name) for name in fields.get('lists') or ()}


def _wanted_tags(item: Request, mapped: Mapped) -> list[str]:
    told: list[str] = []
    if item.op == 'create':
        told += mapped.subscription if item.type == 'subscription' else mapped.sign_up
    if item.fields.get('educator') and mapped.educator:
        told.append(mapped.educator)
    if item.fields.get('review'):
        told.append(mapped.reviews[item.fields['review']])
    return told


def _unwanted_tags(item: Request, mapped: Mapped) -> list[str]:
    told = [mapped.educator] if item.fields.get('educator') is False and item.type == 'app_user' else []
    if 'review' in item.fields:
        told += [name for why, name in mapped.reviews.items() if why != item.fields['review']]
    return [name for name in told if name]


def _text(key: str, told: Any) -> str:
    """A key as it stands in an address; '' for what can be nobody's."""
    value = str(told or '').strip()
    if key == 'legacy_id' and not (value.isascii() and value.isdigit() and len(value) < 20):
        return ''
    return value if 0 < len(value) <= 254 and '{{' not in value and '}}' not in value and value != 'null' else ''


def _joined(wanted: Sequence[str]) -> list[str]:
    """Many values as one each filter takes; one with a comma goes alone."""
    plain = [value for value in wanted if ',' not in value]
    alone = [quoted(value) for value in wanted if ',' in value]
    return [','.join(plain[first : first + MANY]) for first in range(0, len(plain), MANY)] + alone
