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
from hermes.domain.acts import Act, FetchRecord, MergeRecords, PushNow, ReleaseField, WriteFields
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import RecordRef
from hermes.domain.record_types import MERGED
from hermes.parts.roles import CRM
from hermes.sync.what_if import what_if
from hermes.web.desk.pages import lead, show
from hermes.web.desk.records import find_ref, path_of, shared, show_field_of
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
    ref, name, number = find_ref(visit), visit.part('field'), visit.field('put')
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound('Which value? Choose one of the timeline.')
    change = await visit.parts.reading.ask(read_change, ref, int(number))
    if change['field'] != name:
        raise NotFound('That line of the journal is of another field.')
    side = 'old' if visit.field('side') == 'old' else 'new'
    visit.query.update({'put': number, 'side': side})
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
    number = asked.removeprefix(f'{ref.type}:').removeprefix(f'{ref.type} ').strip()
    if not asked:
        return Both(head, None, None, [], {})
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        hits = [item for item in search(connection, asked, limit=200) if item['type'] == ref.type]
        return Both(head, None, None, [item for item in hits if item['id'] != ref.id][:FOUND], {})
    other = reads.read_head(connection, RecordRef(ref.type, int(number)))
    if other.into:
        other = reads.read_head(connection, other.into)
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
    told = await visit.parts.reading.ask(_read_both, ref, visit.field('with'))
    if told.other is None:
        return await _show_merge(visit, 422, {'with': 'Choose the other record.'})
    loser, survivor = (told.other, told.head) if keeps else (told.head, told.other)
    if visit.field('name').strip().casefold() != loser.title.strip().casefold():
        return await _show_merge(visit, 422, {'name': f'Type the name as it stands here: {loser.title}'})
    try:
        done = await visit.act(MergeRecords(loser.ref, survivor.ref))
    except Refused as error:
        return await _show_merge(visit, 422, {'': str(error)})
    return lead(visit.link(path_of(survivor.ref), done=done.event_id))
