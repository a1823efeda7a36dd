"""The form of a call: its fields as a page shows them, what was typed, and what the booking API takes of it."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import phonenumbers
from pydantic import ValidationError
from starlette.requests import Request

from hermes.booking.brackets import SUPPORTED, currency_of, find_bracket
from hermes.booking.forms import SalesForm, SupportForm
from hermes.kit import texts
from hermes.kit.countries import iso_code
from hermes.kit.ids import new_token
from hermes.web.booker.call import Call
from hermes.web.booker.sentences import wrong_fields
from hermes.web.booker.typed import LONGEST, TYPED
from hermes.web.booker.visitor import PREFILLED, Visitor

MARKS: Final = ('bdr_person_id', 'utm_campaign', 'utm_source', 'gclid')
DRAFT: Final = 'hermes_draft'
DRAFT_S: Final = 30 * 60
DRAFT_BYTES: Final = 3_800
"""A browser keeps a cookie of 4096 bytes, its name and attributes among them."""
DIAL_CODE_ALONE: Final = re.compile(r'(\+\d{1,3})?')
"""What a form is filled in with: of the country that was meant first, perhaps."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that is filled in. `wrong`: field -> what to do about it."""

    typed: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        return self.typed.get('currency', '')


def fill(visitor: Visitor, typed: Mapping[str, str]) -> Filled:
    """What stands in a fresh form: what was typed before, else what the visitor comes with, else what their country
    says (WEB-10).
    """
    told = {name: value for name, value in typed.items() if name in TYPED}
    for name in (*PREFILLED, 'bracket'):
        if name not in told and (value := visitor.query.get(name)):
            told[name] = value
    country = iso_code(told.get('country', '')) or visitor.country or ''
    currency = told.get('currency') or visitor.query.get('currency', '')
    told['country'] = country
    told['currency'] = currency if currency in SUPPORTED else currency_of(country)
    if find_bracket(told['currency'], told.get('bracket', '')) is None:
        told.pop('bracket', None)
    if not told.get('phone'):
        told['phone'] = dial_code(country)
    return Filled(told)


def dial_code(country: str) -> str:
    """'+44 '; '' where there is none."""
    code = phonenumbers.country_code_for_region(country) if country else 0
    return f'+{code} ' if code else ''


def read_sales(visitor: Visitor, call: Call, typed: Mapping[str, str]) -> tuple[SalesForm | None, dict[str, str]]:
    """The form as the booking API takes it, or what is wrong with it by field. What a visitor can mend in the form is
    wrong here, although the API would take the lead without it.
    """
    bracket = find_bracket(typed.get('currency', ''), typed.get('bracket', ''))
    phone = typed.get('phone', '').strip()
    raw: dict[str, Any] = {
        **_common(visitor, call, typed),
        'company_name': typed.get('company_name', ''),
        'website': typed.get('website'),
        'phone': None if DIAL_CODE_ALONE.fullmatch(phone) else phone,
        'country': typed.get('country'),
        'currency': typed.get('currency'),
        'estimated_income': bracket.id if bracket else None,
        'price_plan': bracket.plan if bracket else None,
        **{name: visitor.query.get(name) for name in MARKS},
    }
    return _checked(SalesForm, raw, visitor)


def read_support(visitor: Visitor, call: Call, typed: Mapping[str, str]) -> tuple[SupportForm | None, dict[str, str]]:
    """As `read_sales`, by a support link."""
    link = {name: visitor.query.get(name) for name in ('company_id', 'e', 's', 'x')}
    return _checked(SupportForm, {**_common(visitor, call, typed), **link}, visitor)


def _common(visitor: Visitor, call: Call, typed: Mapping[str, str]) -> dict[str, Any]:
    return {
        'admin_id': call.rep.admin_id,
        'name': typed.get('name', ''),
        'email': typed.get('email', ''),
        'meeting_dt': typed.get('start', ''),
        'zone': visitor.zone(call.person.hours.zone).key,
        'lang': visitor.language.code,
        'hold': typed.get('hold'),
    }


def _checked(kind: Any, raw: Mapping[str, Any], visitor: Visitor) -> tuple[Any, dict[str, str]]:
    try:
        form = kind.model_validate(raw)
    except ValidationError as error:
        return None, wrong_fields(error.errors(include_url=False), visitor.language)
    wrong = wrong_fields((each for each in form.warnings if each['loc'][0] not in form.CUT), visitor.language)
    return (None, wrong) if wrong else (form, {})


def key_of(typed: Mapping[str, str], attempt: int = 0) -> str:
    """The key of a form (WEB-30): a form on the same hold is the same in every tab; after a refusal it is another."""
    if hold := typed.get('hold'):
        return f'{hashlib.sha256(b"form:" + hold.encode("utf-8", "replace")).hexdigest()[:32]}-{attempt}'
    return f'{new_token(16)}-{attempt}'


def next_key(typed: Mapping[str, str]) -> str:
    """The key after `typed`'s own was answered with a refusal."""
    count = typed.get('key', '').rpartition('-')[2]
    return key_of(typed, int(count) + 1 if count.isascii() and count.isdigit() and len(count) < 5 else 1)


def pack_draft(typed: Mapping[str, str]) -> str:
    """What was typed, for a cookie of this browser: the longest of it is left out where a browser would drop it all."""
    told = {name: typed[name] for name in TYPED if typed.get(name)}
    while len(packed := base64.urlsafe_b64encode(json.dumps(told, ensure_ascii=False).encode())) > DRAFT_BYTES:
        del told[max(told, key=lambda name: len(told[name].encode()))]
    return packed.decode()


def read_draft(request: Request) -> dict[str, str]:
    """What was typed before another time was looked for."""
    try:
        told = json.loads(base64.urlsafe_b64decode(request.cookies.get(DRAFT, '')[:LONGEST]))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: texts.cut(told[name], LONGEST) for name in TYPED if isinstance(told.get(name), str)}
