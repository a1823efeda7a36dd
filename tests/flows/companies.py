"""Companies that sign up, and deliveries of TutorCruncher made by hand: what the flows from TutorCruncher share."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.flows.house import PRIYA, House


def sign_up(house: House, name: str = 'Ember Tutors', **fields: Any) -> Any:
    """A company with one recipient, sold by Priya."""
    values: dict[str, Any] = {
        'sales_person': PRIYA,
        'email': 'owner@ember.example',
        'first_name': 'Sam',
        'last_name': 'Okafor',
        'recipients': [{'first_name': 'Sam', 'last_name': 'Okafor', 'email': 'sam@ember.example'}],
        **fields,
    }
    return house.tc2.sign_up(name, **values)


async def later(house: House, seconds: float = 60) -> None:
    """Let everything come to rest, then let some time pass."""
    await house.settle()
    house.clock.move_to(house.clock.now() + timedelta(seconds=seconds))


def iso(moment: datetime) -> str:
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def client(number: int = 501, **more: Any) -> dict[str, Any]:
    """A client of the sales instance, as small as it may be; `agency` replaces parts of its meta_agency."""
    agency = {
        'id': 9000 + number,
        'name': 'Ember Tutors',
        'country': 'United Kingdom (GB)',
        'status': 'trial',
        'paid_invoice_count': 0,
        'created': '2026-03-01T08:00:00.000000Z',
        'price_plan': 'monthly-payg',
    }
    changes = more.pop('agency', {})
    return {
        'model': 'Client',
        'id': number,
        'meta_agency': {key: value for key, value in {**agency, **changes}.items() if value is not ...},
        'user': {'email': 'owner@ember.example', 'first_name': 'Sam', 'last_name': 'Okafor', 'phone': None},
        'sales_person': {'id': PRIYA},
        'paid_recipients': [
            {'id': 700 + number, 'first_name': 'Sam', 'last_name': 'Okafor', 'email': 'sam@ember.example'}
        ],
        'extra_attrs': [],
        **more,
    }


def event(subject: Any, action: str = 'EDITED_A_CLIENT', at: datetime | str | int | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {'action': action, 'verb': action, 'subject': subject}
    if at is not None:
        told['timestamp'] = iso(at) if isinstance(at, datetime) else at
    return told


def envelope(*events: Any, **more: Any) -> bytes:
    return json.dumps({'events': list(events), **more}).encode()


async def deliver(house: House, *events: Any, **more: Any) -> None:
    """One signed delivery of these events, and everything that follows from it."""
    house_time = {'_request_time': int(house.clock.now().timestamp())} if not more else {}
    answer = await house.send_tc2(envelope(*events, **more, **house_time))
    assert answer.status_code == 200, answer.text
    await house.settle()


async def company(house: House) -> dict[str, Any]:
    """The only company of Hermes."""
    [found] = await house.rows('select * from company where alias_of is null')
    return found


async def notes(house: House) -> str:
    """Everything that the applied events say about themselves."""
    rows = await house.rows("select outcome::text as told, reason from event where kind <> 'act' order by id")
    return '\n'.join(f'{row["told"]} {row["reason"] or ""}' for row in rows)


async def parked(house: House) -> list[dict[str, Any]]:
    """Events that were put aside, with the reason."""
    return await house.rows("select id, source, kind, reason from event where state = 'parked' order by id")


async def decisions(house: House) -> list[dict[str, Any]]:
    return await house.rows("select * from decision where state = 'open' order by id")


async def settle(house: House, choice: str, value: str = '') -> dict[str, Any]:
    """Answer the only open question, as the command line does."""
    [asked] = await decisions(house)
    record = [asked['record_type'], asked['record_id']] if asked['record_type'] else None
    told = {'kind': asked['kind'], 'key': asked['key'], 'record': record, 'detail': asked['detail']}
    outcome = await house.act('decision.settle', **told, choice=choice, value=value)
    await later(house)
    return outcome


async def quiet(house: House) -> None:
    """No push is due or open, and nothing is parked."""
    open_pushes = await house.rows(
        "select record_type, state, reason from push where wanted > done or intent is not null or state <> 'ready'"
    )
    assert open_pushes == []
