"""`hermes setup admins`: our people out of the CRM's users, each with the id that the product knows (SETUP-3)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, read_choices, table
from hermes.domain.errors import Refused
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CRM_TITLE
from hermes.setup.admins import make_admin, offer_admins, read_tc2_id

if TYPE_CHECKING:
    from hermes.setup.admins import User

COLUMNS = [('id', 'ID'), ('name', 'Name'), ('email', 'Email'), ('tc2', 'TC2 ID'), ('pd', 'PD ID')]
LISTED = [('at', 'Index'), ('name', 'Name'), ('email', 'Email'), ('pd', 'PD ID'), ('active', 'Active')]


def set_up_admins(session: Session, answers: Answers, users: str | None, tc2_ids: Sequence[str]) -> None:
    """Choose users, ask each one's TC2 id. `users`: "1,3", "all", or e-mails; `tc2_ids`: 'EMAIL=ID' each."""
    offer = session.do(offer_admins(session.engine))
    table('Existing Admins', COLUMNS, [asdict(admin) for admin in offer.admins])
    say(f'Fetching users from {CRM_TITLE}...')
    say()
    found = offer.users
    rows = [
        {'at': at, **asdict(user), 'active': '✓' if user.active else '✗'} for at, user in enumerate(found, 1)
    ]  # fmt: skip
    table(f'{CRM_TITLE} Users', LISTED, rows)
    given = dict(_split(entry) for entry in tc2_ids)
    named = [at for email in given for at in _place_of(email, found)]
    if users is None and answers.somebody:
        say('Select users to create admin records for:')
        say('Enter indices separated by commas (e.g., 1,3,5) or "all" for all users')
    fresh = [at for at, user in enumerate(found) if user.is_new]
    chosen = answers.ask(
        'Selection',
        lambda text: _read_users(text, found),
        flag='--users all, or --users with numbers or e-mail addresses',
        given=users,
        suggested=','.join(str(at + 1) for at in fresh) if answers.yes else '' if answers.somebody else None,
    )
    say()
    for at in dict.fromkeys([*chosen, *named]):
        _make(session, answers, found[at], given.get(fold_email(found[at].email)))
    say('Whoever is made here sells and supports in every plan and region: "hermes admins edit ADMIN --role ROLE"')
    say('changes that, "hermes admins remove ADMIN" takes somebody out again.')
    done('Admin setup complete!')


def _place_of(email: str, users: 'Sequence[User]') -> list[int]:
    """The places of the users with this e-mail address. Raises Refused when there is none."""
    places = [at for at, user in enumerate(users) if user.email.casefold() == email]
    if not places:
        raise Refused(f'--tc2: the CRM has no user with the e-mail address {email}.')
    return places


def _split(entry: str) -> tuple[str, str]:
    email, found, number = entry.rpartition('=')
    if not found or not email.strip():
        raise Refused(f'--tc2 is EMAIL=ID, not "{entry}".')
    return fold_email(email), number.strip()


def _read_users(text: str, users: 'Sequence[User]') -> list[int]:
    """Places of users: "all" means every active one."""
    if text.strip().lower() == 'all':
        return [at for at, user in enumerate(users) if user.active]
    places: list[int] = []
    for part in (part.strip() for part in text.split(',') if part.strip()):
        named = [at for at, user in enumerate(users) if fold_email(part) == fold_email(user.email)]
        places += named or read_choices(part, len(users))
    return list(dict.fromkeys(places))


def _make(session: Session, answers: Answers, user: 'User', given: str | None) -> None:
    """One admin: made, or completed where there is one for this user already."""
    known_id = user.admin.tc2 if user.admin else None
    say(f'{"Updating" if user.admin else "Creating"} admin for: {user.name}')
    tc2_id = answers.ask(
        'TC2 Admin ID (leave empty to skip)',
        lambda text: session.do(read_tc2_id(session.engine, user, text)),
        flag=f'--tc2 {user.email}=ID (or --tc2 {user.email}= to skip it)',
        given=given,
        suggested=str(known_id) if known_id else '' if answers.yes or answers.somebody else None,
    )
    made = session.do(make_admin(session.engine, user, tc2_id))
    if made.done == 'there':
        done(f'Admin is there already: {user.name} (ID: {made.id})')
    else:
        lacking = ', without a TC2 ID: nobody is given to them until they have one' if made.lacks_tc2 else ''
        done(f'{made.done.capitalize()} admin: {user.name} (ID: {made.id}){lacking}')
    say()
