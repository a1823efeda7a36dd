"""Custom fields of every type, both ways, and the older form of webhooks (FIELD-3, FIELD-4, FIELD-5, FIELD-6)."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from hermes.domain.fields import CustomField
from hermes.sync import connect
from tests.flows.companies import later, quiet, sign_up
from tests.flows.crm import SITE, add_deal, add_organization, add_person, admin, change, item, known, shown, writes
from tests.flows.house import INES, MARCUS_PD, PRIYA_PD, TOM, House

SPAN = {'value': '2026-05-01', 'until': '2026-05-09'}
HOURS = {'value': '09:30:00', 'until': '11:00:00', 'timezone_id': 7, 'timezone_name': 'Europe/London'}
MOMENT = {'value': '08:15:00', 'timezone_id': 7, 'timezone_name': 'Europe/London'}
PLACE = {'value': '4 Mill Lane, Leeds', 'country': 'United Kingdom', 'locality': 'Leeds'}
READ_ONLY: Mapping[str, tuple[Any, Any]] = {
    'daterange': (SPAN, {'from': '2026-05-01', 'until': '2026-05-09'}),
    'timerange': (HOURS, {'from': '09:30:00', 'until': '11:00:00', 'timezone_id': 7}),
    'time': (MOMENT, {'value': '08:15:00', 'timezone_id': 7}),
    'address': (PLACE, PLACE),
}
"""Type -> what a person enters in the CRM, what Hermes shows (as JSON text)."""
WRITABLE: Mapping[str, tuple[Any, str]] = {
    'varchar': ('Blue', 'Blue'),
    'text': ('Two words\nof text', 'Two words\nof text'),
    'varchar_auto': ('Auto', 'Auto'),
    'phone': ('+44 20 7946 0011', '+44 20 7946 0011'),
    'double': (12.5, '12.5'),
    'monetary': ({'value': 1200.5, 'currency': 'GBP'}, '1200.5'),
    'date': ('2026-05-01', '2026-05-01'),
    'enum': ('Teal, dark', 'Teal, dark'),
    'set': (['Red', 'Teal, dark'], 'Red, Teal, dark'),
}
LABELS = ['Red', 'Teal, dark', 'Ünïcode']


async def add_field(house: House, kind: str, **more: Any) -> CustomField:
    """A field of this type in the CRM, and in the catalogue."""
    options = {'options': [{'label': label} for label in LABELS]} if kind in ('enum', 'set') else {}
    house.pd.catalogues['organization'].create({'field_name': f'x_{kind}', 'field_type': kind, **options})
    if 'tc2_machine_name' in more:
        house.tc2.define_attribute(more['tc2_machine_name'], f'X {kind}')
    made = CustomField(f'x_{kind}', f'x_{kind}', more.pop('field_type', 'str'), 'Company', **more)
    await house.act('field.save', field={**asdict(made), 'options': {}})
    await connect.learn_fields(house.engine, house.engine.systems['pipedrive'], 'organization')
    house.mark()
    return made


def entered(house: House, kind: str, value: Any) -> Any:
    """As REST takes it: labels become option ids."""
    options = house.pd.catalogues['organization'].named(f'x_{kind}').get('options') or []
    ids = {option['label']: option['id'] for option in options}
    return [ids[one] for one in value] if isinstance(value, list) else ids[value] if kind == 'enum' else value


async def list_all(house: House) -> None:
    """A full listing says the same in REST's shape."""
    await house.rows(
        'insert into sweep (system, type, kind, started_at) '
        "values ('pipedrive', 'organization', 'full', hermes_now()) returning 1"
    )
    await later(house)


@pytest.mark.behaviour('FIELD-4', 'FIELD-2')
@pytest.mark.parametrize('kind', [*WRITABLE, *READ_ONLY])
async def test_what_a_person_enters_is_read_alike_from_webhook_and_listing(house: House, kind: str) -> None:
    await add_field(house, kind)
    value, expected = {**WRITABLE, **READ_ONLY}[kind]
    number = add_organization(house, custom={f'x_{kind}': entered(house, kind, value)})
    await later(house)
    company = await known(house, 'organization', number)
    told = company['extra'][f'x_{kind}']
    assert (json.loads(told) if kind in READ_ONLY else told) == expected
    house.mark()
    await list_all(house)
    assert house.calls('GET', 'organizations')
    assert writes(house) == []
    assert (await known(house, 'organization', number))['extra'] == company['extra']
    change(house, 'organization', number, custom={f'x_{kind}': None})
    await later(house)
    assert (await known(house, 'organization', number))['extra'].get(f'x_{kind}') is None
    assert writes(house) == []
    await quiet(house)


