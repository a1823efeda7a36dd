"""The host's own transaction: what it says of its users commits or is rolled back with everything else (AU-17)."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from hermes.crm import SalesforceConnectionManager, WrongUse
from hermes.crm.channels import TransactionChannel
from tests.flows.house import House
from tests.flows.test_app_users import house as house
from tests.flows.test_app_users import journal_of


class Unread:
    """Nothing is read over HTTP here."""

    def ask(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        raise AssertionError(f'{method} {path}')


def manager(connection: psycopg.Connection[Any], house: House) -> SalesforceConnectionManager:
    connection.execute("select set_config('hermes.now', %s, false)", (house.clock.now().isoformat(),))
    return SalesforceConnectionManager(TransactionChannel(connection, Unread()))


@pytest.mark.behaviour('AU-17')
async def test_a_sign_up_that_is_rolled_back_leaves_nothing(house: House, tmp_path: Path) -> None:
    with psycopg.connect(house.engine.database.url) as connection:
        receipt = manager(connection, house).add_user_to_crm('ada@readers.example', 'Ada', 'Byron', user_id='u-1')
        assert receipt.state == 'UserCreated'
        connection.rollback()
    await house.settle()
    for table in ("event where source = 'host'", 'app_user', 'person_key'):
        assert await house.rows(f'select 1 from {table}') == []
    assert list(journal_of(house).read()) == []


@pytest.mark.behaviour('AU-17', 'AU-1')
async def test_what_is_committed_is_applied_in_its_order_under_the_promised_number(house: House) -> None:
    with psycopg.connect(house.engine.database.url) as connection:
        crm = manager(connection, house)
        receipt = crm.add_user_to_crm('ada@readers.example', 'Ada', 'Byron', lists=['News'], user_id='u-1')
        assert crm.add_user_to_crm('ada@readers.example', 'Ada', 'Byron', user_id='u-1').id == receipt.id
        crm.mark_for_review_in_crm(receipt)
        connection.commit()
    await house.settle()
    [user] = await house.rows('select id, email, moderation, lists, state from app_user')
    assert (user['id'], user['moderation'], user['lists']) == (receipt.id, 'review', ['News'])
    assert user['state'] == 'LoggedForLater'


async def test_what_the_caller_did_wrong_is_told_and_stored_nowhere(house: House) -> None:
    with psycopg.connect(house.engine.database.url) as connection:
        crm = manager(connection, house)
        with pytest.raises(WrongUse, match='e-mail address'):
            crm.add_user_to_crm('no address', 'Ada', 'Byron')
        with pytest.raises(WrongUse, match='no such app user'):
            crm.change_user_email('003000000000001AAA', 'ada@other.example')
        connection.commit()
    assert await house.rows("select 1 from event where source = 'host'") == []


@pytest.mark.behaviour('AU-17')
async def test_where_there_is_no_transaction_nothing_is_said(house: House) -> None:
    with psycopg.connect(house.engine.database.url, autocommit=True) as connection:
        crm = manager(connection, house)
        with pytest.raises(WrongUse, match='in no transaction'):
            crm.add_user_to_crm('ada@readers.example', 'Ada', 'Byron')
        with connection.transaction():
            crm.add_user_to_crm('ada@readers.example', 'Ada', 'Byron')
    assert len(await house.rows("select 1 from event where source = 'host'")) == 1
