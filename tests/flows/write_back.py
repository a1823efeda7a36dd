"""Write-back to TutorCruncher, as its tests see it: what it was sent, and what a client holds of it."""

from typing import Any

from hermes.sandbox.tutorcruncher.client import Client
from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA_PD, House

BACK = ('pipedrive_id', 'pipedrive_url', 'pipedrive_deal_stage', 'pipedrive_pipeline')


def writes(house: House) -> list[Any]:
    """Everything but reads that TutorCruncher was sent since the mark."""
    return [call for call in house.calls(system='tutorcruncher') if call.method != 'GET']


def sent(house: House) -> list[dict[str, Any]]:
    return [call.request['extra_attrs'] for call in writes(house)]


def held(client: Client) -> dict[str, str]:
    """What the client holds of the write-back."""
    return {name: client.attributes[name] for name in BACK if name in client.attributes}


async def pushed(house: House) -> set[str]:
    """Types of records that were ever to be pushed to TutorCruncher."""
    return {
        row['record_type'] for row in await house.rows("select record_type from push where system = 'tutorcruncher'")
    }


async def signed_up(house: House, name: str = 'Ember Tutors', **fields: Any) -> Client:
    client: Client = sign_up(house, name, **fields)
    await later(house)
    house.mark()
    return client


async def bind(house: House, name: str, remote: str = 'varchar', **more: Any) -> None:
    """A catalogue field of the company that is bound to an extra attribute of TutorCruncher and stands in the CRM."""
    made = house.pd.catalogues['organization'].create({'field_name': name, 'field_type': remote})
    field = {
        'machine_name': name, 'name': name, 'field_type': 'str', 'linked_object_type': 'Company', 'policy': 'follow',
        'tc2_machine_name': name, 'pd_field_id': made['field_code'], 'remote_type': remote,
    }  # fmt: skip
    await house.act('field.save', field={**field, **more})


def edit(house: House, custom: dict[str, Any], number: int = 0, **values: Any) -> None:
    """A person edits an organisation in the CRM."""
    known = house.organizations()[number]
    codes = {house.code('organization', name): value for name, value in custom.items()}
    house.pd.act_update('organization', known['id'], {**values, 'custom_fields': codes}, PRIYA_PD)
