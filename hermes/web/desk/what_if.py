"""What if (ADM-14): what a change would do here, what would be sent to whom, and what that costs; then applied or
dropped. The form's own fields are carried along, so that applying it is the same form, sent without the question.
"""

from starlette.responses import Response

from hermes.domain.acts import Act
from hermes.sync import what_if
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit

CARRIED_NOT = frozenset({'csrf', 'key', 'action'})


async def show_what_if(visit: Visit, act: Act, address: str) -> Response:
    """The page of an act that a form at `address` asks about. Raises Refused where it would be refused."""
    found = await what_if.what_if(visit.parts.engine, act, visit.user.email)
    carried = [(name, value) for name, values in visit.sent.items() if name not in CARRIED_NOT for value in values]
    return show(visit, 'what_if.html', found=found, address=address, carried=carried)
