"""Recipients of a client as contacts and persons (TC-1, TC-11), and every shape of a client (E-5, D-12)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.companies import client, company, deliver, event, later, parked, sign_up
from tests.flows.house import House


async def contacts(house: House) -> list[tuple[Any, ...]]:
    rows = await house.rows('select first_name, last_name, email, phone from contact order by id')
    return [(row['first_name'], row['last_name'], row['email'], row['phone']) for row in rows]


def values(items: Any) -> list[str]:
    return [item['value'] for item in items or []]


@pytest.mark.behaviour('TC-11', 'TC-1')
async def test_recipients_follow(house: House) -> None:
    client = sign_up(house)
    await later(house)
    second = house.tc2.add_recipient(client.id, 'Stone', first_name='Ana', email='ana@ember.example')
    await later(house)
    assert sorted(item['name'] for item in house.persons()) == ['Ana Stone', 'Sam Okafor']
    house.tc2.edit_recipient(client.id, second.id, first_name='Anna', email='anna@ember.example')
    await later(house)
    anna = next(item for item in house.persons() if item['name'] == 'Anna Stone')
    assert values(anna['emails']) == ['anna@ember.example']
    house.tc2.edit_recipient(client.id, second.id, email=None)
    await later(house)
    anna = next(item for item in house.persons() if item['name'] == 'Anna Stone')
    assert values(anna['emails']) == []
    house.mark()
    house.tc2.remove_recipient(client.id, second.id)
    await later(house)
    assert house.calls() == []
    assert len(house.persons()) == len(await contacts(house)) == 2
    rows = await house.rows("select state from link where type = 'recipient' order by remote_id")
    assert [row['state'] for row in rows] == ['live', 'deleted']


@pytest.mark.behaviour('TC-11')
@pytest.mark.lesson('E-5')
async def test_only_the_first_recipient_without_e_mail_takes_the_users(house: House) -> None:
    sign_up(house, phone='+44 20 7946 0011', recipients=[{'last_name': 'One'}, {'last_name': 'Two'}])
    await later(house)
    assert await contacts(house) == [
        (None, 'One', 'owner@ember.example', '+44 20 7946 0011'),
        (None, 'Two', None, '+44 20 7946 0011'),
    ]
    assert {item['name']: values(item['emails']) for item in house.persons()} == {
        'One': ['owner@ember.example'],
        'Two': [],
    }
    assert all(values(item['phones']) == ['+44 20 7946 0011'] for item in house.persons())


@pytest.mark.behaviour('TC-11')
async def test_the_first_recipient_that_loses_its_e_mail_takes_the_users(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.edit_recipient(client.id, client.recipients[0].id, email=None)
    await later(house)
    assert [item[2] for item in await contacts(house)] == ['owner@ember.example']
    assert values(house.persons()[0]['emails']) == ['owner@ember.example']


@pytest.mark.behaviour('TC-1', 'TC-11')
@pytest.mark.lesson('E-5', 'L-3')
@pytest.mark.parametrize(
    ('more', 'kept'),
    [
        ({'user': None, 'email': 'top@x.example', 'phone': '1'}, [(None, 'R', 'top@x.example', '1')]),
        ({'user': {'email': None, 'phone': ''}, 'email': 'top@x.example'}, [(None, 'R', 'top@x.example', None)]),
        ({'user': {'email': 'in@x.example', 'mobile': '2'}}, [(None, 'R', 'in@x.example', '2')]),
        ({'user': ...}, [(None, 'R', None, None)]),
        ({'user': []}, [(None, 'R', None, None)]),
        ({'paid_recipients': []}, []),
        ({'paid_recipients': None}, []),
        ({'paid_recipients': ...}, []),
        ({'paid_recipients': {}}, []),
        ({'paid_recipients': [{}, None, 'x', {'id': 7}]}, [(None, None, 'owner@ember.example', None)]),
        (
            {'paid_recipients': [{'id': '7', 'last_name': 'R'}, {'id': 7, 'last_name': 'Again'}]},
            [(None, 'R', 'owner@ember.example', None)],
        ),
        ({'sales_person': {}, 'associated_admin': 7, 'bdr_person': None}, [(None, 'R', 'owner@ember.example', None)]),
        ({'extra_attrs': None}, [(None, 'R', 'owner@ember.example', None)]),
        ({'extra_attrs': {'utm_source': 'x'}}, [(None, 'R', 'owner@ember.example', None)]),
    ],
)
async def test_every_shape_of_a_client(house: House, more: dict[str, Any], kept: list[Any]) -> None:
    told = client(501, **{'paid_recipients': [{'id': 7, 'last_name': 'R'}], **more})
    told = {key: value for key, value in told.items() if value is not ...}
    await deliver(house, event(told))
    assert await parked(house) == []
    assert [item['name'] for item in house.organizations()] == ['Ember Tutors']
    assert await contacts(house) == kept
    named = [item for item in kept if item[1] or item[2]]
    assert len(house.persons()) == len(named)


@pytest.mark.behaviour('TC-1')
@pytest.mark.lesson('E-1', 'E-2', 'L-3')
@pytest.mark.parametrize('known', [False, True])
@pytest.mark.parametrize(
    'agency',
    [
        {'narc': None},
        {'narc': ...},
        {'gclid': None, 'gclid_expiry_dt': None},
        {'created': 1772438400},
        {'created': '2026-03-02'},
        {'created': '2026-03-02T08:00:00+05:00'},
        {'created': None},
        {'created': 'yesterday'},
        {'paid_invoice_count': None},
        {'paid_invoice_count': '0'},
        {'status': None, 'website': 7, 'pay0_dt': {}, 'signup_questionnaire': []},
        {'unheard_of': {'deep': [1]}},
    ],
)
async def test_every_shape_of_an_agency(house: House, agency: dict[str, Any], known: bool) -> None:
    if known:
        await deliver(house, event(client(501, agency={'name': 'Before'})))
        await later(house)
    await deliver(house, event(client(501, agency=agency)))
    assert await parked(house) == []
    assert [item['name'] for item in house.organizations()] == ['Ember Tutors']
    assert (await company(house))['narc'] in (False, None)


@pytest.mark.behaviour('D-12', 'TC-10')
@pytest.mark.lesson('E-9')
async def test_absent_says_nothing_and_null_clears_what_tc2_had_said(house: House) -> None:
    said = {
        'website': 'https://ember.example',
        'gclid': 'abc',
        'pay0_dt': '2026-02-01',
        'signup_questionnaire': {'a': 1},
    }
    await deliver(house, event(client(501, agency=said, bdr_person={'id': 15})))
    await later(house)
    await deliver(house, event(client(501)))
    kept = await company(house)
    assert (kept['website'], kept['gclid'], str(kept['pay0_dt']), kept['bdr_person_id'] is None) == (
        'https://ember.example',
        'abc',
        '2026-02-01',
        False,
    )
    house.clock.advance(60)
    await deliver(house, event(client(501, agency=dict.fromkeys(said), bdr_person=None)))
    kept = await company(house)
    assert (kept['website'], kept['gclid'], kept['pay0_dt'], kept['signup_questionnaire'], kept['bdr_person_id']) == (
        None,
    ) * 5
    shown = house.custom('organization', house.organizations()[0])
    assert {'website', 'gclid', 'pay0_dt', 'signup_questionnaire'}.isdisjoint(shown)


@pytest.mark.behaviour('D-12')
async def test_null_clears_nothing_that_only_the_crm_had_said(house: House) -> None:
    codes = house.code('organization', 'website'), house.code('organization', 'gclid')
    custom = dict(zip(codes, ('https://crm.example', 'Click-1'), strict=True))
    values = {'name': 'Ember Tutors', 'custom_fields': custom}
    house.pd.act_create('organization', values)
    await later(house)
    await deliver(house, event(client(501, agency={'website': None, 'country': None, 'gclid': None})))
    [organization] = house.organizations()
    held = house.custom('organization', organization)
    assert (held['website'], held['gclid']) == ('https://crm.example', 'Click-1')
    kept = await company(house)
    assert (kept['website'], kept['gclid']) == ('https://crm.example', 'Click-1')


@pytest.mark.behaviour('VERSION-1', 'TC-15')
@pytest.mark.parametrize('key', ['request_time', '_request_time'])
async def test_the_time_of_the_request_orders_snapshots_without_one(house: House, key: str) -> None:
    now = int(house.clock.now().timestamp())
    await deliver(house, event(client(501, agency={'name': 'Newest'})), **{key: now - 10})
    await deliver(house, event(client(501, agency={'name': 'Older'})), **{key: now - 20})
    assert (await company(house))['name'] == 'Newest'
    await deliver(house, event(client(501, agency={'name': 'By event'}), at=now - 5), **{key: now - 3600})
    assert (await company(house))['name'] == 'By event'


@pytest.mark.behaviour('TC-15', 'TC-11')
async def test_an_older_list_of_recipients_brings_nobody_back_and_drops_nobody(house: House) -> None:
    def told(*names: str) -> list[dict[str, object]]:
        return [
            {'id': 700 + len(name), 'first_name': name, 'last_name': 'X', 'email': f'{name}@x.ie'} for name in names
        ]

    now = house.clock.now()
    await deliver(house, event(client(501, paid_recipients=told('Bo', 'Ana')), at=now))
    await deliver(house, event(client(501, paid_recipients=told('Theo')), at=now - timedelta(hours=1)))
    assert sorted(person['name'] for person in house.persons()) == ['Ana X', 'Bo X']
    links = await house.rows("select remote_id from link where type = 'recipient' and state = 'live'")
    assert sorted(link['remote_id'] for link in links) == ['702', '703']


@pytest.mark.behaviour('VERSION-1')
async def test_two_snapshots_of_one_moment_are_settled_by_reading(house: House) -> None:
    made = sign_up(house)
    await later(house)
    full = house.tc2.full(house.tc2.client(made.id))
    now = int(house.clock.now().timestamp())
    for website in ('https://a.example', 'https://b.example'):
        told = {**full, 'model': 'Client', 'meta_agency': {**full['meta_agency'], 'website': website}}
        await house.send_tc2(json.dumps({'events': [event(told)], 'request_time': now}).encode())
    house.tc2.client(made.id).agency.website = 'https://true.example'
    await house.settle()
    assert (await company(house))['website'] == 'https://true.example'


@pytest.mark.invariant('I25')
@pytest.mark.behaviour('TC-1', 'TC-11', 'TC-3', 'TC-7', 'TC-8')
async def test_every_line_of_the_journal_names_its_event_and_rule(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.tc2.remove_recipient(client.id, client.recipients[0].id)
    await later(house)
    house.tc2.terminate(client.id)
    await later(house)
    house.tc2.delete(client.id)
    await later(house)
    rows = await house.rows(
        'select c.*, e.kind from change c left join event e on e.id = c.event_id '
        "where record_type in ('company', 'contact', 'deal')"
    )
    assert len(rows) > 30
    assert [row for row in rows if not row['rule'] or not row['system'] or row['kind'] is None] == []
    said = {(row['record_type'], row['field'], row['rule']) for row in rows}
    assert {
        ('company', 'born', 'TC-1'),
        ('deal', 'born', 'TC-5'),
        ('company', 'has_signed_up', 'TC-12'),
        ('contact', 'tutorcruncher link', 'TC-11'),
        ('deal', 'status', 'TC-7'),
        ('company', 'tombstone', 'TC-3'),
    } <= said
    [paid] = [
        row
        for row in rows
        if row['field'] == 'paid_invoice_count' and row['record_type'] == 'company' and row['old'] == 0
    ]
    assert (paid['new'], paid['kind'], paid['system']) == (1, 'read', 'tutorcruncher')
