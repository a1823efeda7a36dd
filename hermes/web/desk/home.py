"""The desk's first page (D-13): what needs somebody, how everything is, what happened last."""

from starlette.responses import Response

from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit


async def show_home(visit: Visit) -> Response:
    return show(visit, 'home.html')
