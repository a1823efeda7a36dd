"""The round trip (SETUP-11): one clearly named organisation, person and deal is made, read, changed and deleted in the
connected account, to see whether it answers as Hermes expects.

Nothing of it is kept as an event: it is about the account, not about a customer. Whatever was made is deleted again,
also when something in between failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hermes.db import pauses
from hermes.db.catalogue import Knowledge
from hermes.domain.acts import PauseSystem, ResumeSystem
from hermes.domain.errors import Gone, HermesError, RateLimited
from hermes.domain.fields import ABSENT, Catalogue
from hermes.domain.model import Event, Observation, Value
from hermes.domain.record_types import FIELDED
from hermes.ports import Answer, Request, System, encode_answer
from hermes.sync import calls, setup
from hermes.sync.calls import Denied
from hermes.sync.engine import Engine

NAME: Final = 'Hermes round trip (may be deleted)'
RECORD_TYPE: Final = {remote: name for name, remote in FIELDED.items()}
SAMPLES: Final[Mapping[str, tuple[Value, Value]]] = {
    'str': ('Grüße, 東京 & "quotes"', 'changed'),
    'json': ('{"a": 1}', '{"a": 2}'),
    'int': (7, 0),
    'bool': (True, False),
    'date': ('2026-02-28', '2024-02-29'),
}
"""Per type of ours a first value and a changed one."""
TRIES: Final = 8


@dataclass
class Trip:
    """What was done, and what differed from what was expected ('' when nothing did)."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not any(problem for _, problem in self.steps)

    def note(self, step: str, problem: str = '') -> None:
        self.steps.append((step, problem))


async def round_trip(engine: Engine, system: System) -> Trip:
    """Go there and back."""
    trip = Trip()
    async with engine.database.transaction() as connection:
        known = await engine.known(connection)
    paused = await _pause(engine, system)
    try:
        organization = await _try_type(engine, system, known, trip, 'organization', {})
        parent: dict[str, Value] = {'company_id': organization}
        person = await _try_type(engine, system, known, trip, 'person', parent)
        await _try_type(engine, system, known, trip, 'deal', {**parent, 'contact_id': person, **_place(known)})
    except HermesError as error:
        trip.note('the trip ended early', str(error))
    finally:
        for remote_type, remote_id in reversed(trip.made):
            await _delete(engine, system, known.catalogue, trip, remote_type, remote_id)
        if paused:
            await setup.act(engine, ResumeSystem(system.name))
    return trip


async def _pause(engine: Engine, system: System) -> bool:
    """Workers leave the system alone meanwhile: they would take the objects for a customer's. False: it is paused."""
    async with engine.database.transaction() as connection:
        paused = await pauses.is_paused(connection, system.name)
    if not paused:
        await setup.act(engine, PauseSystem(system.name, 'a round trip is under way'))
    return not paused


def _place(known: Knowledge) -> dict[str, Value]:
    """Where the deal stands: the first pipeline that has an entry stage, else wherever the CRM puts it."""
    remote = {(record.type, record.id): ref.remote_id for ref, record in known.directory.links.items()}
    for number, pipeline in sorted(known.directory.pipelines.items()):
        stage = ('stage', pipeline.fields.get('dft_entry_stage_id') or 0)
        if ('pipeline', number) in remote and stage in remote and not pipeline.fields.get('archived'):
            return {'pipeline_id': remote['pipeline', number], 'stage_id': remote[stage]}
    return {}


def samples(remote_type: str, catalogue: Catalogue, which: int) -> dict[str, Value]:
    """A value for every native field that Hermes writes and every bound custom field of a plain type."""
    native: dict[str, tuple[dict[str, Value], dict[str, Value]]] = {
        'organization': ({'name': NAME, 'country': 'GB'}, {'name': f'{NAME} 2'}),
        'person': (
            {'name': f'Hermes {NAME}', 'email': 'round.trip@hermes.invalid', 'phone': '+44 20 7946 0000'},
            {'first_name': 'Hermes', 'last_name': 'Round Trip', 'email': 'other@hermes.invalid'},
        ),
        'deal': ({'title': NAME, 'status': 'open'}, {}),
    }
    found = dict(native[remote_type][which])
    record_type = RECORD_TYPE[remote_type]
    attributes = catalogue.attributes(record_type)
    for item in catalogue.of(record_type):
        attribute = attributes.get(item.attribute)
        plain = item.remote_type in ('varchar', 'varchar_auto', 'text', 'double', 'date')
        if attribute and attribute.type in SAMPLES and plain and item.pd_field_id and not item.problem:
            found.setdefault(item.attribute, SAMPLES[attribute.type][which])
    return found


