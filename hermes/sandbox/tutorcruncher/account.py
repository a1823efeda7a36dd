"""What an account of the emulated TutorCruncher holds, how it is set up, and how it announces a change of a client.

Nothing here looks at the wall clock or rolls its own dice: time and chance are the world's. What people do there is in
`acts`.
"""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from hermes.sandbox.outbox import Delivery
from hermes.sandbox.tutorcruncher import keeping
from hermes.sandbox.tutorcruncher.answers import error_answer
from hermes.sandbox.tutorcruncher.client import (
    MOMENTS,
    Admin,
    Agency,
    Attribute,
    Client,
    Invoice,
    Json,
    Recipient,
    country_text,
)
from hermes.sandbox.tutorcruncher.events import BASE_URL, client_subject, deleted_subject, event
from hermes.sandbox.tutorcruncher.integration import Integration, Message
from hermes.sandbox.weather import Kind

if TYPE_CHECKING:
    from hermes.sandbox.world import World

ATTRIBUTES = (
    ('estimated_monthly_income', 'Estimated monthly income'),
    ('utm_source', 'UTM source'),
    ('utm_campaign', 'UTM campaign'),
    ('currency', 'Currency'),
    ('referer', 'Referer'),
    ('pipedrive_id', 'Pipedrive ID'),
    ('pipedrive_url', 'Pipedrive URL'),
    ('pipedrive_deal_stage', 'Pipedrive deal stage'),
    ('pipedrive_pipeline', 'Pipedrive pipeline'),
)
TERMINATIONS = ('Closed down', 'Too expensive', 'Moved to a competitor', 'Other')
PEOPLE = {
    'sales_person': 'sales_person_id',
    'support_person': 'associated_admin_id',
    'associated_admin': 'associated_admin_id',
    'bdr_person': 'bdr_person_id',
}
CLIENT_FIELDS = ('first_name', 'last_name', 'email', 'phone', 'shape', 'created_as_epoch')


