"""Where letters and support links lead while the booking pages are not served yet: plain pages that say so, and what to
do instead. A support link is checked first, and what is wrong with it is told in its own words (CB-16).
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hermes.booking.links import WHOLE, LinkRefused, read_support_query
from hermes.booking.service import BookingService
from hermes.domain.errors import HermesError
from hermes.web.booking_api import both
from hermes.web.booking_pages import problem_page, render


def entrance_routes(service: BookingService) -> APIRouter:
    """`/book-a-call/` and `/support-call/{admin_id}/`."""
    router = APIRouter(tags=['call-booker'])

    @both(router, 'GET', '/book-a-call/', include_in_schema=False)
    async def show_sales() -> HTMLResponse:
        return render('entrance.html', 200, brand=service.terms.brand, company='')

    @both(router, 'GET', '/support-call/{admin_id}/', include_in_schema=False)
    async def show_support(request: Request, admin_id: str) -> HTMLResponse:
        try:
            link, signature = read_support_query(request.query_params)
            if str(link.admin_id) != admin_id:
                raise LinkRefused(WHOLE, 'link_invalid')
            allowed = await service.support.validate(link, signature)
        except HermesError as error:
            return problem_page(service, error)
        return render('entrance.html', 200, brand=service.terms.brand, company=allowed.company_name)

    return router
