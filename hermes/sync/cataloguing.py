"""Fields that come and go while Hermes runs (D-5, FIELD-5, FIELD-7, FIELD-8): from the thought to the synced value.

A new field is matched with the CRM's own description, saved, filled from what is known already (the last
word on each client, the CRM's listing), and only then opened for pushes, in the lane that waits for all others. Each
step is an act of its own, so that whatever is interrupted goes on where it stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from hermes.db import graphs, mirrors, pool, pushes, records, sweeps
from hermes.db.catalogue import bump
from hermes.db.mirrors import Told
from hermes.db.pool import Connection
from hermes.domain.acts import AddField, ChangeField, FillField, OpenField
from hermes.domain.errors import Ambiguous, HermesError, Refused
from hermes.domain.fields import CustomField, fold
from hermes.domain.model import Event, Observation, RecordRef, RemoteRef
from hermes.domain.plan import Noop, Wait, plan
from hermes.domain.record_types import FIELDED
from hermes.parts.roles import CRM, PRODUCT
from hermes.ports import RemoteField, Request, System
from hermes.sync import connect, dirty, ingest, setup, sweep
from hermes.sync.acts.commands import SETUP, carry_out
from hermes.sync.acts.fields import FILLING, affected, check_field, check_policy, find, label
from hermes.sync.acts.scope import OPERATOR
from hermes.sync.engine import Engine
from hermes.sync.observe import observe

CHUNK: Final = 100
SETTLE_S: Final = 5.0
PATIENT_S: Final = 600.0
"""How long somebody at a terminal waits for the CRM's listing."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a new field: as it stands now, values found in older events, records to be pushed, and objects
    that are read again because no older event of theirs is kept.
    """

    field: CustomField
    values: int = 0
    pushes: int = 0
    reread: int = 0
    event: int = 0
    """The act with which it was opened."""


async def look(engine: Engine, system: System, record_type: str) -> list[RemoteField]:
    """The custom fields of one type as the CRM describes them now; the catalogue is bound to them on the way."""
    return await connect.learn_fields(engine, system, _remote_type(system, record_type))


def _remote_type(system: System, record_type: str) -> str:
    """The remote type that holds the fields of a record type. Raises Refused where it has none."""
    if (remote_type := system.profile.fields.remote_type(record_type)) is None:
        raise Refused(f'The CRM has no custom fields for a {record_type}.')
    return remote_type


def made_as(system: System, item: CustomField) -> str:
    """The CRM's type that Hermes makes for a field."""
    fields = system.profile.fields
    return fields.id_made_as if item.machine_name == 'hermes_id' else fields.made_as[item.field_type]


async def make_in_crm(engine: Engine, system: System, item: CustomField, label: str = '') -> None:
    """Make a field in the CRM, called `label` or else as its machine name. A lost answer is looked up before anything
    is tried again.
    """
    fields = {'field_name': label or item.machine_name, 'field_type': made_as(system, item)}
    try:
        await connect.ask(engine, system, Request('add_field', _remote_type(system, item.record_type), fields=fields))
    except Ambiguous:
        remote = await look(engine, system, item.record_type)
        if all(connect.folded(each.name) != connect.folded(fields['field_name']) for each in remote):
            raise


async def add(
    engine: Engine,
    item: CustomField,
    system: System | None,
    *,
    create: bool,
    called: str = '',
    by: str = SETUP,
    tell: Tell = lambda text: None,
    within_s: float = PATIENT_S,
) -> Added:
    """Add a field, bind it to the CRM's (made there with `create`), fill it and open it. Raises Refused, and Unfinished
    where the CRM's listing takes longer than `within_s`.

    `called`: its name in the CRM, where a person says one. Said twice, the same addition goes on where the first one
    stopped.
    """
    known = await _known(engine)
    standing = next((other for other in known.catalogue.custom if label(other) == label(item)), None)
    if standing is not None:
        if not _same(standing, item, called):
            raise Refused(f'The field {label(item)} is there already, and differs: see "hermes fields change".')
        item = replace(standing, problem='')
    else:
        check_field(item, known.catalogue)
    bound = await bind(engine, item, system, create=create, called=called, tell=tell) if system else item
    if standing is None:
        check_field(bound, known.catalogue)
        waiting = replace(bound, problem=FILLING) if bound.pd_field_id else bound
        await setup.act(engine, AddField(asdict(waiting)), by)
    elif (bound.pd_field_id, bound.remote_type) != (standing.pd_field_id, standing.remote_type):
        to = {'pd_field_id': bound.pd_field_id, 'remote_type': bound.remote_type, 'options': dict(bound.options)}
        await _change(engine, bound, {**to, 'problem': FILLING}, by)
    tell(f'{label(item)} is in the catalogue.')
    return await fill(engine, bound, system, fresh=create and standing is None, by=by, tell=tell, within_s=within_s)


