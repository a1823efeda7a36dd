"""What a visitor fills in, read and checked: every rule of the fields, each with a plain sentence (WEB-11).

Text comes out trimmed, composed, without control characters and of bounded length. Whether a time can be booked, and
whose a booking is, is decided elsewhere.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from hermes.booking.values import (
    check_currency,
    check_email,
    check_name,
    check_phone,
    check_website,
    clean,
    emptied,
    find_country,
    known_zone,
    lowered,
    read_moment,
)
from hermes.domain.model import Value

LARGEST: Final = 2**63 - 1
MOMENT: Final = {
    'anyOf': [{'type': 'string', 'format': 'date-time'}, {'type': 'integer', 'minimum': 0, 'maximum': 4102444800}],
    'description': 'ISO 8601, or seconds since 1970. Without a zone it is UTC.',
}

Moment = Annotated[datetime, BeforeValidator(read_moment), WithJsonSchema(MOMENT)]
Id = Annotated[int, Field(ge=1, le=LARGEST)]
Name = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(clean), AfterValidator(check_name)]
Company = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(clean)]
Email = Annotated[
    str,
    Field(min_length=3, max_length=254, json_schema_extra={'format': 'email'}),
    BeforeValidator(clean),
    AfterValidator(check_email),
]
Website = Annotated[
    Annotated[str, Field(max_length=500)] | None, BeforeValidator(emptied), AfterValidator(check_website)
]
Phone = Annotated[Annotated[str, Field(max_length=40)] | None, BeforeValidator(emptied)]
Country = Annotated[
    str,
    Field(min_length=2, max_length=2, pattern='^[A-Za-z]{2}$'),
    BeforeValidator(clean),
    AfterValidator(find_country),
]
Currency = Annotated[
    str,
    Field(min_length=3, max_length=3, pattern='^[A-Za-z]{3}$'),
    BeforeValidator(clean),
    AfterValidator(check_currency),
]
Income = Annotated[str, Field(min_length=1, max_length=100), BeforeValidator(clean)]
Plan = Annotated[Literal['payg', 'startup', 'enterprise'], BeforeValidator(lowered)]
Mark = Annotated[Annotated[str, Field(max_length=500)] | None, BeforeValidator(emptied)]
Zone = Annotated[Annotated[str, Field(max_length=64)] | None, BeforeValidator(emptied), AfterValidator(known_zone)]
HoldToken = Annotated[Annotated[str, Field(max_length=100)] | None, BeforeValidator(emptied)]


class Asked(BaseModel):
    """What both kinds of booking say."""

    model_config = ConfigDict(extra='ignore')

    admin_id: Id = Field(description='Who is to be met: an active, bookable admin of that kind.')
    name: Name = Field(description='First and last name, in any script.', examples=['Lee Adams'])
    email: Email = Field(description='Where the invitation goes.', examples=['lee@customer.example'])
    meeting_dt: Moment = Field(description='When the call starts.')
    zone: Zone = Field(None, description="The visitor's time zone (IANA), for letters.", examples=['Europe/London'])
    hold: HoldToken = Field(None, description='The hold that reserves this time, if there is one.')

    def told(self) -> dict[str, Value]:
        """The form as the act of a booking carries it."""
        return {'name': self.name, 'email': self.email}


class SalesForm(Asked):
    """A sales call."""

    company_name: Company = Field(description="The company's name.", examples=['Adams Tuition'])
    company_id: Id | None = Field(
        None, description='A company that Hermes knows. It counts only if the e-mail address belongs to it already.'
    )
    country: Country = Field(description='ISO 3166 alpha-2.', examples=['GB'])
    website: Website = Field(None, description='`example.com` or a whole address.', examples=['example.com'])
    phone: Phone = Field(
        None, description="A phone number; without a dial code it is one of the country's.", examples=['020 7946 0011']
    )
    estimated_income: Income = Field(description="A bracket's id, or its label.", examples=['50-150k'])
    currency: Currency = Field(description='ISO 4217.', examples=['GBP'])
    price_plan: Plan = Field(description='payg, startup or enterprise.')
    bdr_person_id: Annotated[Annotated[str, Field(max_length=40)] | Id | None, BeforeValidator(emptied)] = Field(
        None, description="Who brought the visitor: the id of a business development admin, ours or TutorCruncher's."
    )
    utm_campaign: Mark = Field(None, description='The campaign that led here.')
    utm_source: Mark = Field(None, description='Where the visitor came from.')
    gclid: Mark = Field(None, description="Google's click id.")

    @model_validator(mode='after')
    def settle_phone(self) -> 'SalesForm':
        self.phone = check_phone(self.phone, self.country)
        return self

    def told(self) -> dict[str, Value]:
        names = (
            'phone', 'company_name', 'website', 'country', 'estimated_income', 'currency', 'price_plan', 'utm_campaign',
            'utm_source', 'gclid',
        )  # fmt: skip
        return {**super().told(), **{name: getattr(self, name) for name in names}}


class SupportForm(Asked):
    """A support call, by a signed link."""

    company_id: Id = Field(description='The company, which the link is bound to.')
    e: Annotated[Annotated[int, Field(ge=0, le=LARGEST)] | None, BeforeValidator(emptied)] = Field(
        None, description="The link's expiry, in seconds since 1970."
    )
    s: Annotated[Annotated[str, Field(max_length=128)] | None, BeforeValidator(emptied)] = Field(
        None, description="The link's signature."
    )
    x: Any = Field(
        None,
        description='1 where the link is an express one.',
        json_schema_extra={'anyOf': [{'type': 'integer', 'enum': [0, 1]}, {'type': 'null'}]},
    )


class HoldForm(BaseModel):
    """A slot to be kept while its form is open."""

    model_config = ConfigDict(extra='ignore')

    admin_id: Id = Field(description='Who is to be met.')
    start: Moment = Field(description='When the call starts.')
    token: Annotated[Annotated[str, Field(max_length=300)] | None, BeforeValidator(emptied)] = Field(
        None, description='The token of an express support link.'
    )
    hold: HoldToken = Field(None, description='A hold of yours that is given up for this one.')
