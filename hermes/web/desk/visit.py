"""A visit: who asks for a page of the desk, what stands in its address and what its form sent."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request

from hermes.db.acts import encode
from hermes.db.users import Session
from hermes.domain.acts import Act
from hermes.domain.users import Role, User
from hermes.kit import texts
from hermes.kit.signing import sign
from hermes.sync.acts.commands import Check, Done, carry_out
from hermes.sync.acts.scope import OPERATOR
from hermes.web.desk.menu import Group, menu_of
from hermes.web.desk.parts import DeskParts
from hermes.web.door import host_of, is_local_name
from hermes.web.refusals import Reason
from hermes.web.security import scheme_of

LONGEST: Final = 20_000
FIELDS: Final = 128
AS_TYPED: Final = frozenset({'password', 'again', 'current'})
"""Passwords, of which nothing is taken away."""


@dataclass(frozen=True, slots=True)
class Flash:
    """What an act did, which was just carried out. `undo`: whether whoever reads it can take it back (ADM-13)."""

    event: int
    notes: Sequence[str]
    undo: bool = False


@dataclass
class Visit:
    """`token`: what the browser holds, of its session or of none; the token of its forms follows from it. `flash`: of
    the act that led here.
    """

    request: Request
    parts: DeskParts
    token: str = field(repr=False)
    session: Session | None = None
    sent: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    flash: Flash | None = None

    @property
    def user(self) -> User:
        assert self.session is not None
        return self.session.user

    @property
    def known(self) -> bool:
        """Whether somebody is logged in."""
        return self.session is not None and self.session.verified

    def may(self, role: Role) -> bool:
        """Whether whoever asks has at least this role."""
        return self.known and self.user.may(role)

    @property
    def scheme(self) -> str:
        """As the browser wrote it. On a name of this machine nobody is asked over TLS by a proxy that says nothing."""
        told = scheme_of(self.request.scope, self.parts.trusted)
        here = is_local_name(host_of(self.request.headers.get('host', '')))
        return 'https' if self.parts.secure and not here else told

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.parts.secure or self.scheme == 'https'

    @cached_property
    def csrf(self) -> str:
        return sign(f'form {self.token}'.encode(), self.parts.secret)

    @property
    def is_ours(self) -> bool:
        """Whether the form that was sent is one that this browser was given."""
        return hmac.compare_digest(self.field('csrf').encode(), self.csrf.encode())

    def refuse(self, reason: Reason) -> None:
        """Count what was refused (S15, S18)."""
        self.request.app.state.refusals.count('desk', reason)

    def field(self, name: str) -> str:
        """A field of the form; '' where it says nothing."""
        return next(iter(self.sent.get(name, ())), '')

    def fields(self, name: str) -> Sequence[str]:
        """All values of a field of the form."""
        return self.sent.get(name, ())

    @cached_property
    def query(self) -> dict[str, str]:
        """What stands in the address, cut."""
        told = self.request.query_params
        return {name: texts.clean(texts.cut(value, 500)) for name, value in told.items() if value}

    @property
    def path(self) -> str:
        return str(self.request.scope['path'])

    def part(self, name: str) -> str:
        """A part of the path, cut."""
        return texts.clean(texts.cut(str(self.request.path_params[name]), 500))

    def number(self, name: str) -> int:
        """A part of the path that is a record's or row's number; 0, which nothing has, for what is none."""
        return texts.read_number(self.part(name)) or 0

    def link(self, path: str = '', **changes: object) -> str:
        """This page's address, or another's, with what stands in it now and `changes`; None leaves a name out."""
        told: dict[str, Any] = {} if path else {**self.query, 'done': None}
        told |= changes
        query = urlencode({name: str(value) for name, value in told.items() if value not in (None, '')})
        return f'{path or self.path}?{query}' if query else path or self.path

    def menu(self) -> list[Group]:
        return menu_of(self.user, self.path)

    async def act(self, act: Act, part: str = '', check: Check | None = None) -> Done:
        """Carry out an act as whoever is logged in. The same form sent twice is one act, with other values it is
        another; `part`: which of the several of a form. `check` may refuse it. Raises Refused.
        """
        key = self.field('key')
        told = f'{self.user.id} {self.path} {key} {part} '.encode() + encode(act)
        dedupe = bytes.fromhex(sign(told, self.parts.secret)) if key else None
        return await carry_out(
            self.parts.engine, act, source=OPERATOR, dedupe_key=dedupe, by=self.user.email, check=check
        )


async def read_sent(request: Request) -> dict[str, list[str]]:
    """What a form sends, cut and without what nobody can see; nothing of what is no form."""
    told = request.headers.get('content-type', '').lower()
    if not told.startswith('application/x-www-form-urlencoded'):
        return {}
    found: dict[str, list[str]] = {}
    async with request.form(max_fields=FIELDS, max_files=0) as form:
        for name, value in form.multi_items():
            if isinstance(value, str) and value:
                told = texts.cut(value, LONGEST)
                found.setdefault(texts.clean(name), []).append(told if name in AS_TYPED else texts.tidy(told))
    return found
