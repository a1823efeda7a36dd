"""A command that speaks with the systems itself: an engine of its own, beside whatever workers run.

The accounts are those that the database belongs to, or it ends with one sentence (SETUP-12). Listings report their
progress: a bar on a terminal, plain lines elsewhere, on stderr, so that `--json` stays clean.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from hermes.cli.output import plain_errors, warn

if TYPE_CHECKING:
    from hermes.settings import Settings
    from hermes.sync.engine import Engine

T = TypeVar('T')
Tick = Callable[[str, int], None]


def with_engine(act: 'Callable[[Engine], Awaitable[T]]', *, greeted: bool = True) -> T:
    """Run `act` with an engine; what a person can put right ends as one sentence. `greeted`: its accounts are checked
    before, because it speaks with them.
    """
    from hermes.cli.run import require_schema
    from hermes.cli.world import load_settings, open_database
    from hermes.kit import logs
    from hermes.parts import assembly

    async def run(settings: 'Settings') -> T:
        async with running(settings) as engine:
            if greeted:
                await assembly.greet(engine, settings)
            return await act(engine)

    with plain_errors():
        settings = load_settings()
        logs.configure('ERROR')
        with open_database(settings) as url:
            require_schema(url)
            return asyncio.run(run(settings.model_copy(update={'database_url': url})))


@asynccontextmanager
async def running(settings: 'Settings') -> 'AsyncIterator[Engine]':
    """An engine over what the settings say, with its database open."""
    from hermes.kit.collecting import collecting_seldom
    from hermes.parts import assembly

    engine = assembly.build_engine(settings)
    await engine.database.open()
    try:
        with collecting_seldom():
            yield engine
    finally:
        for system in engine.systems.values():
            if close := getattr(system, 'aclose', None):
                await close()
        await engine.database.close()


def system_of(engine: 'Engine', name: str) -> Any:
    """The system under any of its names. Raises Refused when it is off, or paused."""
    from hermes.cli.naming import system_name
    from hermes.domain.errors import Refused

    system = engine.systems.get(system_name(name))
    if system is None:
        raise Refused(f'{name} is off: it has no credentials.')
    return system


@contextmanager
def listing(totals: dict[str, int] | None = None) -> Iterator[Tick]:
    """A tick for listings: (what, how many so far). `totals`: how many are expected, where it is known."""
    if not sys.stderr.isatty():
        said: dict[str, int] = {}

        def tell(what: str, count: int) -> None:
            if said.get(what) != count:
                said[what] = count
                warn(f'{what}: {count} listed')

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), console=Console(file=sys.stderr),
        transient=True,
    ) as bar:  # fmt: skip
        tasks: dict[str, Any] = {}

        def tick(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=(totals or {}).get(what) or None)
            bar.update(tasks[what], completed=count)

        yield tick
