"""Everything that a person, a client or TutorCruncher's own clockwork can do in the emulated account.

Every act changes the state first and then announces it by webhook the way TutorCruncher does.
"""

from datetime import datetime
from typing import Any

from hermes.sandbox.tutorcruncher.account import Account, Refused, Unknown, agency_of
from hermes.sandbox.tutorcruncher.client import Admin, Attribute, Client, Invoice, Json, Recipient
from hermes.sandbox.tutorcruncher.events import client_subject, event, invoice_subject
from hermes.sandbox.tutorcruncher.integration import Message

ACTS = frozenset(
    (
        'add_admin',
        'add_client',
        'add_recipient',
        'agree_terms',
        'change_status',
        'close_day',
        'confirm_email',
        'define_attribute',
        'delete',
        'edit_client',
        'edit_recipient',
        'enable_integration',
        'pay_invoice',
        'raise_invoice',
        'raw',
        'raw_unsigned',
        'recover',
        'remove_recipient',
        'resend_last',
        'save_card',
        'send_all_snapshots',
        'send_snapshot',
        'set_admins',
        'set_extra_attr',
        'set_narc',
        'sign_up',
        'terminate',
    )
)


class TutorCruncher(Account):
    """The account together with the people who work in it."""

    def act(self, act: str, /, **arguments: Any) -> Any:
        """Carry out the act of that name; its result as JSON values. Raises Unknown, Refused, TypeError."""
        if act not in ACTS:
            raise Unknown(f'no act is called {act!r}: there are {", ".join(sorted(ACTS))}')
        return self._told(getattr(self, act)(**arguments))

    def _told(self, result: Any) -> Any:
        if isinstance(result, Client):
            return self.full(result)
        if isinstance(result, Message):
            return result.shown()
        if isinstance(result, list):
            return [self._told(one) for one in result]
        if isinstance(result, Invoice | Recipient | Attribute | Admin):
            return {
                key: value.isoformat() if isinstance(value, datetime) else value for key, value in vars(result).items()
            }
        return result

    # acts of people, each announced by webhook

    def sign_up(self, name: str, **fields: Any) -> Client:
        """A company signs up; takes what `add_client` takes. Status `pending_email_conf` unless given."""
        client = self.add_client(name, **{'status': 'pending_email_conf', **fields})
        self.announce('CREATED_A_CLIENT', client)
        return client

    def edit_client(self, client_id: int, **changes: Any) -> Client:
        """Change fields of the agency (`name`, `country`, `website`, `plan`, ...) or of the person who signed up."""
        client = self.client(client_id)
        for key, value in changes.items():
            self.change(client, key, value)
        priced = bool(changes) and set(changes) <= {'plan', 'price_plan'}
        self.announce('EDITED_PRICE_PLAN' if priced else 'EDITED_A_CLIENT', client)
        return client

    def confirm_email(self, client_id: int) -> Client:
        client = self.client(client_id)
        agency = agency_of(client)
        agency.email_confirmed_dt = self.world.clock.now()
        if agency.status == 'pending_email_conf':
            agency.status = 'trial'
        self.announce('CHANGED_CLIENT_STATUS', client)
        return client

    def save_card(self, client_id: int) -> Client:
        client = self.client(client_id)
        agency_of(client).card_saved_dt = self.world.clock.now()
        self.announce('EDITED_A_CLIENT', client)
        return client

    def change_status(self, client_id: int, status: str) -> Client:
        """Set the company's status: pending_email_conf, trial, active, in_arrears, suspended, terminated."""
        client = self.client(client_id)
        agency_of(client).status = status
        self.announce('TERMINATED_AGENCY' if status == 'terminated' else 'CHANGED_CLIENT_STATUS', client)
        return client

    def terminate(self, client_id: int) -> Client:
        return self.change_status(client_id, 'terminated')

    def set_narc(self, client_id: int, narc: bool | None = True) -> Client:
        client = self.client(client_id)
        agency_of(client).narc = narc
        self.announce('EDITED_AGENCY_DETAILS', client)
        return client

    def set_admins(self, client_id: int, **people: int | None) -> Client:
        """Set any of `sales_person`, `support_person`, `bdr_person` to an admin's id or None."""
        client = self.client(client_id)
        for role, admin_id in people.items():
            self.change(client, role, admin_id)
        self.announce('CHANGED_CLIENT_ADMIN', client)
        return client

    def set_extra_attr(self, client_id: int, machine_name: str, value: str | None) -> Client:
        """Set a custom field as a person would in the UI; None empties it."""
        client = self.client(client_id)
        if not any(known.machine_name == machine_name for known in self.attributes):
            raise Refused({'extra_attrs': [f'Unknown custom field "{machine_name}".']})
        if value is None:
            client.attributes.pop(machine_name, None)
        else:
            client.attributes[machine_name] = value
        self.announce('EDITED_A_CLIENT', client)
        return client

    def delete(self, client_id: int) -> Client:
        client = self.client(client_id)
        client.deleted = True
        self.announce('DELETED_A_CLIENT', client)
        return client

    def recover(self, client_id: int) -> Client:
        client = self.client(client_id)
        client.deleted = False
        self.announce('RECOVERED_A_CLIENT', client)
        return client

    def agree_terms(self, client_id: int) -> Client:
        client = self.client(client_id)
        self.announce('AGREE_TERMS', client)
        return client

    def add_recipient(
        self, client_id: int, last_name: str, first_name: str | None = None, email: str | None = None
    ) -> Recipient:
        client = self.client(client_id)
        recipient = Recipient(self.next_id('recipient'), first_name, last_name, email)
        client.recipients.append(recipient)
        self.announce('EDITED_A_CLIENT', client)
        return recipient

    def edit_recipient(self, client_id: int, recipient_id: int, **changes: str | None) -> Recipient:
        """Set any of `first_name`, `last_name`, `email`; None takes the e-mail away."""
        client = self.client(client_id)
        recipient = _recipient(client, recipient_id)
        for key, value in changes.items():
            if key not in ('first_name', 'last_name', 'email'):
                raise Refused({key: ['No such field.']})
            setattr(recipient, key, value)
        self.announce('EDITED_A_CLIENT', client)
        return recipient

    def remove_recipient(self, client_id: int, recipient_id: int) -> Client:
        client = self.client(client_id)
        client.recipients.remove(_recipient(client, recipient_id))
        self.announce('EDITED_A_CLIENT', client)
        return client

    def raise_invoice(self, client_id: int, gross: str = '49.00') -> Invoice:
        client = self.client(client_id)
        client.invoices_count += 1
        invoice = Invoice(self.next_id('invoice'), client.id, gross, self.world.clock.now())
        self.invoices[invoice.id] = invoice
        self._announce_invoice('RAISED_INVOICE', invoice)
        return invoice

    def pay_invoice(self, client_id: int, invoice_id: int | None = None) -> Invoice:
        """Pay that invoice, else the oldest unpaid one, else one raised silently for it.

        Only the count changes; the days of the payments follow at night (`close_day`).
        """
        client = self.client(client_id)
        unpaid = [one for one in self.invoices.values() if one.client_id == client.id and one.status == 'unpaid']
        if invoice_id is not None:
            unpaid = [one for one in unpaid if one.id == int(invoice_id)]
            if not unpaid:
                raise Unknown(f'no unpaid invoice {invoice_id} of client {client_id}')
        now = self.world.clock.now()
        if not unpaid:
            client.invoices_count += 1
            unpaid = [Invoice(self.next_id('invoice'), client.id, '49.00', now)]
            self.invoices[unpaid[0].id] = unpaid[0]
        invoice = unpaid[0]
        invoice.status, invoice.paid_at = 'paid', now
        if (agency := client.agency) is not None:
            agency.paid_invoice_count += 1
        self._announce_invoice('MARKED_INVOICE_AS_PAID', invoice)
        return invoice

    def close_day(self, client_id: int) -> Client:
        """The nightly job: the days of the first three payments, and a paying customer's status."""
        client = self.client(client_id)
        if (agency := client.agency) is not None:
            paid = sorted(one.paid_at for one in self.invoices.values() if one.client_id == client.id and one.paid_at)
            for key, moment in zip(('pay0_dt', 'pay1_dt', 'pay3_dt'), paid, strict=False):
                setattr(agency, key, moment)
            if paid and agency.status in ('pending_email_conf', 'trial'):
                agency.status = 'active'
        self.announce('EDITED_A_CLIENT', client)
        return client

    # the sender's own habits

    def enable_integration(self) -> None:
        """What a person does after TutorCruncher has switched the integration off."""
        self.integration.enable()

    def send_snapshot(self, client_id: int) -> list[Message]:
        """The full snapshot that TutorCruncher sends of every client every few hours: no timestamp of its own."""
        return self.integration.send_events([self._snapshot(self.client(client_id))])

    def send_all_snapshots(self) -> list[Message]:
        """The snapshot of every client that is not deleted and has an agency."""
        living = [client for client in self.clients.values() if not client.deleted and client.agency is not None]
        return self.integration.send_events([self._snapshot(client) for client in living])

    def resend_last(self, times: int = 1, client_id: int | None = None) -> list[Message]:
        """The last webhook (of that client) `times` more times, byte for byte."""
        subjects = None if client_id is None else f'Client {int(client_id)}'
        for message in self.integration.newest(len(self.integration.messages)):
            if subjects is None or message.subject == subjects:
                return [self.integration.resend(message) for _ in range(times)]
        raise Unknown('no webhook was sent yet')

    def raw(self, payload: Any) -> Message:
        """Any JSON value at all, rightly signed."""
        return self.integration.send(payload)

    def raw_unsigned(self, payload: Any) -> Message:
        """Any JSON value at all, without the signature."""
        return self.integration.send(payload, signed=False)

    def _announce_invoice(self, action: str, invoice: Invoice) -> None:
        subject = invoice_subject(invoice, self.client(invoice.client_id))
        self.integration.send_events([event(action, subject, self.stamp(), self.admins.values())])

    def _snapshot(self, client: Client) -> Json:
        return event('EDITED_A_CLIENT', client_subject(client, self.full(client)), None, self.admins.values())


def _recipient(client: Client, recipient_id: int) -> Recipient:
    for recipient in client.recipients:
        if recipient.id == int(recipient_id):
            return recipient
    raise Unknown(f'client {client.id} has no recipient {recipient_id}')