@pytest.mark.behaviour('FIELD-4', 'FIELD-1', 'FIELD-3')
@pytest.mark.lesson('C-5')
@pytest.mark.parametrize('kind', list(WRITABLE))
async def test_what_tc2_says_is_written_in_the_fields_type_and_reads_back_equal(house: House, kind: str) -> None:
    ours = {'double': 'int', 'date': 'date'}.get(kind, 'str')
    await add_field(house, kind, tc2_machine_name=f'x_{kind}', field_type=ours)
    value, text = (12, '12') if kind == 'double' else WRITABLE[kind]
    sign_up(house, extra_attrs={f'x_{kind}': text})
    await later(house)
    [organization] = house.organizations()
    held = shown(house, 'organization', organization['id'])[f'x_{kind}']
    assert held == entered(house, kind, value)
    house.mark()
    change(house, 'organization', organization['id'], label_ids=[])
    change(house, 'organization', organization['id'], name='Only The Name')
    await later(house)
    await list_all(house)
    assert writes(house) == []
    told = (await known(house, 'organization', organization['id']))['extra'][f'x_{kind}']
    assert told == (12 if kind == 'double' else text)
    await quiet(house)


@pytest.mark.behaviour('FIELD-4')
@pytest.mark.parametrize('kind', list(READ_ONLY))
async def test_ranges_times_and_addresses_are_never_written(house: House, kind: str) -> None:
    await add_field(house, kind, tc2_machine_name=f'x_{kind}')
    sign_up(house, extra_attrs={f'x_{kind}': json.dumps(READ_ONLY[kind][1])})
    await later(house)
    [organization] = house.organizations()
    assert f'x_{kind}' not in shown(house, 'organization', organization['id'])
    assert {call.status for call in house.calls('POST')} <= {200, 201}
    await quiet(house)


@pytest.mark.behaviour('FIELD-4')
@pytest.mark.parametrize('kind', ['org', 'people', 'user'])
async def test_references_are_shown_by_their_id_and_a_user_is_an_admin(house: House, kind: str) -> None:
    await add_field(house, kind, field_type='fk_field' if kind == 'user' else 'str')
    other = add_organization(house, 'Other')
    target = {'org': other, 'people': add_person(house, other), 'user': MARCUS_PD}[kind]
    number = add_organization(house, custom={f'x_{kind}': target})
    await later(house)
    told = (await known(house, 'organization', number))['extra'][f'x_{kind}']
    assert told == (await admin(house, MARCUS_PD) if kind == 'user' else str(target))
    house.mark()
    await list_all(house)
    assert writes(house) == []
    await quiet(house)


@pytest.mark.behaviour('FIELD-4', 'FIELD-5')
@pytest.mark.lesson('E-28')
async def test_numbers_in_text_fields_and_ids_in_number_fields(house: House) -> None:
    for kind, name, remote in (
        ('organization', 'paid_invoice_count', 'text'), ('organization', 'hermes_id', 'double'),
        ('organization', 'support_person_id', 'user'), ('deal', 'paid_invoice_count', 'varchar'),
    ):  # fmt: skip
        house.pd.catalogues[kind].named(name)['field_type'] = remote
    for kind in ('organization', 'deal'):
        await connect.learn_fields(house.engine, house.engine.systems['pipedrive'], kind)
    house.mark()
    client = sign_up(house, support_person=TOM)
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert {call.status for call in house.calls()} <= {200, 201}
    [organization] = house.organizations()
    custom = shown(house, 'organization', organization['id'])
    company = await known(house, 'organization', organization['id'])
    assert (custom['paid_invoice_count'], custom['hermes_id']) == ('1', company['id'])
    assert custom['support_person_id'] == 12_000_014
    house.mark()
    change(house, 'organization', organization['id'], label_ids=[])
    await list_all(house)
    assert writes(house) == []
    await quiet(house)


@pytest.mark.behaviour('FIELD-6')
async def test_two_companies_show_each_deal_its_own_values(house: House) -> None:
    numbers = [add_organization(house, f'Company {place}', custom={'website': f'{SITE}/{place}'}) for place in range(2)]
    deals = [[add_deal(house, number, f'{number} {place}') for place in range(2)] for number in numbers]
    closed = add_deal(house, numbers[0], 'Closed', status='lost')
    await later(house)
    code, own = house.code('deal', 'website'), {str(deal): place for place in range(2) for deal in deals[place]}
    for call in house.calls('PATCH', 'deals'):
        place = own.get(call.path.rsplit('/', 1)[1])
        assert call.request['custom_fields'].get(code) in (None, f'{SITE}/{place}')
    assert [[shown(house, 'deal', deal)['website'] for deal in mine] for mine in deals] == [
        [f'{SITE}/0'] * 2, [f'{SITE}/1'] * 2
    ]  # fmt: skip
    house.mark()
    change(house, 'organization', numbers[0], custom={'website': f'{SITE}/changed'})
    await later(house)
    assert [[shown(house, 'deal', deal)['website'] for deal in mine] for mine in deals] == [
        [f'{SITE}/changed'] * 2, [f'{SITE}/1'] * 2
    ]  # fmt: skip
    assert sorted(writes(house)) == [('PATCH', f'deals/{deal}') for deal in deals[0]]
    assert 'website' not in shown(house, 'deal', closed)


