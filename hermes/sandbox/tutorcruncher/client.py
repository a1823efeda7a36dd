"""A client of TutorCruncher's own sales instance, and the shapes in which TutorCruncher shows it.

A client is shown in full (one GET, every webhook) or as a stub (listings). Which of the two known places carries the
e-mail, how `created` is written and which keys are missing altogether differ from client to client, as they do there.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Json = dict[str, Any]
Shape = Literal['user', 'flat', 'both']

UNSET_CHOICE = '---------'
PERSON_KEYS = (
    'title',
    'first_name',
    'last_name',
    'email',
    'mobile',
    'phone',
    'street',
    'state',
    'town',
    'country',
    'postcode',
    'latitude',
    'longitude',
    'date_created',
    'timezone',
)
MOMENTS = ('created', 'pay0_dt', 'pay1_dt', 'pay3_dt', 'card_saved_dt', 'email_confirmed_dt', 'gclid_expiry_dt')
COUNTRIES = {
    'AU': 'Australia (AU)',
    'CA': 'Canada (CA)',
    'DE': 'Germany (DE)',
    'FR': 'France (FR)',
    'GB': 'United Kingdom (GB)',
    'IE': 'Ireland (IE)',
    'NZ': 'New Zealand (NZ)',
    'SG': 'Singapore (SG)',
    'US': 'United States (US)',
    'ZA': 'South Africa (ZA)',
}


def iso(moment: datetime) -> str:
    """TutorCruncher's way of writing a UTC time: six digits of fraction and a Z."""
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def country_text(country: str) -> str:
    """`GB` as TutorCruncher displays it; every other text stays as it is."""
    return COUNTRIES.get(country.strip().upper(), country)


def slug(text: str) -> str:
    """The form in which a dropdown's value has to be written: as web addresses are made of titles."""
    kept = ''.join(c for c in text.lower() if c.isascii() and (c.isalnum() or c in '-_ '))
    return '-'.join(part for part in kept.replace(' ', '-').split('-') if part)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass
class Admin:
    """An administrator of TutorCruncher: sales, support or business development."""

    id: int
    first_name: str
    last_name: str
    email: str

    @property
    def name(self) -> str:
        return f'{self.first_name} {self.last_name}'

    def shown(self) -> Json:
        return {'id': self.id, 'first_name': self.first_name, 'last_name': self.last_name, 'email': self.email}


@dataclass
class Attribute:
    """What an account knows about one of its custom fields ("extra attributes") of clients."""

    id: int
    machine_name: str
    name: str
    type: str = 'Short Textbox'
    choices: tuple[str, ...] = ()

    def empty(self) -> str:
        return UNSET_CHOICE if self.type == 'Dropdown' else ''

    def accept(self, value: str) -> tuple[str | None, str]:
        """What is kept of a value that is written, or why it is refused."""
        if value != value.strip() or not value.strip('-'):
            return None, 'Enter a valid value.'
        if self.type == 'Dropdown':
            chosen = self.choice(value)
            return chosen, '' if chosen else f'"{value}" is not a valid choice.'
        if self.type == 'Date' and not _is_date(value):
            return None, 'Date has wrong format. Use one of these formats instead: YYYY-MM-DD.'
        if self.type == 'Integer' and not value.lstrip('-').isdecimal():
            return None, 'A valid integer is required.'
        if self.type == 'Checkbox' and value.lower() not in ('true', 'false'):
            return None, 'Must be a valid boolean.'
        return value, ''

    def choice(self, slugged: object) -> str | None:
        """The choice that is written as `slugged`, if there is one."""
        return next((choice for choice in self.choices if slug(choice) == slugged), None)


@dataclass
class Recipient:
    id: int
    first_name: str | None
    last_name: str
    email: str | None = None

    @property
    def name(self) -> str:
        return ' '.join(part for part in (self.first_name, self.last_name) if part)


@dataclass
class Invoice:
    id: int
    client_id: int
    gross: str
    raised_at: datetime
    status: str = 'unpaid'
    paid_at: datetime | None = None


