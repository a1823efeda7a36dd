"""What an erasure goes over beside the rows of the erased themselves (S10): by what they are known, the log, and
whatever says their names, addresses and phones in rows of others.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import Any, Final

from hermes.db import erasing, events, graphs
from hermes.db.pool import Connection, Row
from hermes.domain.booking import FORM
from hermes.domain.erasure import MARK, NUMBERED, PERSONS, SHORTEST, Person, Veil, spellings, unescaped
from hermes.domain.graph import Graph
from hermes.domain.model import Claims, Decree, Event, Mirror, Observation, Record, RecordRef, RemoteRef, Said
from hermes.domain.record_types import PEOPLE
from hermes.kit import phones
from hermes.kit.spelling import fold, fold_email
from hermes.sync import withhold
from hermes.sync.acts.scope import Scope
from hermes.sync.observe import KEPT, encode_kept, observe

READ: Final = ('webhook', 'page', 'answer', 'read')
"""Events that are observed."""
NAMES: Final = ('first_name', 'last_name')
TEXTS: Final = ('note', 'description')
"""Where the objects of calls hold what a visitor wrote."""
LEFT: Final = ('about', 'records', 'changes', 'id', 'rule', *NUMBERED)
"""What stays of the outcome of an act on a record of theirs."""
MOST_NAMES: Final = 64
REFUSED: Final = 'refused'
"""What stays of why something of theirs was refused."""
SETTLED: Final = ('done', 'refused', 'dismissed')
OVERLAP: Final = 1_000
"""Of so many events before the last one that was read a transaction may have been open still."""
_PLAIN: Final = re.compile(r'[\w @.+-]{8,}')


@dataclass
class Told:
    """What was found of somebody: their objects, and a pattern that finds what speaks of them."""

    objects: list[erasing.Found]
    pattern: str


@dataclass
class _Sayings:
    """Addresses, phones, names and other texts of somebody, as they were told."""

    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    firsts: set[str] = field(default_factory=set)
    lasts: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def take(self, name: str, value: Any) -> None:
        """A value that stood under a name of ours."""
        if isinstance(value, list):
            for each in value:
                self.take(name.removesuffix('s'), each.get('value') if isinstance(each, Mapping) else each)
        elif not isinstance(value, str) or not value.strip() or value.startswith(MARK):
            return
        elif name in ('email', 'user_email'):
            self.emails.add(value)
        elif name in ('phone', 'user_phone', 'user_mobile'):
            self.phones.add(value)
        elif name in ('first_name', 'user_first_name'):
            self.firsts.add(value)
        elif name in ('last_name', 'user_last_name'):
            self.lasts.add(value)
        elif name == 'name':
            first, *rest = value.split(maxsplit=1)
            self.names.add((first, rest[0].strip() if rest else ''))
        elif len(value) >= SHORTEST:
            self.texts.add(value)


async def gather(connection: Connection, records: Collection[RecordRef], graph: Graph) -> tuple[Person, Told]:
    """By what some records are known, now and before. What somebody else has too stays theirs."""
    said: dict[int, _Sayings] = {}
    objects = await erasing.objects(connection, records)
    own = [graph.records[ref] for ref in records if ref in graph.records]
    companies = {record.ref: _company(record) for record in own}
    whole = any(ref.type == 'company' for ref in records)
    for record in own:
        sayings = said.setdefault(companies[record.ref] or 0, _Sayings())
        if record.ref.type == 'contact':
            for name, value in record.fields.items():
                sayings.take(name, value)
        elif record.ref.type in PEOPLE:
            for name in (*NAMES, 'email'):
                sayings.take(name, record.fields.get(name))
        elif record.ref.type == 'meeting':
            for name, value in (record.fields.get('typed') or {}).items():
                sayings.take(name, value)
    for each in objects:
        sayings = said.setdefault(companies.get(each.record, 0) or 0 if each.record else 0, _Sayings())
        _take_object(sayings, each, whole=whole)
    for row in await erasing.journal(connection, [ref for ref in records if ref.type in PERSONS]):
        sayings = said.setdefault(companies.get(RecordRef(row['record_type'], row['record_id'])) or 0, _Sayings())
        for value in (row['old'], row['new']):
            if row['field'] in (*NAMES, 'email', 'phone'):
                sayings.take(row['field'], value)
    emails = {fold_email(told) for each in said.values() for told in each.emails}
    contacts = [ref.id for ref in records if ref.type == 'contact']
    emails -= await erasing.shared(connection, 'email', emails, contacts)
    emails -= await erasing.used(connection, emails, records)
    emails -= {fold_email(told) for told in await erasing.staff(connection)}
    country = next((record.fields.get('country') for record in graph.records.values() if record.ref.type == 'company'),
                   None)  # fmt: skip
    numbers: dict[str, set[str]] = {}
    for told in {told for each in said.values() for told in each.phones}:
        numbers[told] = {key for region in (None, country) for key in phones.keys(told, region)}
    others = await erasing.shared(connection, 'phone', {key for keys in numbers.values() for key in keys}, contacts)
    numbers = {told: keys for told, keys in numbers.items() if keys.isdisjoint(others)}
    names = {(company, name) for company, each in said.items() if company for name in _names(each)}
    parts = {
        (company, fold(part)) for company, each in said.items() if company
        for part in (*each.firsts, *each.lasts, *(word for name in each.names for word in name if word))
    }  # fmt: skip
    texts = {(company, fold(text)) for company, each in said.items() if company for text in each.texts}
    pattern = _pattern(
        emails | {told for each in said.values() for told in each.emails if fold_email(told) in emails},
        numbers.values(), {name for _, name in names}, {text for each in said.values() for text in each.texts},
    )  # fmt: skip
    objects += await erasing.nobodys(connection, PERSONS, pattern)
    known = {key for keys in numbers.values() for key in keys}
    person = Person(
        frozenset(each.ref for each in objects if not each.ref.remote_id.startswith(MARK)), frozenset(records),
        frozenset(emails), frozenset(known), frozenset(names), frozenset(parts),
        frozenset(company for company in companies.values() if company),
        frozenset(await erasing.keys(connection, records)), frozenset(texts),
    )  # fmt: skip
    return person, Told(objects, pattern)


def _company(record: Record) -> int | None:
    return record.ref.id if record.ref.type == 'company' else record.company_id


def _take_object(sayings: _Sayings, each: erasing.Found, *, whole: bool) -> None:
    """What an object of somebody says of them: a person everything, a call what the visitor wrote; a company, where it
    goes as a whole, its own person.
    """
    for name in {*each.runs, *each.sent}:
        for value in each.values(name):
            if each.ref.type in PERSONS:
                sayings.take(name, value)
            elif each.record is not None and each.record.type == 'meeting':
                sayings.take(name, value) if name in TEXTS else None
            elif whole and (name.startswith('user_') or name in ('emails', 'phones')):
                sayings.take(name, value)


def _names(said: _Sayings) -> set[str]:
    pairs = {*said.names, *list(product(sorted(said.firsts), sorted(said.lasts)))[:MOST_NAMES]}
    return {name for first, last in pairs for name in spellings(first, last)}


def _pattern(
    emails: Iterable[str], numbers: Iterable[Collection[str]], names: Iterable[str], texts: Iterable[str]
) -> str:
    """What speaks of somebody, as a regular expression that PostgreSQL and Python read alike."""
    told = {re.escape(each).replace('@', '(?:@|%40)') for each in emails}
    told |= {r'\s+'.join(map(re.escape, name.split())) for name in names}
    for text in texts:
        told |= {re.escape(found[0]) for found in [_PLAIN.search(text)] if found}
    for keys in numbers:
        for key in keys:
            digits = re.sub(r'\D', '', key)[-7:]
            told |= {r'[^0-9]{0,3}'.join(digits)} if len(digits) == 7 else set()
    return '|'.join(sorted(told)) or '$^'


@dataclass(frozen=True, slots=True)
class Read:
    """What of the log speaks of somebody, or was still to be applied, up to the event `last`: read while everybody
    works. It holds for as long as they are known by the same.
    """

    known_by: tuple[Person, str, frozenset[str]]
    ids: frozenset[int]
    last: int


@dataclass
class Forgetting:
    """One erasure at work: what hides, whom, and what finds them in a text."""

    scope: Scope
    veil: Veil
    person: Person
    pattern: str
    objects: Mapping[RemoteRef, erasing.Found]

    def __post_init__(self) -> None:
        self._own: set[int] = set()
        self._near: set[RecordRef] = set()
        self._about: set[str] = set()
        self.names_them = re.compile(self.pattern, re.IGNORECASE)
        named = sorted(self.person.objects, key=lambda ref: -len(ref.remote_id))
        self._refs = {f'{ref.system}:{ref.type}:{ref.remote_id}': ref for ref in named}
        self._refs |= {f'{ref.type} {ref.remote_id}': ref for ref in named}
        spelled = '|'.join(map(re.escape, self._refs)) or '(?!)'
        parts = '|'.join(sorted(re.escape(part) for _, part in self.person.parts if len(part) > 2)) or '(?!)'
        self._names_parts = re.compile(rf'(?<!\w)(?:{parts})(?!\w)', re.IGNORECASE)
        self._names_refs = re.compile(rf'(?<![\w])(?:{spelled})(?!\w)')

    def _hide(self, told: Any, company: int | None = None) -> Any:
        """A JSON value in which nobody finds them: neither what they are called, nor their objects."""
        if isinstance(told, str):
            hidden = self.veil.text(told, company)
            if company is None and hidden != told:
                hidden = self.veil.text(hidden, self._only_company())
            return self._names_refs.sub(self._unref, hidden)
        if isinstance(told, Mapping):
            return {self._hide(name): self._hide(item, company) for name, item in told.items()}
        if isinstance(told, (list, tuple)):
            if len(told) >= 3 and all(isinstance(part, str) for part in told[:3]):
                sealed = self.veil.object(RemoteRef(*told[:3])).remote_id
                if sealed != told[2]:
                    return [told[0], told[1], sealed, *(None if isinstance(one, str) else one for one in told[3:])]
            return [self._hide(item, company) for item in told]
        return told

    def _unref(self, found: re.Match[str]) -> str:
        ref = self._refs[found[0]]
        return found[0][: -len(ref.remote_id)] + self.veil.object(ref).remote_id

    # The log.

    async def read(self) -> Read:
        """Read the whole log, and change nothing."""
        found, last = set[int](), 0
        own = self._own = await self._prepare()
        async for rows in erasing.every_event(self.scope.connection):
            last = rows[-1]['id']
            for row in rows:
                theirs = self._is_own(row, own) or self._is_about(row) or self._speaks(row)
                if theirs or row['state'] not in SETTLED or (row['kind'] == 'intent' and self._names_in_intent(row)):
                    found.add(row['id'])
        return Read(self._known_by(), frozenset(found), last)

    async def events(self, read: Read | None = None) -> int:
        """Rewrite every event that speaks of them; how many. Of what was `read` before only what was found is read
        again, with what came since.
        """
        own, count = await self._prepare(), 0
        if read is not None and read.known_by == self._known_by():
            log = erasing.every_event(self.scope.connection, read.last - OVERLAP, own | read.ids)
        else:
            log = erasing.every_event(self.scope.connection)
        async for rows in log:
            for row in rows:
                if row['id'] == self.scope.event.id:
                    continue
                is_own, about = self._is_own(row, own), self._is_about(row)
                if is_own or about or row['kind'] == 'intent' or self._speaks(row):
                    count += await self._rewrite(row, self._only_company() if about or is_own else None)
        return count

    def _known_by(self) -> tuple[Person, str, frozenset[str]]:
        return self.person, self.pattern, frozenset(self._about)

    async def _prepare(self) -> set[int]:
        """The events that changed what is theirs; and what counts as near to them."""
        connection = self.scope.connection
        self._near = {RecordRef('company', company) for company in self.person.near}
        self._near |= await erasing.under_companies(connection, self.person.near)
        near = await erasing.objects(connection, self._near)
        self._about = {':'.join(each.ref) for each in near} | {f'{ref.type}:{ref.id}' for ref in self._near}
        self._own = await erasing.events_of(connection, self.person.records, self.person.objects)
        return self._own

    def _is_own(self, row: Row, own: set[int]) -> bool:
        """Whether an event is one of theirs, or followed from one; they come in their order."""
        if row['cause_id'] in own and row['kind'] != 'act':
            own.add(row['id'])
        if row['kind'] == 'act' and row['body'] and b'"people.' in bytes(row['body']):
            with suppress(ValueError):
                if _users_of(json.loads(bytes(row['body']))) & self.person.records:
                    own.add(row['id'])
        return row['id'] in own

    def _is_about(self, row: Row) -> bool:
        return bool(self._about & _about(row))

    def _names_in_intent(self, row: Row) -> bool:
        """Whether what was sent of somebody else would be rewritten."""
        said = (row['headers'], row['reason'], row['outcome'])
        try:
            told = json.loads(bytes(row['body'])) if row['body'] else None
            sent = told is not None and self._intent(row['source'], told) != told
            return sent or bool(self._hide(said) != list(said))
        except (ValueError, KeyError, TypeError, AttributeError):
            return True

    def _speaks(self, row: Row) -> bool:
        """Whether an event names them, or one of their objects, or may: a listing in which nothing was new tells of
        whom it is in its body alone.
        """
        body = unescaped(row['body'] or b'')
        if row['kind'] in READ and not _about(row) and self._names_parts.search(body):
            return True
        said = ' '.join(
            (row['reason'] or '', json.dumps(row['outcome'], ensure_ascii=False) if row['outcome'] else '',
             json.dumps(row['headers'], ensure_ascii=False))
        )  # fmt: skip
        return bool(self.names_them.search(body) or self.names_them.search(said) or self._names_refs.search(said))

    async def _rewrite(self, row: Row, company: int | None) -> bool:
        """Take them out of an event; False where nothing of it was theirs. `company`: under which their name counts."""
        event, connection = events.read_event(row), self.scope.connection
        body, headers = await self._body(event, row, company) if row['body'] else (None, dict(row['headers']))
        headers, outcome = self._hide(headers, company), row['outcome']
        if event.kind == 'act' and event.id in self._own and isinstance(outcome, list):
            outcome = [
                {name: each[name] for name in each if name in LEFT} for each in outcome if isinstance(each, Mapping)
            ]
        reason, outcome = self._hide(row['reason'], company), self._hide(outcome, company)
        if (body or b'', headers, reason, outcome) == (event.body, row['headers'], row['reason'], row['outcome']):
            return False
        await erasing.keep_body(connection, event.id, body, headers)
        if body is None and row['body'] and row['state'] in ('new', 'waiting', 'parked'):
            await erasing.end_event(connection, event.id, f'ignored: {withhold.IGNORED}')
        else:
            await erasing.keep_said(connection, event.id, reason, outcome)
        return True

    async def _body(self, event: Event, row: Row, company: int | None) -> tuple[bytes | None, dict[str, str]]:
        """What stays of a body: of our own words the same without them, of another system's what was understood."""
        headers = dict(event.headers)
        try:
            if event.kind == 'act':
                said = json.loads(event.body)
                left = self._act(said, row, company)
                return (event.body if left == said else _json(left)), headers
            if event.kind == 'intent':
                said = json.loads(event.body)
                left = self._intent(event.source, said)
                return (event.body if left == said else _json(left)), headers
            if event.kind == 'absence':
                said = json.loads(event.body)
                left = self._absence(event.source, said)
                return (event.body if left == said else _json(left)), headers
        except (ValueError, KeyError, TypeError, AttributeError):
            return None, headers
        text, own = unescaped(event.body), event.id in self._own
        names_them = self._hide(text, company) != text
        if event.kind not in READ:
            return (None if own or names_them else event.body), headers
        known = self.scope.known
        try:
            elements = await observe(self.scope.engine, event, known)
        except Exception:
            return (None if own or names_them else event.body), headers
        if row['state'] != 'done' and not row['waited']:
            fresh = replace(known, erased=self.veil.hashes)
            sifted = await withhold.sift(self.scope.engine, self.scope.connection, [(event, elements)], fresh)
            if not sifted.changed and not own and not names_them:
                return event.body, headers
            others = sifted.batch[0][1]
            if not any(element.observations or element.fetch or element.lookup for element in others):
                return None, headers
            return encode_kept(others), headers | {KEPT: 'understood'}
        refs = {seen.ref for element in elements for seen in element.observations}
        refs |= {seen.parent for element in elements for seen in element.observations if seen.parent is not None}
        fetched = {fetch.ref for element in elements for fetch in element.fetch}
        if company is None and any(':'.join(ref) in self._about for ref in refs | fetched):
            company = self._only_company()
        owners = await erasing.owners(self.scope.connection, refs)

        def company_of(seen: Observation) -> int | None:
            owner = owners.get(seen.ref) or (owners.get(seen.parent) if seen.parent is not None else None)
            return owner.company if owner is not None else None

        def is_own(seen: Observation) -> bool:
            return self.veil.is_erased(seen.ref) or (
                seen.ref not in owners and seen.ref.type in PERSONS and self.veil.whose(seen) is not None
            )

        kept = [self.veil.element(element, company_of, is_own) for element in elements]
        if not own and not names_them and not (company is not None and self._names_parts.search(text)):
            plain = [replace(element, alone=b'') for element in elements]
            if [replace(element, alone=b'') for element in kept] == plain:
                return event.body, headers
        return encode_kept(kept), headers | {KEPT: 'understood'}

    def _act(self, told: dict[str, Any], row: Row, company: int | None) -> dict[str, Any]:
        if told.get('act') == 'meeting.book' and not str(told.get('uid')).startswith(MARK):
            return self._booking(told, row, company)
        users = _users_of(told)
        if users & self.person.records or (users and self.veil.email(told.get('email'))):
            return self.veil.act(told)
        if row['id'] in self._own:
            return self._command(told)
        hidden: dict[str, Any] = self._without_person(self._hide(told, company), told)
        return hidden

    def _command(self, told: dict[str, Any]) -> dict[str, Any]:
        """An operator's act on a record of theirs: which, and what is left of what was written."""
        left = {name: self._hide(value) for name, value in told.items() if name not in ('values', 'fields', 'reason')}
        for name in ('values', 'fields'):
            if isinstance(told.get(name), Mapping):
                said = self.veil.own('', told[name])
                left[name] = {key: value for key, value in said.items() if key in (*NAMES, 'company_id', 'contact_id')}
        if told.get('act') == 'record.write' or 'value' in told:
            raise ValueError('what was written is theirs')
        return left

    def _only_company(self) -> int | None:
        companies = {company for company, _ in self.person.names}
        return next(iter(companies)) if len(companies) == 1 else None

    def _without_person(self, hidden: Any, told: Any) -> Any:
        """Whatever says an address, a phone or a name of theirs in one breath with other words says nothing else."""
        if isinstance(told, Mapping) and isinstance(hidden, Mapping):
            texts = [value for value in told.values() if isinstance(value, str)]
            if any(self.veil.email(text) or self.veil.phone(text) for text in texts):
                return {
                    name: value if name in ('act', 'kind', 'type', 'system') else
                    self.veil.seal('text', fold(value)) if isinstance(value, str) and not value.startswith(MARK)
                    else value
                    for name, value in hidden.items()
                }  # fmt: skip
            return {
                name: self._without_person(item, before)
                for (name, item), before in zip(hidden.items(), told.values(), strict=True)
            }
        if isinstance(told, list) and isinstance(hidden, list) and len(told) == len(hidden):
            return [self._without_person(*each) for each in zip(hidden, told, strict=True)]
        return hidden

    def _booking(self, told: dict[str, Any], row: Row, company: int | None) -> dict[str, Any]:
        """A booking of theirs says when and with whom it was, and what it said of the company."""
        form, outcome = told.get('form') or {}, (row['outcome'] or [{}])[0] or {}
        made = {RecordRef(kind, outcome[kind]) for kind in NUMBERED if isinstance(outcome.get(kind), int)}
        own = bool(made & self.person.records) or bool(self.veil.email(form.get('email')))
        if not own:
            return dict(self._hide(told, company))
        whole = any(ref.type == 'company' for ref in self.person.records)
        said = {
            key: (self.veil.seal('text', fold(value)) if whole and isinstance(value, str) else self._hide(value))
            for key in FORM.values() if (value := form.get(key)) is not None
        }  # fmt: skip
        said |= {'name': self.veil.full_name(form.get('name') or 'no name')}
        said |= {'email': self.veil.seal('email', fold_email(str(form.get('email') or '')))}
        if form.get('phone'):
            said['phone'] = self.veil.sealed_phone(form['phone'])
        left = {name: value for name, value in told.items() if name not in ('typed', 'zone', 'lang', 'request')}
        return {**left, 'uid': self.veil.seal('text', told['uid']), 'form': said}

    def _intent(self, system: str, told: dict[str, Any]) -> dict[str, Any]:
        """What was sent, or was about to be."""
        record = RecordRef(*told['record']) if told.get('record') else None
        ref = RemoteRef(system, told['type'], str(told['remote_id'] or ''))
        own = self.veil.of_record(record) is not None or (ref.remote_id != '' and self.veil.is_erased(ref))
        if own:
            left = self.veil.own(system, told['fields'])
            sealed = self.veil.seal('object', *ref) if ref.remote_id and not ref.remote_id.startswith(MARK) else ''
            refused = {'refused': REFUSED} if told.get('refused') else {}
            return {**told, **refused, 'fields': left, 'remote_id': sealed or ref.remote_id}
        company = self._only_company() if record in self._near else None
        return {**told, 'fields': self.veil.fields(system, told['fields'], company, person=ref.type in PERSONS)}

    def _absence(self, system: str, told: dict[str, Any]) -> dict[str, Any]:
        return {
            **told,
            'ids': [self.veil.object(RemoteRef(system, told['type'], one)).remote_id for one in told['ids']],
        }

    # Rows of others.

    async def records(self, own: Collection[RecordRef]) -> dict[str, int]:
        """Take them out of what is believed of others, and out of what others' objects say; how many rows of each."""
        connection = self.scope.connection
        found = await erasing.elsewhere(connection, self.pattern, self.person.objects)
        companies = {company for company, _ in self.person.names}
        wanted = graphs.Wanted(records={*found, *own}, companies=companies)
        graph = await graphs.load(connection, wanted, births_held=True)
        count: dict[str, int] = {}
        for record in list(graph.records.values()):
            hidden = self._record(record) if record.ref not in own else record
            if hidden != record:
                graph.put_record(hidden)
                count[record.ref.type] = count.get(record.ref.type, 0) + 1
        for mirror in list(graph.mirrors.values()):
            if mirror.record in own or mirror.ref.remote_id.startswith(MARK):
                continue
            owner = graph.record(mirror.record)
            veiled = self._mirror(mirror, _company(owner) if owner is not None else None)
            if veiled != mirror:
                graph.put_mirror(veiled)
                count['mirror'] = count.get('mirror', 0) + 1
        newest = await graphs.newest_events(connection, graph.touched_mirrors)
        await graphs.commit(connection, graph, graphs.Effects(mirrors=newest), self.scope.event, quiet=True)
        return count

    def _record(self, record: Record) -> Record:
        company = _company(record)
        said = self.veil.fields('', record.fields, company, person=record.ref.type in PERSONS)
        return replace(record, fields=said, claims=_walked(record.claims, lambda told: self._hide(told, company)))

    def _mirror(self, mirror: Mirror, company: int | None) -> Mirror:
        def hide(name: str, value: Any) -> Any:
            person = mirror.ref.type in PERSONS
            return self.veil.fields(mirror.ref.system, {name: value}, company, person=person)[name]

        return replace(
            mirror,
            runs={name: tuple(run._replace(value=hide(name, run.value)) for run in runs)
                  for name, runs in mirror.runs.items()},
            sent={name: tuple(replace(one, value=hide(name, one.value), got=hide(name, one.got),
                                      over=hide(name, one.over)) for one in sent)
                  for name, sent in mirror.sent.items()},
            merges=tuple(
                one._replace(loser=self.veil.object(mirror.ref._replace(remote_id=one.loser)).remote_id)
                if one.loser else one for one in mirror.merges
            ),
        )  # fmt: skip

    async def journal(self, own: Collection[RecordRef]) -> int:
        """Take them out of what the journal says of others; how many lines."""
        connection, count = self.scope.connection, 0
        companies = {company for company, _ in self.person.names}
        near = {RecordRef('company', company) for company in companies}
        near |= await erasing.under_companies(connection, companies)
        for row in await erasing.journal_of_others(connection, near - set(own), self.pattern):
            record = RecordRef(row['record_type'], row['record_id'])
            if record in own:
                continue
            company = self._only_company() if record in near else None
            person = record.type in PERSONS and row['field'] in NAMES
            old, new = (value if person else self._hide(value, company) for value in (row['old'], row['new']))
            note = self._hide(row['note'], company)
            if (old, new, note) != (row['old'], row['new'], row['note']):
                await erasing.keep_change(connection, row['id'], old, new, note)
                count += 1
        return count

    async def small(self, table: str, columns: Sequence[str]) -> int:
        """Take them out of a small table; how many rows."""
        count = 0
        for row in await erasing.small_rows(self.scope.connection, table, columns):
            record = RecordRef(row['record_type'], row['record_id']) if row.get('record_type') else None
            company = self._only_company() if record in self._near else None
            hidden = {name: self._hide(row[name], company) for name in columns if row[name] is not None}
            changed = {name: value for name, value in hidden.items() if value != row[name]}
            if changed:
                await erasing.keep_small(self.scope.connection, table, row, changed)
                count += 1
        return count


def _about(row: Row) -> set[str]:
    """What an event speaks of, as its outcome says."""
    parts = row['outcome'] if isinstance(row['outcome'], list) else []
    return {each for part in parts if isinstance(part, Mapping) for each in part.get('about') or ()}


def _users_of(told: Any) -> set[RecordRef]:
    """The one user of whom the host, or a person, said something."""
    if not isinstance(told, Mapping) or not str(told.get('act')).startswith('people.'):
        return set()
    return {RecordRef(kind, told['id']) for kind in PEOPLE if isinstance(told.get('id'), int)}


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def _walked(claims: Claims, hide: Callable[[Any], Any]) -> Claims:
    """Claims with other values: those that somebody said."""
    changed: dict[str, Any] = {}
    for each in fields(claims):
        told = getattr(claims, each.name)
        if isinstance(told, Mapping) and told:
            changed[each.name] = {
                name: replace(one, value=hide(one.value)) if isinstance(one, Said | Decree) else
                hide(one) if isinstance(one, str) else one
                for name, one in told.items()
            }  # fmt: skip
    return replace(claims, **changed) if changed else claims