@pytest.mark.behaviour('FIELD-2')
@pytest.mark.lesson('B-2', 'B-3', 'H-8')
async def test_a_persons_edit_holds_one_field_and_the_others_follow(house: House) -> None:
    client = sign_up(house, website=SITE, support_person=TOM)
    await later(house)
    [organization] = house.organizations()
    change(
        house, 'organization', organization['id'], custom={'website': f'{SITE}/mine', 'support_person_id': MARCUS_PD}
    )
    await later(house)
    house.tc2.edit_client(client.id, website=f'{SITE}/theirs', name='Renamed At TC2')
    house.tc2.send_snapshot(client.id)
    await later(house)
    company = await known(house, 'organization', organization['id'])
    assert (company['website'], company['name']) == (f'{SITE}/mine', 'Renamed At TC2')
    assert company['support_person_id'] == await admin(house, MARCUS_PD)
    assert item(house, 'organization', organization['id'])['name'] == 'Renamed At TC2'
    assert shown(house, 'organization', organization['id'])['website'] == f'{SITE}/mine'
    house.tc2.set_admins(client.id, support_person=INES)
    await later(house)
    [ines] = await house.rows('select id from admin where tc2_admin_id = %s', INES)
    assert (await known(house, 'organization', organization['id']))['support_person_id'] == ines['id']


def flat(house: House, number: int, action: str, **current: Any) -> bytes:
    """A webhook of format v1 about an organisation: custom fields flat, `current` and `previous`."""
    now = house.clock.now()
    told = {
        'v': 1,
        'event': f'{action}.organization',
        'meta': {'action': action, 'object': 'organization', 'id': number, 'timestamp': int(now.timestamp())},
        'current': None if action == 'deleted' else {
            'id': number, 'update_time': now.strftime('%Y-%m-%d %H:%M:%S'), 'owner_id': PRIYA_PD, **current,
        },
        'previous': {'id': number, 'name': 'Before'},
        'retry': 0,
    }  # fmt: skip
    return json.dumps(told).encode()


@pytest.mark.behaviour('PD-ORG-1', 'PD-ORG-2', 'PD-ORG-3', 'FIELD-4')
@pytest.mark.lesson('L-5')
async def test_the_older_form_of_webhooks_makes_changes_and_deletes(house: House) -> None:
    await add_field(house, 'monetary')
    await add_field(house, 'enum')
    house.pd.act_webhooks(on=False)
    custom = {'website': SITE, 'x_enum': entered(house, 'enum', 'Red'), 'x_monetary': {'value': 5, 'currency': 'EUR'}}
    number = add_organization(house, 'Flat', custom=custom)
    codes = {name: house.code('organization', name) for name in custom}
    values = {codes['website']: SITE, codes['x_enum']: str(custom['x_enum'])}
    money = {codes['x_monetary']: 5, f'{codes["x_monetary"]}_currency': 'EUR'}
    assert (await house.send_pd(flat(house, number, 'added', name='Flat', **values, **money))).status_code == 200
    await later(house)
    company = await known(house, 'organization', number)
    assert (company['name'], company['website']) == ('Flat', SITE)
    assert (company['extra']['x_enum'], company['extra']['x_monetary']) == ('Red', '5')
    assert shown(house, 'organization', number)['hermes_id'] == str(company['id'])
    await house.send_pd(flat(house, number, 'updated', name='Flat & Renamed', address='Lyon', address_country='France'))
    await later(house)
    company = await known(house, 'organization', number)
    assert (company['name'], company['website'], company['country']) == ('Flat & Renamed', SITE, 'FR')
    house.mark()
    await house.send_pd(flat(house, number, 'deleted'))
    await later(house)
    assert (await known(house, 'organization', number))['tombstone']['kind'] == 'crm'
    assert house.calls() == []


@pytest.mark.lesson('E-21', 'E-22')
@pytest.mark.parametrize(
    'told',
    [
        [{'value': 'ana@brook.example', 'label': 'work', 'primary': True}, {'value': 'x@y.example', 'primary': False}],
        [{'value': 'x@y.example'}, {'value': 'ana@brook.example', 'primary': True}],
        ['ana@brook.example'],
        [{'value': ''}, {'value': None}, {'value': ' ana@brook.example '}],
        'ana@brook.example',
    ],
)
async def test_e_mails_of_every_shape_are_read(house: House, told: Any) -> None:
    number = add_organization(house)
    await later(house)
    at = house.clock.now().isoformat(timespec='milliseconds').replace('+00:00', 'Z')
    meta = {'action': 'create', 'entity': 'person', 'entity_id': '900', 'id': 'x', 'timestamp': at}
    data = {'id': 900, 'name': 'Ana Brook', 'org_id': number, 'emails': told, 'phones': []}
    assert (await house.send_pd(json.dumps({'meta': meta, 'data': data}).encode())).status_code == 200
    await house.settle(0)
    [contact] = await house.rows('select email, phone from contact')
    assert (contact['email'], contact['phone']) == ('ana@brook.example', None)
