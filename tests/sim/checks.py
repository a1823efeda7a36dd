"""What must hold when everything has come to rest: I4, I7, I14, I16, looked at in the emulated CRM and the database."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hermes.db import graphs
from hermes.domain.graph import Graph
from hermes.domain.history import KEPT_SENT, is_empty
from hermes.domain.merge import settle_fields
from hermes.domain.model import Event, RecordRef, RemoteRef
from hermes.domain.plan import Noop, Update, Wait, plan
from hermes.systems.pipedrive import objects, rest
from tests import folding
from tests.sim.testbed import Testbed

KINDS = {'organization': 'company', 'person': 'contact', 'deal': 'deal'}
UNTRUE = """
    select concat_ws(':', m.system, m.type, m.remote_id) as told from mirror m left join link l
      using (system, type, remote_id) where m.owned = (l.remote_id is null)
"""
OWNED_BY_TC2 = {'tc2_status': 'status', 'paid_invoice_count': 'paid_invoice_count'}


async def check(testbed: Testbed) -> list[str]:
    """Everything that is wrong, in plain words; [] when all is well."""
    async with testbed.house.engine.database.transaction() as connection:
        graph = await _everything(testbed, connection)
        known = await testbed.house.engine.known(connection)
    wrong = [*_duplicates(testbed), *_mirrors(testbed, graph, known), *_truth(testbed, graph)]
    wrong += await _resurrections(testbed)
    wrong += await _dropped(testbed, graph)
    wrong += [f'I11: {row["what"]}' for row in await testbed.looking.fetch('select what from simulated.trespass')]
    wrong += _lost(graph)
    wrong += [f'{row["told"]} says wrongly whether it has an owner' for row in await testbed.house.rows(UNTRUE)]
    wrong += await _wanted(testbed, graph, known)
    wrong += await _events(testbed)
    return wrong


async def _everything(testbed: Testbed, connection: Any) -> Graph:
    rows = await (await connection.execute('select id from company')).fetchall()
    linked = await (await connection.execute('select system, type, remote_id from mirror')).fetchall()
    refs = {RemoteRef(row['system'], row['type'], row['remote_id']) for row in linked}
    return await graphs.load(connection, graphs.Wanted(refs=refs, companies={row['id'] for row in rows}), lock=False)


def _duplicates(testbed: Testbed) -> list[str]:
    """I4: by hermes_id and by TC2 client."""
    wrong = []
    for kind in KINDS:
        account = testbed.house.pd
        for name in ('hermes_id', 'tc2_cligency_url'):
            code = next(
                (code for code, one in account.catalogues[kind].fields.items() if one['field_name'] == name), None
            )
            if code is None or (kind != 'organization' and name != 'hermes_id'):
                continue
            values = Counter(row['custom_fields'].get(code) for row in account.live(kind).values())
            wrong += [
                f'I4: {count} {kind}s with {name} {value}' for value, count in values.items() if value and count > 1
            ]
    return wrong


def _mirrors(testbed: Testbed, graph: Graph, known: Any) -> list[str]:
    """I7: every mirror equals the object of the emulated CRM, field by field, and every object has one."""
    wrong = []
    account = testbed.house.pd
    for kind in KINDS:
        for row in account.tables[kind].values():
            mirror = next(
                (one for ref, one in graph.mirrors.items() if ref.type == kind and ref.remote_id == str(row['id'])),
                None,
            )
            if mirror is None:
                if not row['is_deleted']:
                    wrong.append(f'I7: {kind} {row["id"]} is not known')
                continue
            if mirror.live is row['is_deleted'] and mirror.runs:
                wrong.append(
                    f'I7: {kind} {row["id"]} is {"deleted" if row["is_deleted"] else "alive"}, its mirror is not'
                )
            if row['is_deleted']:
                continue
            told = objects.read_object(kind, rest_shape(account, kind, row), known.catalogue, rest.read)
            wrong += [
                f'I7: {kind} {row["id"]} says {name} = {value!r}, its mirror {mirror.current(name)!r}'
                for name, value in told.items()
                if mirror.current(name) != value and not (is_empty(value) and is_empty(mirror.current(name)))
            ]
    return wrong


TOLD = """
select min(applied_at) as at from event where source = 'pipedrive' and kind = 'webhook' and state = 'done'
  and convert_from(body, 'UTF8')::jsonb #>> '{meta,entity}' = %s
  and convert_from(body, 'UTF8')::jsonb #>> '{meta,entity_id}' = %s
"""
RESTORED = """
select record_id::text as id from change where field = 'tombstone' and system = 'operator'
  and coalesce(new, 'null') = 'null'
