"""What the engine needs from an outside system, as Protocols. `systems/*` fulfil them; `parts` wires them.

A system is its profile, four pure things (observe, outgoing, cost, judge) and one impure one (send).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from hermes.domain.alerts import Message
from hermes.domain.errors import Reaction
from hermes.domain.fields import Catalogue
from hermes.domain.model import Element, Event, Record, RecordRef, Value
from hermes.kit.answers import Answer
from hermes.ports.profile import (
    Advice,
    Allowance,
    Authentication,
    Fields,
    Headers,
    Listings,
    Prices,
    Profile,
    Role,
    Source,
)

__all__ = [
    'Advice', 'Allowance', 'Answer', 'Authentication', 'Calendar', 'Channel', 'Cost', 'Courier', 'Fields',
    'Headers', 'Letter', 'Listings', 'Mailer', 'Op', 'Outgoing', 'PeopleTarget', 'Prices', 'Product', 'Profile',
    'RemoteField', 'Request', 'Role', 'Source', 'Subscription', 'System', 'View', 'decode_answer', 'encode_answer',
]  # fmt: skip

Op = Literal[
    'create',
    'update',
    'delete',
    'read',
    'list',
    'fields',
    'pipelines',
    'stages',
    'users',
    'me',
    'webhooks',
    'add_webhook',
    'drop_webhook',
    'add_field',
    'lookup',
    'sustainers',
    'lists',
    'describe',
    'job',
]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to be made, in our words.

    `type` is the remote type ('organization'); `fields` are canonical (the keys of the mirror) for create and update;
    `basis` are the mirror's current canonical values (needed where a list goes out whole, OUT-1);
    `params` for listings: 'since' (aware datetime), 'cursor', 'status', 'ids', 'limit'; for a 'lookup': 'keys', a list
    of {'record': [type, id], 'external_id', 'legacy_id', 'email'}, and 'by', the one key that counts ('': whatever
    finds somebody); for 'sustainers': 'cursor'; for a 'job': 'job', as Pending named it. `items`: many writes of one op
    and type that go out as one call (Profile.batch); an answer's items are theirs, by index.
    """

    op: Op
    type: str = ''
    remote_id: str = ''
    fields: Mapping[str, Value] = field(default_factory=dict)
    basis: Mapping[str, Value] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    record: RecordRef | None = None
    items: 'tuple[Request, ...]' = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs: `tokens` of the daily budget; `search` calls have a burst window of their own."""

    tokens: int
    search: bool = False


class View(Protocol):
    """A record as `outgoing` reads it: every read is tracked, so that undeclared ones fail a test."""

    def get(self, name: str) -> Value:
        """An attribute of the record, e.g. 'name'."""

    def company(self, name: str) -> Value:
        """An attribute of the record's company."""

    def remote(self, record_type: str, name: str) -> str | None:
        """The remote id, in the system being written, of the record that attribute `name` refers to (primary, live);
        None if there is none.
        """

    def admin(self, name: str) -> int | None:
        """The id, in the system being written, of the admin that attribute `name` refers to; None for none and for
        D-10's 0.
        """

    def owner(self, name: str) -> int | None:
        """As `admin`, but nobody who has left (PD-USER-1)."""

    def other(self, name: str, attribute: str) -> Value:
        """An attribute of the record (a contact, a deal, an admin) that attribute `name` refers to; None for nobody."""

    def latest_deal(self, kind: Literal['pipeline', 'stage']) -> str | None:
        """The name of the pipeline or stage of the company's latest open deal; None when none is open (PD-DEAL-6)."""

    def shown(self, key: str) -> Value:
        """What the object that is written says under a mirror key; ABSENT when it never said anything."""

    @property
    def id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One field that goes out: mirror key, what it reads ('Company.name'), when it is written, how it is computed.

    `when` 'create': on creation, later only what an operator decrees (D-22); 'once': on creation, never later; 'known':
    also to an object that was read with this field; 'linked': only to an object that is there; a record type with
    nothing else in its table is never made nor deleted in that system.
    `compute` returns ABSENT (domain.fields.ABSENT) to say nothing.
    """

    key: str
    inputs: tuple[str, ...]
    compute: Callable[[View], Value]
    when: Literal['create', 'once', 'known', 'always', 'linked'] = 'always'
    limit: int | None = None
    """Longest text that the remote takes (D-14); the cut is marked in the push."""
    rule: str = ''
    """The behaviour that wants the field there, where the journal of its inputs would not say it."""


@dataclass(frozen=True, slots=True)
class RemoteField:
    """A custom field as the CRM describes it: its code, its name, its type, the options of an enum or set (id ->
    label), and which of our types it holds without loss.
    """

    code: str
    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    holds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as the CRM lists it."""

    id: str
    url: str
    active: bool
    user: str
    last_status: int | None = None
    """What our door answered to the last delivery; None for no answer, or no delivery yet."""
    last_at: str = ''


