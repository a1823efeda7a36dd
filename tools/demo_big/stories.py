"""What befalls a company, as the engine and the emulated outside world play it, once each.

Every name, number and id in a story stands for those of others: `zqco004` for a company's name, `zqfi0041` for the
first name of its second person. Ids are drawn from ranges of their own, so that no other number looks like one.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bench.month import Month
from hermes.db import acts
from hermes.domain.errors import Refused
from hermes.sandbox.scenarios import demo
from hermes.sync import setup
from hermes.sync.acts import commands

RANGES: Final = {
    'record': 710_000_000, 'client': 721_000_000, 'agency': 722_000_000, 'recipient': 723_000_000,
    'invoice': 724_000_000, 'organization': 731_000_000, 'person': 732_000_000, 'deal': 733_000_000,
    'activity': 734_000_000, 'event': 741_000_000, 'call': 742_000_000, 'change': 743_000_000,
    'applied': 744_000_000, 'decision': 745_000_000, 'letter': 746_000_000, 'turn': 747_000_000,
}  # fmt: skip
"""Where the ids of each kind begin in a story."""
HOUR, DAY = 3600.0, 86400.0
COUNTRIES: Final = ('GB', 'US', 'AU', 'GB', 'CA', 'DE', 'IE', 'US')
PLANS: Final = ('payg', 'startup', 'enterprise', 'payg')
INCOMES: Final = ('under 50k', '50-150k', '150-500k', 'over 500k')
SOURCES: Final = ('newsletter', 'search', 'partner', 'fair', None)
ZONES: Final = {'GB': 'Europe/London', 'US': 'America/New_York', 'AU': 'Australia/Sydney', 'CA': 'America/Toronto'}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who a story is about, by its number, and how this telling differs from the others."""

    month: Month
    number: int
    variant: int

    @property
    def name(self) -> str:
        return f'Zqco{self.number:03d} Zqco{self.number:03d}'

    @property
    def domain(self) -> str:
        return f'zqdom{self.number:03d}.example'

    @property
    def country(self) -> str:
        return COUNTRIES[self.variant % len(COUNTRIES)]

    @property
    def plan(self) -> str:
        return PLANS[self.variant % len(PLANS)]

    @property
    def seller(self) -> dict[str, Any]:
        return demo.DEMO_ADMINS[self.variant % 2]

    def first(self, place: int = 0) -> str:
        return f'Zqfi{self.number:03d}{place}'

    def last(self, place: int = 0) -> str:
        return f'Zqla{self.number:03d}{place}'

    def email(self, place: int = 0) -> str:
        return f'zqem{self.number:03d}{place}@{self.domain}'

    def phone(self, place: int = 0) -> str:
        return f'+44 2079{self.number:03d}00{place}'

    async def later(self, seconds: float) -> None:
        """Everything comes to rest, and time passes."""
        await self.month.settle()
        self.month.clock.advance(seconds)


Story = Callable[[Cast], Awaitable[Any]]


def _sign_up(cast: Cast, people: int = 1, **more: Any) -> int:
    recipients = [
        {'first_name': cast.first(place), 'last_name': cast.last(place), 'email': cast.email(place)}
        for place in range(people)
    ]
    made = cast.month.world.tutorcruncher.sign_up(
        cast.name, country=cast.country, plan=cast.plan, email=cast.email(), first_name=cast.first(),
        last_name=cast.last(), phone=cast.phone(), sales_person=cast.seller['tc2_admin_id'],
        support_person=demo.TOM_TC2 if cast.variant % 3 else None, recipients=recipients,
        website=f'https://{cast.domain}', **more,
    )  # fmt: skip
    return int(made.id)


def _organizations(cast: Cast) -> Iterator[int]:
    """The organisations of this company that stand in the CRM."""
    for number, row in cast.month.world.pipedrive.live('organization').items():
        if row['name'] == cast.name:
            yield number


def _deals(cast: Cast) -> list[int]:
    mine = set(_organizations(cast))
    return [number for number, row in cast.month.world.pipedrive.live('deal').items() if row['org_id'] in mine]


