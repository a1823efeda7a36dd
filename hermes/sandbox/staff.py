"""The people of the invented office and where its deals enter: plain data, also for whoever sets Hermes up for it."""

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

PIPELINES = ('PAYG', 'STARTUP', 'ENTERPRISE')
STAGES = ('New', 'Contacted', 'Demo done', 'Negotiation')
ENTRY = STAGES.index('Contacted') + 1
ENTRY_STAGES = {
    name.lower(): (place + 1, place * len(STAGES) + ENTRY) for place, name in enumerate(PIPELINES)
}  # fmt: skip
"""By plan: the CRM's ids of its pipeline and of the stage in which deals enter it. They count from one in the order in
which the office is built (`open_office`); people may give both other names.
"""
