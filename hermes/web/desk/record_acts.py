"""What can be done to a record from its page (ADM-4): each is an act, as the command line submits it."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from hermes.db.connections import Connection
from hermes.db.reads import record as reads
from hermes.db.reads.lookup import Row, find_links
from hermes.db.reads.search import search
from hermes.db.reads.sides import Sides, read_both
from hermes.db.reads.timeline import read_change
from hermes.domain.acts import Act, FetchRecord, MergeRecords, PushNow, ReleaseField, Unlink, WriteFields
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import RecordRef, RemoteRef
from hermes.domain.record_types import MERGED
from hermes.kit.texts import read_number
from hermes.parts.roles import CRM
from hermes.sync.what_if import what_if
from hermes.web.desk.pages import lead, show
from hermes.web.desk.records import find_ref, path_of, shared, show_field_of
from hermes.web.desk.shown import TITLES
from hermes.web.desk.visit import Visit

FOUND: Final = 20


async def push_now(visit: Visit) -> Response:
    return await _act(visit, PushNow(find_ref(visit)))


async def fetch_now(visit: Visit) -> Response:
    return await _act(visit, FetchRecord(find_ref(visit)))


async def _act(visit: Visit, act: Act) -> Response:
    done = await visit.act(act)
    return lead(visit.link(path_of(find_ref(visit)), done=done.event_id))


async def release(visit: Visit) -> Response:
    """What holds a field ends: its decree, else a person's edit in the CRM."""
    ref, name = find_ref(visit), visit.part('field')
    try:
        done = await visit.act(ReleaseField(ref, name))
    except Refused as error:
        return await show_field_of(visit, 422, {'': str(error)})
    return lead(visit.link(f'{path_of(ref)}fields/{name}/', done=done.event_id))


async def put_back(visit: Visit) -> Response:
    """A value that stood there once stands again, decreed (D-22). The journal says what it was, not the form."""
    ref, name, number = find_ref(visit), visit.part('field'), read_number(visit.field('put'))
    if number is None:
        raise NotFound('Which value? Choose one of the timeline.')
    change = await visit.parts.reading.ask(read_change, ref, number)
    if change['field'] != name:
        raise NotFound('That line of the journal is of another field.')
    side = 'old' if visit.field('side') == 'old' else 'new'
    visit.query.update({'put': str(number), 'side': side})
    try:
        done = await visit.act(WriteFields(ref, {name: change[side]}, visit.field('reason').strip()))
    except Refused as error:
        return await show_field_of(visit, 422, {'reason': str(error)})
    return lead(visit.link(f'{path_of(ref)}fields/{name}/', done=done.event_id))


@dataclass(frozen=True, slots=True)
class Both:
    """Two records that may be one: `head` is the page's own; `other` that with which it would be merged."""

    head: reads.Head
    other: reads.Head | None
    sides: Sides | None
    found: list[Row]
    moves: dict[RecordRef, dict[str, list[Row]]]
    both_in_crm: bool = False


def _read_both(connection: Connection, ref: RecordRef, asked: str) -> Both:
    head = reads.read_head(connection, ref)
    number = read_number(asked.removeprefix(f'{ref.type}:').removeprefix(f'{ref.type} ').strip())
    if not asked:
        return Both(head, None, None, [], {})
    if number is None:
        hits = [item for item in search(connection, asked, limit=200) if item['type'] == ref.type]
        return Both(head, None, None, [item for item in hits if item['id'] != ref.id][:FOUND], {})
    other = reads.read_head(connection, RecordRef(ref.type, number))
    if other.into:
        other = reads.read_head(connection, other.into)
    if other.ref == ref:
        raise NotFound('That is this record itself: name the other one.')
    in_crm = [
        any(item['system'] == CRM and item['state'] == 'live' for item in find_links(connection, each.ref))
        for each in (head, other)
    ]
    moves = {each.ref: reads.read_related(connection, each) for each in (head, other)}
    return Both(head, other, read_both(connection, [ref, other.ref]), [], moves, all(in_crm))


async def show_merge(visit: Visit) -> Response:
    return await _show_merge(visit)


