"""Where the emulated systems of the sandbox stand: the settings that lead to them, and their pages for people."""

from typing import Final

SALESFORCE_CLIENT_ID: Final = 'hermes-sandbox-app'
NATION_SLUG, NATION_CLIENT_ID = 'sandbox', 'hermes-sandbox'
APP_USERS_SECRETS: Final = ('SALESFORCE_CLIENT_SECRET', 'NATIONBUILDER_CLIENT_SECRET')
"""What has to be drawn for the CRMs of app users."""
PAGES: Final = {
    'tutorcruncher': 'sign a company up, pay an invoice',
    'pipedrive': 'see it arrive; change a name, move a deal',
}
"""The page of each system at which a person begins, and what to do there."""


def addresses(world: str) -> dict[str, str]:
    """The settings of the systems of a world, with the plan of the emulated account: both sides count the same
    budget.
    """
    return {
        'TC2_BASE_URL': f'{world}/tc2',
        'PD_BASE_URL': f'{world}/pipedrive',
        'PD_WEBHOOK_USER': 'hermes',
        'PD_PLAN': 'growth',
        'PD_SEATS': '5',
        'PD_API_MAX_RATE': '40',
        'PD_API_RATE_PERIOD': '2',
        'G_API_ROOT': f'{world}/google',
        'G_TOKEN_URI': f'{world}/google/token',
        'SALESFORCE_BASE_URL': f'{world}/salesforce',
        'SALESFORCE_CLIENT_ID': SALESFORCE_CLIENT_ID,
        'NATIONBUILDER_SLUG': NATION_SLUG,
        'NATIONBUILDER_BASE_URL': f'{world}/nationbuilder',
        'NATIONBUILDER_CLIENT_ID': NATION_CLIENT_ID,
    }


def draw_service_account() -> dict[str, str]:
    """A calendar's service account with a key of its own, as settings."""
    from hermes.sandbox.google import service_account

    return service_account.draw_service_account()
