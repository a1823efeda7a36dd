"""The demo world: an invented office with a handful of companies, some known to both sides and some to one.

Nothing is announced while it is built. `DEMO_ADMINS` and `ENTRY_STAGES` are plain data for whoever sets Hermes up.
"""

from datetime import timedelta
from typing import Any

from hermes.sandbox.scenarios.diaries import fill_calendars
from hermes.sandbox.scenarios.office import add_fields, open_office, stage_id
from hermes.sandbox.staff import ADMINS, ENTRY_STAGES
from hermes.sandbox.world import World

DEMO_ADMINS = ADMINS
PRIYA_PD, MARCUS_PD = ADMINS[0]['pd_owner_id'], ADMINS[1]['pd_owner_id']
PRIYA_TC2, MARCUS_TC2, INES_TC2, TOM_TC2, NOOR_TC2 = (admin['tc2_admin_id'] for admin in ADMINS)
BIG = 1000

__all__ = ['DEMO_ADMINS', 'ENTRY_STAGES', 'bare', 'big', 'build', 'empty']


def empty(world: World) -> None:
    """An account with users and pipelines, without companies and without custom fields."""
    open_office(world)


def bare(world: World) -> None:
    """The demo's set-up with its custom fields, without companies."""
    open_office(world)
    add_fields(world)


def big(world: World, n: int = BIG) -> None:
    """The demo's set-up with `n` organisations, each with one person, at the CRM."""
    open_office(world)
    add_fields(world)
    actor = world.pipedrive.actor(PRIYA_PD)
    for number in range(1, n + 1):
        organisation = world.pipedrive.create('organization', {'name': f'Tutors {number:06d}'}, actor)
        contact = {'name': f'Alex Person{number}', 'emails': [{'value': f'alex{number}@tutors{number}.example'}]}
        world.pipedrive.create('person', {**contact, 'org_id': organisation['id']}, actor)


def build(world: World) -> None:
    """Companies on both sides, only in TutorCruncher, only in Pipedrive."""
    open_office(world)
    add_fields(world)
    on_both_sides(world)
    _only_in_tutorcruncher(world)
    _only_in_pipedrive(world)
    fill_calendars(world)


def on_both_sides(world: World) -> None:
    now = world.clock.now()
    client = world.tutorcruncher.add_client(
        'Northgate Tutors',
        country='GB',
        plan='payg',
        email='hannah@northgate.example',
        first_name='Hannah',
        last_name='Price',
        phone='+44 20 7946 0011',
        sales_person=PRIYA_TC2,
        support_person=TOM_TC2,
        bdr_person=NOOR_TC2,
        status='active',
        website='https://northgate.example',
        created=now - timedelta(days=210),
        email_confirmed_dt=now - timedelta(days=209),
        card_saved_dt=now - timedelta(days=180),
        paid_invoice_count=3,
        pay0_dt=now - timedelta(days=150),
        pay1_dt=now - timedelta(days=120),
        pay3_dt=now - timedelta(days=90),
        extra_attrs={'utm_source': 'newsletter', 'estimated_monthly_income': '5000-10000', 'currency': 'GBP'},
    )
    fields = {'tc2_cligency_url': f'https://app.tutorcruncher.com/clients/{client.id}/'}
    organisation = _organisation(world, 'Northgate Tutors', PRIYA_PD, fields)
    person = _person(world, organisation, 'Hannah Price', 'hannah@northgate.example')
    _deal(world, organisation, person, 'Northgate Tutors', 'PAYG - Negotiation', PRIYA_PD, status='won')

    world.tutorcruncher.add_client(
        'Lakeside Learning',
        country='US',
        plan='enterprise',
        email='dana@lakeside.example',
        first_name='Dana',
        last_name='Whitlock',
        phone='+1 202 555 0142',
        sales_person=MARCUS_TC2,
        support_person=INES_TC2,
        created=now - timedelta(days=30),
        created_as_epoch=True,
        shape='flat',
        signup_questionnaire={'how-many-tutors': '50+', 'main-goal': 'invoicing'},
    )
    organisation = _organisation(world, 'Lakeside Learning', MARCUS_PD, {})
    person = _person(world, organisation, 'Dana Whitlock', 'dana@lakeside.example')
    _deal(world, organisation, person, 'Lakeside Learning', 'ENTERPRISE - Demo done', MARCUS_PD)


def _only_in_tutorcruncher(world: World) -> None:
    now = world.clock.now()
    world.tutorcruncher.add_client(
        'Bright Sparks Tuition',
        country='AU',
        plan='startup',
        email='jo@brightsparks.example',
        first_name='Jo',
        last_name='Nguyen',
        phone='+61 2 5550 1234',
        sales_person=PRIYA_TC2,
        support_person=TOM_TC2,
        created=now - timedelta(days=6),
        website='https://brightsparks.example',
        gclid='Cj0KCQiA-demo',
        gclid_expiry_dt=now + timedelta(days=84),
    )
    world.tutorcruncher.add_client(
        'Old Oak Academy',
        country='GB',
        plan='payg',
        email='office@oldoak.example',
        first_name='Ruth',
        last_name='Ellery',
        sales_person=PRIYA_TC2,
        status='terminated',
        created=now - timedelta(days=400),
        omitted={'meta_agency.narc', 'meta_agency.gclid'},
    )


def _only_in_pipedrive(world: World) -> None:
    organisation = _organisation(world, 'Riverbank Schools Trust', MARCUS_PD, {})
    person = _person(world, organisation, 'Oscar Lindqvist', 'oscar@riverbank.example')
    _deal(world, organisation, person, 'Riverbank rollout', 'ENTERPRISE - Contacted', MARCUS_PD)
    organisation = _organisation(world, 'Maple Street Tutors', PRIYA_PD, {})
    _person(world, organisation, 'Faith Adeyemi', 'faith@maplestreet.example')


def _organisation(world: World, name: str, owner_id: int, fields: dict[str, Any]) -> int:
    codes = {world.pipedrive.catalogues['organization'].named(key)['field_code']: one for key, one in fields.items()}
    body = {'name': name, 'owner_id': owner_id, 'custom_fields': codes}
    return int(world.pipedrive.create('organization', body, world.pipedrive.actor(owner_id))['id'])


def _person(world: World, organisation: int, name: str, email: str) -> int:
    body = {'name': name, 'org_id': organisation, 'emails': [{'value': email, 'label': 'work', 'primary': True}]}
    return int(world.pipedrive.create('person', body, world.pipedrive.actor(PRIYA_PD))['id'])


def _deal(
    world: World, organisation: int, person: int, title: str, stage: str, owner_id: int, status: str = 'open'
) -> None:
    body = {
        'title': title,
        'org_id': organisation,
        'person_id': person,
        'stage_id': stage_id(world, stage),
        'owner_id': owner_id,
        'status': status,
    }
    world.pipedrive.create('deal', body, world.pipedrive.actor(owner_id))