async def _show_merge(visit: Visit, status: int = 200, wrong: dict[str, str] | None = None) -> Response:
    """Which other, which goes into which, and what that would do: it is tried, and taken back."""
    ref = find_ref(visit)
    if ref.type not in MERGED:
        raise NotFound(f'Records of the type {ref.type} are not merged.')
    wrong = dict(wrong or {})
    asked, foreseen = visit.query.get('with', '').strip(), None
    try:
        told = await visit.parts.reading.ask(_read_both, ref, asked)
    except NotFound as error:
        told = await visit.parts.reading.ask(_read_both, ref, '')
        wrong, status = {'with': str(error), **wrong}, 422
    keeps = told.other is not None and visit.query.get('keep') == 'this'
    if told.other is not None and not told.both_in_crm:
        loser, survivor = (told.other, told.head) if keeps else (told.head, told.other)
        try:
            foreseen = await what_if(visit.parts.engine, MergeRecords(loser.ref, survivor.ref), visit.user.email)
        except Refused as error:
            wrong.setdefault('', str(error))
    else:
        loser, survivor = told.head, told.other or told.head
    return show(
        visit, 'record_merge.html', status, told=told, head=told.head, ref=ref, path=path_of(ref), asked=asked,
        wrong=wrong, loser=loser, survivor=survivor, keeps=keeps, foreseen=foreseen, names={}, **shared(visit),
    )  # fmt: skip


async def merge(visit: Visit) -> Response:
    """One goes into the other; whoever says so has to name it."""
    ref, keeps = find_ref(visit), visit.field('keep') == 'this'
    visit.query.update({'with': visit.field('with'), 'keep': 'this' if keeps else ''})
    try:
        told = await visit.parts.reading.ask(_read_both, ref, visit.field('with'))
    except NotFound as error:
        return await _show_merge(visit, 422, {'with': str(error)})
    if told.other is None:
        return await _show_merge(visit, 422, {'with': 'Choose the other record.'})
    loser, survivor = (told.other, told.head) if keeps else (told.head, told.other)
    if not _is_named(visit, loser):
        return await _show_merge(visit, 422, _name_it(loser))
    try:
        done = await visit.act(MergeRecords(loser.ref, survivor.ref))
    except Refused as error:
        return await _show_merge(visit, 422, {'': str(error)})
    return lead(visit.link(path_of(survivor.ref), done=done.event_id))


async def show_unlink(visit: Visit) -> Response:
    return await _show_unlink(visit)


async def _show_unlink(visit: Visit, status: int = 200, wrong: dict[str, str] | None = None) -> Response:
    """What would become of an object that is not this record, and of the record: it is tried, and taken back."""
    ref = find_ref(visit)
    head, voice = await visit.parts.reading.ask(_read_object, ref, visit.query.get('object', ''))
    wrong, foreseen = dict(wrong or {}), None
    try:
        foreseen = await what_if(visit.parts.engine, _unlinking(ref, voice), visit.user.email)
    except Refused as error:
        wrong.setdefault('', str(error))
    return show(
        visit, 'record_unlink.html', status, head=head, ref=ref, path=path_of(ref), voice=voice, foreseen=foreseen,
        wrong=wrong, names={}, **shared(visit),
    )  # fmt: skip


def _read_object(connection: Connection, ref: RecordRef, asked: str) -> tuple[reads.Head, reads.Voice]:
    """One of the objects of a record in the CRM, as `organization:5`. Raises NotFound."""
    voices = reads.read_view(connection, ref).voices if ref.type in MERGED else ()
    found = next((each for each in voices if each.system == CRM and f'{each.type}:{each.remote_id}' == asked), None)
    if found is None:
        raise NotFound(f'This {ref.type} has no such object in {TITLES[CRM]}.')
    return reads.read_head(connection, ref), found


def _unlinking(ref: RecordRef, voice: reads.Voice) -> Unlink:
    return Unlink(ref, RemoteRef(voice.system, voice.type, voice.remote_id))


async def unlink(visit: Visit) -> Response:
    """The object is a record of its own from now on; whoever says so has to name the record."""
    ref = find_ref(visit)
    visit.query['object'] = visit.field('object')
    head, voice = await visit.parts.reading.ask(_read_object, ref, visit.field('object'))
    if not _is_named(visit, head):
        return await _show_unlink(visit, 422, _name_it(head))
    try:
        done = await visit.act(_unlinking(ref, voice))
    except Refused as error:
        return await _show_unlink(visit, 422, {'': str(error)})
    return lead(visit.link(path_of(ref), done=done.event_id))


def _is_named(visit: Visit, head: reads.Head) -> bool:
    return visit.field('name').strip().casefold() == head.title.strip().casefold()


def _name_it(head: reads.Head) -> dict[str, str]:
    return {'name': f'Type the name as it stands here: {head.title}'}
