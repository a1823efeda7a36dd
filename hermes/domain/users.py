"""Who works at the desk: roles, and what each may do (S11)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from hermes.domain.errors import Refused

Role = Literal['viewer', 'operator', 'admin']
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""From the least to the most: whoever may more may also what those before may."""
MEANING: Final[dict[Role, str]] = {
    'viewer': 'sees everything but raw bodies, changes nothing',
    'operator': 'changes values, settles decisions, replays, pauses',
    'admin': 'also users, settings, fields, erasing',
}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    id: int
    email: str
    name: str
    role: Role
    disabled: bool = False
    has_password: bool = True
    has_totp: bool = False
    made_at: datetime | None = None

    @property
    def called(self) -> str:
        return self.name or self.email

    def may(self, role: Role) -> bool:
        """Whether they have at least this role."""
        return ROLES.index(self.role) >= ROLES.index(role)


def check_role(role: str) -> Role:
    """Raises Refused for what is no role, naming them."""
    for each in ROLES:
        if each == role.strip().lower():
            return each
    raise Refused(f'There is no role "{role}". The roles are: {", ".join(ROLES)}.')
