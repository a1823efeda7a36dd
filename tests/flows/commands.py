"""The `hermes` command beside a house: on its database, with its accounts."""

import asyncio

from typer.testing import CliRunner, Result

from hermes.cli import app
from tests.flows.house import SECRETS, SIGNING_KEY, House


async def hermes(house: House, *words: str) -> Result:
    """One command, in a thread of its own, which may have a loop."""
    env = {'DATABASE_URL': house.settings.database_url, **credentials(house)}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words), env=env))


def credentials(house: House) -> dict[str, str]:
    """The settings of the house, for a command."""
    names = ('tc2_base_url', 'pd_base_url', 'hermes_url', 'pd_webhook_user', 'g_api_root', 'g_token_uri')
    told = {name.upper(): str(getattr(house.settings, name)) for name in names}
    return told | {
        'TC2_API_KEY': SECRETS.tc2_api_key, 'PD_API_KEY': SECRETS.pd_api_key, 'SIGNING_KEY': SIGNING_KEY,
        'PD_WEBHOOK_PASSWORD': SECRETS.pd_webhook_password, 'HERMES_SANDBOX': '1',
    }  # fmt: skip
