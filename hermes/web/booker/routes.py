"""Which page answers at which address, in the open and in a frame."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermes.domain.errors import NotFound
from hermes.web.assets import FOR_EVER, SHARED, Assets, kept
from hermes.web.booker import brand, embed, index
from hermes.web.booker.call import find_sales_call, find_support_call
from hermes.web.booker.manage import booked_page, manage_page, manage_routes
from hermes.web.booker.pages import ASSETS, EMBED, Answer, BookerParts, Page, serve
from hermes.web.booker.person import call_page
from hermes.web.booker.visitor import Visitor
from hermes.web.booking_api import read_counter


def booker_routes(parts: BookerParts) -> APIRouter:
    """Every page, picture and file of the call-booker."""
    router = APIRouter()
    page, count = serve(parts, manage_page(parts)), read_counter(parts.service, parts.trusted)
    router.include_router(manage_routes(parts.service, parts.writer, page, count))
    for base in ('', EMBED):
        _add_pages(router, parts, base)
    for assets in (SHARED, ASSETS):
        for name in assets.names:
            _add(router, f'/static/{name}', _file(assets, name), slash=False)
    _add(router, brand.ADDRESS, _style(parts), slash=False)
    _add(router, '/static/embed.js', embed.show_loader, slash=False)
    _add(router, '/static/people/{name}', _pictures(parts), slash=False)
    return router


def _add_pages(router: APIRouter, parts: BookerParts, base: str) -> None:
    pages = index.Index(parts)
    sales, support = call_page(parts, find_sales_call), call_page(parts, find_support_call)
    for path, page, methods in (
        (index.INDEX, pages.show_index, ('GET',)),
        (index.QUESTION, pages.show_question, ('GET',)),
        (index.BRACKET, _by_method(pages.show_bracket, pages.draw), ('GET', 'POST')),
        (index.CHOOSE, pages.show_choice, ('GET',)),
        (index.ANYONE, pages.show_anyone, ('GET',)),
        (f'{index.INDEX}{{who}}/', sales, ('GET', 'POST')),
        ('/support-call/{who}/', support, ('GET', 'POST')),
        ('/booking/{token}/booked/', booked_page(parts), ('GET',)),
    ):
        _add(router, base + path, serve(parts, page, base), methods)
    methods = ('GET', 'POST') if base else ('HEAD',)
    _add(router, f'{base}/booking/{{token}}/', serve(parts, manage_page(parts), base), methods)


def _by_method(show: Page, act: Page) -> Page:
    async def page(visitor: Visitor) -> Response:
        return await (act if visitor.request.method == 'POST' else show)(visitor)

    return page


def _add(
    router: APIRouter, path: str, answer: Answer, methods: tuple[str, ...] = ('GET',), *, slash: bool = True
) -> None:
    """With and without its last slash; HEAD asks what GET asks."""
    for each in (path, path.rstrip('/')) if slash else (path,):
        router.add_route(each, answer, methods=list(methods), include_in_schema=False)


def _file(assets: Assets, name: str) -> Answer:
    async def answer(request: Request) -> Response:
        return assets.answer(request, name)

    return answer


def _style(parts: BookerParts) -> Answer:
    async def answer(request: Request) -> Response:
        return Response(parts.style.read(), media_type='text/css', headers=kept(request, parts.style.address()))

    return answer


def _pictures(parts: BookerParts) -> Answer:
    async def answer(request: Request) -> Response:
        for picture in parts.reps.get().pictures():
            if picture.name == request.path_params['name']:
                return Response(picture.content, media_type=picture.media_type, headers={'cache-control': FOR_EVER})
        raise NotFound('There is no such picture.')

    return answer
