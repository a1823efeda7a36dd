"""What needs somebody (ADM-6): everything that waits for a person in one list, and each with both sides, what seems
best, and the answers that settle it. Several of a kind are settled at once, each by an act of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from hermes.db.events import REPLAYED
from hermes.db.reads import decisions as questions
from hermes.db.reads import matters, sides, staff
from hermes.db.reads.lookup import Row
from hermes.db.reads.matters import Matter
from hermes.domain.acts import (
    Act,
    DismissEvent,
    DismissLetter,
    IgnoreFields,
    ReplayEvent,
    RetryLetter,
    RetryPush,
    WriteFields,
)
from hermes.domain.errors import NotFound, Refused
from hermes.domain.matters import (
    EVENT,
    KINDS,
    OWNER,
    PUSH,
    WORK,
    Answer,
    answers,
    choices_of,
    choose,
    reason_of,
    suggest,
    title_of,
)
from hermes.domain.model import RecordRef, Value
from hermes.domain.rules import PLANS
from hermes.domain.staff import show_name
from hermes.kit.texts import read_number
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit
from hermes.web.desk.what_if import show_what_if

PAGE: Final = '/desk/decisions/'
FEW: Final = 5
"""So many of a kind are shown beside the others."""
AT_ONCE: Final = 200
"""So many are settled by one form; the others stay."""


async def show_decisions(visit: Visit) -> Response:
    """All kinds with the newest of each; one kind where the address names it."""
    return await _show_list(visit)


async def _show_list(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    kind, ask = visit.query.get('kind', ''), visit.parts.reading.ask
    counts = await ask(matters.count_matters)
    kinds = [name for name in (*WORK, *KINDS, *counts) if name in counts]
    tiles = [(name, title_of(name), counts[name]) for name in dict.fromkeys(kinds)]
    given = {
        'kind': kind, 'tiles': tiles, 'most': matters.MOST, 'may': visit.may('operator'), 'titles': title_of,
        'wrong': wrong or {}, 'meanings': choices_of(kind) if kind else {}, 'kinds': KINDS, 'address': address_of,
    }  # fmt: skip
    if not kind:
        groups = [(name, await ask(matters.list_matters, name, limit=FEW)) for name, _, _ in tiles]
        return show(visit, 'decisions.html', status, groups=groups, **given)
    record, system = _filter(visit)
    found = await ask(
        matters.list_matters, kind, record=record, system=system, before=visit.query.get('before', ''),
        after=visit.query.get('after', ''),
    )  # fmt: skip
    return show(
        visit, 'decisions_of.html', status, page=found, many=counts.get(kind, 0), answers=choose(kind),
        row_answers=_row_answers, at_once=AT_ONCE, **given,
    )  # fmt: skip


def _filter(visit: Visit) -> tuple[str, str]:
    """Of which record, and of which system."""
    return visit.query.get('record', '').strip().lower(), visit.query.get('system', '').strip().lower()


def _row_answers(matter: Matter) -> list[Answer]:
    """What may be done about it from the list."""
    found = [each for each in answers(matter.kind, matter.detail) if each.at_once]
    return [each for each in found if each.choice != 'replay' or can_replay(matter)]


def can_replay(matter: Matter) -> bool:
    """Whether an event may be applied again: it came from outside, and its body is there."""
    return matter.kind != EVENT or bool(matter.detail['body'] and matter.detail['kind'] in REPLAYED)


def address_of(matter: Matter) -> str:
    """Where one matter is looked at."""
    match matter.kind:
        case 'push':
            return f'{PAGE}push/{matter.key.replace(":", "/")}/'
        case 'event':
            return f'/desk/events/{matter.key}/'
        case 'letter' if matter.record:
            return f'/desk/bookings/{matter.record.id}/'
        case 'owner' if matter.record:
            return f'{PAGE}owner/{matter.record.id}/'
        case 'field':
            return f'/desk/fields/{matter.key}/edit/'
        case _:
            return f'{PAGE}{matter.key}/'


async def settle_several(visit: Visit) -> Response:
    """One answer for the chosen ones, or for all of a kind; each is an act of its own, and what is refused is told."""
    kind, row = visit.field('kind'), visit.field('row')
    choice, _, only = row.partition(' ') if row else (visit.field('choice'), '', '')
    visit.query.update({name: visit.field(name) for name in ('kind', 'record', 'system') if visit.field(name)})
    if choice not in {each.choice for each in choose(kind)}:
        return await _show_list(visit, 422, {'choice': 'Choose what is to be done.'})
    if choice == 'dismiss' and not visit.field('reason').strip():
        return await _show_list(visit, 422, {'reason': 'Say why they are dismissed; it is kept.'})
    chosen = await _chosen(visit, kind, [only] if only else visit.fields('one'), whole=visit.field('scope') == 'all')
    if not chosen:
        return await _show_list(visit, 422, {'one': 'Choose at least one of them.'})
    done, refused = [], {}
    for key in chosen:
        try:
            done.append(await visit.act(await _act(visit, kind, key, choice), part=f'{kind} {key}'))
        except Refused as error:
            refused[f'one-{key}'] = f'{key}: {error}'
    if refused:
        head = f'{len(done)} were settled; {len(refused)} were not.'
        return await _show_list(visit, 422, {'': head, **dict(list(refused.items())[:20])})
    record, system = _filter(visit)
    told = {'kind': kind, 'record': record, 'system': system, 'done': done[-1].event_id, 'settled': len(done)}
    return lead(visit.link(PAGE, **told))


async def _chosen(visit: Visit, kind: str, keys: Sequence[str], *, whole: bool) -> Sequence[str]:
    """The keys of what is to be settled."""
    if not whole:
        return list(dict.fromkeys(keys))[:AT_ONCE]
    record, system = _filter(visit)
    found = await visit.parts.reading.ask(matters.list_matters, kind, record=record, system=system, limit=AT_ONCE)
    return [matter.key for matter in found.items]


async def _act(visit: Visit, kind: str, key: str, choice: str) -> Act:
    """The act that settles one of a list; whether there still is something to settle, the act says."""
    reason, (first, _, rest) = visit.field('reason').strip(), key.partition(':')
    match kind, choice:
        case 'push', 'retry':
            number, _, system = rest.partition(':')
            return RetryPush(RecordRef(first, _number(number)), system)
        case 'event', 'replay':
            return ReplayEvent(_number(first))
        case 'event', 'dismiss':
            return DismissEvent(_number(first), reason)
        case 'letter', 'retry':
            return RetryLetter(_number(first))
        case 'letter', 'dismiss':
            return DismissLetter(_number(first), reason)
    asked = await visit.parts.reading.ask(questions.read_decision, _number(key))
    if asked['kind'] != kind:
        raise Refused('This is a question of another kind.')
    return questions.settling_act(asked, choice)


def _number(key: str) -> int:
    number = read_number(key)
    if number is None:
        raise NotFound('There is no such matter.')
    return number


async def show_decision(visit: Visit) -> Response:
    return await _show_one(visit)


async def _show_one(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    asked = await _asked(visit)
    kind, detail = asked['kind'], asked['detail'] or {}
    found = await visit.parts.reading.ask(sides.read_sides, asked)
    choice, value, why = suggest(kind, detail, found.alike, found.in_product)
    given = answers(kind, detail)
    names = {f'{each.record.type}:{each.record.id}': each.title for each in found.sides if each.record}
    given = [replace(each, label=f'It is {names.get(each.value, each.value)}') if each.choice == 'same' else each
             for each in given]  # fmt: skip
    wanted = visit.field('choice') or visit.query.get('answer', '')
    asking = next((each for each in given if each.choice == wanted and each.destroys), None)
    return show(
        visit, 'decision.html', status, asked=asked, title=title_of(kind), meaning=KINDS.get(kind, ('', ''))[1],
        reason=reason_of(kind, detail), sides=found, answers=given, best=(choice, value), why=why, asking=asking,
        name=name_of(found), may=visit.may('operator'), wrong=wrong or {}, rest=_rest(detail),
    )  # fmt: skip


SHOWN: Final = frozenset(
    {'reason', 'object', 'candidates', 'start_at', 'rule', 'fields', 'names', 'company', 'contact'}
)
"""What a page tells elsewhere of what is known."""


def _rest(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What is known besides what both sides show."""
    return {name: told for name, told in detail.items() if name not in SHOWN}


