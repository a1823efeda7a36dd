"""What nobody knows is replaced, shown, and never pushed as if it were known (D-16, D-17, D-21); long texts (D-14)."""

from typing import Any

import pytest

from tests.flows.companies import client, company, deliver, event, later, notes, parked, sign_up
from tests.flows.crm import change
from tests.flows.house import INES, MARCUS, MARCUS_PD, PRIYA, PRIYA_PD, House


async def admin_id(house: House, tc2_admin_id: int) -> int:
    [row] = await house.rows('select id from admin where tc2_admin_id = %s', tc2_admin_id)
    return int(row['id'])


@pytest.mark.behaviour('D-16')
@pytest.mark.lesson('H-10')
async def test_an_unknown_sales_person_without_a_default_parks_the_event(house: House) -> None:
    sign_up(house, sales_person=999)
    await house.settle()
    [aside] = await parked(house)
    assert 'D-16: sales person 999' in aside['reason']
    assert 'default_sales_person_id' in aside['reason']
    assert await house.rows('select id from company') == []
    await house.set('default_sales_person_id', await admin_id(house, MARCUS))
    await house.act('event.replay', event=aside['id'])
    await house.settle()
    assert await parked(house) == []
    assert (await company(house))['sales_person_id'] == await admin_id(house, MARCUS)
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1


@pytest.mark.behaviour('D-16', 'D-21')
@pytest.mark.lesson('M-68')
@pytest.mark.parametrize(('who', 'why'), [(999, 'tutorcruncher 999'), (None, 'tutorcruncher names nobody')])
async def test_the_default_is_kept_with_a_warning_and_owns_what_is_made(
    house: House, who: int | None, why: str
) -> None:
    await house.set('default_sales_person_id', await admin_id(house, MARCUS))
    client = sign_up(house, sales_person=who)
    await later(house)
    kept = await company(house)
    assert kept['sales_person_id'] == await admin_id(house, MARCUS)
    assert kept['claims']['substituted'] == {'sales_person_id': why}
    assert (await notes(house)).count('D-16') == 1
    made = [*house.organizations(), *house.persons(), *house.deals()]
    assert [each['owner_id'] for each in made] == [MARCUS_PD] * 3
    house.mark()
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert house.calls() == []
    [organization] = house.organizations()
    change(house, 'organization', organization['id'], name='Another Name')
    house.tc2.edit_client(client.id, website='https://new.example')
    await later(house)
    assert (await company(house))['claims']['substituted'] == {'sales_person_id': why}
    assert [call.request for call in house.calls('PATCH') if 'owner_id' in call.request] == []


@pytest.mark.behaviour('D-21')
@pytest.mark.lesson('M-68')
async def test_the_default_is_never_pushed_over_an_owner_that_stands_there(house: House) -> None:
    await house.set('default_sales_person_id', await admin_id(house, MARCUS))
    stranger = house.pd.add_user('Somebody Else', 'somebody@office.example')
    number = house.pd.act_create('organization', {'name': 'Ember Tutors'}, stranger)['id']
    await later(house)
    await deliver(house, event(client(501, agency={'country': None}, sales_person=None)))
    await later(house)
    assert [item['id'] for item in house.organizations()] == [number]
    assert (await company(house))['sales_person_id'] == await admin_id(house, MARCUS)
    assert house.organizations()[0]['owner_id'] == stranger


@pytest.mark.behaviour('D-16', 'D-21')
@pytest.mark.parametrize('known', [PRIYA, MARCUS])
async def test_the_real_sales_person_takes_over_and_is_pushed(house: House, known: int) -> None:
    await house.set('default_sales_person_id', await admin_id(house, MARCUS))
    client = sign_up(house, sales_person=999)
    await later(house)
    house.tc2.set_admins(client.id, sales_person=known)
    await later(house)
    kept = await company(house)
    assert (kept['sales_person_id'], kept['claims']['substituted']) == (await admin_id(house, known), {})
    [organization] = house.organizations()
    assert organization['owner_id'] == {PRIYA: PRIYA_PD, MARCUS: MARCUS_PD}[known]


