"""The role that the how-to gives to a host in Hermes's database: enough for what it says, and for nothing else."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tests.flows.served import serve
from tests.flows.test_host_application import EMAIL, Site, open_site
from tests.flows.test_salesforce import People
from tests.flows.test_salesforce import people as people

PAGE = Path(__file__).parents[2] / 'docs' / 'how-to' / 'keep-app-users.md'
ROLE = f'reader_app_{os.getpid()}'
"""Roles belong to a server, which others may be using."""


@pytest.fixture
async def site(people: People) -> AsyncIterator[Site]:
    """The host of the example, with that role and no other."""
    url = people.house.engine.database.url
    found = re.search(r'```sql\n(.+?)```', PAGE.read_text(), re.DOTALL)
    assert found is not None
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(re.sub(r'(role|authorization|to) reader_app\b', rf'\1 {ROLE}', found[1]))
        try:
            with serve(people.house) as served:
                yield open_site(people, served, url, 'transaction', role=ROLE)
        finally:
            owner.execute(f'drop owned by {ROLE} cascade')
            owner.execute(f'drop role {ROLE}')


@pytest.mark.behaviour('AU-17')
async def test_the_role_suffices_for_a_readers_whole_life(site: Site) -> None:
    cookie = await site.sign_up()
    await site.ask('POST', '/me/email', cookie, email='new@readers.example')
    await site.ask('POST', '/newsletter', email='bea@letters.example')
    await site.go_on()
    [account] = site.accounts()
    assert account.crm_id == site.people.rows()[0]['Id']
    assert (await site.ask('POST', '/admin/moderate', id=account.id, what='is spam'))[0] == '303 See Other'
    with site.connect() as connection:
        site.crm.within(connection).change_user_email(account.crm_id, EMAIL)
    await site.ask('POST', '/me/delete', cookie)
    await site.go_on()
    assert [row['Email__c'] for row in site.people.rows('Sefaria_App_Email__c')] == ['bea@letters.example']
    [user] = await site.house.rows('select email, moderation, tombstone from app_user')
    assert (user['email'], user['tombstone'] is not None) == (EMAIL, True)


@pytest.mark.parametrize(
    'statement',
    [
        "insert into event (source, kind, dedupe_key, headers, body) values ('operator', 'act', 'x', '{}', '{}')",
        "insert into event (source, kind, dedupe_key, headers, body) values ('host', 'webhook', 'x', '{}', '{}')",
        'select body from event',
        'select email from app_user',
        'update app_user set state = null',
        'delete from person_key',
        "update setting set value = '1'",
        'select 1 from company',
        'select 1 from vault',
    ],
)
async def test_the_role_may_do_nothing_else(site: Site, statement: str) -> None:
    with site.connect() as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


async def test_an_address_of_somebody_else_is_refused_in_the_log(site: Site) -> None:
    await site.sign_up()
    await site.sign_up('bea@readers.example')
    await site.go_on()
    bea = site.accounts()[1]
    with site.connect() as connection:
        site.crm.within(connection).change_user_email(bea, EMAIL)
    await site.go_on()
    [event] = await site.house.rows("select state, reason from event where source = 'host' order by id desc limit 1")
    print(event)
    assert event['state'] == 'refused'
    assert [row['Email__c'] for row in site.people.rows()] == [EMAIL, 'bea@readers.example']
