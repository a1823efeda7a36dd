"""What set-up works with: an engine over the configured database and accounts, and the person who answers.

Every question has a flag that answers it; where nobody can answer, the missing flag is named and nothing hangs
(SETUP-5). Questions are asked outside the event loop, so that Ctrl-C ends them at once; what was answered before stays
done.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hermes.cli.engine import running
from hermes.cli.output import Column, clean, plain_errors, print_rows, prompt, say, show
from hermes.cli.tables import draw
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.catalogue import Knowledge
    from hermes.db.pool import Connection
    from hermes.ports import System
    from hermes.settings import Settings
    from hermes.setup.site import Site
    from hermes.sync.engine import Engine

Told = TypeVar('Told')


@dataclass
class Session:
    """An engine, and a way to have it do one thing after the other."""

    engine: 'Engine'
    settings: 'Settings'
    runner: asyncio.Runner

    def do(self, work: Coroutine[Any, Any, Told]) -> Told:
        """Do one piece of work to its end."""
        return self.runner.run(work)

    def act(self, act: str, **told: Any) -> dict[str, Any]:
        """One act, an event of its own. Raises Refused."""
        from hermes.db import acts
        from hermes.sync import setup

        return dict(self.do(setup.act(self.engine, acts.read(act, told))))

    def known(self) -> 'Knowledge':
        """Catalogue, settings and directory as they stand now."""
        return self.ask(self.engine.known)

    @property
    def site(self) -> 'Site':
        """What the settings say of this installation."""
        from hermes.parts.site import site_of

        return site_of(self.settings)

    @property
    def crm(self) -> 'System':
        """The CRM. Raises Refused when it has no credentials."""
        from hermes.setup.site import crm_of

        return crm_of(self.engine)

    def ask(self, question: 'Callable[[Connection], Awaitable[Told]]') -> Told:
        """What the database answers, in a transaction of its own."""
        return self.do(self._ask(question))

    async def _ask(self, question: 'Callable[[Connection], Awaitable[Told]]') -> Told:
        async with self.engine.database.transaction() as connection:
            return await question(connection)


@contextmanager
def session(*, contact: bool = True) -> Iterator[Session]:
    """A session. With `contact` the CRM's account was spoken with, and its pipelines, stages, users and fields are
    known. Errors become one plain sentence and exit code 1.
    """
    from hermes.cli.run import require_schema
    from hermes.cli.world import load_settings, open_database
    from hermes.kit import logs
    from hermes.parts import assembly
    from hermes.parts.secrets import secrets_of
    from hermes.sync import connect

    with plain_errors():
        settings = load_settings()
        with open_database(settings) as url:
            require_schema(url)
            settings = settings.model_copy(update={'database_url': url})
            logs.configure('ERROR', secrets=secrets_of(settings))
            with asyncio.Runner() as runner:
                stack = AsyncExitStack()
                given = Session(runner.run(stack.enter_async_context(running(settings))), settings, runner)
                try:
                    given.do(assembly.set_limits(given.engine, settings))
                    if contact:
                        given.do(connect.connect(given.engine, given.crm))
                    yield given
                finally:
                    runner.run(stack.aclose())


@dataclass(frozen=True, slots=True)
class Answers:
    """How questions are answered: by flags, by what is suggested (`yes`), or by the person at the terminal."""

    yes: bool = False

    @property
    def somebody(self) -> bool:
        """Whether a person can be asked."""
        return not self.yes and sys.stdin.isatty()

    def ask(
        self,
        question: str,
        read: Callable[[str], Told],
        *,
        flag: str,
        given: str | None = None,
        suggested: str | None = None,
        read_flag: Callable[[str], Told] | None = None,
    ) -> Told:
        """The answer, read by `read` (which raises Refused). `suggested`: what Enter and --yes mean; '' is a skip.
        `read_flag`: how a flag is read, where that is another way.
        """
        if given is not None:
            return (read_flag or read)(given)
        if self.yes and suggested is not None:
            return read(suggested)
        if not self.somebody:
            raise Refused(f'Nobody is here to answer "{question}": say {flag}.')
        hint = f' [{suggested}]' if suggested else ''
        while True:
            answer = prompt(f'{question}{hint}: ').strip() or (suggested or '')
            try:
                return read(answer)
            except Refused as refusal:
                say(clean(str(refusal)))

    def confirm(self, question: str, *, flag: str, given: bool | None = None) -> bool:
        """Yes or no; Enter and --yes mean yes."""
        word = None if given is None else ('y' if given else 'n')
        return self.ask(f'{question} (y/n)', read_yes, flag=flag, given=word, suggested='y')


def read_yes(text: str) -> bool:
    if text.strip().lower() in ('y', 'yes', 'n', 'no'):
        return text.strip().lower().startswith('y')
    raise Refused(f'"{text}" is neither yes nor no.')


def read_choices(text: str, count: int) -> list[int]:
    """Places (from 0) out of "1,3,5" or "all"; '' chooses nothing. Raises Refused."""
    written = text.strip().lower()
    if written == 'all':
        return list(range(count))
    found: list[int] = []
    for part in (part.strip() for part in written.split(',') if part.strip()):
        if not part.isdecimal():
            raise Refused(f'"{part}" is neither a number nor an e-mail address of this list.')
        if not 1 <= int(part) <= count:
            raise Refused(f'"{part}" is no number of this list (1 to {count}).')
        if int(part) - 1 not in found:
            found.append(int(part) - 1)
    return found


def read_one(text: str, names: Sequence[str]) -> int | None:
    """The place of one line of a list that somebody sees: by its number (from 1), or by its name; None for ''. Raises
    Refused.
    """
    written = text.strip()
    if not written:
        return None
    if written.isdecimal() and 1 <= int(written) <= len(names):
        return int(written) - 1
    named = _named(written, names)
    if len(named) == 1:
        return named[0]
    raise Refused(f'"{written}" is none of these: a number from 1 to {len(names)}, or a name.')


def read_known(text: str, flag: str, names: Sequence[str], ids: Sequence[str]) -> int:
    """The place of what a flag says: a name, or an id in the CRM, which is the same whatever is listed. Raises
    Refused.
    """
    written = text.strip()
    named = [at for at, number in enumerate(ids) if number == written] or _named(written, names)
    if len(named) == 1:
        return named[0]
    told = ', '.join(f'{name} ({number})' for name, number in zip(names, ids, strict=True))
    raise Refused(f'{flag}: "{written}" is {"several" if named else "none"} of these: {told}.')


def _named(written: str, names: Sequence[str]) -> list[int]:
    return [at for at, name in enumerate(names) if name.casefold() == written.casefold()]


def table(title: str, columns: Sequence[tuple[str, str]], rows: Sequence[dict[str, Any]], empty: str = 'none') -> None:
    """A framed table on a terminal, aligned lines elsewhere."""
    if not rows or not sys.stdout.isatty():
        print_rows([Column(key, name) for key, name in columns], rows, title=title, empty=empty)
        say()
        return
    say(f'{title}:')
    lines = [[show(row.get(key)) for key, _ in columns] for row in rows]
    draw([Column(key, name) for key, name in columns], lines, framed=True)
    say()


def done(text: str) -> None:
    """A step that worked."""
    say(clean(f'✓ {text}'))
