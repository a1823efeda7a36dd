"""I25: whoever asks about a field gets the event that wrote it, and that event's raw body contains the value."""

import random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from hermes.db.reads.blame import read_blame
from hermes.domain.model import RecordRef
from tests.flows.house import MARCUS, PRIYA, PRIYA_PD, House, open_house

COMPUTED = {'hermes'}


def told(value: Any) -> list[str]:
    """How a value may stand in a raw body."""
    if isinstance(value, bool):
        return [str(value).lower(), 'null']
    return [str(value)]


@pytest.mark.invariant('I25')
async def test_after_a_storm_blame_names_events_whose_bodies_contain_the_values(database_url: str) -> None:
    async with open_house(database_url, seed=7, weather='storm') as house:
        await live_through_a_storm(house)
        records = await house.rows(
            "select 'company' as type, id from company union all select 'contact', id from contact union all select "
            "'deal', id from deal order by 2"
        )
        chosen = random.Random(7).sample(records, 10)
        admins = {row['id']: row for row in await house.rows('select id, tc2_admin_id, pd_owner_id from admin')}
        bodies = {
            row['id']: bytes(row['body']).decode()
            for row in await house.rows('select id, body from event where body is not null')
        }
    checked = 0
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        for row in chosen:
            for line in read_blame(connection, RecordRef(row['type'], row['id'])).lines:
                if line.write is None or line.value in (None, ''):
                    continue
                assert line.write.event_id in bodies, f'{row} {line.field} names no event'
                link = line.field.endswith((' link', '_id')) and line.value not in admins
                if line.write.system in COMPUTED or line.field == 'born' or link:
                    continue
                admin = admins.get(line.value)
                wanted = [str(admin['tc2_admin_id']), str(admin['pd_owner_id'])] if admin else told(line.value)
                assert any(text in bodies[line.write.event_id] for text in wanted), (
                    f'{row} {line.field}={line.value!r} is not in its event'
                )
                checked += 1
    assert checked >= 30


async def live_through_a_storm(house: House) -> None:
    """Sign-ups, edits on both sides, payments; then calm."""
    chance = random.Random(11)
    clients = []
    for number in range(8):
        clients.append(
            house.tc2.sign_up(
                f'Gale Tutors {number}',
                sales_person=chance.choice([PRIYA, MARCUS]),
                email=f'owner@gale{number}.example',
                website=f'https://gale{number}.example',
                recipients=[{'first_name': 'Ada', 'last_name': f'Gale{number}', 'email': f'ada@gale{number}.example'}],
            )
        )
        await house.settle(20)
    for client in clients:
        house.tc2.edit_client(client.id, website=f'https://www.gale{client.id}.example')
        house.tc2.pay_invoice(client.id)
        await house.settle(10)
    for organization in house.organizations()[:4]:
        house.pd.act_update('organization', organization['id'], {'name': f'{organization["name"]} Ltd'}, PRIYA_PD)
        await house.settle(10)
    house.world.weather.change(name='calm')
    for client in clients:
        house.tc2.send_snapshot(client.id)
    await house.settle()
