"""The settings that people change while Hermes runs: each with its type, its default and one line that says what it
does.

They live in the table `setting` and are changed by events only. What belongs to a machine or is a secret comes from
the environment instead and never stands here. A value is checked before it is stored, with one plain sentence (D-8,
D-16).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from hermes.domain.errors import Refused
from hermes.domain.model import Value
from hermes.parts.roles import PRODUCT_TITLE

ConfigType = Literal['pipeline', 'admin', 'int', 'seconds', 'bool', 'clock']

NOTHING: Final = frozenset({'', 'none', 'null', '-'})
"""What a person writes to take a setting back to its default."""
YES: Final = frozenset({'true', 'yes', 'on', '1'})
NO: Final = frozenset({'false', 'no', 'off', '0'})
CLOCK: Final = re.compile(r'([01]?\d|2[0-3]):([0-5]\d)', re.ASCII)


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One setting. `least` and `most` bound a number, both allowed; a 'pipeline' or an 'admin' is a record's id, a
    'clock' a time of day 'HH:MM'.
    """

    name: str
    type: ConfigType
    default: Value
    help: str
    least: int = 0
    most: int = 2**31 - 1

    @property
    def record_type(self) -> str | None:
        """The type of record whose id this is, None for a plain value."""
        return self.type if self.type in ('pipeline', 'admin') else None


KEYS: Final[Mapping[str, ConfigKey]] = {
    key.name: key
    for key in (
        ConfigKey('payg_pipeline_id', 'pipeline', None, 'pipeline that new PAYG deals enter (TC-5)'),
        ConfigKey('startup_pipeline_id', 'pipeline', None, 'pipeline that new Startup deals enter (TC-5)'),
        ConfigKey('enterprise_pipeline_id', 'pipeline', None, 'pipeline that new Enterprise deals enter (TC-5)'),
        ConfigKey('default_sales_person_id', 'admin', None, 'sales person of a company whose own is unknown (D-16)'),
        ConfigKey('deal_max_age_days', 'int', 90, 'days since sign-up within which a deal is made (TC-5)', 1, 3650),
        ConfigKey('push_spacing_s', 'seconds', 5, 'seconds between two writes of one record (OUT-13)', 0, 3600),
        ConfigKey('tc2_write_back', 'bool', False, f'whether CRM changes travel on to {PRODUCT_TITLE} (D-1)'),
        ConfigKey('decline_cancels', 'bool', False, "whether a visitor's No in the calendar cancels the call (CB-15)"),
        ConfigKey('meeting_dur_mins', 'int', 30, 'minutes that a call lasts (CB-20)', 5, 480),
        ConfigKey('meeting_buffer_mins', 'int', 15, 'minutes kept free after a call (CB-20)', 0, 240),
        ConfigKey('meeting_min_start', 'clock', '10:00', "start of the day in the admin's time zone (CB-20)"),
        ConfigKey('meeting_max_end', 'clock', '17:30', "end of the day in the admin's time zone (CB-20)"),
    )
}


def find_key(name: str) -> ConfigKey:
    """The setting called `name`. Raises Refused, naming all of them."""
    if key := KEYS.get(name.strip().lower()):
        return key
    raise Refused(f'There is no setting "{name}". The settings are: {", ".join(KEYS)}.')


def parse(key: ConfigKey, text: str) -> Value:
    """What a person wrote, as the JSON value that is stored; None for "none" (the default holds again). Raises
    Refused.
    """
    written = text.strip().lower()
    if written in NOTHING:
        return None
    if key.type == 'bool':
        if written in YES | NO:
            return written in YES
        raise Refused(f'{key.name} is true or false, not "{text}".')
    if key.type == 'clock':
        if found := CLOCK.fullmatch(written):
            return f'{int(found[1]):02d}:{found[2]}'
        raise Refused(f'{key.name} is {_noun(key)}, not "{text}".')
    return check(key, _number(key, written, text))


def check(key: ConfigKey, value: Value) -> Value:
    """`value` itself if it may be stored under `key` (None always may). Raises Refused."""
    if value is None:
        return None
    if key.type == 'bool':
        if isinstance(value, bool):
            return value
        raise Refused(f'{key.name} is true or false.')
    if key.type == 'clock':
        if isinstance(value, str) and len(value) == 5 and CLOCK.fullmatch(value):
            return value
        raise Refused(f'{key.name} is {_noun(key)}, not {value!r}.')
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (key.type != 'seconds' and isinstance(value, float))
    ):
        raise Refused(f'{key.name} is {_noun(key)}, not {value!r}.')
    if key.record_type is None and not key.least <= value <= key.most:
        raise Refused(f'{key.name} is between {key.least} and {key.most}, not {value}.')
    if key.record_type and value <= 0:
        raise Refused(f'{key.name} is {_noun(key)}, not {value}.')
    return value


def check_day(start: Value, end: Value) -> None:
    """The day begins before it ends: 'HH:MM' each, None where it is not known. Raises Refused."""
    if start is not None and end is not None and start >= end:
        raise Refused(f'The day would end ({end}, meeting_max_end) before it starts ({start}, meeting_min_start).')


def effective(key: ConfigKey, stored: Mapping[str, Value], environment: Mapping[str, Value] | None = None) -> Value:
    """The value that holds: the stored one, else the environment's, else the default."""
    value = stored.get(key.name)
    return (environment or {}).get(key.name, key.default) if value is None else value


def _number(key: ConfigKey, written: str, text: str) -> Value:
    try:
        number = Decimal(written)
        whole = number == number.to_integral_value()
    except (InvalidOperation, ValueError):
        raise Refused(f'{key.name} is {_noun(key)}, not "{text}".') from None
    if not number.is_finite() or (key.type != 'seconds' and not whole) or abs(number) > 2**63:
        raise Refused(f'{key.name} is {_noun(key)}, not "{text}".')
    return int(number) if whole else float(number)


def _noun(key: ConfigKey) -> str:
    nouns: dict[str, str] = {
        'pipeline': "the id of a pipeline's record",
        'admin': "the id of an admin's record",
        'int': 'a whole number',
        'seconds': 'a number of seconds',
        'clock': 'a time of day such as 09:30',
    }
    return nouns[key.type]
