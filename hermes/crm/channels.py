"""The two ways in which the host speaks: over HTTP, after its commit; or within its own transaction, as an act that
commits or is rolled back with it.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from hermes.crm.values import CrmError, WrongUse

if TYPE_CHECKING:
    import psycopg
    import requests

TIMEOUT_S: Final = 10.0
REFUSALS: Final = frozenset({400, 404, 409, 422})
LENDING: Final = '/connection/'
"""The path that lends the CRM's access."""


class Channel(Protocol):
    """`ask` reads or writes over HTTP; `write` stores what the host says."""

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Any = None) -> Any: ...


class HttpChannel:
    """Over HERMES_URL, with the API key; `connection_key`: PEOPLE_CONNECTION_KEY, for the CRM's access alone."""

    def __init__(
        self, url: str, key: str, session: 'requests.Session | None' = None, connection_key: str = ''
    ) -> None:  # fmt: skip
        import requests

        self._url, self._session = url.rstrip('/'), session or requests.Session()
        self._key, self._connection_key = key, connection_key

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Any = None) -> Any:
        """The answer's JSON. A write is sent once more, under the same key, where its answer was lost. Raises WrongUse
        for what the caller did wrong, CrmError for everything else.
        """
        import requests

        key = self._connection_key if path == LENDING else self._key
        if not key:
            raise WrongUse('PEOPLE_CONNECTION_KEY is not set: without that key nothing is lent.')
        headers = {'Authorization': f'token {key}', 'Accept': 'application/json'}
        if method != 'GET':
            headers['Idempotency-Key'] = secrets.token_urlsafe(18)
        told: Sequence[Any] = ()
        for last in (False, True):
            try:
                answer = self._session.request(
                    method, f'{self._url}/people{path}', json=body, params=query, headers=headers, timeout=TIMEOUT_S,
                    allow_redirects=False,
                )  # fmt: skip
            except requests.RequestException as error:
                if last:
                    raise CrmError(f'Hermes could not be reached ({type(error).__name__}).') from None
                continue
            told = (answer.status_code, _json(answer))
            if answer.status_code < 500 or last:
                break
        status, said = told
        if 200 <= status < 300 and isinstance(said, dict):
            return said
        message = str(said.get('message') or '') if isinstance(said, dict) else ''
        if status in REFUSALS:
            raise WrongUse(message or f'Hermes refused it ({status}).', str(said.get('code') or ''))
        raise CrmError(message or f'Hermes answered {status}.')


def _json(answer: 'requests.Response') -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


class TransactionChannel:
    """Within a transaction of the host: what is written there commits or is rolled back with it. What has to be read is
    asked over HTTP (`reading`). A connection that commits every statement by itself is refused (WrongUse): there would
    be nothing to roll back.
    """

    def __init__(self, connection: 'psycopg.Connection[Any]', reading: Channel) -> None:
        self._connection, self._reading = connection, reading

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Any = None) -> Any:
        if method == 'GET' or path in ('/lookup/', '/sustainers/sync/', LENDING):
            return self._reading.ask(method, path, body, query)
        from psycopg.pq import TransactionStatus

        from hermes.domain.errors import Refused
        from hermes.people.within import say

        if self._connection.autocommit and self._connection.info.transaction_status == TransactionStatus.IDLE:
            raise WrongUse('This connection is in no transaction: begin one, in which your own rows are written too.')
        try:
            return say(self._connection, method, path, json.loads(json.dumps(body or {})))
        except Refused as error:
            raise WrongUse(str(error), error.code) from None
