"""The sandbox on a real socket and, where the vendor's documents are at hand, the referee in front of it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from hermes.kit.clock import SystemClock
from hermes.sandbox.app import serve
from hermes.sandbox.world import Secrets, World
from tests.referee.referee import NATION, PIPEDRIVE, Documents, Referee, documents, free_port
from tests.waiting import LOOK_S, looks

API_KEY = 'sandbox-key'


@pytest_asyncio.fixture
async def world() -> World:
    secrets = Secrets('tc2-key', API_KEY, 'hook-user', 'hook-password')
    return World(SystemClock(), random.Random(7), 'http://127.0.0.1:9', secrets)


@pytest_asyncio.fixture
async def sandbox_url(world: World) -> AsyncIterator[str]:
    """The sandbox, listening; with a plan that a quick test does not exhaust."""
    world.pipedrive.act_set_plan('ultimate')
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    served = asyncio.create_task(serve(world, '127.0.0.1', port))
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in looks('the sandbox'):
            with contextlib.suppress(httpx2.TransportError):
                await client.get(f'{url}/_world/clock')
                break
            await asyncio.sleep(LOOK_S)
    yield url
    served.cancel()
    await asyncio.gather(served, return_exceptions=True)


@pytest_asyncio.fixture
async def referee(sandbox_url: str) -> AsyncIterator[Referee]:
    async with sitting(sandbox_url, PIPEDRIVE) as judge:
        yield judge


@pytest_asyncio.fixture
async def nation_referee(sandbox_url: str) -> AsyncIterator[Referee]:
    async with sitting(sandbox_url, NATION) as judge:
        yield judge


@contextlib.asynccontextmanager
async def sitting(sandbox_url: str, wanted: Documents) -> AsyncIterator[Referee]:
    """The referee with these documents; skips the test where they are not at hand."""
    if documents(wanted) is None:
        print('referee: not run, no documents')
        pytest.skip('referee: not run, no documents')
    judge = Referee(sandbox_url, wanted)
    await asyncio.to_thread(judge.__enter__)
    try:
        yield judge
    finally:
        await asyncio.to_thread(judge.__exit__)
