"""`hermes admins`: who sells, supports and develops business, in which roles, and who of them cannot be booked.

Every change is an act, applied at once. Hours and days off have commands of their own (`hermes slots`).
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows, say, show
from hermes.domain.errors import Refused
from hermes.parts.roles import CRM_TITLE, PRODUCT_TITLE

if TYPE_CHECKING:
    from hermes.db.reads.lookup import Row

COLUMNS = [
    Column('id', 'ID', True), Column('name', 'NAME'), Column('email', 'E-MAIL'), Column('roles', 'ROLES'),
    Column('sells', 'SELLS'), Column('tc2_admin_id', 'TC2 ID', True), Column('pd_owner_id', 'PD ID', True),
    Column('state', 'STATE'), Column('problem', 'CANNOT BE BOOKED'),
]  # fmt: skip
NOTHING: list[str] = []

Who = Annotated[str, typer.Argument(metavar='ADMIN', help='An id, an e-mail address or a name.')]
Email = Annotated[str | None, typer.Option(metavar='ADDRESS', help='E-mail address, which names the calendar.')]
First = Annotated[str | None, typer.Option(help='First name.')]
Last = Annotated[str | None, typer.Option(help='Last name.')]
Tc2 = Annotated[int | None, typer.Option('--tc2', metavar='ID', min=1, help=f'Id in {PRODUCT_TITLE}.')]
Owner = Annotated[int | None, typer.Option('--pd', metavar='ID', min=0, help=f'User id in {CRM_TITLE}; 0 for none.')]
Role = Annotated[list[str], typer.Option('--role', help='sales, support or bdr (repeatable); "none" alone for none.')]
Plan = Annotated[
    list[str], typer.Option('--plan', help='payg, startup or enterprise: what they sell (repeatable); "all", "none".')
]
Region = Annotated[
    list[str], typer.Option('--region', help='us, gb, au, ca, eu or row: where (repeatable); "all", "none".')
]
Zone = Annotated[str | None, typer.Option('--timezone', metavar='ZONE', help='Such as Europe/London.')]
Bookable = Annotated[bool | None, typer.Option('--bookable/--not-bookable', help='Whether they take calls.')]


def list_admins(
    everybody: Annotated[bool, typer.Option('--all', help='Also those who were removed.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show everybody: roles, ids, and why somebody cannot be booked."""
    from hermes.cli.database import reading
    from hermes.cli.world import load_settings
    from hermes.db.reads import staff
    from hermes.parts.systems import systems_on

    with reading() as connection:
        found = staff.list_staff(connection, systems_on(load_settings()), removed=everybody)
    told = [_line(item) for item in found]
    if as_json:
        return print_json(told)
    print_rows(COLUMNS, [item | {'problem': item['problem'] or ''} for item in told], empty='nobody yet')


def _line(item: 'Row') -> dict[str, Any]:
    from hermes.domain.staff import show_name, show_roles, show_sells

    state = (
        'removed' if item['removed'] else 'has left' if not item['active']
        else 'takes no calls' if not item['bookable'] else 'here'
    )  # fmt: skip
    return {
        'id': item['id'],
        'name': show_name(item),
        'email': item['email'],
        'roles': show_roles(item),
        'sells': show_sells(item) if item['is_sales_person'] else '',
        'tc2_admin_id': item['tc2_admin_id'],
        'pd_owner_id': item['pd_owner_id'],
        'timezone': item['timezone'],
        'state': state,
        'problem': None if item['removed'] else item['unreachable'],
    }


def add(
    email: Email = None,
    first_name: First = None,
    last_name: Last = None,
    role: Role = NOTHING,
    tc2: Tc2 = None,
    pd: Owner = None,
    plan: Plan = NOTHING,
    region: Region = NOTHING,
    timezone: Zone = None,
    as_json: JsonFlag = False,
) -> None:
    """Add somebody, or take somebody back who was removed. What no option says is asked for at a terminal."""
    from hermes.cli.session import Answers, session
    from hermes.domain.staff import IDS, named_alike, show_name

    answers = Answers()
    with session(contact=False) as here:
        email = answers.ask('E-mail address', _required, flag='--email ADDRESS', given=email)
        asked = answers.ask(
            'Roles, comma list of sales, support, bdr', _read_words, flag='--role ROLE',
            given=','.join(role) or None, suggested='sales, support' if answers.somebody else None,
        )  # fmt: skip
        fields: dict[str, Any] = {
            'email': email, 'first_name': first_name, 'last_name': last_name, 'tc2_admin_id': tc2, 'pd_owner_id': pd,
            'timezone': timezone, 'active': True, 'bookable': True, **_roles(asked),
            **_sells(plan or ['all'], region or ['all']),
        }  # fmt: skip
        fields = {name: value for name, value in fields.items() if value is not None}
        standing = {number: admin.fields for number, admin in here.known().directory.admins.items() if not admin.gone}
        if known := named_alike(fields, standing):
            name, number = next(iter(known.items()))
            who = f'{show_name(standing[number])} (ID: {number})'
            raise Refused(f'{who} has this {IDS[name]} already: "hermes admins edit {number}".')
        _save(here, None, fields, as_json)


