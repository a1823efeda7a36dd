"""A world that was full before Hermes came, a week of life in it, and a judge that holds a copy of it.

The judge knows what stood in every field, who owns it and what its owner said since; whatever else differs was lost.
"""

import copy
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from hermes.domain.fields import CustomField
from hermes.sandbox.scenarios import demo
from hermes.sandbox.scenarios.office import COMPANY_FIELDS
from hermes.sandbox.world import World
from hermes.sync import cataloguing, connect, sweep
from hermes.systems.pipedrive.profile import PROFILE
from tests.flows.bookings import TEN, book
from tests.flows.companies import later
from tests.flows.house import MARCUS, MARCUS_PD, NOOR, PRIYA, PRIYA_PD, SANDBOX, TOM, House

OPEN: Final = 'PAYG - Contacted'
PHONES: Final = (
    '+44 20 7946 0011', '020 7946 0012', '0044 20 7946 0013', '(020) 7946-0014', '+44 (0)20 7946 0015', '02079460016',
    '+442079460017', '+44-20-7946-0018', '+44.20.7946.0019', '020.7946.0020', '+44 20 7946 0021 ext. 7',
    '020 7946 0022 x3', 'tel:+442079460023', '+1 (212) 555-0124', '1-212-555-0125', '+33 1 23 45 67 26',
    '\uff10\uff12\uff10 7946 0027', '020 7946 0028 (Ada)', 'ask at the desk', '7946 0030',
)  # fmt: skip
NAMES: Final = ('Ada Lovelace', 'Ada', 'Mary Anne van Dyke', '李 雷', "O'Brien", 'Łucja Ó Sé')
TEXTS: Final = {
    'price_plan': ('payg', 'startup', 'bespoke 3'),
    'tc2_status': ('active', 'trial', 'asleep'),
    'has_signed_up': ('true', 'yes', 'no', 'perhaps'),
    'has_booked_call': ('true', 'false', 'twice'),
    'tc2_cligency_url': ('https://old.example/clients/90001/', 'see the list'),
    'hermes_id': ('old 17', '4'),
}
NUMBERS: Final = {
    'support_person_id': (12_000_014, 999, 0),
    'bdr_person_id': (12_000_015, 998, 0),
    'paid_invoice_count': (4, 2.5, 0),
}
OF_PEOPLE: Final = ('website', 'estimated_income', 'currency')
"""Policy `follow`, and texts."""
OF_TC2: Final = ('tc2_status', 'paid_invoice_count', 'price_plan', 'created', 'utm_source')
"""What the clients of this world say."""
OWN: Final = {
    'organization': (('tier', 'enum'), ('channels', 'set'), ('budget', 'monetary'), ('branches', 'double'),
                     ('founded', 'date'), ('account_manager', 'user'), ('seat', 'address')),
    'person': (('shoe_size', 'double'), ('nickname', 'text')),
    'deal': (('branches', 'double'), ('budget', 'monetary'), ('lead', 'text')),
}  # fmt: skip
"""Fields of the office's own, which no Hermes knows of."""
LATER: Final = (
    CustomField('tier', 'Tier', 'str', 'Company', policy='follow'),
    CustomField('branches', 'Branches', 'int', 'Company', policy='tc2'),
    CustomField('branches', 'Branches', 'int', 'Deal', policy='hermes'),
    CustomField('founded', 'Founded', 'date', 'Company', policy='hermes'),
    CustomField('account_manager', 'Account manager', 'fk_field', 'Company', policy='crm'),
    CustomField('nickname', 'Nickname', 'str', 'Contact', policy='hermes'),
)
"""Those that are added to the catalogue in the middle of the week."""
NATIVE: Final = {
    'organization': ('name', 'owner_id', 'address', 'website', 'label_ids', 'annual_revenue'),
    'person': ('name', 'owner_id', 'org_id', 'emails', 'phones', 'job_title', 'label_ids'),
    'deal': ('title', 'owner_id', 'value', 'currency', 'person_id', 'org_id', 'stage_id', 'pipeline_id', 'status',
             'is_archived', 'label_ids'),
}  # fmt: skip
WORDS: Final = {'true': True, 'yes': True, 'false': False, 'no': False}
INHERITED: Final = {name for name, _ in COMPANY_FIELDS} | {'branches'}
Key = tuple[str, int]


