"""Privacy (ADM-9): find a person, export what is stored of them, erase them with a receipt, and look again whether
anything came back. The code of `hermes erase` and `hermes export`.
"""

import json
from datetime import date, datetime
from typing import Any

from starlette.responses import Response

from hermes.db.audit import note
from hermes.db.reads import privacy
from hermes.domain.acts import ErasePerson
from hermes.domain.errors import NotFound
from hermes.domain.model import RecordRef
from hermes.kit.spelling import fold
from hermes.web.desk.pages import HEADERS, lead, show
from hermes.web.desk.visit import Visit

PAGE = '/desk/privacy/'


async def show_privacy(visit: Visit) -> Response:
    """Who may be meant, and what was erased before."""
    receipts = await visit.parts.reading.ask(privacy.list_receipts)
    return show(visit, 'privacy.html', receipts=receipts, found=None, asked='')


async def find_person(visit: Visit) -> Response:
    """Who a text may mean. It is sent as a form, so that nothing of a person stands in an address (ADM-12)."""
    asked = visit.field('who').strip()
    receipts = await visit.parts.reading.ask(privacy.list_receipts)
    found = await visit.parts.reading.ask(privacy.find_people, asked) if asked else []
    return show(visit, 'privacy.html', receipts=receipts, found=found[:100], asked=asked)


async def show_person(visit: Visit) -> Response:
    """What would go, and what other systems would hold still."""
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, wrong: str = '') -> Response:
    found = await visit.parts.reading.ask_patiently(privacy.preview, _ref(visit))
    return show(visit, 'erase.html', status, found=found, called=called(found.subject), wrong=wrong)


async def export(visit: Visit) -> Response:
    """Everything that is stored of them, as a file; journalled without a word of whom (S15)."""
    ref = _ref(visit)
    told = await visit.parts.reading.ask_patiently(privacy.export, ref)
    async with visit.parts.database.transaction() as connection:
        await note(connection, 'person.exported', visit.user.email, record=list(ref))
    headers = {**HEADERS, 'content-disposition': f'attachment; filename="{ref.type}-{ref.id}.json"'}
    text = json.dumps(told, default=_plain, ensure_ascii=False, indent=2)
    return Response(text, media_type='application/json', headers=headers)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


async def erase(visit: Visit) -> Response:
    """Forget them, for whoever writes their name."""
    ref = _ref(visit)
    subject = await visit.parts.reading.ask(privacy.read_subject, ref)
    if fold(visit.field('name')) != fold(called(subject)):
        return await _show(visit, 422, f'Write "{called(subject)}" to erase them. Nothing was done.')
    done = await visit.act(ErasePerson(ref))
    return lead(visit.link(f'{PAGE}receipts/{done.outcome["receipt"]}/', done=done.event_id))


def called(subject: privacy.Subject) -> str:
    """What somebody writes to say that they mean this one: the name, or the record of whoever has none."""
    return subject.name or f'{subject.record.type} {subject.record.id}'


async def show_receipt(visit: Visit) -> Response:
    """What was erased where, and what other systems held."""
    receipt = await visit.parts.reading.ask(privacy.read_receipt, visit.number('receipt'))
    return show(visit, 'receipt.html', receipt=receipt, back=None, backups=privacy.BACKUPS)


async def check_receipt(visit: Visit) -> Response:
    """Look through every text of the database whether anything of them is back."""
    key = visit.parts.engine.hash_key
    done = await visit.parts.reading.ask_patiently(privacy.check, key, visit.number('receipt'))
    return show(visit, 'receipt.html', receipt=done.receipt, back=done.found, backups=privacy.BACKUPS)


def _ref(visit: Visit) -> RecordRef:
    """Who is meant. Raises NotFound."""
    if visit.part('type') not in privacy.TYPES or not visit.number('id'):
        raise NotFound('There is nobody like that.')
    return RecordRef(visit.part('type'), visit.number('id'))
