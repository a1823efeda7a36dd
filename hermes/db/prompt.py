"""The models and a session for a person at a prompt (`hermes shell`), over the same driver as everything else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from hermes.db.schema import models


@asynccontextmanager
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """One session; what it changed and did not commit is gone at its end."""
    told = conninfo_to_dict(database_url)
    engine = create_async_engine('postgresql+psycopg://', poolclass=NullPool, connect_args=told)
    try:
        async with AsyncSession(engine, expire_on_commit=False) as opened:
            yield opened
    finally:
        await engine.dispose()


def names() -> dict[str, Any]:
    """What stands at the prompt: every model by its name, and `select`."""
    return {name: getattr(models, name) for name in models.__all__ if name != 'METADATA'} | {'select': select}
