"""What a form of the pages sends, as it came."""

from typing import Final

from starlette.requests import Request

from hermes.kit import texts

TYPED: Final = ('name', 'email', 'company_name', 'website', 'phone', 'country', 'currency', 'bracket')
"""What a visitor types or chooses in a form."""
HIDDEN: Final = ('action', 'start', 'instead', 'hold', 'key', 'until', 'altcha')
LONGEST: Final = 4_096


async def read_form(request: Request) -> dict[str, str]:
    """What a form sends, cut; nothing is believed."""
    given = await request.form(max_fields=40, max_files=0)
    return {
        name: texts.cut(value, LONGEST)
        for name in (*TYPED, *HIDDEN)
        if isinstance(value := given.get(name), str) and value
    }
