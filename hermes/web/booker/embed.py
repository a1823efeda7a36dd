"""The loader by which another website shows the booker in a frame (WEB-16, WEB-26)."""

from starlette.requests import Request
from starlette.responses import Response

from hermes.web.booker.pages import read_static


async def show_loader(request: Request) -> Response:
    """`/static/embed.js`: the same address for ever, since it stands in other people's pages."""
    return Response(
        read_static('embed.js'),
        media_type='text/javascript',
        headers={'cache-control': 'public, max-age=3600', 'cross-origin-resource-policy': 'cross-origin'},
    )
