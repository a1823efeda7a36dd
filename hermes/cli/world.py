"""Which world a command works in: the real accounts when any credential is set, else the sandbox with secrets of its
own.

The two never share a data folder. The sandbox's secrets are drawn at its first run and readable by this user alone
(S1). A command that only asks or changes something makes neither secrets nor a database: it says that there is none.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hermes.cli.output import announcing, warn
from hermes.db.server import embedded
from hermes.domain.errors import Refused
from hermes.kit import locks
from hermes.kit.ids import new_token
from hermes.sandbox.addresses import APP_USERS_SECRETS
from hermes.settings import Settings, SettingsError, is_loopback, load

DRAWN = (
    'SECRET_KEY', 'SIGNING_KEY', 'API_KEY', 'TC2_API_KEY', 'PD_API_KEY', 'PD_WEBHOOK_PASSWORD', 'MAILBOX_PASSWORD',
    *APP_USERS_SECRETS,
)  # fmt: skip
SERVICE_ACCOUNT = ('G_PROJECT_ID', 'G_CLIENT_EMAIL', 'G_PRIVATE_KEY_ID', 'G_PRIVATE_KEY', 'G_CLIENT_ID')
WEB_PORT = 8000
SANDBOX_PORT = 8100
MAIL_PORT = 8125


def load_settings(*, make: bool = False) -> Settings:
    """The settings of this process; in the sandbox with the secrets and addresses that `hermes run` keeps. `make`: with
    secrets that are drawn now, if need be.
    """
    settings = load()
    if not settings.sandboxed or settings.hermes_sandbox:
        return settings
    kept = settings.world_dir / 'addresses.json'
    ports = json.loads(kept.read_text()) if kept.exists() else {}
    environment = sandbox_environment(
        settings,
        ports.get('web', WEB_PORT),
        ports.get('sandbox', SANDBOX_PORT),
        ports.get('mail', MAIL_PORT),
        make=make,
    )
    return load({name.lower(): value for name, value in environment.items()})


def sandbox_environment(
    settings: Settings, web_port: int, sandbox_port: int, mail_port: int | None = None, *, make: bool = True
) -> dict[str, str]:
    """The variables that tie Hermes to the emulated world on these ports; without a `mail_port` no letter is sent.
    Raises SettingsError for a public HERMES_URL.
    """
    if not is_loopback(settings.hermes_url):
        raise SettingsError('HERMES_URL: must be on this machine while the outside world is the emulated one.')
    from hermes.sandbox.addresses import addresses

    world = f'http://127.0.0.1:{sandbox_port}'
    file = settings.world_dir / 'secrets.json'
    secrets = draw_secrets(file) if make else read_secrets(file)
    mailbox_password = secrets.pop('MAILBOX_PASSWORD', '')
    return {
        **secrets,
        'HERMES_SANDBOX': '1',
        'HERMES_URL': f'http://127.0.0.1:{web_port}',
        'SANDBOX_URL': world,
        'DATA_DIR': str(settings.data_dir.resolve()),
        **addresses(world),
        # Set even when it is empty: a real mail server of the environment is none of this world's. The password keeps
        # letters out of another world that has the port meanwhile.
        'SMTP_URL': f'smtp://hermes:{mailbox_password}@127.0.0.1:{mail_port}' if mail_port else '',
        'MAIL_FROM': 'calls@hermes.example',
    }


def keep_addresses(settings: Settings, web_port: int, sandbox_port: int, mail_port: int) -> None:
    """Tell later commands where this sandbox runs."""
    write_private(settings.world_dir / 'addresses.json', {'web': web_port, 'sandbox': sandbox_port, 'mail': mail_port})


def draw_secrets(file: Path) -> dict[str, str]:
    """The secrets in `file`; the missing ones are drawn and kept (mode 0600), once, however many processes are the
    first at one moment.
    """
    kept = read_secrets(file)
    if all(kept.get(name) for name in (*DRAWN, *SERVICE_ACCOUNT)):
        return kept
    try:
        with locks.alone(file.with_suffix('.lock')):
            kept = read_secrets(file)
            drawn = {name: kept.get(name) or new_token(32) for name in DRAWN} | service_account(kept)
            if drawn != kept:
                write_private(file, drawn)
    except OSError as error:
        raise SettingsError(f'{file} cannot be written: {error.strerror}.') from None
    return drawn


def read_secrets(file: Path) -> dict[str, str]:
    """The secrets in `file`, none if it is not there yet."""
    try:
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        raise SettingsError(f'{file} is damaged: remove it, and new secrets are drawn.') from None
    return kept


def service_account(kept: Mapping[str, str]) -> dict[str, str]:
    """The calendar's service account as settings: the one in `kept`, else a new one with a key of its own."""
    if all(kept.get(name) for name in SERVICE_ACCOUNT):
        return {name: kept[name] for name in SERVICE_ACCOUNT}
    from hermes.sandbox.addresses import draw_service_account

    return draw_service_account()


def write_private(file: Path, content: Mapping[str, object]) -> None:
    """Write JSON that only this user can read; whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f'{file.name}.{os.getpid()}')
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as handle:
            json.dump(content, handle, indent=2)
        fresh.replace(file)
    except OSError as error:
        raise SettingsError(f'{file} cannot be written: {error.strerror}.') from None


def database_folder(settings: Settings) -> Path:
    """The folder of this world's embedded Postgres."""
    return settings.world_dir / 'postgres'


def start_database(settings: Settings, *, stay: bool = False) -> embedded.Server:
    """Start or join this world's embedded Postgres; says so before it makes one."""
    folder = database_folder(settings)
    with announcing(f'starting the database of {folder}'):
        return embedded.start(folder, stay=stay, tell=warn)


@contextmanager
def open_database(settings: Settings, *, make: bool = False) -> Iterator[str]:
    """The address of the database: DATABASE_URL, or the embedded one, running at least until this ends. Raises Refused
    when there is none yet and this command is not one to `make` it.
    """
    if settings.database_url:
        yield settings.database_url
        return
    require_database(settings, make)
    with start_database(settings) as server:
        yield server.url


def require_database(settings: Settings, make: bool = False) -> None:
    """Raise Refused, with the place where it was looked for, unless there is a database or one may be made."""
    folder = database_folder(settings)
    if not (make or embedded.is_made(folder)):
        raise Refused(
            f'There is no database in {folder} yet: "hermes run" makes one, "hermes db upgrade" too. If Hermes is '
            'installed elsewhere, call it in that folder, or set DATA_DIR.'
        )
