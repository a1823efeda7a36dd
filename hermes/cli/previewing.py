"""What a replay would change: each event is folded in a transaction that is rolled back."""

from collections.abc import Iterator
from typing import Any

from hermes.cli.world import load_settings, open_database
from hermes.settings import Settings


def preview_events(event_ids: list[int]) -> Iterator[dict[str, Any]]:
    """Per event `{'event', 'changes'}`; nothing is written. Raises HermesError."""
    import asyncio

    settings = load_settings()
    with open_database(settings) as url, asyncio.Runner() as runner:
        here = settings.model_copy(update={'database_url': url})
        for event_id in event_ids:
            yield {'event': event_id, 'changes': runner.run(_preview(here, event_id))}


async def _preview(settings: Settings, event_id: int) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from hermes.parts.assembly import build_engine
    from hermes.sync.replay import preview

    engine = build_engine(settings)
    await engine.database.open()
    try:
        return [asdict(change) for change in await preview(engine, event_id)]
    finally:
        await engine.database.close()