class System(Protocol):
    """An outside system. `name` and `types` are its profile's."""

    profile: Profile
    name: str
    types: Mapping[str, str]
    account: str
    """The account that the settings name (SETUP-12); '' where only its answer to the op 'me' tells."""

    def observe(self, event: Event, catalogue: Catalogue) -> Sequence[Element]:
        """Elements of a delivery, a page or an answer; pure. Raises Unparseable when nothing of it can be
        understood.
        """

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        """The table of outgoing fields."""

    def cost(self, request: Request) -> Cost: ...

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        """Make the call. Never raises for an HTTP status or a lost connection: it says so in the Answer."""

    def next_cursor(self, answer: Answer) -> str | None:
        """Where a listing goes on; None at its end."""

    def remote_fields(self, answer: Answer) -> Sequence[RemoteField]:
        """The fields that an answer to the op 'fields' describes, custom ones only (FIELD-5)."""

    def subscriptions(self, answer: Answer) -> Sequence[Subscription]:
        """The webhooks in an answer to the op 'webhooks', those of everything and version 2 only."""

    def identity(self, answer: Answer) -> str:
        """The account that answered the op 'me' (SETUP-12), as a database is told it at first contact."""

    def currency(self, answer: Answer) -> str:
        """The currency of the account that answered the op 'me' (ISO 4217); '' where it names none."""

    def chosen_id(self, record: Record, fields: Mapping[str, Value]) -> str:
        """The remote id under which `record` is made with these fields; '' where the system chooses. The same for
        every try, so that a try whose answer is lost is looked up by it (CB-7).
        """
        return ''

    def page(self, remote_type: str, remote_id: str) -> str:
        """Where people look at an object; '' where nobody knows."""
        return ''

    def judge(self, request: Request, answer: Answer, catalogue: Catalogue) -> None:
        """Raise the Reaction that the answer asks for; return when it succeeded."""


@dataclass(frozen=True, slots=True)
class Lent:
    """The access to a system's API that is lent to somebody: where it is, and what lets in there. `expires_at`: aware
    UTC, None where the system does not say how long that lives.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime | None = None


class PeopleTarget(System, Protocol):
    """A system in which app users are kept (role 'people'): its writes may go out together, and it is asked whom it
    knows before anybody is made there (AU-13).

    An answer to a write with items is observed item by item, each with the item's `record`; one to a 'lookup' as an
    element a key: its `lookup` names the objects that were found, and where it is one, the element observes it too.
    """

    def verdicts(self, request: Request, answer: Answer) -> Sequence[Reaction | None]:
        """Of a call with items that succeeded as a whole: the reaction that each item asks for, by index."""

    def sustainers(self, answer: Answer) -> Mapping[str, bool]:
        """A page of the op 'sustainers' (`params`: 'cursor'; its next one: `next_cursor`): the target's id of an app
        user -> whether they are a sustainer. Raises Unreadable where it is not whole.
        """

    def lists(self, answer: Answer) -> Sequence[str]:
        """The mailing lists that an answer to the op 'lists' names."""

    async def lend_access(self) -> Lent:
        """The access that the op 'me' was just answered with, for the host's own use. Raises Unreadable where there is
        none now, Refused where there is nothing to lend.
        """

    def lacks(self, answer: Answer) -> Sequence[str]:
        """What the target lacks of what its mapping names, by an answer to the op 'describe': a sentence each."""


class Product(System, Protocol):
    """The system in which customers sign up."""

    def total(self, answer: Answer) -> int | None:
        """How many clients it has, as the answer to the op 'me' says; None where it does not."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification channel as the calendar confirms it; `until` is aware UTC, None when it does not say."""

    resource_id: str
    until: datetime | None


