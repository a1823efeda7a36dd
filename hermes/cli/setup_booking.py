"""`hermes setup booking`: a test booking, made as a visitor makes one, seen in calendar and CRM, and cancelled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hermes.cli.output import alarm, announcing, show
from hermes.cli.session import Answers, Session, done, read_one, table
from hermes.domain.errors import Refused
from hermes.setup.trials import book_trial, offer_booking, read_address

if TYPE_CHECKING:
    from hermes.setup.trials import Host


def try_booking(session: Session, answers: Answers, admin: str | None, email: str | None) -> bool:
    """Choose the host and the visitor's address, book, and say each step; whether all went well. Raises Refused."""
    from hermes.parts.assembly import build_booking_service

    hosts = session.do(offer_booking(session.engine))
    if not hosts:
        raise Refused('Nobody can be booked yet: "hermes setup admins" makes people, "hermes setup hours" shows them.')
    if admin is None and answers.somebody:
        rows = [{'at': at, 'name': host.name} for at, host in enumerate(hosts, 1)]
        table('Who can be booked', [('at', 'Index'), ('name', 'Name')], rows)
    host = answers.ask(
        'With whom (number)',
        lambda text: hosts[read_one(text, [each.name for each in hosts]) or 0],
        flag='--admin ADMIN',
        given=admin,
        suggested='1',
        read_flag=lambda text: _find(session, text, hosts),
    )
    address = answers.ask('Your e-mail address, for the invitation', read_address, flag='--email EMAIL', given=email)
    service = build_booking_service(session.settings, session.engine)
    with announcing('the test booking is under way'):
        found = session.do(book_trial(service, host.id, address))
    for each in found:
        told = f'{each.name}: {show(each.said)}'
        done(told) if each.state == 'ok' else alarm(f'{told} -> {each.todo}')
    return all(each.state == 'ok' for each in found)


def _find(session: Session, text: str, hosts: 'Sequence[Host]') -> 'Host':
    from hermes.db import connections
    from hermes.db.reads.admins import find_admin

    with connections.opened(session.engine.database.url) as connection:
        found = find_admin(connection, text)
    for host in hosts:
        if host.id == found['id']:
            return host
    raise Refused(f'{found["name"]} takes no sales calls: "hermes admins edit" and "hermes slots explain" say more.')
