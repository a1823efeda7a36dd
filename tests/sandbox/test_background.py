"""What goes on in the background of the sandbox goes on, whatever happens in it; its state is whole at every moment."""

import asyncio
import json
import random
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from hermes.kit import endings
from hermes.kit.clock import SystemClock
from hermes.sandbox.app import Saver
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World
from tests.waiting import wait_in_loop

pytestmark = pytest.mark.lesson('M-13')


class Watched(World):
    """A world that remembers in which thread its state was read."""

    def dump(self) -> dict[str, Any]:
        self.read_in = threading.current_thread()
        return super().dump()


def new_world() -> Watched:
    world = Watched(SystemClock(), random.Random(1), 'http://127.0.0.1:8000', Secrets('a', 'b', 'hermes', 'd'))
    demo.bare(world)
    return world


async def test_what_dies_in_the_background_is_said_and_started_again() -> None:
    begun = 0

    async def live() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise LookupError('a mistake of ours')
        await asyncio.Event().wait()

    with capture_logs() as said:
        task = asyncio.create_task(endings.keep('living', live))
        await wait_in_loop('the third', lambda: begun == 3)
        assert await endings.end_tasks({task}) == set()
    assert [(line['event'], line['task']) for line in said] == [
        ('a background task died; it is started again', 'living')
    ] * 2


async def test_one_webhook_that_breaks_the_sender_holds_up_no_other() -> None:
    world, arrived = new_world(), []

    def take(request: httpx2.Request) -> httpx2.Response:
        arrived.append(request.url.path)
        return httpx2.Response(200)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(take)) as client:
        pump = asyncio.create_task(world.outbox.pump(client))
        for system, path in (('nobody', 'first'), ('tutorcruncher', 'second')):
            address = f'http://127.0.0.1:8000/{path}'
            world.outbox.add(Delivery(system, address, {}, b'{}', datetime.now(UTC)))
            await wait_in_loop(path, partial(arrived.__contains__, f'/{path}'))
        await wait_in_loop('all arrived', lambda: world.outbox.in_flight == 0)
        assert not pump.done()
        await endings.end_tasks({pump})


async def test_the_state_is_read_where_nothing_moves_and_no_older_one_comes_over_a_newer(tmp_path: Path) -> None:
    world = new_world()
    saver = Saver(world, tmp_path / 'world.json')
    running = asyncio.create_task(saver.run())
    await wait_in_loop('it is saved', saver.file.exists)
    assert world.read_in is threading.main_thread()
    old = saver.number, json.dumps({'an': 'older state'})
    saver.save()
    saver._write(*old)
    await endings.end_tasks({running})
    assert 'systems' in json.loads(saver.file.read_text())
    assert [file.name for file in tmp_path.iterdir()] == ['world.json']
