"""The desk by HTTP, as a browser without a script uses it: pages with forms, cookies, and who is logged in."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2

from hermes.db import users
from hermes.domain.users import Role
from hermes.kit.passwords import hash_password
from tests.flows.house import HERMES, House

PASSWORD = 'a password of four words'
HIDDEN = re.compile(r'name="(csrf|key)" value="([^"]*)"')
HASHED = hash_password(PASSWORD)


@dataclass
class Browser:
    """One browser, with cookies of its own."""

    http: httpx2.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        return await self.http.get(path, **more)

    async def see(self, path: str) -> str:
        """A page that has to be there."""
        answer = await self.get(path)
        assert answer.status_code == 200, f'{path}: {answer.status_code} {answer.headers.get("location")}'
        return answer.text

    async def send(self, path: str, form_on: str = '', *, headers: Any = None, **fields: Any) -> httpx2.Response:
        """Send a form to `path`, with what the page `form_on` (the same, unless told otherwise) hides in its forms."""
        hidden = dict(HIDDEN.findall((await self.get(form_on or path)).text))
        return await self.http.post(path, data={**hidden, **fields}, headers=headers)

    async def act(self, path: str, form_on: str = '', **fields: Any) -> str:
        """Send a form that has to be taken; the page to which it leads."""
        answer = await self.send(path, form_on, **fields)
        assert answer.status_code == 303, f'{path}: {answer.status_code} {said(answer.text)}'
        return await self.see(answer.headers['location'])

    async def login(self, email: str, password: str = PASSWORD, **more: Any) -> httpx2.Response:
        return await self.send('/login', email=email, password=password, **more)


@asynccontextmanager
async def browser(house: House) -> AsyncIterator[Browser]:
    """A browser in which nobody is logged in."""
    async with httpx2.AsyncClient(
        transport=house.web._transport, base_url=HERMES, trust_env=False, headers={'accept': 'text/html'}
    ) as http:
        yield Browser(http)


@asynccontextmanager
async def logged_in(house: House, role: Role = 'admin') -> AsyncIterator[Browser]:
    """A browser in which somebody of a role is logged in."""
    email = await add_user(house, role)
    async with browser(house) as opened:
        answer = await opened.login(email)
        assert answer.status_code == 303, answer.text
        yield opened


async def add_user(house: House, role: Role, name: str = '') -> str:
    """Somebody with a password; their address."""
    email = f'{name or role}@desk.example'
    async with house.engine.database.transaction() as connection:
        user_id = await users.add(connection, email, (name or role).title(), role)
        if user_id is not None:
            await users.set_password(connection, user_id, HASHED)
    return email


def said(page: str) -> str:
    """The text of what a page says went wrong, or of all of its main part."""
    found = re.search(r'data-testid="problems">(.*?)</div>', page, re.DOTALL)
    return text(found[1] if found else page.partition('<main')[2])


def text(page: str) -> str:
    """A page's words."""
    return ' '.join(unescape(re.sub(r'<[^>]+>', ' ', page)).split())