def _same(standing: CustomField, item: CustomField, called: str) -> bool:
    names = ('field_type', 'hermes_field_name', 'tc2_machine_name', 'policy')
    same_id = not item.pd_field_id or not standing.pd_field_id or item.pd_field_id == standing.pd_field_id
    same_name = not called or fold(called) == fold(standing.name)
    return same_id and same_name and all(getattr(standing, name) == getattr(item, name) for name in names)


async def bind(
    engine: Engine,
    item: CustomField,
    system: System,
    *,
    create: bool,
    by_id: bool = True,
    called: str = '',
    tell: Tell = lambda text: None,
) -> CustomField:
    """The field as the CRM has it, found by id (whatever its name there, with `by_id`) or by name, made with `create`.
    `called`: the only name that will do. Raises Refused for a type that cannot hold ours (FIELD-5), naming both.
    """
    if system.profile.fields.remote_type(item.record_type) is None:
        if create or item.pd_field_id:
            raise Refused(f'The CRM has no custom fields for {item.linked_object_type.lower()}s.')
        return item
    remote = await look(engine, system, item.record_type)
    bound = fit(item, remote, by_id=by_id, called=called)
    if not bound.pd_field_id and create:
        await make_in_crm(engine, system, item, called)
        tell(f'The field {called or item.machine_name} was made in the CRM ({made_as(system, item)}).')
        bound = described(item, await look(engine, system, item.record_type), by_id=by_id)
    if bound.problem:
        raise Refused(f'{label(item)}: {bound.problem}.')
    return bound


def fit(item: CustomField, remote: Sequence[RemoteField], *, by_id: bool = True, called: str = '') -> CustomField:
    """The field as the CRM describes it, by its id or by its name; as it is where the CRM has none. Raises Refused."""
    bound = described(item, remote, by_id=by_id)
    if item.pd_field_id and (not bound.remote_type or (by_id and bound.pd_field_id != item.pd_field_id)):
        raise Refused(f'The CRM has no {FIELDED[item.record_type]} field with the id {item.pd_field_id}.')
    if called and bound.pd_field_id and fold(bound.name) != fold(called):
        if item.pd_field_id:
            raise Refused(f'The CRM calls the field {item.pd_field_id} "{bound.name}", not "{called}".')
        return item
    return bound


def described(item: CustomField, remote: Sequence[RemoteField], *, by_id: bool = True) -> CustomField:
    """The field with what the CRM says of it; unchanged where the CRM has none, or several of its name."""
    named = next((each.name for each in remote if by_id and each.code == item.pd_field_id), item.name)
    bound = connect.bound_field(replace(item, problem='', name=named), list(remote))
    match = next((each for each in remote if each.code == bound.pd_field_id), None)
    if match is None:
        for told in (item.name, item.machine_name):
            if (many := sum(connect.folded(each.name) == connect.folded(told) for each in remote)) > 1:
                raise Refused(f'The CRM has {many} fields called {told}: say which with --id.')
        return replace(item, remote_type='', options={})
    return replace(bound, name=match.name)


async def change(
    engine: Engine,
    linked: str,
    machine_name: str,
    to: Mapping[str, Any],
    system: System | None,
    *,
    by: str = SETUP,
    within_s: float = PATIENT_S,
) -> Added:
    """Change a field; with another source, type or id its values are gathered anew. Raises Refused, and Unfinished,
    after which the same goes on where it stopped, and so does changing nothing.
    """
    known = await _known(engine)
    old = find(known.catalogue, linked, machine_name)
    item = replace(old, **to)
    check_field(item, known.catalogue)
    gather = any(name in to for name in ('pd_field_id', 'tc2_machine_name', 'hermes_field_name', 'field_type'))
    if system and (gather or 'name' in to or old.problem):
        called = str(to.get('name') or '')
        item = await bind(engine, item, system, create=False, by_id='pd_field_id' in to, called=called)
    fields = {name: value for name, value in asdict(item).items() if value != getattr(old, name)}
    fields['problem'] = FILLING if item.pd_field_id else ''
    await _change(engine, old, fields, by)
    return await fill(
        engine, item, system, fresh=not (gather or 'policy' in fields or old.problem), by=by, within_s=within_s
    )


