"""The audit log (ADM-9, S15): who did what when, with the event that says so; what was refused at the door. Only looked
at; for admins.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from hermes.db.reads.audit import Audit, read_audit, read_refused
from hermes.db.reads.users import list_users
from hermes.domain.acts import NAMES
from hermes.domain.errors import Refused
from hermes.web.desk.pages import show
from hermes.web.desk.ranges import read_moment
from hermes.web.desk.visit import Visit

PAGE: Final = '/desk/audit/'
LATELY: Final = timedelta(days=7)
"""Of so long what was refused is shown where nobody asks for another time."""
OTHERS: Final = {'terminal': 'command line', 'set-up': 'set-up', 'nobody': ''}
"""Who does something without being a user, by the word that stands in an address."""
NOTED: Final = frozenset({'event', 'list', 'person', 'support', 'user', 'capsule'})
"""Groups of what is noted without being an act."""
SHOWN: Final = (
    'record', 'into', 'event', 'system', 'key', 'value', 'user', 'id', 'role', 'disabled', 'linked', 'machine_name',
    'list', 'rows', 'company', 'choice', 'kind', 'letter', 'reason', 'meeting', 'all',
)  # fmt: skip
"""What of an act is told in its line; all of it stands on its event's page."""


async def show_audit(visit: Visit) -> Response:
    now = visit.parts.engine.clock.now()
    wrong: dict[str, str] = {}
    since = read_moment(visit.query, 'from', None, wrong)
    until = read_moment(visit.query, 'to', None, wrong)
    users = await visit.parts.reading.ask(list_users)
    people = {str(each['id']): each['email'] for each in users}
    who = visit.query.get('who', '')
    by = people.get(who, OTHERS.get(who)) if who else None
    if who and by is None:
        wrong['who'] = 'There is no such user.'
    page = Audit((), '', '')
    if not wrong:
        try:
            page = await visit.parts.reading.ask(
                read_audit, by=by, what=visit.query.get('what', ''), since=since, until=until,
                cursor=visit.query.get('at', ''),
            )  # fmt: skip
        except Refused as error:
            wrong[''] = str(error)
    refused = await visit.parts.reading.ask(read_refused, since or (until or now) - LATELY, until)
    return show(
        visit, 'audit.html', 422 if wrong else 200, page=page, refused=refused, wrong=wrong, about=about,
        who={**people, **{word: told or 'nobody named' for word, told in OTHERS.items()}}, groups=groups(),
        called={each['email']: each['name'] or each['email'] for each in users},
    )  # fmt: skip


def groups() -> list[str]:
    """What can be asked for: the subjects of acts, and of what is noted besides."""
    return sorted({name.partition('.')[0] for name in NAMES} | NOTED)


def about(told: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """What an act is about: (name, text, address or '') of each part that tells it."""
    for name in SHOWN:
        value = (told or {}).get(name)
        if value is None or value == '' or value is False:
            continue
        if name in ('record', 'into') and isinstance(value, list) and len(value) == 2:
            yield name, f'{value[0]} {value[1]}', f'/desk/records/{value[0]}/{value[1]}/'
        elif name == 'event':
            yield name, f'event {value}', f'/desk/events/{value}/'
        elif isinstance(value, str | int | float):
            yield name, str(value), ''
