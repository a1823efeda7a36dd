"""The host's acts about its users, and those of a migration (AU-1 to AU-6, AU-11, AU-13, AU-20).

Each names a user by our number, which was drawn for the host's key before; none waits for the CRM.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hermes.db import graphs, people
from hermes.domain import app_user
from hermes.domain import app_user_states as states
from hermes.domain.acts import (
    AddAppUser,
    ChangeAppUser,
    DecideAppUser,
    MergeAppUsers,
    ModerateAppUser,
    RemoveAppUser,
    Subscribe,
)
from hermes.domain.app_user import key_of, key_of_list
from hermes.domain.applied import Applied
from hermes.domain.erasure import MARK, NAMED
from hermes.domain.errors import NotFound, Refused, Withheld
from hermes.domain.graph import Graph
from hermes.domain.model import Record, RecordRef, RemoteRef, Value
from hermes.kit.spelling import fold_email
from hermes.sync import dirty
from hermes.sync.acts.records import refuse_erased
from hermes.sync.acts.scope import Outcome, Scope

if TYPE_CHECKING:
    from hermes.sync.engine import Engine

CHANGEABLE: Final = frozenset({'email', 'first_name', 'last_name', 'lang', 'educator', 'lists', 'legacy_id'})


def in_one_form(engine: 'Engine', target: str, crm_id: str) -> str:
    """An id of the target in the form in which it is kept (AU-14). Raises Refused for what is none."""
    system = engine.systems.get(target)
    try:
        if system is None or not crm_id or crm_id.startswith(MARK):
            return crm_id
        return system.profile.read_id(crm_id)
    except ValueError as error:
        raise Refused(f'{crm_id[:40]} is no id of {target}: {error}.') from None


async def add(scope: Scope, act: AddAppUser) -> Outcome:
    """Somebody new, or the same one again with what they say now. Raises Refused for an address that is another's."""
    values = _said(act.email, act.first_name, act.last_name, act.lang, act.educator)
    _refuse_named(scope, values, key_of(act.user_id, act.email))
    number = await people.take(scope.connection, key_of(act.user_id, act.email), act.id)
    ref = RecordRef('app_user', number)
    await _refuse_taken(scope, ref, act.email)
    target = str(scope.context.settings.get(app_user.TARGET) or '')
    if act.crm_id and not target:
        raise Refused('There is no CRM in force to which this crm_id could belong: first choose a target.')
    crm_id = in_one_form(scope.engine, target, act.crm_id)
    graph, record = await _load(scope, ref, *([RemoteRef(target, ref.type, crm_id)] if crm_id else []))
    given = {**values, 'user_id': act.user_id or None, 'legacy_id': act.legacy_id or None}

    def work(done: Applied) -> str:
        if record is None:
            fields = {**given, 'lists': sorted(set(act.lists))}
            done.changes += app_user.make(graph, ref, fields, scope.context, migrated=act.migrated)
            if crm_id:
                app_user.known_as(graph, ref, crm_id, scope.context, done)
            return f'app user {number} signed up'
        done.changes += app_user.revive(graph, record)
        told = {name: value for name, value in given.items() if value is not None}
        lists = sorted({*(record.fields.get('lists') or ()), *act.lists})
        done.changes += app_user.write(graph, record, {**told, 'lists': lists}, 'AU-1')
        return f'app user {number} is known already'

    return {**await _change(scope, graph, work), 'id': number}


async def change(scope: Scope, act: ChangeAppUser) -> Outcome:
    """Other values; an address that another app user has is refused (AU-2)."""
    if strange := sorted(act.to.keys() - CHANGEABLE):
        raise Refused(f'An app user has no {", ".join(strange)} to change; there are: {", ".join(sorted(CHANGEABLE))}.')
    refuse_erased(scope, act.to)
    graph, record = await _find(scope, act.id)
    email = act.to.get('email')
    if isinstance(email, str):
        await _refuse_taken(scope, record.ref, email)
        if not record.fields.get('user_id'):
            old = key_of('', str(record.fields.get('email') or ''))
            await people.rename(scope.connection, old, key_of('', email), record.ref.id)
    values = {name: sorted(set(value)) if name == 'lists' else value for name, value in act.to.items()}

    def work(done: Applied) -> str:
        done.changes += app_user.write(graph, record, values, 'AU-2')
        return f'app user {act.id}: {", ".join(sorted(act.to))}'

    return {**await _change(scope, graph, work), 'id': act.id}


async def subscribe(scope: Scope, act: Subscribe) -> Outcome:
    """An address on mailing lists, without an account."""
    values = _said(act.email, act.first_name, act.last_name, act.lang, act.educator)
    _refuse_named(scope, values, key_of_list(act.email))
    number = await people.take(scope.connection, key_of_list(act.email), act.id)
    ref = RecordRef('subscription', number)
    graph, record = await _load(scope, ref)

    def work(done: Applied) -> str:
        if record is None:
            done.changes += app_user.make(graph, ref, {**values, 'lists': sorted(set(act.lists))}, scope.context)
            return f'subscription {number} is made'
        lists = sorted({*(record.fields.get('lists') or ()), *act.lists})
        done.changes += app_user.write(graph, record, {**values, 'lists': lists}, 'AU-3')
        return f'subscription {number} is known already'

    return {**await _change(scope, graph, work), 'id': number}