def edit(
    admin: Who,
    email: Email = None,
    first_name: First = None,
    last_name: Last = None,
    role: Role = NOTHING,
    tc2: Tc2 = None,
    pd: Owner = None,
    plan: Plan = NOTHING,
    region: Region = NOTHING,
    timezone: Zone = None,
    bookable: Bookable = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what the options say, and nothing else. Whether somebody is still there follows their user in the CRM."""
    from hermes.cli.session import session

    number = _find(admin)
    told: dict[str, Any] = {
        'email': email, 'first_name': first_name, 'last_name': last_name, 'tc2_admin_id': tc2, 'pd_owner_id': pd,
        'timezone': timezone, 'bookable': bookable,
    }  # fmt: skip
    fields = {name: value for name, value in told.items() if value is not None}
    fields |= {**(_roles(role) if role else {}), **_sells(plan, region)}
    if not fields:
        raise Refused('Change what? Say at least one option; "hermes admins edit -h" lists them.')
    with session(contact=False) as here:
        _save(here, number, fields, as_json)


def remove(admin: Who, as_json: JsonFlag = False) -> None:
    """Give nobody to them any more. What was theirs stays; "admins add" with the same address takes them back."""
    from hermes.cli.session import session

    number = _find(admin)
    with session(contact=False) as here:
        outcome = here.act('admin.remove', id=number)
    if as_json:
        return print_json(outcome)
    say(f'admin {number} was removed: nobody is given to them any more; what was theirs stays')


def _find(text: str) -> int:
    from hermes.cli.database import reading
    from hermes.db.reads.admins import find_admin

    with reading() as connection:
        return int(find_admin(connection, text)['id'])


def _save(here: Any, number: int | None, fields: dict[str, Any], as_json: bool) -> None:
    """Write it, and say what is different now."""
    from hermes.db.connections import opened
    from hermes.db.reads import staff
    from hermes.domain.staff import check_staff
    from hermes.parts.systems import systems_on

    before = here.known().directory.admins
    made = here.act('admin.save', **({'id': number} if number else {}), fields=check_staff(fields))['id']
    with opened(here.settings.database_url) as connection:
        found = staff.list_staff(connection, systems_on(here.settings))
        line = next(_line(item) for item in found if item['id'] == made)
    if as_json:
        return print_json(line)
    old = dict(before[made].fields) if made in before else {}
    changed = [name for name, value in fields.items() if old.get(name) != value]
    what = 'added' if made not in before else 'changed' if changed or before[made].gone else 'as it was'
    say(f'admin {made} ({show(line["name"])}): {what}{": " + ", ".join(changed) if changed and old else ""}')
    say(f'roles: {line["roles"]}{"; sells " + line["sells"] if line["sells"] else ""}')
    if line['problem']:
        say(f'nobody is given to them as long as it is so: {show(line["problem"])}')


def _required(text: str) -> str:
    if not text.strip():
        raise Refused('An e-mail address is needed: it names the calendar.')
    return text.strip()


def _read_words(text: str) -> list[str]:
    words = [word.strip().lower() for word in text.split(',') if word.strip()]
    _roles(words)
    return words


def _roles(words: list[str]) -> dict[str, bool]:
    from hermes.domain.staff import ROLES

    chosen = _chosen(words, tuple(ROLES), 'role')
    return {name: role in chosen for role, name in ROLES.items()}


def _sells(plans: list[str], regions: list[str]) -> dict[str, bool]:
    from hermes.domain.regions import REGIONS
    from hermes.domain.rules import PLANS

    told: dict[str, bool] = {}
    for words, known, kind in ((plans, PLANS, 'plan'), (regions, REGIONS, 'region')):
        if words:
            chosen = _chosen(words, known, kind)
            told |= {f'sells_{name}': name in chosen for name in known}
    return told


def _chosen(words: list[str], known: tuple[str, ...], kind: str) -> list[str]:
    """The words that are said, of those that there are; "all" and "none" are said alone. Raises Refused."""
    said = [word.strip().lower() for word in words]
    if said in (['all'], ['none']):
        return list(known) if said == ['all'] else []
    if wrong := [word for word in said if word not in known]:
        raise Refused(f'"{wrong[0]}" is no {kind}. They are: {", ".join(known)}; or "none" alone.')
    return said


COMMANDS = {'list': list_admins, 'add': add, 'edit': edit, 'remove': remove}
