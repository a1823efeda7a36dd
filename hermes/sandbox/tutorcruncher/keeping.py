"""The account as JSON values and back, so that the sandbox survives a restart."""

import base64
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hermes.sandbox.tutorcruncher.client import MOMENTS, Admin, Agency, Attribute, Client, Invoice, Json, Recipient
from hermes.sandbox.tutorcruncher.integration import Attempt, Message

if TYPE_CHECKING:
    from hermes.sandbox.tutorcruncher.account import Account

MESSAGES_KEPT = 200


def dump(account: 'Account') -> Json:
    integration = account.integration
    kept: Json = {
        'admins': [asdict(admin) for admin in account.admins.values()],
        'clients': [
            _plain({**asdict(client), 'omitted': sorted(client.omitted)}) for client in account.clients.values()
        ],
        'invoices': [_plain(asdict(invoice)) for invoice in account.invoices.values()],
        'attributes': [asdict(attribute) for attribute in account.attributes],
        'last_id': dict(account.last_id),
        'hyphens_when_read': account.hyphens_when_read,
        'auth_refusal': account.auth_refusal,
        'integration': {
            'enabled': integration.enabled,
            'disabled_at': _plain(integration.disabled_at),
            'split': integration.split,
            'time_key': integration.time_key,
            'made': integration.made,
            'judged': [[one.at.isoformat(), one.status] for one in integration.judged],
            'messages': [_message(message) for message in integration.newest(MESSAGES_KEPT)],
        },
    }
    return kept


def load(account: 'Account', kept: Json) -> None:
    account.admins = {one['id']: Admin(**one) for one in kept['admins']}
    account.clients = {one['id']: _client(one) for one in kept['clients']}
    account.invoices = {one['id']: _invoice(one) for one in kept['invoices']}
    account.attributes = [Attribute(**{**one, 'choices': tuple(one['choices'])}) for one in kept['attributes']]
    account.last_id = dict(kept['last_id'])
    account.hyphens_when_read = kept['hyphens_when_read']
    account.auth_refusal = kept['auth_refusal']
    integration, told = account.integration, kept['integration']
    integration.enabled, integration.made = told['enabled'], told['made']
    integration.disabled_at = _moment(told['disabled_at'])
    integration.split, integration.time_key = told['split'], told['time_key']
    integration.judged.clear()
    integration.judged.extend(Attempt(datetime.fromisoformat(at), status) for at, status in told['judged'])
    integration.messages = {one['id']: _read_message(one) for one in reversed(told['messages'])}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _client(kept: Json) -> Client:
    agency = kept['agency']
    if agency is not None:
        read: Json = {key: _moment(value) if key in MOMENTS else value for key, value in agency.items()}
        agency = Agency(**read)
    return Client(
        **{
            **kept,
            'agency': agency,
            'date_created': datetime.fromisoformat(kept['date_created']),
            'recipients': [Recipient(**one) for one in kept['recipients']],
            'omitted': set(kept['omitted']),
        }
    )


def _invoice(kept: Json) -> Invoice:
    return Invoice(
        **{**kept, 'raised_at': datetime.fromisoformat(kept['raised_at']), 'paid_at': _moment(kept['paid_at'])}
    )


def _message(message: Message) -> Json:
    kept = {field.name: getattr(message, field.name) for field in fields(message)}
    return kept | {
        'body': base64.b64encode(message.body).decode(),
        'made_at': message.made_at.isoformat(),
        'attempts': [[one.at.isoformat(), one.status] for one in message.attempts],
    }


def _read_message(kept: Json) -> Message:
    return Message(
        **{
            **kept,
            'body': base64.b64decode(kept['body']),
            'made_at': datetime.fromisoformat(kept['made_at']),
            'attempts': [Attempt(datetime.fromisoformat(at), status) for at, status in kept['attempts']],
        }
    )