async def moderate(scope: Scope, act: ModerateAppUser) -> Outcome:
    """AU-4, AU-5: the target is told, each in its own way."""
    graph, record = await _find(scope, act.id)

    def work(done: Applied) -> str:
        rule = 'AU-4' if act.action == 'spam' else 'AU-5'
        done.changes += app_user.write(graph, record, {'moderation': act.action or None}, rule)
        return f'app user {act.id} is marked: {act.action or "nothing"}'

    return {**await _change(scope, graph, work), 'id': act.id}


async def remove(scope: Scope, act: RemoveAppUser) -> Outcome:
    """AU-20: the account is deleted; its object in the target is marked for review and kept."""
    graph, record = await _find(scope, act.id)

    def work(done: Applied) -> str:
        done.changes += app_user.write(graph, record, {'moderation': 'account_deleted'}, 'AU-20')
        done.changes += app_user.bury(graph, record, 'host', scope.context)
        return f'the account of app user {act.id} is deleted'

    return {**await _change(scope, graph, work), 'id': act.id}


async def merge(scope: Scope, act: MergeAppUsers) -> Outcome:
    """AU-20: the lists of the first go to the second, whose account stays."""
    if act.id == act.into:
        raise Refused('An app user cannot be merged into itself.')
    refs = {RecordRef('app_user', act.id), RecordRef('app_user', act.into)}
    graph = await graphs.load(scope.connection, graphs.Wanted(records=refs))
    gone, stays = (graph.records.get(RecordRef('app_user', number)) for number in (act.id, act.into))
    if gone is None or stays is None or gone.tombstone is not None or stays.tombstone is not None:
        raise NotFound('One of these app users is not there (any more); nothing was done.')

    def work(done: Applied) -> str:
        lists = sorted({*(stays.fields.get('lists') or ()), *(gone.fields.get('lists') or ())})
        legacy = stays.fields.get('legacy_id') or gone.fields.get('legacy_id')
        done.changes += app_user.write(graph, stays, {'lists': lists, 'legacy_id': legacy}, 'AU-20')
        done.changes += app_user.write(graph, gone, {'moderation': 'account_deleted'}, 'AU-20')
        done.changes += app_user.bury(graph, gone, 'merged', scope.context)
        return f'app user {act.id} went into {act.into}'

    return {**await _change(scope, graph, work), 'id': act.into}


async def decide(scope: Scope, act: DecideAppUser) -> Outcome:
    """AU-11: a person's answer for one app user. Raises Refused where nothing is to be decided."""
    graph, record = await _find(scope, act.id)
    state = str(record.fields.get('state') or '')
    if act.choice != 'retry' and state not in states.OPEN:
        raise Refused(f'App user {act.id} is in the state {state}: there is nothing to decide.')
    if act.choice == 'link' and not act.crm_id:
        raise Refused('To link somebody, say to which crm_id.')
    target = str(record.fields.get('target') or '')
    crm_id = in_one_form(scope.engine, target, act.crm_id)
    if act.choice == 'link':
        graph, record = await _find(scope, act.id, RemoteRef(target, record.ref.type, crm_id))

    def work(done: Applied) -> str:
        app_user.decide(graph, record, act.choice, crm_id, scope.context, done)
        return f'app user {act.id}: {act.choice} {act.crm_id}'.strip()

    return {**await _change(scope, graph, work), 'id': act.id}


def _refuse_named(scope: Scope, values: dict[str, Value], key: str) -> None:
    """Nobody who was erased is taken in again, under whatever the host named them by (S10). Raises Withheld."""
    refuse_erased(scope, values)
    if not scope.folding and scope.engine.veil(scope.known.erased).find('record', NAMED, key):
        raise Withheld('Whoever is named so was erased, and nothing of them is taken in; nothing was done.')


def _said(email: str, first_name: str, last_name: str, lang: str, educator: bool) -> dict[str, Value]:
    return {
        'email': email, 'first_name': first_name or None, 'last_name': last_name or None, 'lang': lang,
        'educator': educator,
    }  # fmt: skip


async def _refuse_taken(scope: Scope, ref: RecordRef, email: str) -> None:
    """AU-2: an address belongs to one app user."""
    await people.lock_email(scope.connection, fold_email(email))
    others = [number for number in await people.holders(scope.connection, fold_email(email)) if number != ref.id]
    if others and not scope.folding:
        raise Refused('Another app user has this e-mail address; nothing was done.', 'email_taken')


async def _load(scope: Scope, ref: RecordRef, *objects: RemoteRef) -> tuple[Graph, Record | None]:
    """An app user with their objects, and the `objects` that may be somebody else's."""
    graph = await graphs.load(scope.connection, graphs.Wanted(records={ref}, refs=set(objects)))
    return graph, graph.records.get(ref)


async def _find(scope: Scope, number: int, *objects: RemoteRef) -> tuple[Graph, Record]:
    """An app user, deleted ones left out. Raises NotFound."""
    graph, record = await _load(scope, RecordRef('app_user', number), *objects)
    if record is None or record.tombstone is not None:
        raise NotFound(f'There is no app user {number}.')
    return graph, record


async def _change(scope: Scope, graph: Graph, work: Callable[[Applied], str]) -> Outcome:
    before, done = (dict(graph.mirrors), dict(graph.records)), Applied()
    said = work(done)
    touched = dirty.touched_by(graph, *before)
    await store(scope, graph, done)
    return {'notes': [said, *done.notes], 'dirty': [list(ref) for ref in sorted(touched)]}


async def store(scope: Scope, graph: Graph, done: Applied) -> None:
    effects = graphs.Effects()
    effects.add(done, scope.event.id)
    await graphs.commit(scope.connection, graph, effects, scope.event)
