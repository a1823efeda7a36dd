"""For a host application, in any framework: app users in the CRM, without waiting for it
(docs/how-to/keep-app-users.md).

A thin, synchronous client of Hermes. Needs the extra `crm`, and nothing of a server: over `HERMES_URL` with an API key
(call it after the commit), or within the host's own transaction in the same PostgreSQL.
"""

from hermes.crm.callback import read_callback
from hermes.crm.factory import CrmFactory
from hermes.crm.managers import (
    CrmConnectionManager,
    DummyConnectionManager,
    LogConnectionManager,
    NationbuilderConnectionManager,
    SalesforceConnectionManager,
)
from hermes.crm.values import AppUser, Change, Changes, CrmError, Receipt, Synced, WrongUse

__all__ = [
    'AppUser',
    'Change',
    'Changes',
    'CrmConnectionManager',
    'CrmError',
    'CrmFactory',
    'DummyConnectionManager',
    'LogConnectionManager',
    'NationbuilderConnectionManager',
    'Receipt',
    'SalesforceConnectionManager',
    'Synced',
    'WrongUse',
    'read_callback',
]