@pytest.mark.behaviour('TC-5', 'D-16')
@pytest.mark.lesson('M-68')
async def test_nobody_is_an_unknown_sales_person(house: House) -> None:
    one = sign_up(house, sales_person=None)
    await house.settle()
    [aside] = await parked(house)
    assert 'D-16: the TutorCruncher client has no sales person, and no default is set' in aside['reason']
    assert house.organizations() == []
    house.tc2.set_admins(one.id, sales_person=PRIYA)
    await house.settle()
    assert [item['owner_id'] for item in (*house.organizations(), *house.deals())] == [PRIYA_PD] * 2


@pytest.mark.behaviour('D-16')
@pytest.mark.lesson('M-68')
async def test_a_sales_person_who_is_taken_away_in_tc2_stays_in_charge(house: House) -> None:
    one = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.set_admins(one.id, sales_person=None)
    await later(house)
    assert (await company(house))['sales_person_id'] == await admin_id(house, PRIYA)
    assert [call for call in house.calls() if call.method != 'GET'] == []


@pytest.mark.behaviour('D-10', 'D-12')
@pytest.mark.lesson('M-64')
@pytest.mark.parametrize('name', ['support_person', 'bdr_person'])
async def test_nobody_clears_and_somebody_without_an_owner_id_says_nothing(house: House, name: str) -> None:
    field = f'{name}_id'
    one = sign_up(house, **{name: MARCUS})
    await later(house)
    await house.act('admin.save', id=await admin_id(house, INES), fields={'pd_owner_id': 0})

    def shown() -> list[Any]:
        [organization], [deal] = house.organizations(), house.deals()
        return [house.custom(kind, item).get(field) for kind, item in (('organization', organization), ('deal', deal))]

    assert shown() == [MARCUS_PD, MARCUS_PD]
    house.tc2.set_admins(one.id, **{name: INES})
    await later(house)
    assert (await company(house))[field] == await admin_id(house, INES)
    assert shown() == [MARCUS_PD, MARCUS_PD]
    house.tc2.set_admins(one.id, **{name: None})
    await later(house)
    assert ((await company(house))[field], shown()) == (None, [None, None])
    house.mark()
    house.tc2.send_snapshot(one.id)
    await later(house)
    assert house.calls() == []


@pytest.mark.behaviour('D-12')
@pytest.mark.lesson('M-64')
async def test_a_nobody_that_never_was_somebody_clears_nothing(house: House) -> None:
    number = house.pd.act_create('organization', {
        'name': 'Ember Tutors', 'custom_fields': {house.code('organization', 'support_person_id'): MARCUS_PD},
    }, PRIYA_PD)['id']  # fmt: skip
    await later(house)
    await deliver(house, event(client(501, agency={'country': None}, associated_admin=None)))
    await later(house)
    [organization] = house.organizations()
    assert (organization['id'], house.custom('organization', organization)['support_person_id']) == (number, MARCUS_PD)


@pytest.mark.behaviour('D-17', 'D-21')
@pytest.mark.lesson('E-3')
@pytest.mark.parametrize('told', ['1-basic', 'monthly-gold', 'nonsense', '-'])
async def test_an_unknown_price_plan_is_payg_with_a_warning_and_not_pushed(house: House, told: str) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.edit_client(client.id, price_plan=told)
    await later(house)
    other = sign_up(house, 'Other Tutors', email='o@other.example', recipients=[], plan=told)
    await later(house)
    rows = await house.rows('select price_plan, claims from company order by id')
    assert [row['price_plan'] for row in rows] == ['payg', 'payg']
    assert rows[1]['claims']['substituted'] == {'price_plan': other.agency.price_plan}
    assert 'D-17' in await notes(house)
    shown = [house.custom('organization', item).get('price_plan') for item in house.organizations()]
    assert shown == ['payg', None]
    deal = next(item for item in house.deals() if item['title'] == 'Other Tutors')
    assert house.custom('deal', deal).get('price_plan') is None
    assert deal['pipeline_id'] == next(item['id'] for item in house.pd.state()['pipelines'] if item['name'] == 'PAYG')
    house.tc2.edit_client(other.id, price_plan='yearly-startup')
    await later(house)
    assert [house.custom('organization', item).get('price_plan') for item in house.organizations()] == [
        'payg',
        'startup',
    ]