"""
"""What an operator brought back."""
UNDER_WAY = timedelta(seconds=10)
"""How long a call that was decided on may take to go out."""


async def _resurrections(testbed: Testbed) -> list[str]:
    """I16: nothing stands again, under another id, for what a person deleted in the CRM. Only what nobody has told of
    when it was made again is forgiven: no answer, no webhook, and no listing shows what is deleted.
    """
    wrong = []
    account = testbed.house.pd
    ours = {call.path.rpartition('/')[2] for call in testbed.house.calls('DELETE') if call.status == 200}
    restored = {row['id'] for row in await testbed.looking.fetch(RESTORED)}
    for kind in KINDS:
        codes = [code for code, one in account.catalogues[kind].fields.items() if one['field_name'] == 'hermes_id']
        live = {
            row['custom_fields'].get(codes[0]): row['id']
            for row in account.live(kind).values()
            if codes and row['custom_fields'].get(codes[0])
        }
        for row in account.tables[kind].values():
            told = row['custom_fields'].get(codes[0]) if codes else None
            if not row['is_deleted'] or row.get('_merged_to') or told not in live or str(row['id']) in ours:
                continue
            if str(told) in restored:
                continue
            made_at = next(
                (
                    call.at
                    for call in testbed.house.calls('POST', f'/{kind}s')
                    if isinstance(call.answer, dict) and (call.answer.get('data') or {}).get('id') == live[told]
                ),
                None,
            )
            [known] = await testbed.looking.fetch(TOLD, (kind, str(row['id'])))
            if made_at is None or (known['at'] is not None and known['at'] < made_at - UNDER_WAY):
                wrong.append(f'I16: {kind} {row["id"]} was deleted by a person, and {live[told]} was made for it')
    return wrong


async def _dropped(testbed: Testbed, graph: Graph) -> list[str]:
    """D-3: every object of the CRM is a record, unless somebody has to decide, or its organisation is none of ours."""
    account = testbed.house.pd
    asked = [
        tuple(row['object'])
        for row in await testbed.looking.fetch(
            "select detail -> 'object' as object from decision where detail ? 'object'"
        )
    ]
    by_ref = {(ref.type, ref.remote_id): (ref, mirror) for ref, mirror in graph.mirrors.items()}

    def unlinked(kind: str, number: Any) -> bool:
        ref, mirror = by_ref.get((kind, str(number)), (None, None))
        return mirror is not None and mirror.record is None and tuple(ref or ()) not in asked

    wrong = [f'D-3: organization {number} is nothing here' for number in account.live('organization')
             if unlinked('organization', number)]  # fmt: skip
    for kind in ('person', 'deal'):
        for number, row in account.live(kind).items():
            parent = account.live('organization').get(row.get('org_id'))
            known = parent is not None and by_ref.get(('organization', str(parent['id'])))
            company = graph.record(known[1].record) if known else None
            if unlinked(kind, number) and company is not None and not company.gone:
                wrong.append(f'D-3: {kind} {number} was dropped, its organization {row["org_id"]} is known')
    return wrong


def _lost(graph: Graph) -> list[str]:
    """D-12: the first that Hermes wrote in a field was not nothing over something, unless TutorCruncher has spoken."""
    wrong = []
    for ref, mirror in graph.mirrors.items():
        record = graph.record(mirror.record) if ref.system == 'pipedrive' and not mirror.ours else None
        if record is None:
            continue
        company = graph.company(record)
        told = graph.voice(company.ref, 'tutorcruncher') if company is not None else None
        for name, entries in mirror.sent.items():
            first = entries[0]
            owned = told is not None and any(not is_empty(run.value) for run in told.runs.get(name, ()))
            nothing = is_empty(first.value) or first.value in (False, 0)
            if len(entries) < KEPT_SENT and nothing and first.over is not None and not owned:
                wrong.append(
                    f'D-12: {ref.type} {ref.remote_id} had {name} {first.over!r}, Hermes wrote {first.value!r}'
                )
    return wrong


def rest_shape(account: Any, kind: str, row: Any) -> Any:
    from hermes.sandbox.pipedrive import rest as shapes

    return shapes.shape(account, kind, row)


def _truth(testbed: Testbed, graph: Graph) -> list[str]:
    """Independent of every mirror: what TutorCruncher owns stands in the CRM as TutorCruncher has it (FIELD-2,
    FIELD-3).
    """
    wrong = []
    account = testbed.house.pd
    codes = {one['field_name']: code for code, one in account.catalogues['organization'].fields.items()}
    for client in testbed.house.tc2.clients.values():
        if client.deleted or client.agency is None or client.agency.narc:
            continue
        url = [
            row
            for row in account.live('organization').values()
            if str(row['custom_fields'].get(codes['tc2_cligency_url'])).endswith(f'/clients/{client.id}/')
        ]
        company = graph.record_of(RemoteRef('tutorcruncher', 'client', str(client.id)))
        if company is None:
            wrong.append(f'I1: client {client.id} has no company')
            continue
        if company.tombstone is not None or len(graph.mirrors_of(company.ref, 'tutorcruncher')) > 1:
            continue
        if len(url) != 1:
            wrong.append(f'I7: client {client.id} stands {len(url)} times in the CRM')
            continue
        for name, attribute in OWNED_BY_TC2.items():
            ours, theirs = getattr(client.agency, attribute), url[0]['custom_fields'].get(codes[name])
            if ours != theirs:
                wrong.append(f'FIELD-3: client {client.id} has {name} {ours!r}, the CRM {theirs!r}')
    return wrong


async def _wanted(testbed: Testbed, graph: Graph, known: Any) -> list[str]:
    """I7: nothing is left to send, and every record says what it should."""
    wrong = []
    engine = testbed.house.engine
    system = engine.systems['pipedrive']
    context = engine.context(Event(0, '', '', b'', engine.clock.now()), known)
    pushes = {(row['record_type'], row['record_id']): row for row in await testbed.house.rows('select * from push')}
    for record in [one for one in graph.records.values() if one.ref.type in KINDS.values() and one.alias_of is None]:
        late = settle_fields(graph, record, context)
        wrong += [
            f'I5: {record.ref} has {one.field} {one.old!r}, it should be {one.new!r} ({one.note})' for one in late
        ]
        push = pushes.get((record.ref.type, record.ref.id))
        needed = plan(graph, record, system.outgoing(record.ref.type, known.catalogue), context)
        if push is not None and push['state'] != 'ready' and not isinstance(needed, Noop):
            wrong.append(f'I7: the push of {record.ref} is {push["state"]}: {push["reason"]}')
            continue
        if push is not None and push['intent'] is not None:
            wrong.append(f'I7: the push of {record.ref} has an open intent')
        if isinstance(needed, Update):
            left = {name: value for name, value in needed.fields.items() if push is None or name not in push['ignored']}
            wrong += [f'I7: {record.ref} is still to be sent: {left}'] if left else []
        elif not isinstance(needed, Noop) and not (isinstance(needed, Wait) and _parent_gone(graph, record)):
            wrong.append(f'I7: {record.ref} is still to be sent: {needed}')
    return wrong


def _parent_gone(graph: Graph, record: Any) -> bool:
    company = graph.company(record)
    return (
        company is None
        or company.gone
        or graph.record(RecordRef('contact', record.fields.get('contact_id') or 0)) is not None
    )


async def _events(testbed: Testbed) -> list[str]:
    rows = await testbed.house.rows(
        "select id, source, kind, state, attempts, reason from event where state not in ('done', 'refused') order by id"
    )
    return [
        f'event {row["id"]} ({row["source"]} {row["kind"]}) is {row["state"]} after {row["attempts"]}: {row["reason"]}'
        for row in rows
    ]


async def check_fold(testbed: Testbed) -> list[str]:
    """I14: the log, folded into an empty database, gives the same state by hash."""
    await testbed.set_shadow_back()
    source = testbed.house.engine.database
    await folding.copy_log(source, testbed.shadow.database, testbed.folded_to)
    await folding.fold(testbed.shadow)
    ours, folded = await folding.digest(source), await folding.digest(testbed.shadow.database)
    wrong = []
    for table in [name for name in ours if ours[name] != folded[name]]:
        query = folding.STATE[table]
        here = [row['row'] for row in await source.fetch(query)]
        there = [row['row'] for row in await testbed.shadow.database.fetch(query)]
        wrong += [f'I14: {table}: {difference}' for difference in _differences(here, there)] or [
            f'I14: {table} differs'
        ]
    return wrong


def _differences(here: list[Any], there: list[Any]) -> list[str]:
    found = [] if len(here) == len(there) else [f'{len(here)} rows, folded {len(there)}']
    for one, other in zip(here, there, strict=False):
        name = one.get('id') or (one.get('type'), one.get('remote_id'), one.get('machine_name'))
        found += [
            f'{name} {key}: {str(one[key])[:300]} / folded {str(other.get(key))[:300]}'
            for key in one
            if one[key] != other.get(key)
        ]
    return found[:6]
