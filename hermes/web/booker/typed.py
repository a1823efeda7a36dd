"""What a form of the pages sends, as it came."""

from typing import Final

from starlette.requests import Request

from hermes.kit import texts
from hermes.web.bodies import read_fields

TYPED: Final = ('name', 'email', 'company_name', 'website', 'phone', 'country', 'currency', 'bracket')
"""What a visitor types or chooses in a form."""
HIDDEN: Final = ('action', 'start', 'instead', 'hold', 'key', 'until', 'altcha')
LONGEST: Final = 4_096


async def read_form(request: Request) -> dict[str, str]:
    """What a form sends, cut; nothing is believed."""
    given = await read_fields(request)
    return {name: texts.cut(given[name], LONGEST) for name in (*TYPED, *HIDDEN) if name in given}
