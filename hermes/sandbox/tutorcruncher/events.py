"""What TutorCruncher says happened: one event of a webhook, built from the account as it is at that moment."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hermes.sandbox.tutorcruncher.client import Admin, Client, Invoice, Json, iso

BASE_URL = 'https://app.tutorcruncher.com/api'
BRANCH = 590
VERBS = {
    'AGREE_TERMS': 'Agreed to Terms and Conditions',
    'CHANGED_CLIENT_ADMIN': "Changed a Client's Admin",
    'CHANGED_CLIENT_STATUS': "Changed a Client's status",
    'CREATED_A_CLIENT': 'Created a Client',
    'DELETED_A_CLIENT': 'Deleted a Client',
    'EDITED_AGENCY_DETAILS': "Edited an agency's details",
    'EDITED_A_CLIENT': 'Edited a Client',
    'EDITED_PRICE_PLAN': "Edited an agency's price plan",
    'MARKED_INVOICE_AS_PAID': 'Marked an Invoice as paid',
    'RAISED_INVOICE': 'Raised an Invoice',
    'RECOVERED_A_CLIENT': 'Recovered a Client',
    'TERMINATED_AGENCY': 'Company was terminated',
}


def event(action: str, subject: Json, at: datetime | None, admins: Iterable[Admin], note: str = '') -> Json:
    """An event without `timestamp` if `at` is None."""
    told: Json = {'action': action, 'verb': VERBS.get(action, action)}
    if at is not None:
        told['timestamp'] = iso(at)
    actor = next(iter(admins), None)
    who: dict[str, Any] = {
        'name': actor.name if actor else 'System',
        'id': actor.id if actor else None,
        'user_id': actor.id if actor else None,
        'url': '',
    }
    return told | {'branch': BRANCH, 'actor': who, 'extra_msg': note, 'subject': subject}


def client_subject(client: Client, full: Json) -> Json:
    return {'model': 'Client', 'url': client.url(BASE_URL), **full}


def deleted_subject(client: Client) -> Json:
    """A deleted client is told of by its stub: no `meta_agency`."""
    return {'model': 'Client', **client.stub(BASE_URL)}


def invoice_subject(invoice: Invoice, client: Client) -> Json:
    """An invoice names its client by stub only; who wants to know more has to fetch it."""
    return {
        'model': 'Invoice',
        'url': f'{BASE_URL}/invoices/{invoice.id}/',
        'id': invoice.id,
        'display_id': f'INV-{invoice.id}',
        'date_sent': iso(invoice.raised_at),
        'gross': invoice.gross,
        'net': invoice.gross,
        'tax': '0.00',
        'status': invoice.status,
        'date_paid': iso(invoice.paid_at) if invoice.paid_at else None,
        'client': client.stub(BASE_URL),
    }
