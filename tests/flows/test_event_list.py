"""The list of events names what each of them speaks of, and whose that is, whether it changed anything or not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from hermes.cli import app
from tests.flows.companies import client, company, deliver, event
from tests.flows.house import House

pytestmark = pytest.mark.lesson('M-53')


def listed(house: House, *words: str) -> list[dict[str, Any]]:
    env = {'DATABASE_URL': house.settings.database_url}
    done = CliRunner().invoke(app, ['events', 'list', *words, '--json'], env=env, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout))


async def test_subject_and_record_are_shown_also_of_what_changed_nothing(house: House) -> None:
    await deliver(house, event(client(501)))
    await deliver(house, event(client(501, status='live')))
    number = (await company(house))['id']
    webhooks = listed(house, '--source', 'tutorcruncher')
    assert len(webhooks) == 2
    for item in webhooks:
        assert 'tutorcruncher:client:501' in item['subjects']
        assert f'company:{number}' in item['records']
    ours = listed(house, '--record', f'company:{number}')
    assert {item['kind'] for item in ours} >= {'webhook', 'intent', 'answer'}
    assert {item['id'] for item in ours} >= {item['id'] for item in webhooks}
    assert listed(house, '--record', 'tc2:client:501') == ours
    by_subject = listed(house, '--subject', 'tc2:client:501')
    assert by_subject == listed(house, '--subject', 'client:501')
    assert {item['id'] for item in webhooks} <= {item['id'] for item in by_subject}
    assert listed(house, '--subject', 'client:50') == []


async def test_of_other_records_nothing_is_listed(house: House) -> None:
    await deliver(house, event(client(501)))
    await deliver(house, event(client(502, agency={'id': 2, 'name': 'Second'}, paid_recipients=[])))
    second = listed(house, '--subject', 'client:502')[0]['records'][0]
    assert all('client:501' not in told for item in listed(house, '--record', second) for told in item['subjects'])


async def test_what_was_put_aside_names_its_subject(house: House) -> None:
    await deliver(
        house,
        event(client(501)),
        event(client(502, agency={'id': 2, 'name': 'Second'}, sales_person={'id': 999})),
    )
    await deliver(house, event(client(503, agency={'id': 3, 'name': 'Third'}, sales_person={'id': 999})))
    subjects = [item['subjects'][0] for item in listed(house, '--state', 'parked')]
    assert subjects == ['tutorcruncher:client:503', 'tutorcruncher:client:502']


async def test_an_act_is_known_by_its_name_and_its_record(house: House) -> None:
    await deliver(house, event(client(501)))
    number = (await company(house))['id']
    await house.act('push.retry', record=['company', number], system='pipedrive')
    [item] = listed(house, '--subject', 'push.retry')
    assert (item['subjects'], item['records']) == (['push.retry'], [f'company:{number}'])
    assert item['id'] in {each['id'] for each in listed(house, '--record', str(number))}
