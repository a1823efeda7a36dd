"""The link to a support call, as a supporter makes it on a client's page of TutorCruncher: Hermes is asked for it, with
the key that TutorCruncher has.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from hermes.sandbox.pages.forms import NotDone, number
from hermes.sandbox.staff import ADMINS
from hermes.sandbox.tutorcruncher import Refused, TutorCruncher, Unknown
from hermes.sandbox.tutorcruncher.client import Admin

if TYPE_CHECKING:
    from hermes.sandbox.world import World

PATH = '/callbooker/support-link/generate/tc2/'
PATIENCE_S = 15.0
SUPPORTERS = frozenset(admin['tc2_admin_id'] for admin in ADMINS if admin['is_support_person'])


@dataclass(frozen=True)
class SupportLink:
    """The newest link of a client, and what it is for."""

    admin: Admin
    address: str
    express: bool


def supporters(account: TutorCruncher) -> list[Admin]:
    """Whom a link can lead to."""
    return [admin for admin in account.admins.values() if admin.id in SUPPORTERS]


async def make(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Have Hermes make the link that the form asks for, and keep it. Returns the place on the page to go to, and a
    sentence. Raises NotDone.
    """
    account: TutorCruncher = world.tutorcruncher
    try:
        client = account.client(number(form, 'client'))
    except (Unknown, Refused) as refusal:
        raise NotDone(str(refusal)) from None
    admin = account.admins.get(number(form, 'admin'))
    if admin is None:
        raise NotDone('There is no such admin.')
    express = 'express' in form
    query = {'tc2_admin_id': admin.id, 'tc2_cligency_id': client.id, **({'express': 'true'} if express else {})}
    address = await _ask(world, query)
    account.support_links[client.id] = SupportLink(admin, address, express)
    kind = 'an express call' if express else 'a call'
    return f'company-{client.id}', f'The link to {kind} of {client.name} with {admin.name} is made.'


async def _ask(world: 'World', query: dict[str, Any]) -> str:
    key = {'Authorization': f'Token {world.tutorcruncher.api_key}'}
    try:
        async with httpx2.AsyncClient(transport=world.way_to_hermes, timeout=PATIENCE_S, trust_env=False) as client:
            answer = await client.get(f'{world.hermes_url}{PATH}', params=query, headers=key)
    except httpx2.HTTPError as error:
        raise NotDone(f'Hermes does not answer at {world.hermes_url} ({type(error).__name__}).') from None
    try:
        told = answer.json()
        address = str(told.get('link') or '')
        message = str(told.get('message') or 'without a reason')
    except (ValueError, AttributeError):
        address, message = '', 'without a reason'
    if answer.status_code != 200 or urlsplit(address).scheme not in ('http', 'https'):
        raise NotDone(f'Hermes makes no link ({answer.status_code}): {message}')
    return address
