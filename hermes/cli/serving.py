"""How the web server and the sandbox listen. A server process never outlives the command that started it."""

import multiprocessing
import signal
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hermes.cli import ending
from hermes.kit.endings import quiet
from hermes.kit.fitting import BUG
from hermes.kit.processes import die_with
from hermes.settings import Settings

DRAIN_S = 5
SCENARIO = 'demo'


def serve(host: str, port: int, workers: int) -> None:
    """Serve `hermes.app:app` until SIGINT or SIGTERM. Its code is read here, once: the children have it from this
    process, also the one that takes the place of another after the files have changed.
    """
    from granian.constants import Interfaces
    from granian.server import Server

    import_module('hermes.app')
    server = Server(
        'hermes.app:app',
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_S,
    )
    try:
        server.serve(target_loader=load_target, wrap_loader=False)
    except SystemExit as ended:
        # Its children died, whatever of: that is no refusal, whose exit code it has.
        raise SystemExit(BUG if ended.code else 0) from None


def load_target() -> Any:
    """The application, in a process that ends with the one that started it."""
    # Until the server listens to signals, they do what they do to any process; it has inherited its parent's ways.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if parent := multiprocessing.parent_process():
        die_with(parent.pid or 0, signal.SIGTERM)
    with ending():
        return quiet(import_module('hermes.app').app)


def serve_sandbox(settings: Settings, port: int, weather: str | None) -> None:
    """Serve the emulated world until SIGINT or SIGTERM; its state is kept in the sandbox's data folder."""
    from hermes.sandbox.app import run_sandbox
    from hermes.sandbox.world import Secrets

    state: Path = settings.world_dir / 'world.json'
    mail = urlsplit(settings.smtp_url.get_secret_value())
    run_sandbox(
        host='127.0.0.1',
        port=port,
        state_file=state,
        hermes_url=settings.hermes_url,
        weather_name=weather,
        seed=SCENARIO,
        mail_port=mail.port,
        secrets=Secrets(
            tc2_api_key=settings.tc2_api_key[0].get_secret_value(),
            pd_api_key=settings.pd_api_key.get_secret_value(),
            pd_webhook_user=settings.pd_webhook_user,
            pd_webhook_password=settings.pd_webhook_password[0].get_secret_value(),
            g_private_key=settings.g_private_key.get_secret_value(),
            mailbox_password=mail.password or '',
            **settings.app_users_clients,
        ),
    )
