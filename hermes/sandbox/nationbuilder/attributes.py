"""The attributes of each type as the document of API v2 lists them, and the check of what a caller writes.

A row keeps only what differs from the defaults; `shown` fills in the rest. Ids are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from hermes.sandbox.nationbuilder.answers import bad_request

Json = dict[str, Any]


@dataclass(frozen=True)
class Attribute:
    """`kind`: text, id, number, flag, day, moment or object. `default` is what a new row has."""

    kind: str
    default: Any = None
    writable: bool = True


def _of(kind: str, names: str, default: Any = None, *, writable: bool = True) -> Iterator[tuple[str, Attribute]]:
    for name in names.split():
        yield name, Attribute(kind, default, writable)


IDENTIFIERS: Final = (
    'civicrm_id',
    'county_file_id',
    'dw_id',
    'external_id',
    'email',
    'ngp_id',
    'salesforce_id',
    'van_id',
)
"""By which a push looks for its person, in this order."""
EMAILS: Final = ('email1', 'email2', 'email3', 'email4')

SIGNUP: Final = dict(
    [
        *_of(
            'text',
            'author_id availability church city_district city_sub_district civicrm_id contact_status county_district '
            'county_file_id datatrust_id demo dw_id email email1 email2 email3 email4 employer ethnicity external_id '
            'fax_number federal_district fire_district first_name import_id inferred_party judicial_district '
            'labour_region language last_call_id last_contacted_by_id last_name legal_name locale marital_status '
            'middle_name mobile_number ngp_id note occupation parent_id party pf_strat_id phone_number phone_time '
            'precinct_id prefix previous_party profile_content profile_headline recruiter_id religion rnc_id rnc_regid '
            'salesforce_id school_district school_sub_district sex state_file_id state_lower_district '
            'state_upper_district submitted_address suffix supranational_district township username van_id '
            'village_district ward work_phone_number',
        ),
        *_of(
            'moment',
            'banned_at first_donated_at first_fundraised_at first_prospect_at first_recruited_at first_supporter_at '
            'first_volunteer_at last_contacted_at last_donated_at last_fundraised_at last_rule_violation_at '
            'unsubscribed_at',
        ),
        *_of('day', 'born_at registered_at'),
        *_of(
            'number',
            'capital_amount_in_cents donations_amount_in_cents donations_amount_this_cycle_in_cents donations_count '
            'donations_count_this_cycle donations_pledged_amount_in_cents donations_raised_amount_in_cents '
            'donations_raised_amount_this_cycle_in_cents donations_raised_count donations_raised_count_this_cycle '
            'donations_to_raise_amount_in_cents received_capital_amount_in_cents rule_violations_count signup_type '
            'spent_capital_amount_in_cents warnings_count',
            0,
        ),
        *_of('number', 'could_vote_status inferred_support_level priority_level support_level'),
        *_of('number', 'primary_email_id', 1),
        *_of('object', 'custom_values'),
        *_of(
            'flag',
            'do_not_call do_not_contact email1_is_bad email2_is_bad email3_is_bad email4_is_bad federal_donotcall '
            'is_deceased is_fundraiser is_ignore_donation_limits is_mobile_bad is_possible_duplicate '
            'is_profile_private is_prospect is_survey_question_private is_volunteer',
            False,
        ),
        *_of(
            'flag', 'email_opt_in is_leaderboardable is_profile_searchable is_supporter mobile_opt_in', True
        ),
        *_of('flag', 'party_member'),
        *_of(
            'moment',
            'created_at note_updated_at priority_level_changed_at support_level_changed_at updated_at',
            writable=False,
        ),
        *_of(
            'flag',
            'email1_is_bouncing email2_is_bouncing email3_is_bouncing email4_is_bouncing is_cpu is_donor',
            False,
            writable=False,
        ),
        *_of('text', 'full_name profile_content_html', writable=False),
    ]
)  # fmt: skip
TIMES: Final = [*_of('moment', 'created_at updated_at', writable=False)]
TYPES: Final[dict[str, dict[str, Attribute]]] = {
    'signups': SIGNUP,
    'lists': dict(
        [
            *_of('text', 'author_id description name parent_id signup_id slug'),
            *_of('flag', 'is_sharing_writable', False),
            *_of('number', 'signups_count', 0, writable=False),
            *TIMES,
        ]
    ),
    'signup_tags': dict(
        [
            *_of('text', 'name', ''),
            *_of('flag', 'from_sharing_nation imported shared_with_nations', False, writable=False),
            *_of('number', 'taggings_count', 0, writable=False),
        ]
    ),
    'signup_taggings': dict([*_of('text', 'signup_id tag_id'), *_of('moment', 'created_at', writable=False)]),
    'membership_types': dict(
        [
            *_of('text', 'description name page_id'),
            *_of('number', 'expiration_warning_num_time_periods grace_period_num_time_periods', 7),
            *_of('text', 'expiration_warning_time_period_type grace_period_time_period_type', 'days'),
            *TIMES,
        ]
    ),
    'memberships': dict(
        [
            *_of('day', 'expires_on'),
            *_of('number', 'grace_period_num_time_periods'),
            *_of('text', 'grace_period_time_period_type membership_type_id signup_id status status_reason'),
            *_of('moment', 'started_at'),
            *_of('day', 'suspended_at', writable=False),
            *TIMES,
        ]
    ),
    'donations': dict(
        [
            *_of(
                'text',
                'actblue_order_number check_number donation_tracking_code_id email employer first_name last_name '
                'mailing_id membership_id middle_name note occupation page_id payment_type_id payment_type_name '
                'pledge_id signup_id',
            ),
            *_of('number', 'amount_in_cents', 0),
            *_of('moment', 'canceled_at failed_at pending_at succeeded_at'),
            *_of('object', 'custom_values'),
            *_of('flag', 'is_corporate_contribution is_private', False),
            *_of('text', 'amount import_id payout_id status', writable=False),
            *TIMES,
        ]
    ),
    'pledges': dict(
        [
            *_of('number', 'amount_in_cents', 0),
            *_of('text', 'author_id donation_tracking_code_id page_id recruiter_id signup_id'),
            *_of('flag', 'is_private', False),
            *_of('text', 'amount', writable=False),
            *_of('number', 'amount_left_in_cents', 0, writable=False),
            *TIMES,
        ]
    ),
    'contacts': dict(
        [
            *_of('text', 'author_id broadcaster_id contact_method contact_status content path_id path_step_id'),
            *_of('text', 'signup_id'),
            *_of('number', 'pc_in_cents', 0),
            *_of('moment', 'created_at', writable=False),
        ]
    ),
    'custom_fields': dict(
        [
            *_of('text', 'field_type name resource_type slug', writable=False),
            *_of('object', 'options', writable=False),
            *_of('number', 'position', writable=False),
            *_of('moment', 'created_at updated_at', writable=False),
        ]
    ),
}  # fmt: skip
WRITE_ONLY: Final[dict[str, frozenset[str]]] = {
    'signups': frozenset(
        f'{place}_address_attributes'
        for place in ('billing', 'home', 'mailing', 'registered', 'user_submitted', 'work')
    ),
    'memberships': frozenset(('activity_author_id', 'trigger_autoresponses')),
}
"""Taken and forgotten: nothing here shows them."""
EXTRA: Final = frozenset(
    (
        'billing_address', 'home_address', 'mailing_address', 'primary_address', 'profile_image_url',
        'registered_address', 'user_submitted_address', 'work_address',
    )
)  # fmt: skip
"""Attributes of a signup that are shown to who asks for them (`extra_fields`); always empty here."""
MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?')


def read(kind: str, given: Any) -> Json:
    """The attributes of a body, each of the kind that it has to be. Raises Refused (400)."""
    if not isinstance(given, dict):
        raise bad_request('attributes has to be an object')
    known, found = TYPES[kind], {}
    for name, value in given.items():
        if name in WRITE_ONLY.get(kind, ()):
            continue
        attribute = known.get(name)
        if attribute is None or not attribute.writable:
            words = 'could not find an attribute with that name' if attribute is None else 'it is not writable'
            raise bad_request(f'Tried to write attribute :{name}, but {words}.')
        found[name] = _value(name, attribute.kind, value)
    return found


def _value(name: str, kind: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        return READERS[kind](value)
    except (TypeError, ValueError):
        raise bad_request(f'Failed typecasting :{name}! Given {value!r}, which is no {kind}.') from None


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return str(value).strip() or None


def _number(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _moment(value: Any) -> str:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise ValueError
    datetime.fromisoformat(value)
    return value


READERS: Final = {
    'text': _text,
    'number': _number,
    'flag': _flag,
    'object': _object,
    'day': lambda value: date.fromisoformat(value).isoformat(),
    'moment': _moment,
}


def known(kind: str, name: str) -> Attribute:
    """Raises Refused (400) for one that the type has not; `id` is one too."""
    attribute = Attribute('text') if name == 'id' else TYPES[kind].get(name)
    if attribute is None:
        raise bad_request(f'Tried to filter on attribute :{name}, but could not find an attribute with that name.')
    return attribute
