"""What a replay would change: each event is folded in a transaction that is rolled back."""

from collections.abc import Iterator
from typing import Any

from hermes.cli.world import load_settings, open_database


def preview_events(event_ids: list[int]) -> Iterator[dict[str, Any]]:
    """Per event `{'event', 'changes'}`; nothing is written. Raises HermesError."""
    import asyncio

    with open_database(load_settings()) as url, asyncio.Runner() as runner:
        for event_id in event_ids:
            yield {'event': event_id, 'changes': runner.run(_preview(url, event_id))}


async def _preview(url: str, event_id: int) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from hermes.db.pool import Database
    from hermes.sync.replay import preview

    database = Database(url, size=1)
    await database.open()
    try:
        return [asdict(change) for change in await preview(database, event_id)]
    finally:
        await database.close()