class Refused(Exception):
    """What was asked makes no sense in this account; `fields` says which part and why."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__('; '.join(f'{name}: {" ".join(why)}' for name, why in fields.items()))
        self.fields = fields


class Unknown(LookupError):
    """No such object in this account."""


class Account:
    """One account. The integration's private key opens the API and signs the webhooks."""

    def __init__(self, world: 'World') -> None:
        self.world = world
        self.api_key = world.secrets.tc2_api_key
        self.integration = Integration(world, self.api_key)
        self.admins: dict[int, Admin] = {}
        self.clients: dict[int, Client] = {}
        self.invoices: dict[int, Invoice] = {}
        self.attributes: list[Attribute] = []
        self.support_links: dict[int, Any] = {}
        self.request_times: deque[datetime] = deque()
        self.hyphens_when_read = False
        self.last_stamp = datetime.min.replace(tzinfo=UTC)
        self.auth_refusal = 401
        self.last_id: dict[str, int] = {'client': 100, 'agency': 2000, 'recipient': 300, 'invoice': 7000, 'attr': 0}
        for machine_name, name in ATTRIBUTES:
            self.define_attribute(machine_name, name)
        self.define_attribute('termination_category', 'Termination category', 'Dropdown', TERMINATIONS)

    def next_id(self, kind: str) -> int:
        self.last_id[kind] += 1
        return self.last_id[kind]

    def client(self, client_id: int) -> Client:
        """Raises Unknown."""
        try:
            return self.clients[int(client_id)]
        except (KeyError, ValueError, TypeError):
            raise Unknown(f'no client {client_id!r}') from None

    def full(self, client: Client) -> Json:
        return client.full(BASE_URL, self.admins, self.attributes, hyphens=self.hyphens_when_read)

    def error_answer(self, kind: Kind) -> Response:
        return error_answer(kind)

    def state(self) -> Json:
        """What a person at the controls wants to see."""
        integration = self.integration
        return {
            'clients': [{**self.full(client), 'deleted': client.deleted} for client in self.clients.values()],
            'invoices': len(self.invoices),
            'integration': {'url': integration.url, 'enabled': integration.enabled, 'sent': integration.made},
            'webhooks': [message.shown() for message in integration.newest(50)],
        }

    def dump(self) -> Json:
        return keeping.dump(self)

    def load(self, kept: Json) -> None:
        keeping.load(self, kept)

    def on_delivered(self, delivery: Delivery, status: int | None) -> None:
        self.integration.on_delivered(delivery, status)

    # set-up of the account

    def add_admin(self, admin_id: int, first_name: str, last_name: str, email: str) -> Admin:
        admin = self.admins[admin_id] = Admin(admin_id, first_name, last_name, email)
        return admin

    def define_attribute(
        self, machine_name: str, name: str | None = None, type: str = 'Short Textbox', choices: Iterable[str] = ()
    ) -> Attribute:
        """Add a custom field of clients; one of the same machine name is replaced."""
        self.attributes = [known for known in self.attributes if known.machine_name != machine_name]
        attribute = Attribute(self.next_id('attr'), machine_name, name or machine_name, type, tuple(choices))
        self.attributes.append(attribute)
        return attribute

    def add_client(
        self,
        name: str,
        *,
        country: str = 'GB',
        plan: str = 'payg',
        email: str | None = None,
        first_name: str = 'Sam',
        last_name: str = 'Okafor',
        phone: str | None = None,
        sales_person: int | None = None,
        support_person: int | None = None,
        bdr_person: int | None = None,
        recipients: Iterable[Json] | None = None,
        extra_attrs: dict[str, str] | None = None,
        with_agency: bool = True,
        **agency: Any,
    ) -> Client:
        """Make a client without telling anybody. `plan` is `payg` or TutorCruncher's own `monthly-payg`.

        Without `recipients` the person who signs up is the only one; `agency` takes any field of `meta_agency`, and
        `shape`, `created_as_epoch`, `omitted` of the client.
        """
        now = self.world.clock.now()
        client = Client(self.next_id('client'), first_name, last_name, email, now, phone=phone)
        client.shape = agency.pop('shape', 'user')
        client.created_as_epoch = bool(agency.pop('created_as_epoch', False))
        client.omitted = set(agency.pop('omitted', ()))
        client.sales_person_id, client.associated_admin_id = sales_person, support_person
        client.bdr_person_id = bdr_person
        client.attributes = dict(extra_attrs or {})
        if with_agency:
            fields: Json = {'created': now, **{key: _moment(key, value) for key, value in agency.items()}}
            unknown = set(fields) - set(Agency.__dataclass_fields__)
            if unknown:
                raise Refused({key: ['No such field.'] for key in sorted(unknown)})
            client.agency = Agency(
                self.next_id('agency'), name, country_text(country), price_plan=_price_plan(plan), **fields
            )
        person: Json = {'first_name': first_name, 'last_name': last_name, 'email': email}
        for one in [person] if recipients is None else recipients:
            client.recipients.append(
                Recipient(self.next_id('recipient'), one.get('first_name'), one['last_name'], one.get('email'))
            )
        self.clients[client.id] = client
        return client

    def stamp(self) -> datetime:
        """The time of an event: never the same one twice, as with a clock that counts microseconds."""
        self.last_stamp = max(self.world.clock.now(), self.last_stamp + timedelta(microseconds=1))
        return self.last_stamp

    def announce(self, action: str, client: Client, note: str = '') -> list[Message]:
        """Send `action` about `client` as it is now."""
        gone = action == 'DELETED_A_CLIENT'
        subject = deleted_subject(client) if gone else client_subject(client, self.full(client))
        return self.integration.send_events([event(action, subject, self.stamp(), self.admins.values(), note)])

    def change(self, client: Client, key: str, value: Any) -> None:
        """Set one field of the agency or of the person who signed up, silently. Raises Refused."""
        if key in PEOPLE:
            setattr(client, PEOPLE[key], None if value in (None, '') else int(value))
        elif key == 'omitted':
            client.omitted = set(value)
        elif key in CLIENT_FIELDS:
            setattr(client, key, value)
        elif key == 'plan':
            agency_of(client).price_plan = _price_plan(value)
        elif key == 'country':
            agency_of(client).country = country_text(value)
        elif key in Agency.__dataclass_fields__ and key != 'id':
            setattr(agency_of(client), key, _moment(key, value))
        else:
            raise Refused({key: ['No such field.']})


def agency_of(client: Client) -> Agency:
    """Raises Refused for a client without one."""
    if client.agency is None:
        raise Refused({'meta_agency': [f'Client {client.id} has no agency.']})
    return client.agency


def _price_plan(plan: str) -> str:
    return plan if '-' in plan or not plan else f'monthly-{plan}'


def _moment(key: str, value: Any) -> Any:
    if key not in MOMENTS or not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