@dataclass
class Agency:
    """The `meta_agency` of a client: the company that signed up."""

    id: int
    name: str
    country: str
    created: datetime
    website: str | None = None
    status: str = 'trial'
    paid_invoice_count: int = 0
    price_plan: str = 'monthly-payg'
    narc: bool | None = False
    signup_questionnaire: Json | str | None = None
    pay0_dt: datetime | None = None
    pay1_dt: datetime | None = None
    pay3_dt: datetime | None = None
    card_saved_dt: datetime | None = None
    email_confirmed_dt: datetime | None = None
    gclid: str | None = None
    gclid_expiry_dt: datetime | None = None

    def shown(self, *, epoch: bool) -> Json:
        """As JSON; `created` in whole seconds since 1970 if `epoch`, every other time as text."""
        shown: Json = {}
        for key, value in vars(self).items():
            shown[key] = iso(value) if isinstance(value, datetime) else value
        if epoch:
            shown['created'] = int(self.created.timestamp())
        return shown


@dataclass
class Client:
    id: int
    first_name: str
    last_name: str
    email: str | None
    date_created: datetime
    agency: Agency | None = None
    phone: str | None = None
    shape: Shape = 'user'
    created_as_epoch: bool = False
    status: str = 'live'
    sales_person_id: int | None = None
    associated_admin_id: int | None = None
    bdr_person_id: int | None = None
    recipients: list[Recipient] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    invoices_count: int = 0
    deleted: bool = False
    omitted: set[str] = field(default_factory=set)
    """Dotted paths of keys that are left out of the full form, such as `meta_agency.narc` or `user.email`."""

    @property
    def name(self) -> str:
        return self.agency.name if self.agency else f'{self.first_name} {self.last_name}'

    def url(self, base: str) -> str:
        return f'{base}/clients/{self.id}/'

    def person(self) -> Json:
        known: Json = {
            'first_name': self.first_name,
            'last_name': self.last_name,
            'email': self.email,
            'phone': self.phone,
            'country': self.agency.country if self.agency else None,
            'date_created': iso(self.date_created),
        }
        return {key: known.get(key) for key in PERSON_KEYS}

    def stub(self, base: str) -> Json:
        return {
            'id': self.id,
            'first_name': self.first_name,
            'last_name': self.last_name,
            'email': self.email,
            'url': self.url(base),
        }

    def full(self, base: str, admins: dict[int, Admin], attributes: list[Attribute], *, hyphens: bool) -> Json:
        """The whole client, in its own manner. `hyphens`: shows `client-dob` where one writes `client_dob`."""
        shown: Json = {'id': self.id}
        if self.shape in ('flat', 'both'):
            shown |= self.person()
        if self.shape in ('user', 'both'):
            shown['user'] = self.person()
        shown |= self._ordinary(base, admins)
        shown['extra_attrs'] = [
            {
                'id': known.id,
                'value': self.attributes.get(known.machine_name, known.empty()),
                'type': known.type,
                'machine_name': known.machine_name.replace('_', '-') if hyphens else known.machine_name,
                'name': known.name,
            }
            for known in attributes
        ]
        shown |= {'invoice_balance': '0.00', 'available_balance': '0.00'}
        if self.agency is not None:
            shown['meta_agency'] = self.agency.shown(epoch=self.created_as_epoch)
        for path in self.omitted:
            _leave_out(shown, path)
        return shown

    def _ordinary(self, base: str, admins: dict[int, Admin]) -> Json:
        def admin(admin_id: int | None) -> Json | None:
            if admin_id is None:
                return None
            known = admins.get(admin_id)
            return known.shown() if known else {'id': admin_id}

        return {
            'photo': None,
            'status': self.status,
            'is_taxable': True,
            'received_notifications': ['invoices', 'invoice_reminders', 'broadcasts'],
            'invoices_count': self.invoices_count,
            'payment_pending': '0.00',
            'auto_charge': False,
            'associated_admin': admin(self.associated_admin_id),
            'sales_person': admin(self.sales_person_id),
            'bdr_person': admin(self.bdr_person_id),
            'associated_agent': None,
            'pipeline_stage': None,
            'paid_recipients': [
                {
                    'id': recipient.id,
                    'first_name': recipient.first_name,
                    'last_name': recipient.last_name,
                    'email': recipient.email,
                    'url': f'{base}/recipients/{recipient.id}/',
                }
                for recipient in self.recipients
            ],
            'calendar_colour': 'ForestGreen',
            'labels': [],
        }


def _leave_out(shown: Json, path: str) -> None:
    *parents, last = path.split('.')
    place: Any = shown
    for parent in parents:
        place = place.get(parent) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place.pop(last, None)
