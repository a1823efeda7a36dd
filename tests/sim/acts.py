"""What people and clients do in the two accounts: one act, drawn by a seed. Every act says itself in plain words."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hermes.sandbox.pipedrive.answers import Refused as CrmRefused
from hermes.sandbox.tutorcruncher.account import Refused as ClientRefused
from tests.flows.house import MARCUS, MARCUS_PD, PRIYA, PRIYA_PD, House
from tests.sim.testbed import pick

Act = Callable[[House, random.Random], str]
NAMES = ('Alder', 'Birch', 'Cedar', 'Dogwood', 'Elm', 'Fir', 'Ginkgo', 'Hazel')
MOST_CLIENTS = 4
MOST_BORN_THERE = 3
LATE_S = 20


def sign_up(house: House, chance: random.Random) -> str:
    number = len(house.tc2.clients)
    if number >= MOST_CLIENTS:
        return edit_client(house, chance)
    name = NAMES[number]
    people = [
        {'first_name': 'Ana', 'last_name': f'{name}{one}', 'email': f'ana{one}@{name.lower()}.example'}
        for one in range(chance.randrange(3))
    ]
    client = house.tc2.sign_up(
        f'{name} Tutors',
        sales_person=chance.choice((PRIYA, MARCUS)),
        email=f'owner@{name.lower()}.example',
        recipients=people or None,
    )
    return f'sign up {client.id}'


def _client(house: House, chance: random.Random, *, deleted: bool = False) -> Any:
    return pick(chance, [one for one in house.tc2.clients.values() if one.deleted is deleted])


def edit_client(house: House, chance: random.Random) -> str:
    client = _client(house, chance)
    if client is None:
        return sign_up(house, chance) if len(house.tc2.clients) < MOST_CLIENTS else ''
    what = chance.choice(('website', 'name', 'status', 'sales', 'card', 'pay', 'plan', 'country', 'utm'))
    value: Any = chance.randrange(3)
    if what == 'website':
        house.tc2.edit_client(client.id, website=f'https://w{value}.example')
    elif what == 'name':
        house.tc2.edit_client(client.id, name=f'{NAMES[client.id % 8]} Tutors {value}')
    elif what == 'status':
        value = chance.choice(('trial', 'active', 'terminated', 'suspended'))
        house.tc2.change_status(client.id, value)
    elif what == 'sales':
        value = chance.choice((PRIYA, MARCUS))
        house.tc2.set_admins(client.id, sales_person=value)
    elif what == 'card':
        house.tc2.save_card(client.id)
    elif what == 'pay':
        house.tc2.pay_invoice(client.id)
    elif what == 'plan':
        value = chance.choice(('payg', 'startup', 'enterprise'))
        house.tc2.edit_client(client.id, plan=value)
    elif what == 'country':
        value = chance.choice(('GB', 'US', 'DE'))
        house.tc2.edit_client(client.id, country=value)
    else:
        house.tc2.set_extra_attr(client.id, 'utm_source', f'u{value}')
    return f'client {client.id}: {what} {value}'


def change_people(house: House, chance: random.Random) -> str:
    client = _client(house, chance)
    if client is None:
        return ''
    recipient = pick(chance, client.recipients)
    what = chance.choice(('add', 'edit', 'remove', 'email'))
    if what == 'add' or recipient is None:
        if len(client.recipients) >= 3:
            return ''
        number = house.tc2.last_id['recipient']
        house.tc2.add_recipient(client.id, f'New{number}', 'Bo', f'bo{number}@x.example')
    elif what == 'edit':
        house.tc2.edit_recipient(client.id, recipient.id, first_name=chance.choice(('Cy', 'Di')))
    elif what == 'remove':
        house.tc2.remove_recipient(client.id, recipient.id)
    else:
        house.tc2.edit_recipient(client.id, recipient.id, email=chance.choice((None, f'new{recipient.id}@x.example')))
    return f'client {client.id}: recipient {what}'


def delete_client(house: House, chance: random.Random) -> str:
    client = _client(house, chance)
    if client is None:
        return ''
    house.tc2.delete(client.id)
    return f'client {client.id}: delete'


def recover_client(house: House, chance: random.Random) -> str:
    client = _client(house, chance, deleted=True)
    if client is None:
        return ''
    house.tc2.recover(client.id)
    return f'client {client.id}: recover'


def mark_narc(house: House, chance: random.Random) -> str:
    client = _client(house, chance)
    if client is None or client.agency is None:
        return ''
    house.tc2.set_narc(client.id, not client.agency.narc)
    return f'client {client.id}: narc {client.agency.narc}'


def snapshot(house: House, chance: random.Random) -> str:
    house.tc2.send_all_snapshots()
    return 'snapshots'


def _row(house: House, chance: random.Random, kind: str, *, deleted: bool = False) -> Any:
    return pick(
        chance,
        [one for one in house.pd.tables[kind].values() if one['is_deleted'] is deleted and not one.get('_merged_to')],
    )


def edit_organization(house: House, chance: random.Random) -> str:
    row = _row(house, chance, 'organization')
    if row is None:
        return ''
    what = chance.choice(('name', 'owner', 'website', 'utm_source', 'paid_invoice_count', 'hermes_id'))
    value = chance.randrange(3)
    custom = {code: one['field_name'] for code, one in house.pd.catalogues['organization'].fields.items()}
    codes = {name: code for code, name in custom.items()}
    if what == 'name':
        house.pd.act_update('organization', row['id'], {'name': f'Crm {row["id"]} {value}'}, PRIYA_PD)
    elif what == 'owner':
        house.pd.act_update('organization', row['id'], {'owner_id': chance.choice((PRIYA_PD, MARCUS_PD))}, PRIYA_PD)
    elif what == 'paid_invoice_count':
        house.pd.act_update('organization', row['id'], {'custom_fields': {codes[what]: 70 + value}}, PRIYA_PD)
    elif what == 'hermes_id':
        house.pd.act_update('organization', row['id'], {'custom_fields': {codes[what]: None}}, PRIYA_PD)
    else:
        text = chance.choice((f'https://crm{value}.example', None))
        house.pd.act_update('organization', row['id'], {'custom_fields': {codes[what]: text}}, PRIYA_PD)
    return f'organization {row["id"]}: {what} {value}'


def edit_person(house: House, chance: random.Random) -> str:
    row = _row(house, chance, 'person')
    if row is None:
        return ''
    what = chance.choice(('name', 'email', 'move', 'phone'))
    if what == 'name':
        house.pd.act_update('person', row['id'], {'name': f'Pat Crm{chance.randrange(3)}'}, PRIYA_PD)
    elif what == 'email':
        house.pd.act_update(
            'person',
            row['id'],
            {'emails': [{'value': f'crm{chance.randrange(3)}@p{row["id"]}.example', 'primary': True}]},
            PRIYA_PD,
        )
    elif what == 'phone':
        house.pd.act_update(
            'person',
            row['id'],
            {'phones': [{'value': f'+44 20 7946 00{chance.randrange(10, 13)}', 'primary': True}]},
            PRIYA_PD,
        )
    else:
        target = _row(house, chance, 'organization')
        if target is None:
            return ''
        house.pd.act_update('person', row['id'], {'org_id': target['id']}, PRIYA_PD)
        return f'person {row["id"]}: move to {target["id"]}'
    return f'person {row["id"]}: {what}'


def edit_deal(house: House, chance: random.Random) -> str:
    row = _row(house, chance, 'deal')
    if row is None:
        return ''
    what = chance.choice(('won', 'lost', 'open', 'stage', 'title', 'move'))
    if what == 'stage':
        stage = pick(chance, house.pd.live('stage').values())
        house.pd.act_move(row['id'], stage['id'], PRIYA_PD)
    elif what == 'title':
        house.pd.act_update('deal', row['id'], {'title': f'Deal {chance.randrange(3)}'}, PRIYA_PD)
    elif what == 'move':
        target = _row(house, chance, 'organization')
        if target is None:
            return ''
        house.pd.act_update('deal', row['id'], {'org_id': target['id']}, PRIYA_PD)
    else:
        house.pd.act_update('deal', row['id'], {'status': what}, PRIYA_PD)
    return f'deal {row["id"]}: {what}'


def filled(house: House, kind: str, number: int) -> dict[str, Any]:
    """Values in fields that Hermes will call its own, in every second object; drawn by nobody (D-12)."""
    if number % 2 or kind not in ('organization', 'deal'):
        return {}
    told = {
        'utm_source': f'fair {number}', 'tc2_status': 'asleep', 'paid_invoice_count': number, 'website': 'by hand',
        'tc2_cligency_url': f'list {number}', 'has_booked_call': ('true', 'perhaps')[number // 2 % 2],
        'has_signed_up': 'yes', 'sales_call_count': 3, 'support_person_id': PRIYA_PD,
    }  # fmt: skip
    codes = {one['field_name']: code for code, one in house.pd.catalogues[kind].fields.items()}
    return {'custom_fields': {codes[name]: value for name, value in told.items() if name in codes}}


def make_in_crm(house: House, chance: random.Random) -> str:
    """Objects born in the CRM, under names that nobody else has."""
    kind = chance.choice(('organization', 'person', 'deal'))
    if len(house.pd.tables[kind]) >= MOST_BORN_THERE + MOST_CLIENTS:
        return ''
    number = house.pd.last_ids[kind] + 1
    target = _row(house, chance, 'organization')
    if kind == 'organization' or target is None:
        body = {'name': f'Born There {number}', 'owner_id': PRIYA_PD, **filled(house, 'organization', number)}
        made = house.pd.act_create('organization', body, PRIYA_PD)
        return f'organization {made["id"]}: made in the CRM'
    if kind == 'person':
        body = {
            'name': f'Born Person{number}',
            'org_id': target['id'],
            'emails': [{'value': f'born{number}@y.example'}],
        }
    else:
        body = {'title': f'Born Deal {number}', 'org_id': target['id'], 'owner_id': PRIYA_PD}
    made = house.pd.act_create(kind, body | filled(house, kind, number), PRIYA_PD)
    return f'{kind} {made["id"]}: made in the CRM under {target["id"]}'


def make_family(house: House, chance: random.Random) -> str:
    """An organisation, its person and its deal within one breath: their webhooks arrive in any order (D-3)."""
    number = house.pd.last_ids['organization'] + 1
    if len(house.pd.tables['organization']) >= MOST_BORN_THERE + MOST_CLIENTS:
        return ''
    body = {'name': f'Born There {number}', 'owner_id': PRIYA_PD, **filled(house, 'organization', number)}
    made = house.pd.act_create('organization', body, PRIYA_PD)
    person = house.pd.act_create(
        'person',
        {'name': f'Kin Person{number}', 'org_id': made['id'], 'emails': [{'value': f'kin{number}@y.example'}]},
        PRIYA_PD,
    )
    deal = {'title': f'Kin Deal {number}', 'org_id': made['id'], 'person_id': person['id'], 'owner_id': PRIYA_PD}
    house.pd.act_create('deal', deal | filled(house, 'deal', number), PRIYA_PD)
    return f'organization {made["id"]}: made in the CRM with its person and its deal'


def delete_while_edited(house: House, chance: random.Random) -> str:
    """A person deletes an organisation that TutorCruncher is just changing (OUT-5, I16)."""
    code = next(
        code
        for code, one in house.pd.catalogues['organization'].fields.items()
        if one['field_name'] == 'tc2_cligency_url'
    )
    of = {f'/clients/{client.id}/': client.id for client in house.tc2.clients.values() if not client.deleted}
    known = [
        (row, client)
        for row in house.pd.live('organization').values()
        for path, client in of.items()
        if str(row['custom_fields'].get(code)).endswith(path)
    ]
    if not known:
        return ''
    row, client = pick(chance, known)
    house.tc2.pay_invoice(client)
    house.tc2.edit_client(client, website=f'https://late{chance.randrange(9)}.example')
    on_the_way = {one.number for one in house.world.outbox.waiting}
    if chance.random() < 0.7:
        house.pd.act_delete('organization', row['id'], PRIYA_PD)
    else:
        house.pd.act_update('organization', row['id'], {'name': f'Late {chance.randrange(9)}'}, PRIYA_PD)
    for delivery in house.world.outbox.waiting:
        if delivery.number not in on_the_way:
            delivery.due_at += timedelta(seconds=LATE_S)
    return f'organization {row["id"]} of client {client}: {"deleted" if row["is_deleted"] else "renamed"} while edited'


def delete_in_crm(house: House, chance: random.Random) -> str:
    kind = chance.choice(('organization', 'person', 'deal'))
    row = _row(house, chance, kind)
    if row is None:
        return ''
    house.pd.act_delete(kind, row['id'], PRIYA_PD)
    return f'{kind} {row["id"]}: deleted by a person'


def undelete_in_crm(house: House, chance: random.Random) -> str:
    kind = chance.choice(('organization', 'person', 'deal'))
    row = _row(house, chance, kind, deleted=True)
    if row is None:
        return ''
    house.pd.act_undelete(kind, row['id'], PRIYA_PD)
    return f'{kind} {row["id"]}: undeleted'


WEIGHTS: dict[Act, int] = {
    sign_up: 6, edit_client: 12, change_people: 4, delete_client: 1, recover_client: 3, mark_narc: 1, snapshot: 3,
    edit_organization: 8, edit_person: 5, edit_deal: 6, make_in_crm: 3, make_family: 2, delete_in_crm: 2,
    delete_while_edited: 5, undelete_in_crm: 3,
}  # fmt: skip


def act(house: House, chance: random.Random) -> str:
    """One act of somebody; '' when it made no sense just now."""
    if not house.tc2.clients and not house.pd.tables['organization']:
        return sign_up(house, chance)
    chosen = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    try:
        return chosen(house, chance)
    except (CrmRefused, ClientRefused) as error:
        return f'{chosen.__name__}: refused ({error})'
