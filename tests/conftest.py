"""What every test may ask for. Nothing here is mocked: Postgres is real, and every test has a database of its own."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from hermes.db.server.embedded import Server
from tests import postgres
from tests.order import long_ones_first
from tests.thorough import THOROUGH

settings.register_profile(
    'patient', deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not THOROUGH
)
settings.load_profile('patient')


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What collecting makes stays to the end: no test's garbage is looked for among it, a tenth of all the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins."""
    workers = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1'))
    items[:] = long_ones_first([(item.path, item) for item in items], workers)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """A command that runs in this process writes its world into the environment: no test hands that on to another."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope='session')
def postgres_server() -> Iterator[Server]:
    """The Postgres of this test run (fast, gone afterwards), shared by all workers."""
    with postgres.start_server() as server:
        yield server


@pytest.fixture(scope='session')
def migrated_server(postgres_server: Server) -> Server:
    """The same, with the migrated template in it."""
    postgres.make_template(postgres_server)
    return postgres_server


@pytest.fixture
def database_url(migrated_server: Server) -> Iterator[str]:
    """The address of a migrated, empty database of this test's own."""
    with postgres.fresh_database(migrated_server) as url:
        yield url


@pytest.fixture
def blank_database_url(postgres_server: Server) -> Iterator[str]:
    """The address of a database without any table."""
    with postgres.fresh_database(postgres_server, 'template1') as url:
        yield url