def _in_crm(cast: Cast, kind: str, number: int, **values: Any) -> None:
    cast.month.world.pipedrive.act_update(kind, number, values, cast.seller['pd_owner_id'])


async def customer(cast: Cast) -> None:
    """Signs up, pays, is renamed by a sales person, and its deal is won."""
    tc2 = cast.month.world.tutorcruncher
    client = _sign_up(cast, people=1 + cast.variant % 3)
    await cast.later(1.5 * HOUR)
    tc2.confirm_email(client)
    await cast.later(DAY)
    tc2.save_card(client)
    for deal in _deals(cast)[:1]:
        _in_crm(cast, 'deal', deal, stage_id=1 + cast.variant % 3)
    await cast.later(2 * DAY)
    tc2.raise_invoice(client)
    await cast.later(DAY + HOUR)
    tc2.pay_invoice(client)
    tc2.close_day(client)
    await cast.later(3 * HOUR)
    for deal in _deals(cast)[:1]:
        _in_crm(cast, 'deal', deal, status='won')
    await cast.later(DAY)
    tc2.send_snapshot(client)


async def trial(cast: Cast) -> None:
    """Signs up and is never seen again."""
    client = _sign_up(cast)
    await cast.later(6 * HOUR)
    cast.month.world.tutorcruncher.send_snapshot(client)


async def gone(cast: Cast) -> None:
    """Signs up, is terminated, and its deal is lost."""
    tc2 = cast.month.world.tutorcruncher
    client = _sign_up(cast, people=2)
    await cast.later(DAY)
    tc2.confirm_email(client)
    await cast.later(4 * DAY)
    tc2.terminate(client)
    for deal in _deals(cast)[:1]:
        _in_crm(cast, 'deal', deal, status='lost')
    await cast.later(HOUR)
    tc2.send_snapshot(client)


async def deleted(cast: Cast) -> None:
    """Signs up by mistake and is deleted."""
    client = _sign_up(cast)
    await cast.later(5 * HOUR)
    cast.month.world.tutorcruncher.delete(client)
    await cast.later(HOUR)


async def prospect(cast: Cast) -> None:
    """Somebody whom sales people found themselves; of one in three a person is known."""
    crm, owner = cast.month.world.pipedrive, cast.seller['pd_owner_id']
    org = crm.act_create('organization', {'name': cast.name, 'website': f'https://{cast.domain}'}, owner)['id']
    if cast.variant % 3 == 1:
        emails = [{'value': cast.email(), 'label': 'work', 'primary': True}]
        phones = [{'value': cast.phone(), 'label': 'work', 'primary': True}]
        told = {'name': f'{cast.first()} {cast.last()}', 'org_id': org, 'emails': emails, 'phones': phones}
        crm.act_create('person', told, owner)
    await cast.later(HOUR)


async def lead(cast: Cast) -> None:
    """A prospect with a person and a deal that moves."""
    crm, owner = cast.month.world.pipedrive, cast.seller['pd_owner_id']
    org = crm.act_create('organization', {'name': cast.name}, owner)['id']
    emails = [{'value': cast.email(), 'label': 'work', 'primary': True}]
    told = {'name': f'{cast.first()} {cast.last()}', 'org_id': org, 'emails': emails}
    person = crm.act_create('person', told, owner)['id']
    await cast.later(2 * HOUR)
    deal = {'title': f'{cast.name} rollout', 'org_id': org, 'person_id': person, 'stage_id': 1}
    number = crm.act_create('deal', deal, owner)['id']
    await cast.later(2 * DAY)
    _in_crm(cast, 'deal', number, stage_id=2)
    await cast.later(DAY)


