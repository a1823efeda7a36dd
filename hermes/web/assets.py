"""Files of ours that pages load: each under an address that changes with what is in it, so that it is kept for ever."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

FOR_EVER: Final = 'public, max-age=31536000, immutable'
TYPES: Final[Mapping[str, str]] = {'css': 'text/css', 'js': 'text/javascript', 'svg': 'image/svg+xml'}


@dataclass(frozen=True)
class Assets:
    """The files in the folder `static` of a package."""

    package: str
    names: tuple[str, ...]

    def read(self, name: str) -> bytes:
        return _read(self.package, name)

    def address(self, name: str) -> str:
        return _address(self.package, name)

    def answer(self, request: Request, name: str) -> Response:
        headers = kept(request, self.address(name))
        return Response(self.read(name), media_type=TYPES[name.rpartition('.')[2]], headers=headers)


SHARED: Final = Assets('hermes.web', ('tokens.css', 'icon.svg'))
"""What all pages have in common: colour, type, space, motion, and the sign."""


def kept(request: Request, address: str) -> dict[str, str]:
    """For ever under the `address` of what is answered: while one version follows another, each is asked for both."""
    is_this = f'{request.scope["path"]}?{request.query_params}' == address
    return {'cache-control': FOR_EVER if is_this else 'public, max-age=300'}


@cache
def _read(package: str, name: str) -> bytes:
    return files(package).joinpath('static', name).read_bytes()


@cache
def _address(package: str, name: str) -> str:
    return f'/static/{name}?v={hashlib.sha256(_read(package, name)).hexdigest()[:12]}'
