"""The loader by which another website shows the booker in a frame (WEB-16, WEB-26), with its words in the language of
whoever loads it: `lang` in its address, else the browser's.
"""

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from hermes.kit.languages import N_, find_language
from hermes.web.booker.pages import ASSETS

WORDS: Final = (N_('Book a call'), N_('Close'))
"""They stand in the file in English."""


async def show_loader(request: Request) -> Response:
    """`/static/embed.js`: the same address for ever, since it stands in other people's pages."""
    spoken = find_language(request.query_params.get('lang', '')[:64], request.headers.get('accept-language', ''))
    loader = ASSETS.read('embed.js').decode()
    for word in WORDS:
        loader = loader.replace(f"'{word}'", json.dumps(spoken.gettext(word), ensure_ascii=False))
    return Response(
        loader,
        media_type='text/javascript',
        headers={
            'cache-control': 'public, max-age=3600',
            'cross-origin-resource-policy': 'cross-origin',
            'vary': 'accept-language',
        },
    )