async def booked(cast: Cast) -> None:
    """A visitor books a call; most sign up afterwards."""
    engine, start_at = cast.month.engine, cast.month.clock.now() + timedelta(seconds=DAY + HOUR)
    [admin] = await engine.database.fetch(
        'select id from admin where tc2_admin_id = %s', (cast.seller['tc2_admin_id'],)
    )
    form = {
        'name': f'{cast.first()} {cast.last()}', 'email': cast.email(), 'phone': cast.phone().replace(' ', ''),
        'company_name': cast.name, 'website': f'https://{cast.domain}', 'country': cast.country,
        'estimated_income': INCOMES[cast.variant % 4], 'currency': 'GBP', 'price_plan': cast.plan,
        'utm_source': SOURCES[cast.variant % 5], 'utm_campaign': None, 'gclid': None,
    }  # fmt: skip
    told = {
        'kind': 'sales', 'admin': admin['id'], 'start_at': start_at.isoformat(),
        'end_at': (start_at + timedelta(minutes=30)).isoformat(), 'uid': f'zquid{cast.number:03d}', 'form': form,
        'buffer_s': 900, 'zone': ZONES.get(cast.country, 'Europe/Berlin'),
    }  # fmt: skip
    await commands.carry_out(engine, acts.read('meeting.book', told))
    await cast.later(2 * DAY)
    if cast.variant % 2:
        client = _sign_up(cast)
        await cast.later(HOUR)
        cast.month.world.tutorcruncher.send_snapshot(client)


async def contested(cast: Cast) -> None:
    """A customer whose fields both sides write, until an operator takes one back."""
    tc2 = cast.month.world.tutorcruncher
    client = _sign_up(cast)
    await cast.later(DAY)
    for organization in list(_organizations(cast)):
        _in_crm(cast, 'organization', organization, website=f'https://www.{cast.domain}')
    await cast.later(DAY)
    tc2.edit_client(client, website=f'https://about.{cast.domain}')
    await cast.later(3 * HOUR)
    tc2.set_admins(client, sales_person=demo.MARCUS_TC2 if cast.seller is demo.DEMO_ADMINS[0] else demo.PRIYA_TC2)
    await cast.later(DAY)
    [company] = await cast.month.engine.database.fetch(
        'select record_id as id from link where type = %s and remote_id = %s', ('client', str(client))
    )
    release = {'record': ['company', company['id']], 'field': 'website'}
    with suppress(Refused):
        await setup.act(cast.month.engine, acts.read('release', release))
    await cast.later(HOUR)
    tc2.send_snapshot(client)


async def merged(cast: Cast) -> None:
    """Two organisations of one company, which somebody merges."""
    crm, owner = cast.month.world.pipedrive, cast.seller['pd_owner_id']
    client = _sign_up(cast)
    await cast.later(DAY)
    twin = crm.act_create('organization', {'name': f'{cast.name} again'}, owner)['id']
    await cast.later(2 * HOUR)
    crm.act_merge('organization', twin, next(_organizations(cast)), owner)
    await cast.later(HOUR)
    cast.month.world.tutorcruncher.send_snapshot(client)


async def ambiguous(cast: Cast) -> None:
    """Two organisations are called like a company that signs up: which of them it is, only a person knows."""
    crm, owner = cast.month.world.pipedrive, cast.seller['pd_owner_id']
    for _ in range(2):
        crm.act_create('organization', {'name': cast.name}, owner)
        await cast.later(HOUR)
    client = _sign_up(cast)
    await cast.later(HOUR)
    cast.month.world.tutorcruncher.send_snapshot(client)


async def unowned(cast: Cast) -> None:
    """A company of a sales person whom nobody knows: its event is put aside for a person."""
    cast.month.world.tutorcruncher.sign_up(
        cast.name, country=cast.country, email=cast.email(), first_name=cast.first(), last_name=cast.last(),
        sales_person=NOBODY,
    )  # fmt: skip
    await cast.later(HOUR)


NOBODY: Final = 999
"""No admin of ours."""
STORIES: Final[tuple[tuple[Story, float, int], ...]] = (
    (customer, 3, 8), (trial, 12, 5), (gone, 2, 3), (deleted, 1, 2), (prospect, 66, 6), (lead, 5, 3), (booked, 4, 4),
    (contested, 1, 2), (merged, 0.5, 2), (ambiguous, 0.3, 2), (unowned, 0.2, 1),
)  # fmt: skip
"""Each story, how often it happens among a hundred companies, and how many tellings of it there are."""
