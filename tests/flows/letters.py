"""What the flows about letters share: a house with a mail server in its world, and a postman that is turned by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hermes.domain.errors import Retry
from hermes.parts import assembly as parts
from hermes.ports import Letter, Mailer
from hermes.sandbox.mailbox import listen
from hermes.settings import Settings
from hermes.sync.engine import Engine
from hermes.sync.letters import Render, letter_step
from tests.flows.acting import carry_out
from tests.flows.calendars import HALF, SIGNING_KEY, TEN, admin
from tests.flows.house import House, open_house

SENDER = 'calls@office.example'


@dataclass
class Post:
    """A house, and whoever carries its letters over real SMTP to the world's mailbox."""

    house: House
    settings: Settings
    mailer: Mailer | None
    render: Render

    async def step(self, engine: Engine | None = None) -> bool:
        return await letter_step(engine or self.house.engine, self.mailer, self.render)

    async def carry(self, after_s: float = 0) -> None:
        """Let time pass, then send whatever is due at that moment."""
        self.house.clock.advance(after_s)
        await self.house.settle(5)
        for _ in range(50):
            if not await self.step():
                return
        raise AssertionError('the letters do not come to an end')

    async def carry_at(self, at: datetime) -> None:
        await self.carry((at - self.house.clock.now()).total_seconds())

    def inbox(self) -> list[dict[str, Any]]:
        """What arrived, oldest first, each once."""
        found: list[dict[str, Any]] = self.house.world.mailbox.state()['letters']
        return found

    def subjects(self) -> list[str]:
        return [one['subject'] for one in self.inbox()]

    async def rows(self) -> list[tuple[str, int, str, str]]:
        rows = await self.house.rows('select kind, sequence, state, reason from letter order by id')
        return [(row['kind'], row['sequence'], row['state'], row['reason']) for row in rows]


@asynccontextmanager
async def open_post(database_url: str, *, smtp: bool = True, **settings: Any) -> AsyncIterator[Post]:
    """A house with a mail server. `smtp` False: nobody told Hermes of one."""
    async with open_house(database_url, signing_key=SIGNING_KEY, mail_from=SENDER, **settings) as house:
        server = await listen(house.world)
        url = f'smtp://127.0.0.1:{house.world.mailbox.port}' if smtp else ''
        told = Settings(**{**house.settings.model_dump(), '_env_file': None, 'smtp_url': url})
        try:
            yield Post(house, told, parts.build_mailer(told), parts.build_letter_writer(told).write)
        finally:
            server.close()
            await server.wait_closed()


async def book(house: House, start_at: datetime = TEN, zone: str = 'Asia/Kolkata', uid: str = '', **form: Any) -> int:
    """A sales booking with Priya by a visitor far away; the meeting's id."""
    told = {
        'act': 'meeting.book', 'kind': 'sales', 'admin': (await admin(house))['id'], 'buffer_s': 900,
        'start_at': start_at.isoformat(), 'end_at': (start_at + HALF).isoformat(),
        'uid': uid or f'uid-{start_at:%d%H%M}', 'zone': zone, 'company': None, 'signed': False, 'bdr': None,
        'form': {
            'name': 'Lee Adams', 'email': 'lee@customer.example', 'phone': None, 'company_name': 'Adams Tuition',
            'website': None, 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
            'utm_source': None, 'utm_campaign': None, 'gclid': None, **form,
        },
    }  # fmt: skip
    return int((await carry_out(house.engine, told)).outcome['meeting'])


async def move(house: House, number: int, by: timedelta, start_at: datetime = TEN) -> datetime:
    """The visitor chooses another time; the new start."""
    start = start_at + by
    times = {'start_at': start.isoformat(), 'end_at': (start + HALF).isoformat()}
    await carry_out(house.engine, {'act': 'meeting.move', 'meeting': number, 'by': 'visitor', **times})
    return start


async def cancel(house: House, number: int, by: str = 'visitor') -> None:
    await carry_out(house.engine, {'act': 'meeting.cancel', 'meeting': number, 'by': by})


class Away:
    """A mail server that is not there."""

    async def send(self, letter: Letter) -> None:
        raise Retry('the mail server does not answer')

    async def check(self) -> None:
        raise Retry('the mail server does not answer')
