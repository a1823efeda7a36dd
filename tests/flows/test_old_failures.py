"""Failures of older systems, each tried for real: what went wrong there goes right here."""

import psycopg
import pytest

from hermes.domain.errors import Retry
from hermes.domain.fields import Catalogue
from hermes.ports import Request
from hermes.systems.pipedrive.system import Pipedrive
from tests.flows.companies import sign_up
from tests.flows.house import PRIYA_PD, House


@pytest.mark.lesson('A-2')
async def test_a_deal_that_is_deleted_while_its_company_changes_harms_nothing(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    [deal] = house.deals()
    house.pd.act_delete('deal', deal['id'], PRIYA_PD)
    house.tc2.pay_invoice(client.id)
    await house.settle()
    assert await house.rows("select 1 from event where state <> 'done'") == []
    assert house.deals() == []
    [organization] = house.organizations()
    assert house.custom('organization', organization)['paid_invoice_count'] == 1


@pytest.mark.lesson('F-2', 'F-3')
@pytest.mark.behaviour('MATCH-6')
async def test_nothing_is_ever_searched_for(house: House) -> None:
    house.pd.act_create('organization', {'name': 'Other Tutors'}, PRIYA_PD)
    sign_up(house)
    sign_up(house, 'Ember Tutors Two', email='two@ember.example')
    await house.settle()
    assert [call.path for call in house.world.calls if 'search' in call.path or 'find' in call.path] == []
    assert len(house.organizations()) == 3


@pytest.mark.lesson('F-5')
async def test_a_crm_that_is_not_there_is_met_through_the_real_client() -> None:
    system = Pipedrive('token', base_v2='http://127.0.0.1:9/api/v2', base_v1='http://127.0.0.1:9/api/v1')
    for request in (Request('create', 'organization', fields={'name': 'X'}), Request('read', 'organization', '1')):
        answer = await system.send(request, Catalogue())
        assert (answer.status, answer.sent) == (None, False)
        with pytest.raises(Retry):
            system.judge(request, answer, Catalogue())
    await system.aclose()


@pytest.mark.lesson('F-6')
async def test_the_answer_to_a_change_is_taken_in_like_that_to_a_creation(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    house.pd.act_webhooks(on=False)
    house.tc2.edit_client(client.id, website='https://ember.example')
    await house.settle()
    house.mark()
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []
    [deal] = house.deals()
    assert (deal['org_id'], deal['person_id']) == (house.organizations()[0]['id'], house.persons()[0]['id'])


@pytest.mark.lesson('F-10')
async def test_a_burst_of_invoices_keeps_to_tutorcrunchers_limit(house: House) -> None:
    clients = [
        sign_up(house, f'Payer {number}', email=f'p{number}@payer.example', recipients=[]) for number in range(12)
    ]
    await house.settle()
    house.mark()
    for _ in range(10):
        for client in clients:
            house.tc2.pay_invoice(client.id)
    await house.settle(600)
    reads = house.calls('GET', '/clients/', system='tutorcruncher')
    assert len(clients) <= len(reads) <= 100
    assert {call.status for call in reads} == {200}
    counts = [house.custom('organization', one)['paid_invoice_count'] for one in house.organizations()]
    assert counts == [10] * 12


@pytest.mark.lesson('L-6')
async def test_what_was_acknowledged_is_there_for_another_connection(house: House) -> None:
    answer = await house.send_tc2(b'{"events": [], "request_time": 1}')
    assert answer.status_code == 200
    with psycopg.connect(house.settings.database_url) as other:
        found = other.execute("select state from event where source = 'tutorcruncher'").fetchall()
    assert found == [('new',)]


@pytest.mark.lesson('L-8')
@pytest.mark.behaviour('D-8')
async def test_a_deleted_stage_and_pipeline_take_nothing_with_them(house: House) -> None:
    sign_up(house)
    await house.settle()
    settings = await house.rows('select key, value from setting order by key')
    state = house.pd.state()
    [pipeline] = [one for one in state['pipelines'] if one['name'] == 'PAYG']
    [stage] = [one for one in state['stages'] if one['name'] == 'PAYG - Contacted']
    house.pd.act_delete('stage', stage['id'], PRIYA_PD)
    house.pd.act_delete('pipeline', pipeline['id'], PRIYA_PD)
    await house.settle()
    assert await house.rows('select key, value from setting order by key') == settings
    [deal] = await house.rows('select status, pipeline_id, stage_id from deal')
    assert deal['status'] == 'open'
    archived = await house.rows(
        'select name from pipeline where archived union all select name from stage where archived'
    )
    assert {row['name'] for row in archived} >= {'PAYG', 'PAYG - Contacted'}
    sign_up(house, 'Later Tutors', email='later@later.example')
    await house.settle()
    assert len(await house.rows('select 1 from deal')) == 1
    [item] = await house.rows("select detail from decision where kind = 'no-pipeline'")
    assert 'payg_pipeline_id' in item['detail']['reason']


@pytest.mark.lesson('L-10')
async def test_the_tests_database_keeps_references_like_the_real_one(house: House) -> None:
    [server] = await house.rows('select version() as told')
    assert server['told'].startswith('PostgreSQL')
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await house.rows("insert into deal (company_id, title) values (1, 'nobody''s') returning id")