async def check_change(engine: Engine, linked: str, machine_name: str, to: Mapping[str, Any]) -> None:
    """Raises Refused where somebody would change a policy without effect."""
    if 'policy' in to:
        check_policy(replace(find((await _known(engine)).catalogue, linked, machine_name), **to))


async def _change(engine: Engine, item: CustomField, to: Mapping[str, Any], by: str) -> None:
    await setup.act(engine, ChangeField(item.linked_object_type, item.machine_name, dict(to)), by)


async def fill(
    engine: Engine,
    item: CustomField,
    system: System | None,
    *,
    fresh: bool = False,
    by: str = SETUP,
    tell: Tell = lambda text: None,
    within_s: float = PATIENT_S,
) -> Added:
    """Give existing records their values and push them. `fresh`: nothing stands in the CRM's field yet."""
    await _let_others_finish(engine)
    wanted = _remote_type(system, item.record_type) if system and item.pd_field_id else ''
    if system and wanted and not await list_again(engine, system, wanted, within_s):
        raise Unfinished(item, system)
    values, reread = await _gather(engine, item, gather=item.inherited or not fresh)
    tell(f'{values} values were known from before.')
    opening = OpenField(item.linked_object_type, item.machine_name)
    opened = await carry_out(engine, opening, source=OPERATOR, by=by)
    known = await _known(engine)
    standing = find(known.catalogue, item.linked_object_type, item.machine_name)
    pushed = await push_out(engine, affected(standing, known.catalogue))
    tell(f'{pushed} records differ from the CRM and are on their way.')
    return Added(standing, values, pushed, reread, opened.event_id)


async def _let_others_finish(engine: Engine) -> None:
    """Wait (at most SETTLE_S) until every transaction that may still read the old catalogue has ended."""
    async with engine.database.transaction() as connection:
        now = await pool.server_time(connection)
    started = engine.clock.monotonic()
    while engine.clock.monotonic() - started < SETTLE_S:
        async with engine.database.transaction() as connection:
            if not await pool.is_older_open(connection, now):
                return
        await engine.clock.sleep(0.05)


class Unfinished(Refused):
    """A field is in the catalogue and shut: what stands in the CRM is not known yet."""

    def __init__(self, item: CustomField, system: System) -> None:
        super().__init__(
            f'{label(item)} is in the catalogue, and {system.name} has not listed yet what stands in it, so nothing of '
            'it is sent so far. The listing goes on; save the same once more in a few minutes.'
        )


async def list_again(engine: Engine, system: System, remote_type: str, within_s: float = PATIENT_S) -> bool:
    """Read every object of a type again (10 tokens for 500), so that what stands in a field is known before it is
    written; False where that took longer. The listing goes on then.
    """
    async with engine.database.transaction() as connection:
        await sweep.open_sweep(connection, system.name, remote_type, 'full')
    started = engine.clock.monotonic()
    while engine.clock.monotonic() - started < within_s:
        busy = await sweep.sweep_step(engine)
        busy = bool(await ingest.ingest_step(engine)) or busy
        async with engine.database.transaction() as connection:
            if not await sweeps.is_busy(connection, system.name, remote_type):
                return True
        if not busy:
            await engine.clock.sleep(0.2)
    return False


async def _gather(engine: Engine, item: CustomField, *, gather: bool) -> tuple[int, int]:
    """Fill companies in chunks, each an act (`gather`: also where nothing was said); (values found, clients that are
    asked for again).
    """
    values = reread = after = 0
    while True:
        numbers = await _next_companies(engine, after)
        if not numbers:
            return values, reread
        after = numbers[-1]
        seen, unknown = await _said_before(engine, item, numbers)
        if seen or gather:
            await setup.act(engine, FillField(item.linked_object_type, item.machine_name, seen, numbers))
        values += sum(entry[4] is not None for entry in seen)
        async with engine.database.transaction() as connection:
            reread += await mirrors.ask_once(connection, unknown)


