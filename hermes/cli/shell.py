"""`hermes shell`: a Python prompt in an event loop, with the models and a session (SETUP-9).

`await` works at the prompt. Without a terminal it reads what it is given on stdin and ends, so nothing hangs. What is
written through the session is no event, so nothing is committed unless somebody says `await session.commit()`.
"""

import ast
import asyncio
import code
import contextlib
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import CodeType
from typing import Annotated, Any

import typer

BANNER = """Hermes: the models, `session` (AsyncSession), `select`, `engine`, `act(...)`; `await` works here.
  (await session.exec(select(Company).limit(5))).all()
  await act('push.retry', all=True)      changes go by acts: they are events, and workers follow them
Ctrl-D ends it."""


def shell(command: Annotated[str, typer.Option('--command', '-c', help='Run this and end.')] = '') -> None:
    """A prompt with the models and a session."""
    from hermes.cli.session import session

    with session(contact=False) as here:
        failed = here.do(_run(here, command))
    if failed:
        raise typer.Exit(1)


async def _run(here: Any, command: str) -> bool:
    from hermes.db import acts, prompt
    from hermes.sync import setup

    async def act(name: str, **told: Any) -> Any:
        return await setup.act(here.engine, acts.read(name, told))

    async with prompt.session(here.settings.database_url) as session:
        names = {**prompt.names(), 'session': session, 'engine': here.engine, 'act': act, 'asyncio': asyncio}
        console = Console(names, asyncio.get_running_loop())
        source = command or ('' if sys.stdin.isatty() else await asyncio.to_thread(sys.stdin.read))
        if source or not sys.stdin.isatty():
            return not await asyncio.to_thread(console.run_whole, source)
        ended = asyncio.Event()
        console.start(ended)
        await ended.wait()
    return False


class Console(code.InteractiveConsole):
    """A prompt in a thread of its own whose statements run in the event loop."""

    def __init__(self, names: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.loop = loop
        self.failed = False

    def start(self, ended: asyncio.Event) -> None:
        """Ask and answer until Ctrl-D."""

        def talk() -> None:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 - lines can be edited and recalled where it is there
            try:
                self.interact(BANNER, '')
            finally:
                self.loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=talk, daemon=True).start()

    def run_whole(self, source: str) -> bool:
        """Run a whole text as it stands; False when it failed (the traceback is on stderr)."""
        try:
            self.runcode(compile(source, '<stdin>', 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        except SyntaxError:
            self.showsyntaxerror('<stdin>')
            return False
        return not self.failed

    def runcode(self, code: CodeType) -> None:
        """Run one statement in the event loop and wait for it."""
        told: Future[Any] = Future()

        def call() -> None:
            from types import FunctionType

            try:
                result = FunctionType(code, self.locals)()
            except BaseException as error:
                told.set_exception(error)
                return
            if isinstance(result, Coroutine):
                task = self.loop.create_task(result)
                task.add_done_callback(lambda done: _hand_on(done, told))
            else:
                told.set_result(result)

        self.loop.call_soon_threadsafe(call)
        try:
            told.result()
        except SystemExit:
            raise
        except BaseException:
            self.failed = True
            self.showtraceback()


def _hand_on(done: 'asyncio.Task[Any]', told: Future[Any]) -> None:
    if done.cancelled():
        told.set_exception(asyncio.CancelledError())
    elif (error := done.exception()) is not None:
        told.set_exception(error)
    else:
        told.set_result(done.result())
