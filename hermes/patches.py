"""Patches: small repairs that a person writes, tries and runs (`hermes patch`, SETUP-8).

A patch is an async function with the decorator `patch`; its docstring is what `hermes patch` shows. It reads with
`given.rows` and changes by `given.act`, so that everything it does is an event in the log: journalled, traceable, part
of every replay. Without `--live` the same transaction is taken back at its end.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hermes.db import repairs


class Given(Protocol):
    """What a patch works with."""

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a statement that only reads."""

    async def act(self, act: str, **told: Any) -> Mapping[str, Any]:
        """One act of an operator, as the command line and the admin pages have them. Raises Refused."""

    def say(self, text: str) -> None:
        """A line for whoever runs the patch."""


Work = Callable[[Given], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: its name is the function's."""

    name: str
    work: Work
    help: str = field(default='')


PATCHES: dict[str, Patch] = {}


def patch(work: Work) -> Work:
    """Make a function a patch of its own name."""
    name = work.__name__
    if name in PATCHES:
        raise ValueError(f'two patches are called {name}')
    PATCHES[name] = Patch(name, work, (work.__doc__ or '').strip().split('\n')[0])
    return work


# Start of patches


@patch
async def retry_parked_pushes(given: Given) -> None:
    """Try every write again that the CRM refused."""
    parked = await given.rows(repairs.PARKED_PUSHES)
    for row in parked:
        given.say(f'{row["record_type"]} {row["record_id"]}: {row["reason"]}')
    if parked:
        await given.act('push.retry', all=True)


@patch
async def support_people_without_owner(given: Given) -> None:
    """Set the CRM owner of support people who have none to 0, which means: never written to the CRM (D-10)."""
    for row in await given.rows(repairs.SUPPORT_WITHOUT_OWNER):
        await given.act('admin.save', fields={'email': row['email'], 'pd_owner_id': 0})


# End of patches