@pytest.mark.behaviour('D-17')
@pytest.mark.parametrize(
    ('told', 'kept'),
    [
        ('monthly-payg', 'payg'),
        ('yearly-STARTUP', 'startup'),
        ('a-b-enterprise', 'enterprise'),
        ('payg', 'payg'),
        (None, None),
    ],
)
async def test_the_part_after_the_last_hyphen_is_the_plan(house: House, told: str | None, kept: str | None) -> None:
    await deliver(house, event(client(501, agency={'price_plan': told})))
    found = await company(house)
    assert (found['price_plan'], found['claims'].get('substituted', {})) == (kept, {})


@pytest.mark.behaviour('D-18')
@pytest.mark.parametrize(
    ('told', 'kept'),
    [
        ('United Kingdom (GB)', 'GB'),
        ('Germany', 'DE'),
        ('us', 'US'),
        ('Atlantis', None),
        ('', None),
        (None, None),
        (7, None),
    ],
)
async def test_countries_are_two_letters(house: House, told: Any, kept: str | None) -> None:
    await deliver(house, event(client(501, agency={'country': told})))
    assert (await company(house))['country'] == kept
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('D-14', 'OUT-2')
@pytest.mark.lesson('E-31', 'E-12')
async def test_a_name_of_300_characters_is_kept_whole_and_cut_at_the_crm(house: House) -> None:
    long, first = 'Ember ' + 'x' * 294, 'F' * 300
    client = sign_up(
        house, long, recipients=[{'first_name': first, 'last_name': 'Okafor', 'email': 'sam@ember.example'}]
    )
    await later(house)
    assert (await company(house))['name'] == long
    [contact] = await house.rows('select first_name from contact')
    assert contact['first_name'] == first
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert organization['name'] == deal['title'] == long[:255]
    assert person['name'] == first[:255]
    rows = await house.rows("select record_type, detail -> 'plan' -> 'cut' as cut from push order by rank")
    assert [(row['record_type'], row['cut']) for row in rows] == [
        ('company', ['name']),
        ('contact', ['name']),
        ('deal', ['title']),
    ]
    house.mark()
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert house.calls() == []


@pytest.mark.behaviour('TC-1')
@pytest.mark.lesson('E-31')
@pytest.mark.parametrize(
    'name',
    [
        'مدرسة الأمل للتعليم',
        '🎓👩‍🏫 Ember Tutors',
        'Łódź & <b>Söhne</b> "GmbH"; drop table company',
        "O'Brien\u2028Tutors",
    ],
)
async def test_names_of_every_script_arrive_as_they_are(house: House, name: str) -> None:
    """But for a line separator, which looks like a line break and is made one (MATCH-10)."""
    sign_up(house, name, recipients=[{'first_name': name, 'last_name': name, 'email': 'sam@ember.example'}])
    await later(house)
    name = name.replace('\u2028', '\n')
    assert (await company(house))['name'] == name
    [organization], [person] = house.organizations(), house.persons()
    assert organization['name'] == name
    assert person['name'].split() == f'{name} {name}'.split()


@pytest.mark.behaviour('TC-1')
async def test_characters_that_no_database_holds_lose_nothing_else(house: House) -> None:
    told = client(
        501,
        agency={'name': 'Em\x00ber', 'website': 'https://\ud800.example'},
        extra_attrs=[{'machine_name': 'utm_source', 'value': 'a\x00b'}],
    )
    told['paid_recipients'][0]['last_name'] = 'Oka\x00for'
    await deliver(house, event(told), event({'model': 'Jo\x00b', 'id': 1}, 'X\x00'))
    assert await parked(house) == []
    kept = await company(house)
    assert kept['name'].startswith('Em')
    assert kept['name'].endswith('ber')
    assert '\x00' not in kept['name']
    assert len(house.organizations()) == len(house.persons()) == 1
