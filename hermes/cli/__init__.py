"""The `hermes` command: every act of an operator, one module per group of commands.

Which module holds which command stands in one table, and only the module of the command at hand is imported, so that
`hermes --help` is quick. A module has a function of the command's name or, for a group of them, `COMMANDS`.
"""

import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hermes.cli.failures import REFUSED, sentence_of
from hermes.kit.fitting import BUG, fitting
from hermes.kit.fitting import explain as explain_unfit
from hermes.kit.texts import visible

# Command -> (module, what the help says). The order is the order of the help.
COMMANDS: Mapping[str, tuple[str, str]] = {
    'run': ('run', 'Everything in one: database, web, worker, and the sandbox when no system is configured.'),
    'web': ('run', 'The web server alone.'),
    'worker': ('run', 'A worker alone.'),
    'sandbox': ('run', 'The outside world, emulated on this machine.'),
    'db': ('db', 'The database: start, stop, upgrade, downgrade, backup, restore, reset, url.'),
    'openapi': ('run', 'Print the OpenAPI document.'),
    'status': ('status', 'How everything is doing, in one screen.'),
    'pids': ('pids', 'The processes of the "hermes run" of this installation.'),
    'doctor': ('doctor', 'Check every connection and setting, and say what to do.'),
    'setup': ('setup', 'Set up pipelines, fields, admins and webhooks, and take over clients.'),
    'config': ('config', 'Show and set what can be changed while Hermes runs.'),
    'fields': ('fields', 'The field catalogue.'),
    'find': ('find', 'Find records and events by a name, an e-mail address, a phone number or an id.'),
    'events': ('events', 'What arrived: list, show, replay, park, dismiss.'),
    'trace': ('trace', 'One event and everything that it caused.'),
    'blame': ('blame', 'Who set a field of a record, when, and because of what.'),
    'release': ('blame', "Let go of a decree, or of a person's edit, of a field."),
    'record': ('record', 'One record: show, create, set, delete, restore, merge, unlink, fetch.'),
    'undo': ('undo', 'Take back what an operator did, while nothing newer stands on it.'),
    'explain': ('explain', 'What an id such as TC-9 or MATCH-2 promises.'),
    'decisions': ('decisions', 'What only a person can decide: list, show, settle.'),
    'push': ('push', 'What goes out: list, retry, ignore, now.'),
    'plan': ('plan', 'What would be sent now, field by field, and what it would cost.'),
    'what-if': ('what_if', 'What any act would change here and send, before it is carried out.'),
    'capsule': ('capsule', 'Everything that explains an event, a push or a decision, in one file.'),
    'pause': ('systems', 'Stop sending to a system.'),
    'resume': ('systems', 'Send to a system again.'),
    'forget-account': ('accounts', 'Let go of an account with which nothing was exchanged yet.'),
    'sweep': ('sweep', 'Fetch what was changed out there.'),
    'drift': ('drift', 'Compare with a system and heal differences.'),
    'admins': ('admins', 'Who sells, supports and develops: list, add, edit, remove.'),
    'rota': ('rota', 'Whose turn it is.'),
    'bookings': ('bookings', 'List, show, move and cancel bookings, and make support links.'),
    'mail': ('mail', 'Letters that did not go out: list, retry, dismiss.'),
    'alerts': ('alerts', 'What whoever looks after Hermes is told: list, test.'),
    'slots': ('slots', 'Why a slot is offered or not; working hours and days off.'),
    'people': ('people', 'App users and their lists.'),
    'user': ('user', 'Who may use the admin pages.'),
    'erase': ('privacy', 'Forget a person.'),
    'export': ('privacy', 'Everything that is stored about a person.'),
    'import-legacy': ('hermes.legacy.command', 'Take over an older database.'),
    'patch': ('patch', 'List and run patches.'),
    'shell': ('shell', 'A prompt with the models and a session.'),
    'completion': ('completion', 'Print what makes a shell complete commands: bash, zsh or fish.'),
}


def full_name(module: str) -> str:
    """A command's module: of this room, unless it is named in full."""
    return module if '.' in module else f'{__name__}.{module}'


def has_module(name: str) -> bool:
    """True if the module of a command is part of this installation."""
    from importlib.util import find_spec

    return find_spec(full_name(name)) is not None


class LazyGroup(TyperGroup):
    """A command group that imports a command's module when that command is wanted, and not for the list."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if has_module(module)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS or not has_module(COMMANDS[cmd_name][0]):
            return None
        module, told = COMMANDS[cmd_name]
        found = import_module(full_name(module))
        commands = getattr(found, 'COMMANDS', None) or {cmd_name: getattr(found, cmd_name.replace('-', '_'))}
        app = typer.Typer(help=told, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
        app.callback()(lambda: None)  # keeps Typer from collapsing a group with a single command
        for name, command in commands.items():
            dashed = name in getattr(found, 'DASHED', ())
            app.command(name, context_settings={'ignore_unknown_options': dashed})(command)
        group: Any = typer.main.get_command(app)
        group.name = cmd_name
        return group.get_command(ctx, cmd_name) if cmd_name in commands else group

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            from difflib import get_close_matches

            if near := get_close_matches(args[0], self.list_commands(ctx)):
                error.message = f'{error.message.rstrip(".")}. Did you mean "{near[0]}"?'
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
        with formatter.section('Commands'):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        from typer.core import CompletionItem  # type: ignore[attr-defined]

        return [
            CompletionItem(name, help=COMMANDS[name][1])
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]

    def make_context(self, *given: Any, **more: Any) -> Any:
        with refusing():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        with refusing():
            return super().invoke(ctx)


@contextmanager
def refusing() -> Iterator[None]:
    """A command that is not understood is refused like any other: 2 means that something is to be done. The words that
    were typed may have been pasted from anywhere.
    """
    try:
        yield
    except typer.TyperException as error:
        error.exit_code, error.message = REFUSED, visible(error.message)
        raise


# Whoever has Logfire installed would wait a second for its plugin, which nothing here uses.
os.environ.setdefault('PYDANTIC_DISABLE_PLUGINS', '__all__')
app = typer.Typer(
    cls=LazyGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help']},
)  # fmt: skip


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version

        from hermes.cli.output import say

        say(f'hermes {version("hermes-sync")}')
        raise typer.Exit


@app.callback()
def hermes(
    version: Annotated[
        bool, typer.Option('--version', callback=show_version, is_eager=True, help='Print the version.')
    ] = False,
) -> None:
    """Keeps a business's customer records in step between the product, the CRM, the calendar and the website."""


def run(arguments: list[str] | None = None) -> Any:
    """Run one command; what a person can put right ends as one sentence on stderr and exit code 1, a bug with 70."""
    if '_HERMES_COMPLETE' in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    with ending():
        return app(arguments, prog_name='hermes')


@contextmanager
def ending() -> Iterator[None]:
    """How a process of ours ends when what is inside fails: by one sentence or, where it is a bug, by a traceback."""
    with fitting():
        try:
            yield
        except Exception as error:
            if explain_unfit(error):
                raise
            from hermes.cli.output import clean, warn

            if told := sentence_of(error):
                warn(clean(told))
                raise SystemExit(REFUSED) from None
            warn(traceback.format_exc())
            raise SystemExit(BUG) from None
