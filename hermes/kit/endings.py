"""The way out of a process that runs an event loop. It begins at a signal, or at the death of the supervisor, and
nothing that waits for ever holds it up.

A cancellation can get lost: a connection pool that is just connecting takes it for a failed attempt and waits on. So
tasks are cancelled again until they have ended, whoever has not ended in time is left behind by name, and the process
is over `END_S` after it was asked to stop.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import structlog

from hermes.kit.processes import ASKED_BY, SUPERVISOR, end_within

log = structlog.get_logger(__name__)
Task = asyncio.Task[Any]
App = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
END_S: Final = 9.0
"""From being asked to stop to the end, at most. The supervisor waits a little longer before it kills."""
LEAVE_S: Final = 2.0
"""How long cancelled tasks have."""
AGAIN_S: Final = 1.0
LOOK_S: Final = 1.0


def heed_stop(stop: Callable[[], object]) -> None:
    """From now on SIGINT, SIGTERM and the death of the supervisor call `stop` in the running loop, also where whoever
    started this process ignored them; after END_S it ends with code 0 whatever it waits for.
    """
    loop = asyncio.get_running_loop()
    supervisor = int(os.environ.get(SUPERVISOR) or 0)

    def ask() -> None:
        stop()
        end_within(END_S, 0)

    def look() -> None:
        if os.getppid() != supervisor:
            ask()
            with contextlib.suppress(OSError):  # Whoever read the log may be gone too.
                log.warning('the supervisor is gone, so this process ends')
        else:
            loop.call_later(LOOK_S, look)

    for number in ASKED_BY:
        loop.add_signal_handler(number, ask)
    if supervisor:
        look()


async def end_tasks(tasks: Iterable[Task], patience_s: float = LEAVE_S) -> set[Task]:
    """Cancel `tasks`, and again every AGAIN_S, until all have ended; those that have not after `patience_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        left_s = deadline - loop.time()
        _, pending = await asyncio.wait(pending, timeout=max(0.0, min(AGAIN_S, left_s)))
        if left_s <= 0:
            break
    return pending


async def keep(name: str, act: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Keep something running until it ends by itself or is cancelled: what it dies of is said, and it is started again
    after AGAIN_S.
    """
    while True:
        try:
            await act()
        except Exception:
            log.exception('a background task died; it is started again', task=name)
        else:
            return
        await asyncio.sleep(AGAIN_S)


async def do_within(patience_s: float, act: Coroutine[Any, Any, object]) -> None:
    """Do `act`, or give it up after `patience_s`. Raises what it raises."""
    task = asyncio.create_task(act)
    await asyncio.wait({task}, timeout=patience_s)
    await end_tasks({task}, 0.0)
    if task.done() and not task.cancelled():
        task.result()


def run(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run`, except that it comes back, or raises what `main` raised, LEAVE_S after the end of `main`, whatever
    other tasks do; threads of the loop are not waited for.
    """
    runner = asyncio.Runner()
    try:
        runner.run(main)
    finally:
        if left := runner.run(_end_others()):
            with contextlib.suppress(OSError):
                log.error('tasks did not end and are left behind', tasks=sorted(task.get_name() for task in left))
        else:
            runner.get_loop().close()


async def _end_others() -> set[Task]:
    return await end_tasks(asyncio.all_tasks() - {asyncio.current_task()})


def quiet(app: App, *lost: type[BaseException]) -> App:
    """The same ASGI application. A request that is cut off because the server stops, or ends with one of `lost`, is
    over, and nothing that the server's log tells.
    """

    async def serve_one(scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError, *lost):
            await app(scope, receive, send)

    return serve_one