async def _try_type(
    engine: Engine, system: System, known: Knowledge, trip: Trip, remote_type: str, more: Mapping[str, Value]
) -> str:
    """Make, read, change and read again; the object's id. Raises HermesError where there is no going on."""
    catalogue = known.catalogue
    first = {**samples(remote_type, catalogue, 0), **more}
    answer = await _call(engine, system, Request('create', remote_type, fields=first))
    made = _seen(system, catalogue, engine, Request('create', remote_type, fields=first), answer)
    if made is None:
        raise HermesError(f'The answer to making a {remote_type} holds no {remote_type}.')
    remote_id = made.ref.remote_id
    trip.made.append((remote_type, remote_id))
    trip.note(f'{remote_type}: made', differences(first, made.fields))
    seen = await read_object(engine, system, catalogue, remote_type, remote_id)
    trip.note(f'{remote_type}: read', differences(first, seen))
    changed = samples(remote_type, catalogue, 1)
    if not changed:
        return remote_id
    request = Request('update', remote_type, remote_id, changed, basis=seen)
    await _call(engine, system, request)
    seen = await read_object(engine, system, catalogue, remote_type, remote_id)
    trip.note(f'{remote_type}: changed', differences(changed, seen))
    return remote_id


def differences(sent: Mapping[str, Value], seen: Mapping[str, Value]) -> str:
    """What stands there other than was sent, as a plain list; '' when nothing does."""
    found = []
    for name, value in sent.items():
        there = seen.get(name, ABSENT)
        if there == ABSENT:
            found.append(f'{name} did not come back')
        elif str(there) != str(value):
            found.append(f'{name}: sent {value!r}, came back as {there!r}')
    return '; '.join(found)


async def read_object(
    engine: Engine, system: System, catalogue: Catalogue, remote_type: str, remote_id: str
) -> Mapping[str, Value]:
    """An object as it stands there now, in our terms. Raises HermesError, Gone among it."""
    request = Request('read', remote_type, remote_id)
    answer = await _call(engine, system, request)
    seen = _seen(system, catalogue, engine, request, answer)
    return seen.fields if seen else {}


async def _delete(
    engine: Engine, system: System, catalogue: Catalogue, trip: Trip, remote_type: str, remote_id: str
) -> None:
    try:
        await _call(engine, system, Request('delete', remote_type, remote_id))
    except HermesError as error:
        trip.note(f'{remote_type}: deleted', f'{remote_type} {remote_id} has to be deleted by hand: {error}')
        return
    request = Request('read', remote_type, remote_id)
    try:
        seen = _seen(system, catalogue, engine, request, await _call(engine, system, request))
    except Gone:
        trip.note(f'{remote_type}: deleted')
        return
    except HermesError as error:
        trip.note(f'{remote_type}: deleted', f'it could not be read afterwards: {error}')
        return
    trip.note(f'{remote_type}: deleted', 'it is still there' if seen is not None and seen.kind == 'state' else '')


def _seen(system: System, catalogue: Catalogue, engine: Engine, request: Request, answer: Answer) -> Observation | None:
    """What an answer says of the object that was asked for."""
    kind = 'read' if request.op == 'read' else 'answer'
    event = Event(0, system.name, kind, encode_answer(request, answer), engine.clock.now())
    elements: Sequence[Any] = system.observe(event, catalogue)
    told = [seen for element in elements for seen in element.observations if seen.ref.type == request.type]
    return told[0] if told else None


async def _call(engine: Engine, system: System, request: Request) -> Answer:
    """One call within the shared budget. Raises HermesError."""
    for attempt in range(TRIES):
        asked = await calls.ask(engine, system, request, 'interactive')
        if isinstance(asked, Denied):
            if not asked.grant.full or attempt == TRIES - 1:
                raise HermesError(f'{system.name}: {asked.grant.reason}')
            await engine.clock.sleep(engine.backoff_s(attempt, first_s=0.5, most_s=3.0))
            continue
        async with engine.database.transaction() as connection:
            await calls.close(engine, connection, asked)
        reaction = asked.reaction
        if reaction is None:
            return asked.answer
        if not isinstance(reaction, RateLimited) or reaction.daily or attempt == TRIES - 1:
            raise reaction
        await engine.clock.sleep(engine.backoff_s(attempt, first_s=0.5, most_s=3.0))
    raise HermesError(f'{system.name} gave no answer.')
