"""The tables as classes, exactly as the migrations make them; a test compares the two.

For a person at a prompt (`hermes shell`). The engine does not read or write through them: its statements are named SQL
(docs/decisions/0017-the-rooms-of-the-database.md).
"""

from sqlmodel import SQLModel

from hermes.db.schema.models.beside import (
    Account,
    Alert,
    AlertMessage,
    Budget,
    CustomField,
    Decision,
    Erased,
    Erasure,
    Listed,
    Proof,
    Pulse,
    Refusal,
    Replay,
    Reservation,
    Revision,
    Setting,
    Sweep,
    SystemState,
    Worker,
)
from hermes.db.schema.models.bookings import Allowance, FollowedCalendar, Hold, Letter, Occupancy, SpentChallenge, Turn
from hermes.db.schema.models.desk import DeskSession, DeskUser, FirstCode
from hermes.db.schema.models.people import CrmCheck, Feed, PeopleRun, PersonKey, Vault
from hermes.db.schema.models.records import (
    Admin,
    AppUser,
    Company,
    Contact,
    Deal,
    Meeting,
    Pipeline,
    Stage,
    Subscription,
)
from hermes.db.schema.models.spine import Call, Change, Event, Link, Mirror, Push
from hermes.db.schema.models.table import Table

__all__ = [
    'METADATA',
    'Account',
    'Admin',
    'Alert',
    'AlertMessage',
    'Allowance',
    'AppUser',
    'Budget',
    'Call',
    'Change',
    'Company',
    'Contact',
    'CrmCheck',
    'CustomField',
    'Deal',
    'Decision',
    'DeskSession',
    'DeskUser',
    'Erased',
    'Erasure',
    'Event',
    'Feed',
    'FirstCode',
    'FollowedCalendar',
    'Hold',
    'Letter',
    'Link',
    'Listed',
    'Meeting',
    'Mirror',
    'Occupancy',
    'PeopleRun',
    'PersonKey',
    'Pipeline',
    'Proof',
    'Pulse',
    'Push',
    'Refusal',
    'Replay',
    'Reservation',
    'Revision',
    'Setting',
    'SpentChallenge',
    'Stage',
    'Subscription',
    'Sweep',
    'SystemState',
    'Table',
    'Turn',
    'Vault',
    'Worker',
]

METADATA = SQLModel.metadata