def name_of(found: sides.Sides) -> str:
    """What has to be typed before something is taken away."""
    return found.sides[0].title if found.sides else ''


async def settle(visit: Visit) -> Response:
    """Give an answer. What takes something away needs the name of whatever it is about."""
    asked = await _asked(visit)
    choice, value = visit.field('choice'), visit.field('value').strip()
    known = [each for each in answers(asked['kind'], asked['detail'] or {}) if each.choice == choice]
    if not known:
        return await _show_one(visit, 422, {'': 'Choose one of the answers.'})
    if any(each.asks for each in known) and not value:
        return await _show_one(visit, 422, {f'value-{choice}': f'{known[-1].asks} is needed.'})
    act = questions.settling_act(asked, choice, value)
    if visit.field('action') == 'what-if':
        try:
            return await show_what_if(visit, act, f'{PAGE}{asked["id"]}/')
        except Refused as error:
            return await _show_one(visit, 422, {'': str(error)})
    if known[0].destroys:
        name = name_of(await visit.parts.reading.ask(sides.read_sides, asked))
        if visit.field('name').strip().casefold() != name.strip().casefold():
            return await _show_one(visit, 422, {'name': f'Type the name as it stands here: {name}'})
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show_one(visit, 422, {'': str(error)})
    return lead(visit.link(f'{PAGE}{asked["id"]}/', done=done.event_id))


