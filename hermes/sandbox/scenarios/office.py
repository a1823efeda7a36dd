"""The invented sales office behind every scenario: its people (`staff`), pipelines, the fields of the documents."""

from hermes.sandbox.staff import ADMINS, PIPELINES, STAGES
from hermes.sandbox.world import World

COMPANY_FIELDS = (
    ('hermes_id', 'varchar'),
    ('tc2_status', 'text'),
    ('tc2_cligency_url', 'text'),
    ('paid_invoice_count', 'double'),
    ('website', 'text'),
    ('price_plan', 'text'),
    ('estimated_income', 'text'),
    ('support_person_id', 'double'),
    ('bdr_person_id', 'double'),
    ('signup_questionnaire', 'text'),
    ('utm_source', 'text'),
    ('utm_campaign', 'text'),
    ('created', 'date'),
    ('pay0_dt', 'date'),
    ('pay1_dt', 'date'),
    ('pay3_dt', 'date'),
    ('gclid', 'text'),
    ('gclid_expiry_dt', 'date'),
    ('email_confirmed_dt', 'date'),
    ('card_saved_dt', 'date'),
)
ORGANISATION_ONLY = (
    ('currency', 'text'),
    ('referer', 'text'),
    ('has_signed_up', 'varchar'),
    ('has_booked_call', 'varchar'),
    ('sales_call_count', 'double'),
    ('support_call_count', 'double'),
)
FIELDS = {
    'organization': COMPANY_FIELDS + ORGANISATION_ONLY,
    'person': (('hermes_id', 'varchar'),),
    'deal': COMPANY_FIELDS,
}

MAILING_LISTS = ('Newsletter', 'Newsletter Hebrew', 'Educators', 'Weekly Study')


def open_calendars(world: World) -> None:
    """An empty calendar for everybody, in their own time zone."""
    for admin in ADMINS:
        world.google.add_person(admin['email'], f'{admin["first_name"]} {admin["last_name"]}', admin['timezone'])


def open_nation(world: World) -> None:
    """The mailing lists of a new nation, and the tag of those who give regularly."""
    if world.nationbuilder.store.last_ids['lists']:
        return
    for name in MAILING_LISTS:
        world.nationbuilder.add_list(name)
    world.nationbuilder.create('signup_tags', {'name': 'sustainer'})


def open_office(world: World) -> None:
    """People on both sides with their calendars, pipelines and stages, and a nation with its lists. Nobody is told by
    webhook, since nobody subscribes yet.
    """
    for admin in ADMINS:
        name, email = f'{admin["first_name"]} {admin["last_name"]}', admin['email']
        world.tutorcruncher.add_admin(admin['tc2_admin_id'], admin['first_name'], admin['last_name'], email)
        if admin['pd_owner_id']:
            world.pipedrive.add_user(name, email, user_id=admin['pd_owner_id'])
    open_calendars(world)
    open_nation(world)
    account = world.pipedrive
    actor = account.actor()
    for pipeline in PIPELINES:
        made = account.create('pipeline', {'name': pipeline}, actor)
        for stage in STAGES:
            account.create('stage', {'name': f'{pipeline} - {stage}', 'pipeline_id': made['id']}, actor)


def add_fields(world: World) -> None:
    """The custom fields that the documents list, `hermes_id` as text."""
    for kind, fields in FIELDS.items():
        for name, field_type in fields:
            world.pipedrive.catalogues[kind].create({'field_name': name, 'field_type': field_type})


def stage_id(world: World, name: str) -> int:
    """Raises LookupError."""
    for stage in world.pipedrive.live('stage').values():
        if stage['name'] == name:
            return int(stage['id'])
    raise LookupError(name)
