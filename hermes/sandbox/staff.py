"""The people of the invented office and where its deals enter: plain data, also for whoever sets Hermes up for it."""

from pathlib import Path
from typing import Any

REGIONS = ('us', 'gb', 'au', 'ca', 'eu', 'row')
EVERYWHERE = {f'sells_{region}': True for region in REGIONS}
NOWHERE = {f'sells_{region}': False for region in REGIONS}
NO_PLAN = {'sells_payg': False, 'sells_startup': False, 'sells_enterprise': False}
NO_ROLE = {'is_sales_person': False, 'is_support_person': False, 'is_bdr_person': False}

PRIYA: dict[str, Any] = {
    'first_name': 'Priya',
    'last_name': 'Raman',
    'email': 'priya.raman@office.example',
    'timezone': 'Europe/London',
    'tc2_admin_id': 11,
    'pd_owner_id': 12_000_011,
    **NO_ROLE,
    **NO_PLAN,
    **EVERYWHERE,
    'is_sales_person': True,
    'sells_payg': True,
    'sells_startup': True,
}
MARCUS: dict[str, Any] = {
    'first_name': 'Marcus',
    'last_name': 'Hale',
    'email': 'marcus.hale@office.example',
    'timezone': 'America/New_York',
    'tc2_admin_id': 12,
    'pd_owner_id': 12_000_012,
    **NO_ROLE,
    **NO_PLAN,
    **EVERYWHERE,
    'is_sales_person': True,
    'sells_enterprise': True,
}
INES: dict[str, Any] = {
    'first_name': 'Ines',
    'last_name': 'Duarte',
    'email': 'ines.duarte@office.example',
    'timezone': 'Europe/Lisbon',
    'tc2_admin_id': 13,
    'pd_owner_id': 0,
    **NO_ROLE,
    **NO_PLAN,
    **NOWHERE,
    'is_support_person': True,
}
TOM: dict[str, Any] = {
    'first_name': 'Tom',
    'last_name': 'Whitfield',
    'email': 'tom.whitfield@office.example',
    'timezone': 'Europe/London',
    'tc2_admin_id': 14,
    'pd_owner_id': 12_000_014,
    **NO_ROLE,
    **NO_PLAN,
    **NOWHERE,
    'is_support_person': True,
}
NOOR: dict[str, Any] = {
    'first_name': 'Noor',
    'last_name': 'Haddad',
    'email': 'noor.haddad@office.example',
    'timezone': 'Europe/London',
    'tc2_admin_id': 15,
    'pd_owner_id': 12_000_015,
    **NO_ROLE,
    **NO_PLAN,
    **NOWHERE,
    'is_bdr_person': True,
}
ADMINS: list[dict[str, Any]] = [PRIYA, MARCUS, INES, TOM, NOOR]
PEOPLE: dict[str, list[dict[str, Any]]] = {
    'sales': [
        {
            'email': PRIYA['email'],
            'slug': 'priya-raman',
            'name': 'Priya Raman',
            'title': 'Small and growing businesses',
            'description': 'Priya ran a tuition centre of her own before she came to us. Ask her how to start, what to '
            'charge, and which of it can run by itself.',
            'picture': 'priya.png',
            'languages': ['en', 'hi'],
            'alternative': MARCUS['email'],
        },
        {
            'email': MARCUS['email'],
            'slug': 'marcus-hale',
            'name': 'Marcus Hale',
            'title': 'Larger organisations',
            'description': 'Marcus works from New York with school groups and franchises. He likes a plan with dates '
            'in it, and questions that nobody has asked yet.',
            'picture': 'marcus.png',
            'languages': ['en', 'fr'],
            'alternative': PRIYA['email'],
        },
    ],
    'support': [
        {
            'email': INES['email'],
            'slug': 'ines-duarte',
            'name': 'Ines Duarte',
            'title': 'Support',
            'description': 'Ines knows every screen by heart and writes down what she shows you. Bring your own data: '
            'it goes quicker with a real example.',
            'picture': 'ines.png',
            'languages': ['en', 'pt', 'es'],
            'alternative': TOM['email'],
        },
        {
            'email': TOM['email'],
            'slug': 'tom-whitfield',
            'name': 'Tom Whitfield',
            'title': 'Invoices and payments',
            'description': 'Tom untangles invoices, pay runs and whatever a bank has made of them. He does not like '
            'being photographed.',
            'languages': ['en'],
            'alternative': INES['email'],
        },
    ],
}
"""How visitors of the booking pages see those who take calls, known by their e-mail addresses; pictures lie in
`people`, for a plain and (`@2x`) for a fine screen.
"""
PICTURES = Path(__file__).with_name('people')

PIPELINES = ('PAYG', 'STARTUP', 'ENTERPRISE')
STAGES = ('New', 'Contacted', 'Demo done', 'Negotiation')
ENTRY = STAGES.index('Contacted') + 1
ENTRY_STAGES = {
    name.lower(): (place + 1, place * len(STAGES) + ENTRY) for place, name in enumerate(PIPELINES)
}  # fmt: skip
"""By plan: the CRM's ids of its pipeline and of the stage in which deals enter it. They count from one in the order in
which the office is built (`open_office`); people may give both other names.
"""
