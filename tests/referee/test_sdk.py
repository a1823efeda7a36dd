"""The vendor's own npm client works against the sandbox as it would against the vendor."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.referee.conftest import API_KEY
from tests.referee.referee import SDK, documents, install, node


async def test_the_vendors_sdk_manages_objects_and_webhooks(sandbox_url: str) -> None:
    """Creates, lists, patches and deletes organisations, persons and deals; adds, lists and deletes a webhook."""
    if documents() is None:
        print('referee: not run, no documents')
        pytest.skip('referee: not run, no documents')
    folder = await asyncio.to_thread(install, SDK)
    script = Path(__file__).parent / 'sdk' / 'walk.js'
    built = folder / 'dist'
    command = [*node(), str(script), str(built), sandbox_url, API_KEY]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, problem = await process.communicate()
    assert process.returncode == 0, problem.decode()
    seen = {'organizations': 1, 'persons': 1, 'deals': 1, 'left': 0, 'webhooks': 1, 'webhooksLeft': 0}
    assert json.loads(out) == seen
