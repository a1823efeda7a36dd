"""Empty databases for older versions to be made in."""

from collections.abc import Iterator

import pytest

from hermes.db.server.embedded import Server
from tests import postgres


@pytest.fixture
def older_url(postgres_server: Server) -> Iterator[str]:
    with postgres.fresh_database(postgres_server, 'template1') as url:
        yield url
