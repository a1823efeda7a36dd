"""The long-running commands: everything in one, and each part alone."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import typer

from hermes.cli.instance import RUN, SANDBOX, Tell, only_one
from hermes.cli.output import say
from hermes.cli.world import (
    SANDBOX_PORT,
    WEB_PORT,
    keep_addresses,
    load_settings,
    open_database,
    sandbox_environment,
    start_database,
)
from hermes.kit.fitting import BUG
from hermes.kit.processes import SUPERVISOR, end_within, heed_signals
from hermes.settings import Settings, load

DATABASE_PATIENCE_S = 20.0
"""How long a part waits for a database that does not answer, for example while it starts again."""
EXIT_S = 3.0
"""How long a part that is done has for the rest: what it says last, threads that still wait for an address."""
Port = Annotated[int, typer.Option(min=1, max=65535, envvar='PORT')]
SandboxPort = Annotated[int, typer.Option(min=1, max=65535, envvar='SANDBOX_PORT')]


class WeatherName(StrEnum):
    """How kind the emulated world is."""

    CALM = 'calm'
    ROUGH = 'rough'
    STORM = 'storm'


Weather = Annotated[
    WeatherName | None, typer.Option(help='How kind the emulated world is; unsaid: as it was left, calm at first.')
]


def run(
    reload: Annotated[bool, typer.Option('--reload', help='Restart what has changed when the code changes.')] = False,
    port: Port = WEB_PORT,
    sandbox_port: SandboxPort = SANDBOX_PORT,
    weather: Weather = None,
) -> None:
    """Everything in one: database, web, worker, and the sandbox when no system is configured."""
    heed_signals()
    settings = load()
    check_people(settings)
    if settings.sandboxed:
        addresses = {'web': f'http://127.0.0.1:{port}', 'sandbox': f'http://127.0.0.1:{sandbox_port}'}
    else:
        addresses = {'web': f'http://127.0.0.1:{port}'}
    with only_one(settings.data_dir, RUN, addresses) as tell:
        _run(settings, reload, port, sandbox_port, weather, tell)


def _run(
    settings: Settings, reload: bool, port: int, sandbox_port: int, weather: WeatherName | None, tell: Tell
) -> None:
    from hermes.cli.ports import choose_port, require_ports
    from hermes.cli.supervisor import Child, Supervisor
    from hermes.db import schema

    sandboxed = {'--sandbox-port': sandbox_port} if settings.sandboxed else {}
    require_ports({'--port': port, **sandboxed})
    environment = dict(os.environ)
    children = [Child('web', ['web', '--port', str(port)]), Child('worker', ['worker'])]
    if settings.sandboxed:
        mail_port = choose_port()
        environment |= sandbox_environment(settings, port, sandbox_port, mail_port)
        keep_addresses(settings, port, sandbox_port, mail_port)
        flags = ['--port', str(sandbox_port), *(['--weather', weather] if weather else [])]
        children.insert(0, Child('sandbox', ['sandbox', *flags], ('sandbox', 'kit')))
    else:
        settings.require_secrets()
    server = None if settings.database_url else start_database(settings)
    try:
        if server and server.note:
            say(server.note)
        url = environment['DATABASE_URL'] = server.url if server else settings.database_url
        if told := schema.upgrade(url, tell=say).said:
            say(told)
        Supervisor(
            children, environment, port, lambda: announce(settings, port, sandbox_port), server, reload, tell
        ).run()
    finally:
        if server:
            server.end()


def announce(settings: Settings, port: int, sandbox_port: int) -> None:
    """Say where to look, and what to click."""
    from hermes.sandbox.addresses import PAGES

    here, world = f'http://127.0.0.1:{port}', f'http://127.0.0.1:{sandbox_port}'
    say()
    say('Hermes is running. Ctrl-C stops it.')
    if settings.sandboxed:
        say('The outside world is emulated: nobody in it is real, and no real account is touched.')
        say()
        for name, told in PAGES.items():
            say(f'  {world}/pages/{name:<13}   {told}')
        say(f'  {world}/mailbox               every mail that Hermes sends')
        say(f'  {here}/book-a-call/          what visitors of a website see: book a call')
        say(f'  {world}/                      every webhook and call as it happens; change the weather')
        say('  .venv/bin/hermes events list | trace EVENT | blame RECORD   what happened, and why')
        say()
    say(f'  {here}/        the desk: configure Hermes, see everything, mend anything')
    say(f'  {here}/ready   is everything there    {here}/docs   the paths')
    say()


def web(
    host: Annotated[str, typer.Option(help='Address to listen on.')] = '127.0.0.1',
    port: Port = WEB_PORT,
    workers: Annotated[int, typer.Option(min=1, help='Processes that take requests.')] = 1,
) -> None:
    """The web server alone."""
    from hermes.cli.ports import require_ports
    from hermes.cli.serving import serve

    heed_signals()
    settings = load_settings(make=True)
    if SUPERVISOR not in os.environ:
        # One that takes the place of another must not fail for what was changed since.
        check_people(settings)
    settings.require_secrets()
    require_ports({'--port': port}, host)
    with open_database(settings, make=True) as url:
        require_schema(url)
        os.environ |= {**inherited(settings), 'DATABASE_URL': url}
        serve(host, port, workers)


class Part(StrEnum):
    """Half of a worker."""

    INGEST = 'ingest'
    PUSH = 'push'


def worker(
    only: Annotated[
        Part | None, typer.Option(help='One half in this process: apply what came in, or send what goes out.')
    ] = None,
) -> None:
    """A worker alone: applies what came in, sends what goes out."""
    from hermes.worker import run_worker

    heed_signals()
    settings = load_settings(make=True)
    settings.require_secrets()
    with ending_soon(), open_database(settings, make=True) as url:
        require_schema(url)
        run_worker(settings.model_copy(update={'database_url': url}), only.value if only else 'both')


def sandbox(port: SandboxPort = SANDBOX_PORT, weather: Weather = None) -> None:
    """The outside world, emulated on this machine: http://127.0.0.1:8100/."""
    from hermes.cli.ports import require_ports
    from hermes.cli.serving import serve_sandbox

    heed_signals()
    settings = load_settings(make=True)
    here = {'sandbox': f'http://127.0.0.1:{port}'}
    with ending_soon(), only_one(settings.world_dir, SANDBOX, here):
        require_ports({'--port': port})
        serve_sandbox(settings, port, weather)


