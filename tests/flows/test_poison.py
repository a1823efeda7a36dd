"""One event that cannot be stored, whatever the reason, holds up no other: it is parked with its reason after some
tries, and applied once the reason is gone.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hermes.domain.fields import Catalogue
from hermes.ports import Outgoing, View
from tests.flows.companies import client, deliver, event, parked
from tests.flows.house import House

POISON = 'Poison School'


class Breaking:
    """A CRM that is as it was, but for a mistake of ours in how one name is written to it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def outgoing(self, record_type: str, catalogue: Catalogue) -> Sequence[Outgoing]:
        def write(field: Outgoing) -> Outgoing:
            def compute(view: View) -> Any:
                told = field.compute(view)
                if told == POISON:
                    raise ZeroDivisionError
                return told

            return replace(field, compute=compute)

        return [write(field) for field in self.inner.outgoing(record_type, catalogue)]


@pytest.mark.invariant('I12')
async def test_a_mistake_in_planning_one_record_parks_its_event_and_no_other_waits(house: House) -> None:
    sound = house.engine.systems
    house.engine.systems = {**sound, 'pipedrive': Breaking(sound['pipedrive'])}
    await deliver(house, event(client(501, agency={'name': POISON})))
    await deliver(house, event(client(502)))
    await house.settle()
    assert [item['name'] for item in house.pd.state()['organizations']] == ['Ember Tutors']
    [stuck] = await parked(house)
    assert stuck['reason'] == 'ZeroDivisionError while it was stored'
    house.engine.systems = sound
    await house.rows("update event set state = 'new', due_at = hermes_now() where id = %s returning id", stuck['id'])
    await house.settle()
    assert {item['name'] for item in house.pd.state()['organizations']} == {'Ember Tutors', POISON}