@dataclass
class Full:
    """What stands in the CRM by everybody's will but Hermes's: the world before, and what its owners changed since."""

    chance: random.Random
    stands: dict[Key, dict[str, Any]] = field(default_factory=dict)
    """Native fields by name, custom ones by code."""
    gone: set[Key] = field(default_factory=set)
    clients: dict[int, int] = field(default_factory=dict)
    """Organisation -> client of TutorCruncher."""
    booked: dict[int, int] = field(default_factory=dict)
    said: set[tuple[int, str]] = field(default_factory=set)
    """Fields of organisations that people changed since."""

    def build(self, world: World, companies: int) -> None:
        """Everything that was there before Hermes came."""
        demo.bare(world)
        crm = world.pipedrive
        for kind, fields in OWN.items():
            for name, field_type in fields:
                options = (
                    {'options': [{'label': one} for one in ('One', 'Two')]} if field_type in ('enum', 'set') else {}
                )
                crm.catalogues[kind].create({'field_name': name, 'field_type': field_type, **options})
        self.stranger = crm.add_user('Somebody Else', 'somebody@office.example')
        made = [self._company(world, number) for number in range(companies)]
        for loser, survivor in ((0, 1), (2, 3)):
            crm.act_merge('organization', made[loser], made[survivor], PRIYA_PD)
        crm.act_delete('organization', made[4], PRIYA_PD)
        twin = crm.tables['organization'][made[5]]['name']
        crm.act_create('organization', {'name': twin, 'custom_fields': self._values(world, 'organization')}, MARCUS_PD)
        for place, number in enumerate(made[6:]):
            if place % 3 != 2:
                self._client(world, number, by_id=place % 3 == 0)
        self.remember(world)

    def _company(self, world: World, number: int) -> int:
        crm, chance = world.pipedrive, self.chance
        address = {'value': 'Leeds, United Kingdom', 'country': 'United Kingdom'}
        told = {
            'name': f'Tutors {number:03d}',
            'address': address,
            'custom_fields': self._values(world, 'organization'),
        }
        owner = chance.choice((PRIYA_PD, MARCUS_PD, self.stranger))
        organization = crm.act_create('organization', told, owner)['id']
        person = crm.act_create('person', {
            'name': NAMES[number % len(NAMES)], 'org_id': organization,
            'emails': [{'value': f'one{number}@tutors.example', 'label': 'work', 'primary': True},
                       {'value': f'two{number}@tutors.example', 'label': 'home', 'primary': False}],
            'phones': [{'value': PHONES[number % len(PHONES)], 'label': 'mobile', 'primary': True}],
            'custom_fields': self._values(world, 'person'),
        }, owner)['id']  # fmt: skip
        for place, status in enumerate(chance.sample(('open', 'open', 'won', 'lost', 'archived', 'deleted'), 3)):
            deal = crm.act_create('deal', {
                'title': f'Deal {number}.{place}', 'org_id': organization, 'person_id': person, 'value': 100 * place,
                'currency': chance.choice(('GBP', 'EUR', 'USD')), 'custom_fields': self._values(world, 'deal'),
                'stage_id': next(one['id'] for one in crm.tables['stage'].values() if one['name'] == OPEN),
            }, owner)['id']  # fmt: skip
            if status == 'deleted':
                crm.act_delete('deal', deal, owner)
            elif status != 'open':
                crm.act_update('deal', deal, {'is_archived': True} if status == 'archived' else {'status': status})
        return int(organization)

    def _values(self, world: World, kind: str) -> dict[str, Any]:
        """Two fields of three have a value."""
        found = {}
        for one in world.pipedrive.catalogues[kind].custom():
            if self.chance.random() < 2 / 3:
                found[one['field_code']] = self._value(one)
        return found

    def _value(self, one: dict[str, Any]) -> Any:
        name, kind, chance = one['field_name'], one['field_type'], self.chance
        if name in TEXTS or name in NUMBERS:
            return chance.choice((TEXTS | NUMBERS)[name])
        return {
            'double': lambda: chance.randrange(1, 9),
            'date': lambda: f'2024-0{chance.randrange(1, 9)}-11',
            'monetary': lambda: {'value': chance.randrange(100, 900), 'currency': chance.choice(('GBP', 'EUR', 'USD'))},
            'enum': lambda: chance.choice(one['options'])['id'],
            'set': lambda: [option['id'] for option in one['options']],
            'user': lambda: chance.choice((PRIYA_PD, self.stranger)),
            'address': lambda: {'value': '4 Mill Lane, Leeds'},
        }.get(kind, lambda: f'{name} {chance.randrange(1000)}')()

    def _client(self, world: World, organization: int, *, by_id: bool) -> None:
        """A client of TutorCruncher for an organisation: it names it, or bears its name."""
        tc2, number = world.tutorcruncher, organization
        if not any(one.machine_name == 'pipedrive_id' for one in tc2.attributes):
            tc2.define_attribute('pipedrive_id', 'Pipedrive id')
        name = world.pipedrive.tables['organization'][number]['name']
        attributes = {'pipedrive_id': str(number)} if by_id else {}
        if self.chance.random() < 0.5:
            attributes['utm_source'] = f'tc2 {number}'
        self.clients[number] = tc2.add_client(
            'As TC2 calls it' if by_id else name, email=f'boss{number}@tutors.example', status='active',
            sales_person=PRIYA, support_person=self.chance.choice((TOM, None)), bdr_person=NOOR, website='https://tc2.example',
            paid_invoice_count=self.chance.randrange(3), extra_attrs=attributes,
            created=world.clock.now() - timedelta(days=400),
        ).id  # fmt: skip

    def remember(self, world: World) -> None:
        """The copy of the world."""
        for kind in NATIVE:
            for number, row in world.pipedrive.tables[kind].items():
                if row['is_deleted']:
                    self.gone.add((kind, number))
                else:
                    told = {name: row[name] for name in NATIVE[kind]} | row['custom_fields']
                    self.stands[kind, number] = copy.deepcopy(told)

    def edit(self, house: House, kind: str, number: int, **values: Any) -> None:
        """A person changes what people own; custom fields by name, under `custom`."""
        told = values.pop('custom', {})
        self.said |= {(number, name) for name in told if kind == 'organization'}
        custom = {house.code(kind, name): value for name, value in told.items()}
        house.pd.act_update(kind, number, values | ({'custom_fields': custom} if custom else {}), PRIYA_PD)
        self.stands[kind, number] |= values | custom

    def pick(self, kind: str) -> int:
        return self.chance.choice([number for each, number in self.stands if each == kind])