class Calendar(System, Protocol):
    """A system that holds people's calendars; a calendar is named by its owner's e-mail address.

    Listings (`Request('list', 'event')`) take the params 'calendar', 'cursor', and either 'sync_token' or 'since' and
    'until' (ISO moments). Channels are opened and closed by the ops 'add_webhook' (fields 'calendar', 'id', 'address',
    'token', 'until') and 'drop_webhook' (fields 'calendar', 'id', 'resource_id').
    """

    async def sign_in(self) -> None:
        """The account itself works. Raises AuthBroken, or Unreadable when nobody can tell now."""

    async def busy(self, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """When the calendar is taken within [start, end): aware UTC, half-open, in order. Raises Unreadable (CB-8)."""

    def sync_token(self, answer: Answer) -> str | None:
        """From where the next listing tells what changed; None before a listing's last page."""

    def listed(self, answer: Answer) -> Sequence[str]:
        """The remote ids on a page."""

    def channel(self, answer: Answer) -> Channel:
        """What an answer to 'add_webhook' confirms. Raises ValueError when it confirms nothing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person. `message_id` (without angle brackets) is the same for every try; `at` is aware; with a
    `calendar` (an iCalendar file) comes its `method`: REQUEST, PUBLISH or CANCEL.
    """

    to: str
    name: str
    subject: str
    text: str
    html: str
    message_id: str
    at: datetime
    reply_to: str = ''
    calendar: bytes = b''
    method: str = ''


class Mailer(Protocol):
    """What hands letters to the mail server."""

    async def send(self, letter: Letter) -> None:
        """Hand it over; who returns has the server's word for it. Raises Retry (later, or the server is away), Rejected
        (never), AuthBroken (the server does not take our letters at all), Ambiguous (nobody knows whether it went out:
        send it again under the same id).
        """

    async def check(self) -> None:
        """Connect and sign in, and send nothing. Raises Retry or AuthBroken."""


class Courier(Protocol):
    """What carries alerts over one channel to one place."""

    async def deliver(self, message: Message) -> str:
        """Hand it over; what was answered, in a few words. Raises Retry (later), Rejected (never), AuthBroken,
        Ambiguous (nobody knows whether it arrived: deliver it again under the same id).
        """


def encode_answer(request: Request, answer: Answer) -> bytes:
    """An answer (or a page, or a read) as the body of an event: what was asked and what came back, as JSON."""
    return json.dumps(
        {
            'request': _request_row(request),
            'status': answer.status,
            'headers': dict(answer.headers),
            'body': answer.body.decode('utf-8', 'replace'),
            'error': answer.error,
            'sent': answer.sent,
            'started_at': answer.started_at.isoformat() if answer.started_at else None,
            'ended_at': answer.ended_at.isoformat() if answer.ended_at else None,
        },
        default=str,
        ensure_ascii=False,
    ).encode()


def _request_row(request: Request) -> dict[str, Any]:
    row = {
        'op': request.op,
        'type': request.type,
        'remote_id': request.remote_id,
        'fields': dict(request.fields),
        'params': dict(request.params),
        'record': list(request.record) if request.record else None,
    }
    return row | ({'items': [_request_row(item) for item in request.items]} if request.items else {})


def _read_request(row: Mapping[str, Any]) -> Request:
    return Request(
        op=row['op'],
        type=row['type'],
        remote_id=row['remote_id'],
        fields=row['fields'],
        params=row['params'],
        record=RecordRef(*row['record']) if row['record'] else None,
        items=tuple(_read_request(item) for item in row.get('items', ())),
    )


def decode_answer(body: bytes) -> tuple[Request, Answer]:
    """The inverse of encode_answer; `basis` is not kept."""
    told = json.loads(body)
    answer = Answer(
        status=told['status'],
        body=told['body'].encode(),
        headers=told['headers'],
        started_at=datetime.fromisoformat(told['started_at']) if told['started_at'] else None,
        ended_at=datetime.fromisoformat(told['ended_at']) if told['ended_at'] else None,
        sent=told['sent'],
        error=told['error'],
    )
    return _read_request(told['request']), answer
