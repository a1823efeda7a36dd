"""What a system says of itself, as data: its names, its types, its listings, its fields, its prices. The engine
branches on this and on nothing else; no code outside of `systems` and `parts` knows a system by its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Role = Literal['crm', 'product', 'calendar', 'people', '']
"""What a system is for Hermes; 'people': a place where app users are kept; '': a further one, which is told what Hermes
knows.
"""
Headers: TypeAlias = Mapping[str, str]
"""Header names in lower case."""


@dataclass(frozen=True, slots=True)
class Listings:
    """Which remote types a system lists, and how; parents first."""

    first: tuple[str, ...] = ()
    """Listed to the end once, in a database's life."""
    before_making: tuple[str, ...] = ()
    """Those of which nothing is made before that listing was proven (MATCH-6)."""
    full: tuple[str, ...] = ()
    """Listed to the end, with a proof, every night and after every gap: what was merged away stands in no listing of
    what changed, and what is held as gone waits for a full one (OUT-5).
    """
    changed: tuple[str, ...] = ()
    """Those that can be listed by their time of change."""
    shared: tuple[str, ...] = ()
    """What everybody's knowledge is made of (pipelines, stages, users): listed first, and applied alone."""
    partial: tuple[str, ...] = ()
    """Those of which a listing does not show everything: what it lacks says nothing."""
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By type, the statuses that a listing of what changed has to name, so that it tells of deletions too."""
    archived: tuple[str, ...] = ()
    """Those of which a second half is listed apart: what people put away."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The custom fields of a system's objects."""

    types: Mapping[str, str] = field(default_factory=dict)
    """Remote type -> record type, of those that have custom fields."""
    made_as: Mapping[str, str] = field(default_factory=dict)
    """Our type -> the remote's type of a field that Hermes makes there."""
    id_made_as: str = ''
    """The type of the field with our own id: a text, so that a merge keeps both ids."""

    def remote_type(self, record_type: str) -> str | None:
        """The remote type whose custom fields those of a record type are; None where it has none."""
        return next((remote for remote, ours in self.types.items() if ours == record_type), None)


@dataclass(frozen=True, slots=True)
class Prices:
    """What one write and one deletion cost of the day's budget: the least that a day's work can cost (P4)."""

    write: int = 1
    delete: int = 1


class Usage(NamedTuple):
    """So much of the day's budget is spent, by everybody who shares it, and so much there is."""

    spent: int
    limit: int


@dataclass(frozen=True, slots=True)
class Advice:
    """What people have to do in the system itself, in its own words, one sentence a line; '' where nothing."""

    off: str = ''
    """How it is switched on."""
    webhooks: tuple[str, ...] = ()
    """Where our address is entered, for a system to which nobody can subscribe; `{url}` is put in."""
    end_webhooks: str = ''
    """How its deliveries are ended."""
    fields: str = ''
    """How the fields of `Profile.shown_first` are made."""


QUIET: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Profile:
    """One system. `name` is what the database and the log call it; `aliases` what people may write for it."""

    name: str
    title: str
    role: Role = ''
    aliases: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    """Record type -> remote type, in the order in which they are pushed."""
    listings: Listings = Listings()
    fields: Fields = Fields()
    contact: tuple[Literal['pipelines', 'stages', 'users'], ...] = ()
    """What first contact reads besides the account and the custom fields."""
    must_meet: bool = False
    """Nothing is sent anywhere before its account is known and its metadata was read (SETUP-12)."""
    has_account: bool = True
    """Somebody else's: the database belongs to the account that answers (SETUP-12)."""
    subscribes: bool = False
    """Whether Hermes subscribes to its webhooks itself (SETUP-4); else a person enters our address there."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Mirror key -> remote type, of fields that name what must be at hand to apply an object."""
    unreferring: tuple[str, ...] = ()
    """Types that name other objects without needing them."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Mirror key -> remote type, of what the system may refuse to take because somebody deleted it a moment ago."""
    putting_away: tuple[str, ...] = ()
    """Types that people may archive, which then refuse every write: what that ends needs nobody."""
    shown_first: tuple[str, ...] = ()
    """Mirror keys that its objects must show before they can be written (D-1)."""
    read_rule: str = ''
    """The rule for which an object is read by id, where it always is the same one."""
    batch: int = 1
    """So many writes of one type go out as one call, and so many are looked up together."""
    looks_up: bool = False
    """Nobody is made there before it was asked whether it knows them (AU-13)."""
    upserts: bool = False
    """A creation under our own id can be sent again: there is never a second object (AU-15)."""
    read_id: Callable[[str], str] = str
    """An id as people write it, in the one form that is kept (AU-14). Raises ValueError for what is none."""
    deadline_s: float = 8.0
    """How long a call may take; a lease is kept longer."""
    prices: Prices = Prices()
    usage: Callable[[Headers], Usage | None] | None = None
    """What the headers of a success say of the day's budget, where they do."""
    quiet: timedelta = QUIET
    """A silence up to this is never suspicious (PD-GAP-2)."""
    advice: Advice = Advice()


class Authentication(NamedTuple):
    """`admits`: what the headers say by themselves, before anything of the body is read; `knows`: what both say. True,
    False, or None when no secret is configured.
    """

    admits: Callable[[Headers], bool | None]
    knows: Callable[[bytes, Headers], bool | None]


@dataclass(frozen=True, slots=True)
class Source:
    """One sender of deliveries.

    `path` has no trailing slash; both forms answer. `dedupe(body, parsed)` gives the key, None for "take every
    delivery".
    `refused_status` 401 asks for HTTP Basic. `extensions`: `path/{anything}` is stored and ignored.
    `json_body` False: the body is stored unread (a notification may be headers alone). `headers`: stored besides the
    usual ones. `listed`: the types that are listed to the end, for the figures.
    """

    name: str
    path: str
    authenticate: Authentication
    dedupe: Callable[[bytes, Any], bytes | None]
    refused_status: int = 403
    extensions: bool = False
    json_body: bool = True
    headers: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a credential allows: requests in a burst, those of them that search, and the tokens of a day."""

    burst: int
    window_s: float
    search: int
    daily: int
