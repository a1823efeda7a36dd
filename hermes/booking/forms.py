"""What a visitor fills in, read and checked: every rule of the fields, each with a plain sentence (WEB-11).

Only what makes a booking impossible is refused. Whatever else cannot be read is left out, kept as it came for
colleagues, and told as a warning: a lead is never lost for it. Text is measured before anything else is done with it,
and comes out trimmed, composed, and without control characters. Whether a time can be booked, and whose a booking is,
is decided elsewhere.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from hermes.booking.values import (
    LONGEST,
    as_text,
    check_currency,
    check_language,
    check_minute,
    check_name,
    check_phone,
    check_website,
    check_zone,
    clean,
    cut_name,
    emptied,
    find_country,
    lowered,
    no_truth,
    read_moment,
)
from hermes.domain.model import Value
from hermes.kit import texts
from hermes.kit.emails import check_email
from hermes.kit.wire import truth
from hermes.parts.roles import PRODUCT_TITLE

LARGEST: Final = 2**63 - 1
KEPT: Final = 500
"""Characters that are kept of what could not be read."""
MOMENT: Final = {
    'anyOf': [{'type': 'string', 'format': 'date-time'}, {'type': 'integer', 'minimum': 0, 'maximum': 4102444800}],
    'description': 'ISO 8601, or seconds since 1970. Without a zone it is UTC.',
}
FLAG: Final = {'anyOf': [{'type': 'integer', 'enum': [0, 1]}, {'type': 'null'}]}


def _whole(most: int) -> BeforeValidator:
    """A text that is needed, of `most` characters; a number is one too."""
    return BeforeValidator(lambda value: clean(as_text(value), most))


def _maybe(most: int) -> BeforeValidator:
    """A text that may be missing."""
    return BeforeValidator(lambda value: emptied(as_text(value), most))


def _given(most: int) -> BeforeValidator:
    """Something that may be missing, as it came."""
    return BeforeValidator(partial(emptied, most=most))


def _flag(value: Any) -> bool | None:
    return None if value is None else truth(value)


Moment = Annotated[datetime, BeforeValidator(read_moment), WithJsonSchema(MOMENT)]
Start = Annotated[datetime, BeforeValidator(read_moment), AfterValidator(check_minute), WithJsonSchema(MOMENT)]
Id = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(no_truth)]
AnId = Annotated[Id | None, _given(20)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST), _whole(LONGEST), AfterValidator(check_name)]
Company = Annotated[str, Field(min_length=1, max_length=LONGEST), _whole(LONGEST)]
Email = Annotated[
    str, Field(min_length=3, max_length=254, json_schema_extra={'format': 'email'}),
    BeforeValidator(partial(clean, most=254)),
    AfterValidator(check_email),
]  # fmt: skip
Website = Annotated[Annotated[str, Field(max_length=500)] | None, _maybe(500), AfterValidator(check_website)]
Phone = Annotated[Annotated[str, Field(max_length=40)] | None, _maybe(40)]
Country = Annotated[Annotated[str, Field(max_length=100)] | None, _maybe(100), AfterValidator(find_country)]
Currency = Annotated[Annotated[str, Field(max_length=100)] | None, _maybe(100), AfterValidator(check_currency)]
Income = Annotated[Annotated[str, Field(max_length=100)] | None, _maybe(100)]
Plan = Annotated[Literal['payg', 'startup', 'enterprise'] | None, BeforeValidator(lowered), _maybe(20)]
Mark = Annotated[Annotated[str, Field(max_length=500)] | None, _maybe(500)]
Zone = Annotated[Annotated[str, Field(max_length=64)] | None, _maybe(64), AfterValidator(check_zone)]
Lang = Annotated[Annotated[str, Field(max_length=64)] | None, _maybe(64), AfterValidator(check_language)]
HoldToken = Annotated[Annotated[str, Field(max_length=100)] | None, _maybe(100)]
LetterToken = Annotated[Annotated[str, Field(max_length=300)] | None, _maybe(300)]


class Asked(BaseModel):
    """What both kinds of booking say. What is needed is refused by its field; nothing else is."""

    model_config = ConfigDict(extra='ignore')
    CUT: ClassVar[tuple[str, ...]] = ('name',)
    WANTED: ClassVar[tuple[str, ...]] = ()
    """Not needed, and missed."""
    SECRET: ClassVar[frozenset[str]] = frozenset({'hold', 'letter', 'e', 's', 'x'})
    """Kept nowhere."""
    _warnings: list[Mapping[str, Any]] = PrivateAttr(default_factory=list)
    _unread: dict[str, str] = PrivateAttr(default_factory=dict)

    admin_id: Id = Field(description='Who is to be met: an active, bookable admin of that kind.')
    name: Name = Field(description='First and last name, in any script.', examples=['Lee Adams'])
    email: Email = Field(description='Where the invitation goes.', examples=['lee@customer.example'])
    meeting_dt: Start = Field(description='When the call starts.')
    zone: Zone = Field(None, description="The visitor's time zone (IANA), for letters.", examples=['Europe/London'])
    lang: Lang = Field(None, description="The visitor's language, for letters; else English.", examples=['de'])
    hold: HoldToken = Field(None, description='The hold that reserves this time, if there is one.')
    letter: LetterToken = Field(
        None, description='The token of the link in a letter to this address: it shows that the address is yours.'
    )

    @model_validator(mode='wrap')
    @classmethod
    def read(cls, raw: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """The form without what cannot be read. Raises ValidationError only for what is needed, which it names first,
        and then tells everything that is wrong.
        """
        if not isinstance(raw, Mapping):
            return validate(raw)
        cut = {name: left for name in cls.CUT if (left := _cut(raw.get(name))) is not None}
        given = {**raw, **cut}
        warnings = [_warning(name, f'was longer than {LONGEST} characters and is cut') for name in cut]
        try:
            form = validate(given)
        except ValidationError as error:
            told = sorted(error.errors(include_url=False), key=lambda each: not cls._is_needed(each['loc']))
            if cls._is_needed(told[0]['loc']):
                raise ValidationError.from_exception_data(error.title, cast(list[InitErrorDetails], told)) from None
            odd = {str(each['loc'][0]): each for each in reversed(told)}
            form = validate({**given, **dict.fromkeys(odd)})
            warnings += reversed(odd.values())
            form._unread = {name: _kept(given[name]) for name in odd}
        missed = [name for name in cls.WANTED if getattr(form, name) is None and name not in form._unread]
        form._warnings = [*warnings, *(_warning(name, 'was not given') for name in missed)]
        return form

    @classmethod
    def _is_needed(cls, where: tuple[int | str, ...]) -> bool:
        field = cls.model_fields.get(str(where[0])) if where else None
        return field is None or field.is_required()

    @property
    def warnings(self) -> list[Mapping[str, Any]]:
        """What was left out, cut or missed, as pydantic tells of it."""
        return self._warnings

    @property
    def unread(self) -> dict[str, str]:
        """What could not be read, as it came: field -> text of bounded length."""
        return self._unread

    @property
    def flags(self) -> list[str]:
        """What colleagues should know of the booking itself."""
        return [f'{each["loc"][0]} {each["msg"]}' for each in self._warnings if each['loc'][0] in self.CUT]

    def typed(self) -> dict[str, Value]:
        """Who the visitor is by their own account, and what could not be read, as it came."""
        unread = {name: value for name, value in self._unread.items() if name not in self.SECRET and value}
        return {'name': self.name, 'email': self.email, **unread}

    def told(self) -> dict[str, Value]:
        """The form as the act of a booking carries it."""
        return {'name': self.name, 'email': self.email}


class SalesForm(Asked):
    """A sales call."""

    CUT = ('name', 'company_name')
    WANTED = ('country', 'estimated_income', 'currency', 'price_plan')
    company_name: Company = Field(description="The company's name.", examples=['Adams Tuition'])
    company_id: AnId = Field(
        None, description='A company that Hermes knows. It counts only if the e-mail address belongs to it already.'
    )
    country: Country = Field(None, description='ISO 3166 alpha-2, or the English name.', examples=['GB'])
    website: Website = Field(None, description='`example.com` or a whole address.', examples=['example.com'])
    phone: Phone = Field(
        None, description="A phone number; without a dial code it is one of the country's.", examples=['020 7946 0011']
    )
    estimated_income: Income = Field(None, description="A bracket's id, or its label.", examples=['50-150k'])
    currency: Currency = Field(None, description='ISO 4217.', examples=['GBP'])
    price_plan: Plan = Field(None, description='payg, startup or enterprise.')
    bdr_person_id: Annotated[Annotated[str, Field(max_length=40)] | Id | None, _given(40)] = Field(
        None, description=f"Who brought the visitor: the id of a business development admin, ours or {PRODUCT_TITLE}'s."
    )
    utm_campaign: Mark = Field(None, description='The campaign that led here.')
    utm_source: Mark = Field(None, description='Where the visitor came from.')
    gclid: Mark = Field(None, description='The click id of the advertisement that led here.')

    @field_validator('phone')
    @classmethod
    def settle_phone(cls, phone: str | None, info: ValidationInfo) -> str | None:
        return check_phone(phone, info.data.get('country'))

    def told(self) -> dict[str, Value]:
        names = (
            'phone', 'company_name', 'website', 'country', 'estimated_income', 'currency', 'price_plan', 'utm_campaign',
            'utm_source', 'gclid',
        )  # fmt: skip
        return {**super().told(), **{name: getattr(self, name) for name in names}}


class SupportForm(Asked):
    """A support call, by a signed link."""

    company_id: Id = Field(description='The company, which the link is bound to.')
    e: Annotated[Annotated[int, Field(ge=0, le=LARGEST)] | None, _given(20)] = Field(
        None, description="The link's expiry, in seconds since 1970."
    )
    s: Annotated[Annotated[str, Field(max_length=128)] | None, _given(128)] = Field(
        None, description="The link's signature."
    )
    x: Annotated[bool | None, BeforeValidator(_flag), WithJsonSchema(FLAG)] = Field(
        None, description='1 where the link is an express one.'
    )


class HoldForm(BaseModel):
    """A slot to be kept while its form is open."""

    model_config = ConfigDict(extra='ignore')

    admin_id: Id = Field(description='Who is to be met.')
    start: Start = Field(description='When the call starts.')
    token: Annotated[Annotated[str, Field(max_length=300)] | None, _given(300)] = Field(
        None, description='The token of an express support link.'
    )
    hold: HoldToken = Field(None, description='A hold of yours that is given up for this one.')


def _cut(value: Any) -> str | None:
    """What is left of a name that is too long; None where nothing has to be cut, or it is no text."""
    try:
        text = as_text(value)
    except ValueError:
        return None
    if not isinstance(text, str):
        return None
    fits = texts.fits(text, LONGEST)
    told: str = clean(text if fits else texts.cut(text, LONGEST), LONGEST)
    return None if fits and len(told) <= LONGEST else cut_name(told)


def _warning(field: str, what: str) -> Mapping[str, Any]:
    return {'type': 'value_error', 'loc': (field,), 'msg': what}


def _kept(value: Any) -> str:
    """Something as it came, as text of bounded length."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ', '.join(value)
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            value = '(nested too deeply to be kept)'
    return str(clean(value[:KEPT], KEPT))
