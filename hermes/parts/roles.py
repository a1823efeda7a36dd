"""Which system plays which role: the one place that says so. It imports nothing, so that everybody may read it.

`*_TITLE` is what people call that system; its own profile says the same (a test compares).
"""

from typing import Final

CRM: Final = 'pipedrive'
"""Where sales people work: what is made, changed and deleted there is believed by the rules of FIELD-2."""
CRM_TITLE: Final = 'Pipedrive'
PRODUCT: Final = 'tutorcruncher'
"""Where customers sign up: the source of most of what Hermes knows."""
PRODUCT_TITLE: Final = 'TutorCruncher'
CALENDAR: Final = 'google'
"""Where meetings stand, and whose calendars say who is busy."""
CALENDAR_TITLE: Final = 'Google'
ROLES: Final = frozenset({CRM, PRODUCT, CALENDAR})
"""A system without a role is told what Hermes knows; what it says itself makes, changes and deletes no record."""
DIAGRAMS: Final = 'Salesforce'
"""What the states of app users call the CRM, whichever it is: they are known under these names (AU-9)."""
ADD_TO, ADD_TO_TITLE, ADD_TO_PAGE = 'google', 'Google Calendar', 'https://calendar.google.com/calendar/render'
"""The calendar that many visitors have: a page of it adds a call to theirs. It is no system of ours."""
CRM_ID: Final = 'pipedrive_id'
"""The mirror's key under which a client of the product names its object in the CRM (TC-16)."""
NEW: Final = 'salesforce'
LEGACY: Final = 'nationbuilder'
"""The CRM that a migration of app users leads to, and the one that it leaves."""