@contextmanager
def ending_soon() -> Iterator[None]:
    """Once what is inside is over, the process ends soon, with the exit code that it has anyway."""
    from hermes.cli.failures import REFUSED, sentence_of

    code = 0
    try:
        yield
    except Exception as error:
        code = REFUSED if sentence_of(error) else BUG
        raise
    finally:
        end_within(EXIT_S, code)


def openapi() -> None:
    """Print the OpenAPI document of Hermes's own API."""
    import json

    os.environ |= inherited(load_settings(), make=False)
    from hermes.app import build_web

    say(json.dumps(build_web(load()).openapi(), indent=2, sort_keys=True))


def inherited(settings: Settings, *, make: bool = True) -> dict[str, str]:
    """What a process started from here needs in its environment to be in the same world."""
    if not settings.sandboxed:
        return {}
    web_port, sandbox_port = (
        int(address.rpartition(':')[2]) for address in (settings.hermes_url, settings.sandbox_url)
    )
    return sandbox_environment(settings, web_port, sandbox_port, mail_port(settings), make=make)


def mail_port(settings: Settings) -> int | None:
    """Where the emulated mail server listens; None where there is none."""
    return urlsplit(settings.smtp_url.get_secret_value()).port


def check_people(settings: Settings) -> None:
    """Raise Refused for a file of people that is wrong."""
    from hermes.booking.reps_files import load_reps

    load_reps(settings.reps_folder)


def require_schema(url: str) -> None:
    """Raise Refused unless the database has exactly this program's schema. One that is away gets some time to come."""
    from hermes.db import schema
    from hermes.domain.errors import Refused
    from hermes.kit.clock import SystemClock

    clock = SystemClock()
    deadline = clock.monotonic() + DATABASE_PATIENCE_S
    while (state := schema.find(url)) == 'away' and clock.monotonic() < deadline:
        time.sleep(0.5)
    if (schema.check(url) if state == 'away' else state) != 'current':
        raise Refused('The database\'s schema is older than this program: run "hermes db upgrade" first.')
