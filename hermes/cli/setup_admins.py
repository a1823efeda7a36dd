"""`hermes setup admins`: our people out of the CRM's users, each with the id that the product knows (SETUP-3).

A new admin is a sales and support person who sells every plan in every region, until somebody says otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, read_choices, table
from hermes.domain.errors import Refused
from hermes.domain.staff import full_name
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CRM_TITLE, PRODUCT_TITLE

EVERYTHING = {
    'is_sales_person': True,
    'is_support_person': True,
    **{f'sells_{plan}': True for plan in ('payg', 'startup', 'enterprise')},
    **{f'sells_{region}': True for region in ('gb', 'us', 'au', 'ca', 'eu', 'row')},
}
COLUMNS = [('id', 'ID'), ('name', 'Name'), ('email', 'Email'), ('tc2', 'TC2 ID'), ('pd', 'PD ID')]
LISTED = [('at', 'Index'), ('name', 'Name'), ('email', 'Email'), ('pd', 'PD ID'), ('active', 'Active')]


def set_up_admins(session: Session, answers: Answers, users: str | None, tc2_ids: Sequence[str]) -> None:
    """Choose users, ask each one's TC2 id. `users`: "1,3", "all", or e-mails; `tc2_ids`: 'EMAIL=ID' each."""
    admins = read_admins(session)
    table('Existing Admins', COLUMNS, admins)
    say(f'Fetching users from {CRM_TITLE}...')
    say()
    found = read_users(session)
    rows = [
        {'at': at, **user, 'active': '✓' if user['active'] else '✗'} for at, user in enumerate(found, 1)
    ]  # fmt: skip
    table(f'{CRM_TITLE} Users', LISTED, rows)
    given = dict(_split(entry) for entry in tc2_ids)
    named = [at for email in given for at in _place_of(email, found)]
    if users is None and answers.somebody:
        say('Select users to create admin records for:')
        say('Enter indices separated by commas (e.g., 1,3,5) or "all" for all users')
    fresh = [at for at, user in enumerate(found) if user['active'] and not _lacks_nothing(admins, user)]
    chosen = answers.ask(
        'Selection',
        lambda text: _read_users(text, found),
        flag='--users all, or --users with numbers or e-mail addresses',
        given=users,
        suggested=','.join(str(at + 1) for at in fresh) if answers.yes else '' if answers.somebody else None,
    )
    say()
    for at in dict.fromkeys([*chosen, *named]):
        _make(session, answers, found[at], given)
    say('Whoever is made here sells and supports in every plan and region: "hermes admins edit ADMIN --role ROLE"')
    say('changes that, "hermes admins remove ADMIN" takes somebody out again.')
    done('Admin setup complete!')


def read_admins(session: Session) -> list[dict[str, Any]]:
    """Everybody who is an admin already."""
    return [
        {
            'id': number,
            'name': full_name(admin.fields),
            'email': admin.fields.get('email'),
            'tc2': admin.fields.get('tc2_admin_id'),
            'pd': admin.fields.get('pd_owner_id'),
        }
        for number, admin in sorted(session.known().directory.admins.items())
        if not admin.gone
    ]


def read_users(session: Session) -> list[dict[str, Any]]:
    """The CRM's users, in its order."""
    from hermes.domain.model import Event
    from hermes.ports import Request, encode_answer
    from hermes.sync import connect

    request = Request('users')
    answer = session.do(connect.ask(session.engine, session.crm, request))
    event = Event(0, session.crm.name, 'page', encode_answer(request, answer), session.engine.clock.now())
    elements = session.crm.observe(event, session.known().catalogue)
    users = [seen for element in elements for seen in element.observations if seen.ref.type == 'user']
    return [
        {
            'name': seen.fields.get('name') or '',
            'first_name': seen.fields.get('first_name'),
            'last_name': seen.fields.get('last_name'),
            'email': seen.fields.get('email') or '',
            'pd': int(seen.ref.remote_id),
            'active': bool(seen.fields.get('active', True)),
        }
        for seen in users
    ]


def _lacks_nothing(admins: Sequence[Mapping[str, Any]], user: Mapping[str, Any]) -> bool:
    return any(admin['pd'] == user['pd'] for admin in admins)


def _place_of(email: str, users: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places of the users with this e-mail address. Raises Refused when there is none."""
    places = [at for at, user in enumerate(users) if user['email'].casefold() == email]
    if not places:
        raise Refused(f'--tc2: the CRM has no user with the e-mail address {email}.')
    return places


def _split(entry: str) -> tuple[str, str]:
    email, found, number = entry.rpartition('=')
    if not found or not email.strip():
        raise Refused(f'--tc2 is EMAIL=ID, not "{entry}".')
    return fold_email(email), number.strip()


def _read_users(text: str, users: Sequence[Mapping[str, Any]]) -> list[int]:
    """Places of users: "all" means every active one."""
    if text.strip().lower() == 'all':
        return [at for at, user in enumerate(users) if user['active']]
    places: list[int] = []
    for part in (part.strip() for part in text.split(',') if part.strip()):
        named = [at for at, user in enumerate(users) if fold_email(part) == fold_email(user['email'])]
        places += named or read_choices(part, len(users))
    return list(dict.fromkeys(places))


def _make(session: Session, answers: Answers, user: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """One admin: made, or completed where there is one for this user already."""
    directory = session.known().directory
    standing = next(
        (
            (number, admin)
            for number, admin in directory.admins.items()
            if admin.fields.get('pd_owner_id') == user['pd']
            or fold_email(str(admin.fields.get('email') or '')) == fold_email(user['email']) != ''
        ),
        None,
    )
    known_id = standing[1].fields.get('tc2_admin_id') if standing else None
    say(f'{"Updating" if standing else "Creating"} admin for: {user["name"]}')
    tc2_id = answers.ask(
        'TC2 Admin ID (leave empty to skip)',
        lambda text: _read_tc2_id(text, directory, standing[0] if standing else 0),
        flag=f'--tc2 {user["email"]}=ID (or --tc2 {user["email"]}= to skip it)',
        given=given.get(fold_email(user['email'])),
        suggested=str(known_id) if known_id else '' if answers.yes or answers.somebody else None,
    )
    names = ('first_name', 'last_name', 'email')
    fields: dict[str, Any] = {name: user[name] for name in names if user[name]} | {'pd_owner_id': user['pd']}
    if tc2_id is not None:
        fields['tc2_admin_id'] = tc2_id
    fields = fields if standing else {**EVERYTHING, 'active': user['active'], **fields}
    same = standing and all(standing[1].fields.get(name) == value for name, value in fields.items())
    if standing and same and not standing[1].gone:
        done(f'Admin is there already: {user["name"]} (ID: {standing[0]})')
    else:
        number = session.act('admin.save', fields=fields)['id']
        lacking = '' if tc2_id or known_id else ', without a TC2 ID: nobody is given to them until they have one'
        done(f'{"Updated" if standing else "Created"} admin: {user["name"]} (ID: {number}){lacking}')
    say()


def _read_tc2_id(text: str, directory: Any, own: int) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or int(text) <= 0:
        raise Refused(f'"{text}" is no id of {PRODUCT_TITLE}: a number, or nothing.')
    holder = directory.by_tc2.get(int(text))
    if holder is not None and holder != own:
        admin = directory.admins[holder].fields
        raise Refused(f'{admin.get("first_name") or ""} {admin.get("last_name") or ""} has the TC2 ID {text} already.')
    return int(text)
