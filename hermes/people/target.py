"""The target in force beside the one that the environment wishes for (AU-13): the first wish is followed at once, a
later one is told, and an act alone brings it about.
"""

import structlog

from hermes.domain.acts import SetTarget
from hermes.domain.app_user import TARGET
from hermes.domain.errors import Refused
from hermes.sync.acts.commands import carry_out
from hermes.sync.acts.registry import ENGINE
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)


async def begin(engine: Engine, wish: str) -> str:
    """Follow the first wish; what is in force now. A later wish is told in the log."""
    async with engine.database.transaction() as connection:
        told = (await engine.known(connection)).settings.get(TARGET)
    if told is None and wish:
        try:
            await carry_out(engine, SetTarget(wish, ''), source=ENGINE, dedupe_key=b'the first target')
            told = wish
        except Refused as error:
            log.warning('app users are written nowhere', reason=str(error))
    if difference := unfulfilled(str(told or ''), wish):
        log.warning('the target of app users is another one than CRM_TYPE says', reason=difference)
    return str(told or '')


def unfulfilled(target: str, wish: str) -> str:
    """In words, that the environment wishes for another target; '' where it does not."""
    if target == wish:
        return ''
    return (
        f'CRM_TYPE wishes for {wish or "none"}, app users go to {target or "none"}: '
        '"hermes people migration next" moves them'
    )
