"""What if (ADM-14): what a change would do here, what would be sent to whom, and what that costs; then applied or
dropped. The form's own fields are carried along, so that applying it is the same form, sent without the question.
"""

from starlette.responses import Response

from hermes.db.connections import Connection
from hermes.db.reads.matters import name_records
from hermes.db.reads.record import name_changes
from hermes.domain.acts import Act
from hermes.domain.model import RecordRef
from hermes.domain.record_types import NAMES
from hermes.sync import what_if
from hermes.sync.what_if import WhatIf
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit

CARRIED_NOT = frozenset({'csrf', 'key', 'action'})


async def show_what_if(visit: Visit, act: Act, address: str) -> Response:
    """The page of an act that a form at `address` asks about. Raises Refused where it would be refused."""
    found = await what_if.what_if(visit.parts.engine, act, visit.user.email)
    carried = [(name, value) for name, values in visit.sent.items() if name not in CARRIED_NOT for value in values]
    names, kinds = await visit.parts.reading.ask(_name, found)
    return show(
        visit, 'what_if.html', found=found, address=address, carried=carried, names=names, kinds=kinds, types=NAMES,
        split=split,
    )  # fmt: skip


def _name(connection: Connection, found: WhatIf) -> tuple[dict[RecordRef, str], dict[tuple[str, str], str]]:
    """What the records are called that it is about, and those that its values lead to."""
    names, kinds = name_changes(connection, [(split(it.about)[0], it.field, it.old, it.new) for it in found.changes])
    own = [RecordRef(kind, int(number)) for kind, number in (split(it.about) for it in found.changes) if number]
    own += [each.record for each in found.pushes]
    return {**names, **name_records(connection, dict.fromkeys(own))}, kinds


def split(about: str) -> tuple[str, str]:
    """Type and number of what a change is about: ('company', '12'); ('setting', '') for what has none."""
    kind, _, number = about.partition(':')
    return (kind, number) if number.isdigit() else (kind, '')
