"""What Hermes made and a person deleted before Hermes knew of it: it is not made again (OUT-4, I16)."""

import pytest

from tests.flows import faults
from tests.flows.companies import quiet, sign_up
from tests.flows.house import PRIYA_PD, House


@pytest.mark.invariant('I16')
@pytest.mark.parametrize('order', ['made, deleted', 'deleted, made', 'deleted'])
async def test_what_was_deleted_before_its_creation_was_known_stays_deleted(house: House, order: str) -> None:
    def delete() -> None:
        [made] = house.organizations()
        house.pd.act_delete('organization', made['id'], PRIYA_PD)
        waiting = house.world.outbox.waiting
        told = [one for one in waiting if one.system == 'pipedrive']
        house.world.outbox.waiting = [one for one in waiting if one.system != 'pipedrive']
        creation, deletion = sorted(told, key=lambda one: one.number)
        orders = {'made, deleted': [creation, deletion], 'deleted, made': [deletion, creation], 'deleted': [deletion]}
        for number, one in enumerate(orders[order]):
            one.number, one.due_at = 10_000 + number, house.clock.now()
            house.world.outbox.waiting.append(one)

    async def lose(send: faults.Send, request: object) -> object:
        try:
            return await faults.lose_answer(send, request)  # type: ignore[arg-type]
        finally:
            delete()

    broken = faults.on(house)
    broken.add('POST', '/organizations', lose)  # type: ignore[arg-type]
    sign_up(house)
    await house.settle()
    assert broken.met == 1
    assert house.organizations() == []
    [company] = await house.rows('select tombstone from company')
    assert company['tombstone']['kind'] == 'crm'
    await quiet(house)