async def _next_companies(engine: Engine, after: int) -> list[int]:
    async with engine.database.transaction() as connection:
        return await records.next_ids(connection, after, CHUNK)


async def _said_before(
    engine: Engine, item: CustomField, companies: list[int]
) -> tuple[list[list[Any]], list[RemoteRef]]:
    async with engine.database.transaction() as connection:
        return await said_before(engine, connection, item, companies)


async def said_before(
    engine: Engine, connection: Connection, item: CustomField, companies: list[int]
) -> tuple[list[list[Any]], list[RemoteRef]]:
    """What the newest event of each client says about the field, and the clients without such an event."""
    if not item.tc2_machine_name or PRODUCT not in engine.systems:
        return [], []
    told = await mirrors.last_told(connection, PRODUCT, 'client', companies)
    known = await engine.known(connection)
    seen: list[list[Any]] = []
    unknown: list[RemoteRef] = []
    for each in told:
        found = await _observed(engine, each, known)
        if found is None or found.version != each.version:
            unknown.append(each.ref)
        elif item.attribute in found.fields:
            value = found.fields[item.attribute]
            seen.append([*each.ref, list(found.version), value, found.origin])
    return seen, unknown


async def _observed(engine: Engine, last: Told, known: Any) -> Observation | None:
    """The client as the kept body of an event tells it with today's catalogue."""
    if last.event is None or last.event.source != PRODUCT:
        return None
    try:
        elements = await observe(engine, last.event, known)
    except HermesError:
        return None
    told = [seen for element in elements for seen in element.observations if seen.ref == last.ref and seen.fields]
    return max(told, key=lambda seen: seen.version, default=None)


async def push_out(engine: Engine, record_types: set[str]) -> int:
    """Mark every record that now differs from the CRM, in the backfill lane; how many."""
    after = marked = 0
    while True:
        numbers = await _next_companies(engine, after)
        if not numbers:
            return marked
        after = numbers[-1]
        async with engine.database.transaction() as connection:
            marked += await _mark(engine, connection, await records.live_records(connection, record_types, numbers))


async def _mark(engine: Engine, connection: Connection, refs: set[RecordRef]) -> int:
    known = await engine.known(connection)
    graph = await graphs.load(connection, graphs.Wanted(records=refs), lock=False)
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    lanes = await pushes.waiting_lanes(connection, refs)
    differing = []
    for name, system in engine.systems.items():
        for ref in sorted(refs & graph.records.keys()):
            table = engine.outgoing(system, ref.type, known)
            needed = plan(graph, graph.records[ref], table, context, name) if table else Noop()
            if isinstance(needed, (Noop, Wait)):
                continue
            company = graph.company(graph.records[ref])
            lane = lanes.get((ref, name), 'backfill')
            number = company.ref.id if company else 0
            differing.append(pushes.Dirty(ref, name, number, lane, dirty.describe(needed)))
    await pushes.mark_dirty(connection, differing, float(known.settings.get('push_spacing_s', engine.push_spacing_s)))
    return len(differing)


async def heal_step(engine: Engine) -> int:
    """FIELD-7: the CRM refused a write because of one of our fields. Its fields are read again; the pushes that such a
    field held up go on without it. Returns how many go on.
    """
    async with engine.database.transaction() as connection:
        refused = await pushes.refused_fields(connection, CRM, CHUNK)
    system = engine.systems.get(CRM)
    if not refused or system is None:
        return 0
    known = await _known(engine)
    custom = {(item.record_type, item.attribute) for item in known.catalogue.custom if item.pd_field_id}
    suspect = {ref.type for ref, names in refused.items() for name in names if (ref.type, name) in custom}
    for record_type in sorted(suspect):
        await look(engine, system, record_type)
    known = await _known(engine)
    ill = {(item.record_type, item.attribute) for item in known.catalogue.custom if item.problem}
    freed = {ref for ref, names in refused.items() if any((ref.type, name) in ill for name in names)}
    async with engine.database.transaction() as connection:
        for ref in refused:
            await pushes.note_looked(connection, CRM, ref, free=ref in freed)
        if freed:
            await bump(connection, 'catalogue')
            await pushes.ring(connection)
    return len(freed)


async def _known(engine: Engine) -> Any:
    async with engine.database.transaction() as connection:
        return await engine.known(connection)
