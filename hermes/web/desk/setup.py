"""The first-run checklist (ADM-1): what has to be done before Hermes works, how each step stands, and the button that
does it. All of it is the code of `hermes setup` and `doctor` (hermes/setup); here it is asked for by forms.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from hermes.domain.acts import SetSetting
from hermes.domain.config import KEYS
from hermes.domain.errors import HermesError, NotFound, Refused
from hermes.kit.texts import read_number
from hermes.parts.roles import PRODUCT_TITLE
from hermes.setup import admins, fields, hours, pipelines, trials, webhooks
from hermes.setup.checklist import checklist, is_done
from hermes.setup.findings import Finding
from hermes.web.desk.fields import Field
from hermes.web.desk.pages import show
from hermes.web.desk.shown import sentence
from hermes.web.desk.visit import Visit

DEFAULT_SELLER: Final = 'default_sales_person_id'
Lines = list[str]
"""What was done, a sentence each."""


@dataclass(frozen=True, slots=True)
class Work:
    """A step at the desk: what there is to choose, and what does it. `button` says what it does."""

    button: str
    choose: Callable[[Visit], Awaitable[list[Field]]]
    do: Callable[[Visit], Awaitable[Lines]]


async def show_setup(visit: Visit) -> Response:
    steps = await visit.parts.reading.ask(checklist, visit.parts.site)
    return show(visit, 'setup.html', steps=steps, done=is_done(steps))


async def show_step(visit: Visit) -> Response:
    return await _show(visit)


async def do_step(visit: Visit) -> Response:
    """Do a step; what it did is told, or what speaks against it, with all that was chosen."""
    try:
        lines = await _work(visit).do(visit)
    except HermesError as error:
        return await _show(visit, 422, wrong=str(error))
    return await _show(visit, lines=lines or ['Everything was there already.'])


async def _show(visit: Visit, status: int = 200, *, wrong: str = '', lines: Lines | None = None) -> Response:
    work, steps = _work(visit), await visit.parts.reading.ask(checklist, visit.parts.site)
    step = next(each for each in steps if each.name == visit.part('step'))
    try:
        chosen = await work.choose(visit)
    except HermesError as error:
        chosen, wrong = [], wrong or str(error)
    given = {field.name: visit.field(field.name) if visit.sent else field.value for field in chosen}
    following = next((each for each in steps if each.state in ('todo', 'failed') and each.name != step.name), None)
    return show(
        visit, 'setup_step.html', status, step=step, work=work, about=TOLD.get(step.name, ''), fields=chosen,
        given=given, wrong=wrong, lines=lines or [], following=following,
    )  # fmt: skip


def _work(visit: Visit) -> Work:
    work = WORKS.get(visit.part('step'))
    if work is None:
        raise NotFound('There is no such step.')
    return work


async def _nothing(visit: Visit) -> list[Field]:
    return []


async def _connect(visit: Visit) -> Lines:
    return [each.said for each in await webhooks.connect_systems(visit.parts.engine, visit.parts.site)]


async def _make_fields(visit: Visit) -> Lines:
    offer, made = await fields.offer_fields(visit.parts.engine), []
    wanted = [*offer.needed, *(offer.optional if visit.field('optional') == 'yes' else ())]
    await fields.make_fields(visit.parts.engine, wanted, lambda item: made.append(item.machine_name))
    return [f'{len(made)} fields were made: {", ".join(made)}.'] if made else []


async def _choose_fields(visit: Visit) -> list[Field]:
    offer = await fields.offer_fields(visit.parts.engine)
    names = ', '.join(item.machine_name for item in offer.optional)
    yes_or_no = (('no', 'no'), ('yes', f'yes: {names}'))
    asked = Field('optional', 'Also those that are not needed', 'choice', yes_or_no, value='no')
    return [asked] if offer.optional else []


async def _choose_pipelines(visit: Visit) -> list[Field]:
    offer = await pipelines.offer_pipelines(visit.parts.engine)
    lines = [(str(each.line.id), each.line.name) for each in offer.pipelines]
    found = []
    for plan in offer.plans:
        now = str(plan.likely.id) if plan.likely else ''
        found.append(Field(f'plan-{plan.name}', f'{plan.title} clients enter', 'choice', lines, value=now))
    for each in offer.pipelines:
        stages = [(str(stage.id), stage.name) for stage in each.stages]
        now = str(each.entry.id) if each.entry else ''
        found.append(Field(f'entry-{each.line.id}', f'Deals enter {each.line.name} at', 'choice', stages, value=now))
    return found


async def _save_pipelines(visit: Visit) -> Lines:
    entries = {_id(name.removeprefix('entry-')): _id(value) for name, value in _sent(visit, 'entry-')}
    plans = {name.removeprefix('plan-'): _id(value) for name, value in _sent(visit, 'plan-')}
    return await pipelines.choose_pipelines(visit.parts.engine, entries, plans, visit.user.email)


async def _choose_people(visit: Visit) -> list[Field]:
    offer, setting = await admins.offer_admins(visit.parts.engine), KEYS[DEFAULT_SELLER]
    people = [
        Field(f'user-{user.pd}', f'{user.name}, {user.email}', value=str(user.admin.tc2 or '') if user.admin else '')
        for user in offer.users
        if user.active
    ]
    known = [(str(admin.id), admin.name) for admin in offer.admins]
    async with visit.parts.database.transaction() as connection:
        now = (await visit.parts.engine.known(connection)).settings.get(DEFAULT_SELLER)
    chosen = Field(DEFAULT_SELLER, _plain(setting.help), 'choice', known, value=str(now or ''))
    return [*people, chosen] if known else people


async def _save_people(visit: Visit) -> Lines:
    engine = visit.parts.engine
    wanted = dict(_sent(visit, 'user-'))
    told = []
    for user in await admins.read_users(engine):
        text = wanted.get(f'user-{user.pd}', '').strip()
        if not user.active or text.lower() in ('', 'no'):
            continue
        number = None if text.lower() == 'none' else await admins.read_tc2_id(engine, user, text)
        made = await admins.make_admin(engine, user, number, visit.user.email)
        if made.done != 'there':
            told.append(f'{user.name} was {made.done}.')
    if chosen := visit.field(DEFAULT_SELLER):
        await visit.act(SetSetting(DEFAULT_SELLER, _id(chosen)))
        told.append('Clients without a sales person of yours have one now.')
    return told


def _plain(told: str) -> str:
    """What a setting is for, without the rule that says so."""
    return sentence(told.partition(' (')[0])


async def _choose_hours(visit: Visit) -> list[Field]:
    offer = await hours.offer_hours(visit.parts.engine)
    return [Field(key.name, _plain(key.help), value=str(offer.values[key.name])) for key in offer.keys]


async def _save_hours(visit: Visit) -> Lines:
    told = {name: visit.field(name) for name in hours.HOURS if visit.field(name)}
    return await hours.set_hours(visit.parts.engine, told, visit.user.email)


async def _choose_booking(visit: Visit) -> list[Field]:
    hosts = [(str(host.id), host.name) for host in await trials.offer_booking(visit.parts.engine)]
    return [
        Field('host', 'With whom', 'choice', hosts, value=hosts[0][0] if hosts else ''),
        Field('email', 'Your e-mail address, where the invitation goes', value=visit.user.email),
    ]


async def _book(visit: Visit) -> Lines:
    found = await trials.book_trial(visit.parts.service, _id(visit.field('host')), visit.field('email'))
    return _tell(found)


async def _travel(visit: Visit) -> Lines:
    return _tell(await trials.travel(visit.parts.engine))


def _tell(found: list[Finding]) -> Lines:
    """Raises Refused where a step went wrong, naming it."""
    wrong = [each for each in found if each.state == 'todo']
    if wrong:
        raise Refused('; '.join(f'{each.name}: {each.said}' for each in wrong))
    return [f'{each.name}: {each.said}' for each in found]


def _sent(visit: Visit, prefix: str) -> list[tuple[str, str]]:
    return [(name, values[0]) for name, values in visit.sent.items() if name.startswith(prefix) and values[0]]


def _id(text: str) -> int:
    return read_number(text) or 0


WORKS: Final[Mapping[str, Work]] = {
    'connect': Work('Have the CRM send its webhooks here', _nothing, _connect),
    'fields': Work('Make the fields that are missing', _choose_fields, _make_fields),
    'pipelines': Work('Save', _choose_pipelines, _save_pipelines),
    'people': Work('Take them over', _choose_people, _save_people),
    'hours': Work('Save', _choose_hours, _save_hours),
    'booking': Work('Book a call and cancel it again', _choose_booking, _book),
    'trip': Work('Make, read, change and delete one of each in the CRM', _nothing, _travel),
}
"""Each step of the checklist; a test compares."""
TOLD: Final[Mapping[str, str]] = {
    'people': (
        f'Users of the CRM. Write the number that {PRODUCT_TITLE} knows them by, "none" for somebody whom it does not '
        'know, and nothing for whoever is to be left out.'
    ),
    'booking': (
        'The next free time is booked for a visitor who is plainly none, looked for in the calendar and the CRM, and '
        "cancelled again. The visitor's company stays, under a name that says so."
    ),
    'trip': (
        'One clearly named organisation, person and deal is made in the connected account, read, changed and deleted.'
    ),
}
