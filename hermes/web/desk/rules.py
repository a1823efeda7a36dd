"""What an id in the journal promises, as a page: `hermes explain` at the desk."""

from starlette.responses import Response

from hermes.domain.errors import NotFound, Refused
from hermes.setup.promises import find_promises
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit


async def show_rule(visit: Visit) -> Response:
    """What an id promises, or a group of them."""
    try:
        found = find_promises(visit.part('rule')[:40])
    except Refused as error:
        raise NotFound(str(error)) from None
    return show(visit, 'rule.html', found=found, called=visit.part('rule').upper())