async def _asked(visit: Visit) -> Row:
    try:
        return await visit.parts.reading.ask(questions.read_decision, visit.number('decision'))
    except Refused:
        raise NotFound('There is no such decision.') from None


async def show_push(visit: Visit) -> Response:
    return await _show_push(visit)


async def _show_push(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    ref, system, ask = _ref(visit), visit.part('system'), visit.parts.reading.ask
    push = await ask(matters.read_matter, PUSH, f'{ref.type}:{ref.id}:{system}')
    detail: Mapping[str, Any] = push.detail if push else {}
    named, sent = ([str(name) for name in detail.get(which) or ()] for which in ('fields', 'sent'))
    both = await ask(sides.read_push_sides, ref, system, {*named, *sent})
    if not both.sides:
        raise NotFound(f'There is no {ref.type} {ref.id}.')
    calls = await ask(matters.read_calls, ref, system)
    return show(
        visit, 'decision_push.html', status, push=push, ref=ref, system=system, sides=both, calls=calls, detail=detail,
        named=named, sent=sent, may=visit.may('operator'), wrong=wrong or {},
    )  # fmt: skip


async def settle_push(visit: Visit) -> Response:
    """Try it again, or go on without some of its fields (OUT-6)."""
    ref, system = _ref(visit), visit.part('system')
    push = await visit.parts.reading.ask(matters.read_matter, PUSH, f'{ref.type}:{ref.id}:{system}')
    fields = list(visit.fields('field'))
    if visit.field('choice') == 'ignore' and not fields:
        return await _show_push(visit, 422, {'field': 'Choose the fields that are not to be sent.'})
    detail: Mapping[str, Any] = push.detail if push else {}
    known = {*(detail.get('fields') or ()), *(detail.get('sent') or ()), *(detail.get('ignored') or ())}
    if push is not None and not known >= set(fields):
        return await _show_push(visit, 422, {'field': 'Choose fields of those that were to be sent.'})
    act: Act = IgnoreFields(ref, fields, system) if visit.field('choice') == 'ignore' else RetryPush(ref, system)
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show_push(visit, 422, {'': str(error)})
    return lead(visit.link(visit.path, done=done.event_id))


def _ref(visit: Visit) -> RecordRef:
    return RecordRef(visit.part('type'), visit.number('record'))


async def show_owner(visit: Visit) -> Response:
    return await _show_owner(visit)


async def _show_owner(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    """What stands in for whom nobody knows, and what may stand there instead."""
    ask = visit.parts.reading.ask
    matter = await ask(matters.read_matter, OWNER, str(visit.number('company')))
    people = [each for each in await ask(staff.list_staff, list(visit.parts.engine.systems)) if each['active']]
    return show(
        visit, 'decision_owner.html', status, matter=matter, number=visit.number('company'), people=people,
        names=show_name, plans=PLANS, may=visit.may('operator'), wrong=wrong or {},
    )  # fmt: skip


async def settle_owner(visit: Visit) -> Response:
    """An operator says who it is, as a decree (D-22)."""
    matter = await visit.parts.reading.ask(matters.read_matter, OWNER, str(visit.number('company')))
    told = {name: visit.field(name) for name in (matter.detail if matter else {}) if visit.field(name)}
    if not told:
        return await _show_owner(visit, 422, {'': 'Choose who or what it is.'})
    values: dict[str, Value] = {}
    for name, each in told.items():
        number = read_number(each)
        values[name] = each if number is None else number
    act = WriteFields(RecordRef('company', visit.number('company')), values, visit.field('reason').strip())
    try:
        done = await visit.act(act)
    except Refused as error:
        return await _show_owner(visit, 422, {'': str(error)})
    return lead(visit.link(visit.path, done=done.event_id))
