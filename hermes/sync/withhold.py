"""What arrives about somebody who was erased (S10) stays outside: it makes nothing, changes nothing, and is kept
without its body. What it says of others goes on, without what names the erased.

It is asked wherever something is observed: of deliveries, pages, answers and reads, before anything is loaded for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hermes.db import erasing
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.erasure import Veil, unescaped
from hermes.domain.model import Element, Event, Observation, RecordRef, RemoteRef
from hermes.sync.engine import Engine
from hermes.sync.observe import KEPT, encode_kept

IGNORED: Final = 'it is about somebody who was erased'
Observed = tuple[Event, Sequence[Element]]


@dataclass(frozen=True, slots=True)
class Sifted:
    """A batch without the erased; which of its events lose their bodies; objects of theirs that were not known yet."""

    batch: list[Observed]
    changed: list[Observed] = field(default_factory=list)
    met: dict[RemoteRef, RecordRef] = field(default_factory=dict)


async def sift(engine: Engine, connection: Connection, batch: Sequence[Observed], known: Knowledge) -> Sifted:
    """Take out of a batch what is about the erased. Nothing is written."""
    if not known.erased:
        return Sifted(list(batch))
    veil = engine.veil(known.erased)
    observed = [seen for _, elements in batch for element in elements for seen in element.observations]
    refs = {seen.ref for seen in observed} | {seen.parent for seen in observed if seen.parent is not None}
    refs |= {wanted.ref for _, elements in batch for element in elements for wanted in element.fetch}
    owners = await erasing.owners(connection, refs)
    sifted = Sifted([])
    for event, elements in batch:
        told = [_element(veil, element, owners, sifted.met) for element in elements]
        sifted.batch.append((event, told))
        changed = any(one is not other for one, other in zip(told, elements, strict=True))
        if changed or _is_near(veil, elements, owners) or _names(veil, event):
            sifted.changed.append((event, told))
    return sifted


def _is_near(veil: Veil, elements: Sequence[Element], owners: erasing.Owners) -> bool:
    """Whether it speaks of a company under which somebody was erased: what else stands in its bytes nobody knows."""
    refs = {seen.ref for element in elements for seen in element.observations}
    refs |= {seen.parent for element in elements for seen in element.observations if seen.parent is not None}
    refs |= {wanted.ref for element in elements for wanted in element.fetch}
    companies = {owner.company for ref in refs if (owner := owners.get(ref)) is not None}
    return any(veil.find('near', company) for company in companies)


def _names(veil: Veil, event: Event) -> bool:
    """Whether the bytes of an event say an address or a phone of theirs."""
    if KEPT in event.headers or not event.body:
        return False
    text = unescaped(event.body)
    return veil.text(text) != text


def _element(veil: Veil, element: Element, owners: erasing.Owners, met: dict[RemoteRef, RecordRef]) -> Element:
    """One element; the same object where it has nothing of the erased."""

    def company(seen: Observation) -> int | None:
        owner = owners.get(seen.ref) or (owners.get(seen.parent) if seen.parent is not None else None)
        return owner.company if owner is not None else None

    def is_own(seen: Observation) -> bool:
        if veil.is_erased(seen.ref):
            return True
        whose = veil.whose(seen) if seen.ref not in owners else None
        if whose is not None:
            met[seen.ref] = whose
        return whose is not None

    others = tuple(seen for seen in element.observations if not is_own(seen))
    fetch = tuple(wanted for wanted in element.fetch if not veil.is_erased(wanted.ref))
    intent = None if element.intent and veil.of_record(element.intent.record) else element.intent
    lookup = None if element.lookup and veil.of_record(element.lookup.record) else element.lookup
    less = len(others) < len(element.observations) or len(fetch) < len(element.fetch)
    less = less or intent is not element.intent or lookup is not element.lookup
    hidden = veil.element(replace(element, alone=b''), company, lambda seen: False)
    if not less and hidden == replace(element, alone=b''):
        return element
    others_of = replace(element, observations=others, fetch=fetch, intent=intent, lookup=lookup, alone=b'')
    left = veil.element(others_of, company, lambda seen: False)
    empty = not (left.observations or left.fetch or left.intent or left.lookup or left.ignored or left.unparseable)
    return Element(ignored=IGNORED) if empty else left


async def keep(engine: Engine, connection: Connection, sifted: Sifted, event_id: int = 0) -> None:
    """Let go of the bodies of events that speak of the erased: what was understood of others stays. Objects of theirs
    that nobody knew are known from now on. `event_id`: of the one event, where it was stored meanwhile.
    """
    veil = engine.veil({})
    for ref, record in sorted(sifted.met.items()):
        sealed = veil.seal('object', *ref)
        await erasing.remember(connection, {sealed: 'object'}, record, event_id or sifted.changed[0][0].id)
        await erasing.make_husk(connection, ref._replace(remote_id=sealed), record)
    for event, elements in sifted.changed:
        left = any(element.observations or element.fetch or element.lookup for element in elements)
        told = left and event.kind in ('webhook', 'page', 'answer', 'read')
        headers = {**event.headers, KEPT: 'understood'} if told else dict(event.headers)
        body = encode_kept(elements) if told else None
        await erasing.keep_body(connection, event_id or event.id, body, headers)


async def drop_unread(engine: Engine, connection: Connection, event: Event, known: Knowledge) -> None:
    """What cannot be read keeps no body either, where its text names somebody who was erased."""
    if known.erased and _names(engine.veil(known.erased), event):
        await erasing.keep_body(connection, event.id, None, dict(event.headers))
