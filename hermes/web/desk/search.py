"""One search box for any id, name, e-mail address or phone number (ADM-5)."""

from typing import Any, Final

from starlette.responses import Response

from hermes.db.reads.search import search
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

MOST: Final = 100
ADDRESSES: Final = {'event': '/desk/events/{id}/', 'decision': '/desk/decisions/{id}/'}


async def show_search(visit: Visit) -> Response:
    """What a text may mean, for a link that somebody made; the box itself sends a form."""
    return await _search(visit, visit.query.get('q', ''), visit.query.get('deleted') == 'yes')


async def find(visit: Visit) -> Response:
    """What the text of the box may mean. It is a form, so that nobody's name or address stands in an address of ours,
    and in no history, log or chat (ADM-12).
    """
    return await _search(visit, visit.field('q'), visit.field('deleted') == 'yes')


async def _search(visit: Visit, text: str, deleted: bool) -> Response:
    """Straight to what it means where that is one thing alone."""
    text = text.strip()
    found = await visit.parts.reading.ask(search, text, deleted=deleted, limit=MOST + 1) if text else []
    rows: list[dict[str, Any]] = [{**item, 'address': _address(item)} for item in found[:MOST]]
    if len(rows) == 1 and rows[0]['address'] and not deleted:
        return lead(rows[0]['address'])
    return show(visit, 'search.html', text=text, rows=rows, more=len(found) > MOST, deleted=deleted)


def _address(item: dict[str, Any]) -> str:
    if item['type'] == 'remote object':
        return ''
    return ADDRESSES.get(item['type'], f'/desk/records/{item["type"]}/{{id}}/').format(id=item['id'])
