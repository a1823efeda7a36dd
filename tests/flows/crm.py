"""Acts of people in the CRM, and what Hermes knows then: what the flows from Pipedrive share."""

from typing import Any

from tests.flows.house import MARCUS_PD, PRIYA_PD, House

SITE = 'https://brook.example'


def add_organization(house: House, name: str = 'Brook Tutors', **values: Any) -> int:
    """A person makes an organisation, owned by Priya. Custom fields by their names, under `custom`."""
    return int(
        house.pd.act_create('organization', coded(house, 'organization', {'name': name, **values}), PRIYA_PD)['id']
    )


def add_person(house: House, org_id: int | None, name: str = 'Ana Brook', **values: Any) -> int:
    return int(house.pd.act_create('person', coded(house, 'person', {'name': name, 'org_id': org_id, **values}))['id'])


def add_deal(house: House, org_id: int | None, title: str = 'Brook rollout', **values: Any) -> int:
    stage_id = stage(house)['id']
    told = {'title': title, 'org_id': org_id, 'stage_id': stage_id, **values}
    return int(house.pd.act_create('deal', coded(house, 'deal', told), PRIYA_PD)['id'])


def change(house: House, kind: str, number: int, **values: Any) -> None:
    """A person edits an object."""
    house.pd.act_update(kind, number, coded(house, kind, values), PRIYA_PD)


def coded(house: House, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """`custom` by names becomes `custom_fields` by codes."""
    custom = values.pop('custom', {})
    codes = {house.code(kind, name): value for name, value in custom.items()}
    return {name: value for name, value in values.items() if value is not None} | (
        {'custom_fields': codes} if codes else {}
    )


def stage(house: House, name: str = 'PAYG - Contacted') -> dict[str, Any]:
    return next(item for item in house.pd.state()['stages'] if item['name'] == name)


def shown(house: House, kind: str, number: int) -> dict[str, Any]:
    """An object's custom fields by name, as they stand in the CRM."""
    return house.custom(kind, item(house, kind, number))


def item(house: House, kind: str, number: int) -> dict[str, Any]:
    return next(one for one in house.pd.state()[f'{kind}s'] if one['id'] == number)


async def linked(house: House, kind: str, number: int) -> dict[str, Any] | None:
    """The record of a CRM object, None when there is none."""
    table = {'organization': 'company', 'person': 'contact', 'user': 'admin'}.get(kind, kind)
    rows = await house.rows(
        f"select t.* from link l join {table} t on t.id = l.record_id where l.system = 'pipedrive' and l.type = %s "
        'and l.remote_id = %s',
        kind,
        str(number),
    )
    return rows[0] if rows else None


async def known(house: House, kind: str, number: int) -> dict[str, Any]:
    found = await linked(house, kind, number)
    assert found is not None, f'{kind} {number} is unknown'
    return found


async def admin(house: House, owner: int) -> int:
    """Our id of the admin who is this CRM user."""
    [row] = await house.rows('select id from admin where pd_owner_id = %s', owner)
    return int(row['id'])


def writes(house: House) -> list[tuple[str, str]]:
    """What Hermes wrote to the CRM since `mark`: method and object."""
    return [
        (call.method, '/'.join(call.path.split('/')[-2:] if call.method != 'POST' else call.path.split('/')[-1:]))
        for call in house.calls()
        if call.method != 'GET'
    ]


def in_crm(house: House, name: str, email: str | None = None, country: str | None = None) -> int:
    """An organisation that a person makes in the CRM, with one person."""
    values: dict[str, Any] = {'name': name, **({'address': {'value': country, 'country': country}} if country else {})}
    made = house.pd.act_create('organization', values, MARCUS_PD)
    if email:
        house.pd.act_create(
            'person', {'name': 'Pat Known', 'org_id': made['id'], 'emails': [{'value': email}]}, MARCUS_PD
        )
    return int(made['id'])