async def go_live(house: House) -> None:
    """Connect, subscribe, list everything on both sides."""
    await house.connect()
    async with house.engine.database.transaction() as connection:
        await sweep.open_everything(connection, PROFILE, 'the first night')
        await sweep.open_sweep(connection, 'tutorcruncher', 'client', 'full')
    await later(house, 3600)


async def live(house: House, full: Full, days: int) -> None:
    """Snapshots, edits, calls, nights; in the middle fields are added and an option is made."""
    for day in range(days):
        for _ in range(2):
            house.tc2.send_all_snapshots()
            await later(house, 6 * 3600)
        full.edit(house, 'organization', full.pick('organization'), custom={
            full.chance.choice(OF_PEOPLE): f'edited {day}', 'referer': f'edited {day}',
        })  # fmt: skip
        full.edit(house, 'person', full.pick('person'), name=f'Renamed {day}', job_title='Owner')
        full.edit(house, 'deal', _open_deal(full), title=f'Retitled {day}', custom={'lead': f'lead {day}'})
        await _call(house, full, day)
        if day == days // 2:
            await _add_fields(house, full)
        async with house.engine.database.transaction() as connection:
            await sweep.open_everything(connection, PROFILE, 'night')
        await later(house, 12 * 3600)


def _open_deal(full: Full) -> int:
    found = [number for (kind, number), told in full.stands.items()
             if kind == 'deal' and told['status'] == 'open' and not told['is_archived']]  # fmt: skip
    return full.chance.choice(found)


async def _call(house: House, full: Full, day: int) -> None:
    """One of the persons books a call."""
    number = full.pick('person')
    told = full.stands['person', number]
    email = told['emails'][0]['value']
    form = {'email': email, 'name': 'Ada Lovelace', 'company_name': 'As the form says', 'phone': None}
    await book(house, TEN + timedelta(days=day, hours=day % 5), form=form, who=MARCUS)
    full.booked[told['org_id']] = full.booked.get(told['org_id'], 0) + 1


