"""Which class, out of the environment: CRM_TYPE, HERMES_URL, PEOPLE_API_KEY; for
`get_connection` PEOPLE_CONNECTION_KEY too."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hermes.crm.channels import HttpChannel, TransactionChannel
from hermes.crm.managers import (
    CrmConnectionManager,
    DummyConnectionManager,
    LogConnectionManager,
    NationbuilderConnectionManager,
    SalesforceConnectionManager,
)
from hermes.crm.values import WrongUse

if TYPE_CHECKING:
    import psycopg

CLASSES: Final[Mapping[str, type[CrmConnectionManager]]] = {
    kind.crm_type: kind
    for kind in (
        SalesforceConnectionManager, NationbuilderConnectionManager, LogConnectionManager, DummyConnectionManager,
    )
}  # fmt: skip


class CrmFactory:
    """Makes the class that the environment names. `environment`: instead of the process's own."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        told = os.environ if environment is None else environment
        self.crm_type = told.get('CRM_TYPE', 'NONE')
        if self.crm_type not in CLASSES:
            raise WrongUse(f'CRM_TYPE is one of {", ".join(CLASSES)}, not "{self.crm_type}".')
        self._url, self._key = told.get('HERMES_URL', 'http://localhost:8000'), told.get('PEOPLE_API_KEY', '')
        self._connection_key = told.get('PEOPLE_CONNECTION_KEY', '')

    def get_connection_manager(self, connection: 'psycopg.Connection[Any] | None' = None) -> CrmConnectionManager:
        """Over HTTP; or, with a psycopg `connection` of the host to Hermes's PostgreSQL, within its transaction. Raises
        WrongUse without PEOPLE_API_KEY.
        """
        if not self._key:
            raise WrongUse('PEOPLE_API_KEY is not set: it is the key of the API of app users.')
        over_http = HttpChannel(self._url, self._key, connection_key=self._connection_key)
        channel = over_http if connection is None else TransactionChannel(connection, over_http)
        return CLASSES[self.crm_type](channel)
