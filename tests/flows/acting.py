"""Acts as the log tells them: a name, and what is told about it."""

from collections.abc import Mapping
from typing import Any

from hermes.db import acts
from hermes.sync import setup
from hermes.sync.acts import commands
from hermes.sync.acts.registry import VISITOR
from hermes.sync.acts.scope import OPERATOR
from hermes.sync.engine import Engine

OF_OPERATORS = ('meeting.reassign', 'meeting.rename')


async def carry_out(engine: Engine, told: Mapping[str, Any], **more: Any) -> commands.Done:
    """A command; a visitor's, unless only others may say it."""
    source = OPERATOR if told['act'] in OF_OPERATORS else VISITOR
    return await commands.carry_out(engine, read(told), **{'source': source, **more})


async def act(engine: Engine, told: Mapping[str, Any]) -> dict[str, Any]:
    """An operator's act."""
    return dict(await setup.act(engine, read(told)))


def read(told: Mapping[str, Any]) -> Any:
    return acts.read(told['act'], {name: value for name, value in told.items() if name != 'act'})
