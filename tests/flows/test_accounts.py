"""A database belongs to the accounts that it has spoken with (SETUP-12)."""

import pytest

from hermes.domain.errors import Refused
from hermes.sync import connect
from tests.flows.companies import sign_up
from tests.flows.house import House


@pytest.mark.behaviour('SETUP-12')
async def test_another_account_is_refused_in_one_sentence_and_nothing_is_sent_to_it(house: House) -> None:
    mine = house.pd.company_id
    house.pd.company_id = mine + 1
    house.mark()
    with pytest.raises(Refused) as refusal:
        await connect.connect(house.engine, house.engine.systems['pipedrive'])
    assert f'Pipedrive company {mine}' in str(refusal.value)
    assert f'Pipedrive company {mine + 1}' in str(refusal.value)
    assert '\n' not in str(refusal.value)
    assert [call.path.rsplit('/', 1)[-1] for call in house.calls()] == ['me']


@pytest.mark.behaviour('SETUP-12', 'OUT-7')
async def test_credentials_of_another_account_do_not_resume_a_paused_system(house: House) -> None:
    await house.rows(
        "insert into system_state (system, paused, reason) values ('pipedrive', true, 'OUT-7: refused') "
        'on conflict (system) do update set paused = true, reason = excluded.reason returning 1'
    )
    house.pd.company_id += 1
    await connect.try_credentials(house.engine)
    sign_up(house)
    await house.settle()
    assert house.calls('POST') == []
    house.pd.company_id -= 1
    await connect.try_credentials(house.engine)
    await house.settle()
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('SETUP-12')
async def test_the_same_account_is_welcome_again(house: House) -> None:
    await connect.connect(house.engine, house.engine.systems['pipedrive'])
