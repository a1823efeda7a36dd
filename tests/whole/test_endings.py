"""The way out of a process is bounded: lost cancellations, tasks that hang, signals that were ignored when it was
started, a supervisor that is gone.
"""

import asyncio
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from hermes.cli.supervisor import REFUSED, STOP_PATIENCE_S
from hermes.domain.errors import Refused
from hermes.kit import endings
from hermes.kit.processes import SUPERVISOR, is_alive
from hermes.parts.assembly import build_engine
from hermes.sandbox.app import SandboxTransport, create_app, make_world
from hermes.sync import connect
from hermes.sync.engine import Engine
from hermes.sync.schedules import Schedules
from hermes.sync.worker import FAREWELL_S, FINISH_S, Worker
from tests.flows.house import HERMES, SECRETS, settings_for
from tests.waiting import PATIENCE_S, wait_end, wait_for
from tests.whole.run import Home, free_ports


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    transport = SandboxTransport(create_app(make_world(HERMES, SECRETS)))
    engine = build_engine(settings_for(database_url), chance=Random(1), transport=transport, worker='w1')
    yield engine
    await engine.database.close()


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """Something that takes connections, and says nothing."""
    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


@contextmanager
def running(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs `code`, started with SIGINT and SIGTERM ignored; killed at the end."""
    with subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, preexec_fn=ignore
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ignore() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.behaviour('SETUP-12')
async def test_a_refusal_ends_the_worker_though_a_loop_loses_its_cancellation(engine: Engine) -> None:
    lost = 0

    async def connecting() -> None:
        """As a connection pool does that is just connecting."""
        nonlocal lost
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    await engine.database.open()
    await connect.belong(engine, 'pipedrive', 'Pipedrive company 1')
    worker = Worker(engine, schedules=connecting)
    with pytest.raises(Refused, match='belongs to Pipedrive company 1, but'):
        await asyncio.wait_for(worker.run(), PATIENCE_S)
    assert lost == 1
    assert [task.get_name() for task in asyncio.all_tasks() - before] == []


async def test_schedules_that_are_cut_short_while_they_connect_leave_no_pool_behind(
    engine: Engine, mute: socket.socket
) -> None:
    engine.database.url = f'postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/nothing'
    schedules = Schedules(engine, 400)
    await engine.database.open()
    before = asyncio.all_tasks()
    running = asyncio.create_task(schedules.run())
    connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(mute), PATIENCE_S)
    running.cancel()
    connection.close()
    await asyncio.wait({running}, timeout=PATIENCE_S)
    assert running.cancelled()
    assert [task.get_name() for task in asyncio.all_tasks() - before] == []


@pytest.mark.parametrize(('ending', 'code'), [('', 0), ('raise SystemExit(1)', 1)])
def test_a_loop_ends_though_a_task_in_it_does_not(ending: str, code: int) -> None:
    program = f"""
        import asyncio
        from hermes.kit import endings

        async def stay():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        async def main():
            global staying
            staying = asyncio.create_task(stay())
            await asyncio.sleep(0)
            {ending}

        endings.run(main())
    """
    with running(program) as process:
        assert process.wait(PATIENCE_S) == code


def test_a_process_that_does_not_heed_a_signal_is_ended() -> None:
    program = """
        import asyncio
        from hermes.kit import endings

        async def main():
            endings.END_S = 0.5
            endings.heed_stop(lambda: print('asked', flush=True))
            print('ready', flush=True)
            await asyncio.Event().wait()

        endings.run(main())
    """
    with running(program) as process:
        assert first_line(process) == 'ready'
        process.send_signal(signal.SIGINT)
        assert first_line(process) == 'asked'
        assert process.wait(PATIENCE_S) == 0


def test_what_is_ignored_at_the_start_is_heeded() -> None:
    program = """
        import signal, time
        from hermes.kit.processes import heed_signals

        heed_signals()
        print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, flush=True)
        time.sleep(3600)
    """
    with running(program) as process:
        assert first_line(process) == 'True'
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == -signal.SIGINT


def test_a_child_heeds_what_its_parent_ignores() -> None:
    program = """
        import subprocess, sys
        from hermes.kit.processes import dying_with_parent

        subprocess.run(['grep', 'SigIgn', '/proc/self/status'], preexec_fn=dying_with_parent())
    """
    with running(program) as process:
        told = process.communicate(timeout=PATIENCE_S)[0]
    ignored = int(told.split()[1], 16)
    assert [number for number in (signal.SIGINT, signal.SIGTERM) if ignored & 1 << number - 1] == []


def test_whoever_has_lost_its_supervisor_ends() -> None:
    child = """
        import asyncio, os
        from hermes.kit import endings

        async def main():
            stopping = asyncio.Event()
            endings.heed_stop(stopping.set)
            print(os.getpid(), flush=True)
            await stopping.wait()

        endings.run(main())
    """
    program = f"""
        import os, subprocess, sys, time

        subprocess.Popen([sys.executable, '-c', {textwrap.dedent(child)!r}],
                         env=dict(os.environ, {SUPERVISOR}=str(os.getpid())))
        time.sleep(3600)
    """
    with running(program) as supervisor:
        pid = int(first_line(supervisor))
    wait_for('the end of the child', lambda: not is_alive(pid))


@pytest.mark.parametrize('part', ['worker', 'web'])
def test_a_part_that_was_started_with_signals_ignored_ends_with_ctrl_c_while_it_waits(
    tmp_path: Path, part: str
) -> None:
    home = Home(tmp_path, variables={'DATABASE_URL': f'postgresql://nobody@127.0.0.1:{free_ports(1)[0]}/nothing'})
    words = [part, *(['--port', str(home.ports[0])] if part == 'web' else [])]
    log = tmp_path / 'part.log'
    with log.open('wb') as output, subprocess.Popen(
        [sys.executable, '-m', 'hermes', *words],
        env=home.environment, cwd=tmp_path, stdout=output, stderr=output, preexec_fn=ignore,
    ) as process:  # fmt: skip
        try:
            wait_for('its own handling of Ctrl-C', lambda: not ignores_ctrl_c(process.pid), log.read_text)
            process.send_signal(signal.SIGINT)
            assert wait_end(part, process, log.read_text) != REFUSED, 'it waited for the database to the end'
        finally:
            process.kill()


def ignores_ctrl_c(pid: int) -> bool:
    told = Path(f'/proc/{pid}/status').read_text()
    ignored = next(line for line in told.splitlines() if line.startswith('SigIgn')).split()[1]
    return bool(int(ignored, 16) & 1 << signal.SIGINT - 1)


def test_the_bounds_fit_into_each_other() -> None:
    assert FINISH_S + endings.LEAVE_S + 2 * FAREWELL_S < endings.END_S < STOP_PATIENCE_S


@pytest.mark.parametrize('end', [asyncio.CancelledError, ConnectionError])
async def test_a_request_that_is_cut_off_tells_nothing(end: type[BaseException]) -> None:
    begun: list[str] = []

    async def cut_off(scope: dict[str, str], receive: object, send: object) -> None:
        begun.append(scope['path'])
        raise end

    await endings.quiet(cut_off, ConnectionError)({'path': '/ready'}, None, None)
    assert begun == ['/ready']
    with pytest.raises(LookupError):
        await endings.quiet(raise_lookup_error)({}, None, None)


async def raise_lookup_error(scope: object, receive: object, send: object) -> None:
    raise LookupError
