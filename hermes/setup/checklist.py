"""The first-run checklist (ADM-1): what has to be done before Hermes works, how each step stands, and what does it.

It is told from the database alone, with what was found the last time that somebody asked the systems (`ask_systems`) or
tried them (`trials`), so that it costs nothing to look at.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from hermes.db import heartbeats
from hermes.db.connections import Connection
from hermes.db.reads import checks
from hermes.db.reads.lookup import Row
from hermes.db.reads.settings import read_settings, read_system
from hermes.domain.config import KEYS
from hermes.domain.status import unheard
from hermes.parts.roles import CALENDAR, CALENDAR_TITLE, CRM, CRM_TITLE, PRODUCT, PRODUCT_TITLE
from hermes.setup.admins import examine_admins
from hermes.setup.calendars import examine_bookable
from hermes.setup.database import examine_worker
from hermes.setup.fields import examine_fields
from hermes.setup.findings import Finding, some
from hermes.setup.pipelines import examine_targets
from hermes.setup.site import Site
from hermes.setup.trials import BOOKING, ROUND_TRIP
from hermes.sync.acts.fields import FILLING

Name = Literal['connect', 'fields', 'pipelines', 'people', 'hours', 'booking', 'trip']
State = Literal['done', 'todo', 'failed', 'blocked']
"""`blocked`: not possible yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `said` is a plain sentence about its state, `needs` names the steps that it stands on, `command` does
    it on the command line, `at` is when it was tried, for what is known from a trial alone.
    """

    name: Name
    title: str
    state: State
    said: str
    needs: tuple[Name, ...]
    command: str
    at: datetime | None = None


class Stand(NamedTuple):
    """How a step stands by itself."""

    state: State
    said: str
    at: datetime | None = None


class Kind(NamedTuple):
    """What is always true of a step."""

    title: str
    needs: tuple[Name, ...]
    command: str


KINDS: Final[Mapping[Name, Kind]] = {
    'connect': Kind('Connect the systems', (), 'hermes setup webhooks'),
    'fields': Kind(f'Make the fields in {CRM_TITLE}', ('connect',), 'hermes setup fields'),
    'pipelines': Kind('Choose where deals enter', ('connect',), 'hermes setup pipelines'),
    'people': Kind('Say who your people are', ('connect',), 'hermes setup admins'),
    'hours': Kind('Set the booking hours', ('people',), 'hermes setup hours'),
    'booking': Kind('Make a test booking', ('pipelines', 'people', 'hours'), 'hermes setup booking'),
    'trip': Kind('Try the round trip', ('connect', 'fields'), 'hermes doctor --round-trip'),
}
NEEDED: Final[Mapping[Name, str]] = {
    'connect': f'{CRM_TITLE} does not answer yet',
    'fields': 'the fields are not there',
    'pipelines': 'nobody has chosen where deals enter',
    'people': 'your people are not known',
    'hours': 'nobody can be booked',
}
"""Why what stands on a step is not possible."""


def checklist(connection: Connection, site: Site) -> list[Step]:
    """Every step, in order. Reads only; no system is asked."""
    steps: list[Step] = []
    lacking: set[Name] = set() if _answers(connection, site) else {'connect'}
    for name, kind in KINDS.items():
        stand = LOOKS[name](connection, site)
        if stand.state == 'todo' and (missing := [each for each in kind.needs if each in lacking]):
            stand = Stand('blocked', f'Not possible yet: {NEEDED[missing[0]]}.')
        if name != 'connect' and stand.state != 'done':
            lacking.add(name)
        steps.append(Step(name, kind.title, stand.state, stand.said, kind.needs, kind.command, stand.at))
    return steps


def is_done(steps: Sequence[Step]) -> bool:
    """Whether nothing is left to do."""
    return all(step.state == 'done' for step in steps)


def _answers(connection: Connection, site: Site) -> bool:
    """Whether the CRM can be asked. That no webhook arrives yet keeps nobody from it."""
    here = read_system(connection, CRM)
    return CRM in site.on and here['account'] is not None and not here['paused']


def _connect(connection: Connection, site: Site) -> Stand:
    if CRM not in site.on:
        return Stand('todo', f'{CRM_TITLE} is off: set PD_API_KEY and PD_BASE_URL.')
    on: list[str] = [name for name in (CRM, PRODUCT) if name in site.on]
    standing = checks.read_standing(connection, on)
    found = [Stand('todo', site.secrets) if site.secrets else None]
    found += [
        *(_account(site.profiles[name].title, standing[name]) for name in on if site.profiles[name].has_account),
        _webhook(connection, site),
    ]
    if PRODUCT in on and standing[PRODUCT]['silent_s'] is None:
        found.append(
            Stand('todo', f'No webhook of {PRODUCT_TITLE} has arrived yet: enter {site.addresses[PRODUCT]} there.')
        )
    titles = ' and '.join(site.profiles[name].title for name in on)
    return _worst(found, f'{titles} {"answer" if len(on) > 1 else "answers"}, and webhooks arrive.')


def _account(title: str, here: Row) -> Stand | None:
    if here['paused']:
        return Stand('failed', f'{title} is paused: {here["reason"] or "no reason given"}.')
    if here['account'] is None and here['silent_s'] is None:
        return Stand('todo', f'{title} has not answered yet.')
    if silent := unheard(here):
        return Stand('failed', f'{title}: {silent}.')
    return None


def _webhook(connection: Connection, site: Site) -> Stand | None:
    """Our subscription, as it was last seen."""
    pulse = checks.read_pulse(connection, heartbeats.subscription(CRM))
    if pulse is None:
        return Stand('todo', f'{CRM_TITLE} does not send its webhooks to {site.addresses[CRM]} yet.')
    if pulse['note'].startswith(heartbeats.CANNOT):
        return Stand('failed', f'The webhook at {CRM_TITLE} is not in place: {pulse["note"]}.')
    return None


def _fields(connection: Connection, site: Site) -> Stand:
    fields = checks.read_fields(connection)
    broken = [f'{item["linked_object_type"]}.{item["machine_name"]}: {item["problem"]}' for item in fields
              if item['problem'] and item['problem'] != FILLING]  # fmt: skip
    found = [Stand('failed', f'{some(broken, 3)}.')] if broken else []
    return _worst([*found, *_todos(examine_fields(connection))], f'The fields are there, {len(fields)} in all.')


def _pipelines(connection: Connection, site: Site) -> Stand:
    return _worst(_targets(connection, 'pipeline'), 'Each plan has its pipeline, and each pipeline its entry stage.')


def _people(connection: Connection, site: Site) -> Stand:
    found = [*_todos(examine_admins(connection)), *_targets(connection, 'admin')]
    return _worst(found, f'{len(checks.read_admins(connection))} of your people are known, each with both ids.')


def _targets(connection: Connection, kind: str) -> list[Stand]:
    """The settings that point at a pipeline or an admin: not set, or at something that is not fit for it."""
    findings = {each.name: each for each in examine_targets(connection)}
    stored = read_settings(connection)
    return [
        Stand('todo' if stored.get(key.name) is None else 'failed', f'{key.name}: {findings[key.name].said}.')
        for key in KEYS.values()
        if key.type == kind and findings[key.name].state == 'todo'
    ]


def _hours(connection: Connection, site: Site) -> Stand:
    if not (site.calendar_account and site.calendar_key):
        return Stand('blocked', 'Not possible yet: no calendar is connected (G_CLIENT_EMAIL, G_PRIVATE_KEY).')
    here = read_system(connection, CALENDAR)
    people = checks.read_bookable(connection)
    found = [Stand('failed', f'{CALENDAR_TITLE} is paused: {here["reason"] or "no reason given"}.')] * here['paused']
    unread = [f'admin {one["id"]}: {one["problem"]}' for one in people if one['problem']]
    found += [Stand('failed', f'Calendars that cannot be read: {some(unread, 3)}.')] if unread else []
    return _worst([*found, *_todos(examine_bookable(people, site))], f'{len(people)} of your people can be booked.')


def _booking(connection: Connection, site: Site) -> Stand:
    stand = _trial(connection, BOOKING, 'No test booking was made yet.')
    if stand.state == 'todo' and not site.live:
        return Stand('blocked', 'Not possible yet: nothing is sent while PUSH_MODE is plan.')
    if stand.state == 'todo' and examine_worker(connection).state == 'todo':
        return Stand('blocked', 'Not possible yet: no worker runs.')
    if stand.state == 'todo' and CRM in site.on:
        unproven = checks.read_unproven(connection, CRM, site.profiles[CRM].listings.first)
        if unproven:
            return Stand('blocked', f'Not possible yet: {CRM_TITLE} is still listed for the first time.')
    return stand


def _trip(connection: Connection, site: Site) -> Stand:
    return _trial(connection, ROUND_TRIP, 'Nobody has tried it yet.')


def _trial(connection: Connection, name: str, untried: str) -> Stand:
    pulse = checks.read_pulse(connection, heartbeats.trial(name))
    if pulse is None:
        return Stand('todo', untried)
    if pulse['note'] == heartbeats.UNDER_WAY:
        broken = Stand('failed', 'It was broken off.', pulse['noted_at'])
        return broken if pulse['is_old'] else Stand('todo', 'It is under way.', pulse['noted_at'])
    if pulse['note']:
        return Stand('failed', f'It went wrong: {pulse["note"]}.', pulse['noted_at'])
    return Stand('done', 'It went well.', pulse['noted_at'])


def _todos(findings: Iterable[Finding]) -> list[Stand]:
    return [Stand('todo', f'{each.name}: {each.said}.') for each in findings if each.state == 'todo']


def _worst(found: Sequence[Stand | None], well: str) -> Stand:
    """What failed before what is to be done; `well` where there is neither."""
    told = sorted((each for each in found if each), key=lambda each: each.state != 'failed')
    return told[0] if told else Stand('done', well)


LOOKS: Final[Mapping[Name, Callable[[Connection, Site], Stand]]] = {
    'connect': _connect,
    'fields': _fields,
    'pipelines': _pipelines,
    'people': _people,
    'hours': _hours,
    'booking': _booking,
    'trip': _trip,
}
