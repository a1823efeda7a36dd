"""What was held because its object was gone for no known reason (OUT-5): freed when the CRM says more, after a day a
person's.

A newer webhook of the object frees the push; a full listing that was completed since makes the object be read once
more; 24 h after it was held somebody has to decide. Nothing is ever made again by itself.
"""

from datetime import timedelta
from typing import Final

from hermes.db import pushes
from hermes.sync.engine import Engine

HELD: Final = timedelta(hours=24)
WAYS: Final = ('relink', 'recreate', 'drop')


async def held_step(engine: Engine) -> int:
    """Look at everything that is held as gone. Returns how many pushes were freed or handed to a person."""
    async with engine.database.transaction() as connection:
        freed = await pushes.free_told(connection)
        await pushes.reread_listed(connection)
        return freed + await pushes.hand_over(connection, HELD, WAYS)