async def _add_fields(house: House, full: Full) -> None:
    tier = house.pd.catalogues['organization'].named('tier')
    added = {**tier['options'][0], 'id': 99_001, 'label': 'Three'}
    tier['options'].append(added)
    full.edit(house, 'organization', full.pick('organization'), custom={'tier': added['id']})
    await connect.connect(house.engine, house.engine.systems['pipedrive'])
    for item in LATER:
        await cataloguing.add(house.engine, item, house.engine.systems['pipedrive'], create=False)


def lost(house: House, full: Full) -> Iterator[str]:
    """Every value that stood there and does not any more, though nobody who owns it changed it."""
    for (kind, number), told in full.stands.items():
        row = house.pd.tables[kind][number]
        if row['is_deleted']:
            yield f'{kind} {number} was deleted'
            continue
        names = {one['field_code']: one['field_name'] for one in house.pd.catalogues[kind].custom()}
        for key, value in told.items():
            now = row['custom_fields'].get(key) if key in names else row[key]
            wanted = _wanted(house, full, kind, number, names.get(key, key), value)
            if wanted not in (None, '', []) and _said(now) != _said(wanted):
                yield f'{kind} {number} {names.get(key, key)}: {value!r} became {now!r}, it should be {wanted!r}'
    for kind, number in full.gone:
        if not house.pd.tables[kind][number]['is_deleted']:
            yield f'{kind} {number} is back'


def _wanted(house: House, full: Full, kind: str, number: int, name: str, value: Any) -> Any:
    """What should stand there: what stood, but for what the field's owner says."""
    row = house.pd.tables[kind][number]
    if name == 'hermes_id' or _is_nobody(name, value):
        return None
    if kind == 'organization':
        return _of_company(house, full, number, name, value)
    if kind != 'deal' or name not in INHERITED or row['status'] != 'open' or row['is_archived']:
        return value
    company = row['org_id']
    if ('organization', company) in full.gone:
        return value
    there = house.pd.tables['organization'][company]['custom_fields'].get(house.code('organization', name))
    said = _of_company(house, full, company, name, None) is not None or (company, name) in full.said
    found = full.stands['organization', company].get(house.code('organization', name))
    return there if said or (found in (None, 2.5, 999, 998, 0) and there not in (None, found)) else value


def _is_nobody(name: str, value: Any) -> bool:
    """0 in place of an admin (D-10)."""
    return name.endswith('_person_id') and value == 0


def _of_company(house: House, full: Full, number: int, name: str, value: Any) -> Any:
    client = house.tc2.clients.get(full.clients.get(number, 0))
    calls = full.booked.get(number, 0)
    if name == 'sales_call_count':
        return (value or 0) + calls
    if name == 'has_booked_call' and calls:
        return 'true'
    if client is None:
        return value
    says = {
        'tc2_status': client.agency.status, 'paid_invoice_count': client.agency.paid_invoice_count,
        'price_plan': client.agency.price_plan.rpartition('-')[2], 'created': client.agency.created.date().isoformat(),
        'utm_source': client.attributes.get('utm_source'), 'has_signed_up': 'true',
        'tc2_cligency_url': f'{SANDBOX}/tc2/clients/{client.id}/',
    }.get(name)  # fmt: skip
    return value if says is None else says


def _said(value: Any) -> Any:
    return WORDS.get(value, value) if isinstance(value, str) else value


async def untold(house: House, full: Full, before: dict[Key, dict[str, Any]]) -> list[str]:
    """What was replaced without a line in the journal that keeps it."""
    rows = await house.rows('select l.type, l.remote_id, c.field, c.old from change c join link l using (record_type, '
                            "record_id) where l.system = 'pipedrive' and c.old is not null")  # fmt: skip
    kept = {(row['type'], int(row['remote_id']), row['field'], str(row['old'])) for row in rows}
    found = []
    for (kind, number), told in before.items():
        row = house.pd.tables[kind][number]
        names = {one['field_code']: one['field_name'] for one in house.pd.catalogues[kind].custom()}
        for code, name in names.items():
            old, now = told.get(code), row['custom_fields'].get(code)
            if old in (None, now) or _is_nobody(name, old) or full.stands[kind, number].get(code) != old:
                continue
            if (kind, number, name, str(_read(name, old))) not in kept:
                found.append(f'{kind} {number} {name}: {old!r} became {now!r}, which the journal does not say')
    return found


def _read(name: str, value: Any) -> Any:
    """How the journal writes a value of the CRM."""
    if name == 'hermes_id':
        return [int(number) for number in re.findall(r'\d+', value)]
    return _said(value)
