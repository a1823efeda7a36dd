"""Our people: what an admin may be, and why one cannot be given anybody (API-2, J-5).

An admin's fields are checked as a whole before they are stored, whoever tells them: a command, a file, a set-up.
"""

from collections.abc import Mapping
from typing import Final

from hermes.domain.errors import Refused
from hermes.domain.model import Value
from hermes.domain.record_types import ATTRIBUTES
from hermes.domain.regions import REGIONS
from hermes.domain.rules import PLANS
from hermes.domain.timetable import check_admin
from hermes.kit.spelling import fold_email
from hermes.parts.roles import PRODUCT_TITLE

KNOWN: Final = ATTRIBUTES['admin']
ROLES: Final = {'sales': 'is_sales_person', 'support': 'is_support_person', 'bdr': 'is_bdr_person'}
IDS: Final = {'email': 'e-mail address', 'tc2_admin_id': f'{PRODUCT_TITLE} id', 'pd_owner_id': 'CRM user'}
"""What names a person, and no two of them."""
SHOWN: Final = {'str': 'a text', 'int': 'a whole number', 'bool': 'true or false'}


def check_staff(fields: Mapping[str, Value]) -> dict[str, Value]:
    """`fields` of an admin as they are stored. Raises Refused, naming the field, for one that there is not, or that
    cannot have this value.
    """
    for name, value in fields.items():
        if name not in KNOWN:
            raise Refused(f'{name}: an admin has no such field.')
        if value is not None and not _fits(KNOWN[name].type, value):
            raise Refused(f'{name}: is {SHOWN[KNOWN[name].type]}, not {value!r}.')
        if value is None and KNOWN[name].type == 'bool':
            raise Refused(f'{name}: is true or false.')
    email = fields.get('email')
    if isinstance(email, str) and email.strip() and '@' not in email.strip()[1:-1]:
        raise Refused(f'email: "{email}" is no e-mail address.')
    stored: dict[str, Value] = {}
    for name, value in fields.items():
        try:
            stored |= check_admin({name: value})
        except Refused as error:
            raise Refused(str(error) if str(error).startswith(name) else f'{name}: {error}') from None
    return stored


def _fits(kind: str, value: Value) -> bool:
    if kind == 'bool':
        return isinstance(value, bool)
    if kind == 'int':
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return isinstance(value, str) if kind == 'str' else True


def named_alike(fields: Mapping[str, Value], others: Mapping[int, Mapping[str, Value]]) -> dict[str, int]:
    """Who else has an e-mail address or an id of `fields` (D-10: 0 is nobody's): field -> admin."""
    told = {name: _key(fields.get(name)) for name in IDS}
    return {
        name: number
        for name, value in told.items()
        for number, other in others.items()
        if value and _key(other.get(name)) == value
    }


def _key(value: Value) -> Value:
    """An id or an address as it is compared."""
    return fold_email(value) if isinstance(value, str) else value


def full_name(fields: Mapping[str, Value]) -> str:
    """First and last name, as far as they are known."""
    return ' '.join(str(fields[name]) for name in ('first_name', 'last_name') if fields.get(name)).strip()


def show_name(fields: Mapping[str, Value]) -> str:
    """What a person is called."""
    return full_name(fields) or str(fields.get('email') or 'somebody without a name')


def show_roles(fields: Mapping[str, Value]) -> str:
    """`sales, support`."""
    return ', '.join(role for role, name in ROLES.items() if fields.get(name)) or 'none'


def show_sells(fields: Mapping[str, Value]) -> str:
    """`payg, startup in gb, us`; `every plan everywhere`."""
    plans = [plan for plan in PLANS if fields.get(f'sells_{plan}')]
    regions = [region for region in REGIONS if fields.get(f'sells_{region}')]
    if not plans:
        return 'nothing'
    where = 'everywhere' if len(regions) == len(REGIONS) else f'in {", ".join(regions)}' if regions else 'nowhere first'
    return f'{"every plan" if len(plans) == len(PLANS) else ", ".join(plans)} {where}'
