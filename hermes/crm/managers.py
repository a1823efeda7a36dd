"""The classes that a host application uses; their names and methods are given by the job that they come from.

Every writing method stores what is said and returns a receipt at once; none waits for the CRM, and none raises because
of it (AU-17). What they raise is WrongUse, for what the caller did wrong, or CrmError, where Hermes itself could not
be reached.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from hermes.crm.channels import LENDING, Channel
from hermes.crm.values import AppUser, Change, Changes, Receipt, Synced

if TYPE_CHECKING:
    import requests


class CrmConnectionManager:
    """App users in a CRM. `uid` is the CRM's own id of an app user; a profile is one of: that id, an AppUser, a
    Receipt, or anything with a `user_id`.
    """

    crm_type: ClassVar[str] = ''

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def add_user_to_crm(
        self,
        email: str,
        first_name: str,
        last_name: str,
        lang: str = 'en',
        educator: bool = False,
        lists: Iterable[str] = (),
        user_id: str | None = None,
    ) -> Receipt:
        """Somebody signed up (AU-1)."""
        body = {
            'email': email, 'first_name': first_name, 'last_name': last_name, 'lang': lang, 'educator': educator,
            'lists': list(lists), 'user_id': user_id or '',
        }  # fmt: skip
        return Receipt.of(self._channel.ask('POST', '/', body))

    def change_user_email(self, uid: Any, new_email: str) -> Receipt:
        """Somebody has another address; the CRM's id stays (AU-2)."""
        return Receipt.of(self._channel.ask('PATCH', f'/{_path(uid)}/', {'email': new_email}))

    def add_email_to_mailing_lists(
        self, email: str, lists: Sequence[str], first_name: str = '', last_name: str = '', lang: str = 'en',
        educator: bool = False,
    ) -> Receipt:  # fmt: skip
        """An address without an account wants mail (AU-3)."""
        body = {
            'email': email, 'lists': list(lists), 'first_name': first_name, 'last_name': last_name, 'lang': lang,
            'educator': educator,
        }  # fmt: skip
        return Receipt.of(self._channel.ask('POST', '/subscriptions/', body))

    subscribe_to_lists = add_email_to_mailing_lists

    def mark_as_spam_in_crm(self, profile: Any) -> Receipt:
        """AU-4."""
        return self._moderate(profile, 'spam')

    def mark_for_review_in_crm(self, profile: Any) -> Receipt:
        """AU-5."""
        return self._moderate(profile, 'review')

    def delete_user(self, profile: Any) -> Receipt:
        """The account was deleted (AU-20)."""
        return Receipt.of(self._channel.ask('DELETE', f'/{_path(profile)}/'))

    def merge_users(self, profile: Any, into: Any) -> Receipt:
        """Two accounts are one, the second from now on (AU-20)."""
        return Receipt.of(self._channel.ask('POST', f'/{_path(profile)}/merge/', {'into': _name(into)}))

    def sync_sustainers(self) -> Synced:
        """Read the sustainer status of everybody from the CRM (AU-6)."""
        told = self._channel.ask('POST', '/sustainers/sync/', {})
        return Synced(told['read'], tuple(told['on']), tuple(told['off']))

    def find_crm_id(self, email: str) -> list[str]:
        """The CRM's ids of an address: none, one or several (AU-7)."""
        return list(self._channel.ask('POST', '/lookup/', {'email': email})['crm_ids'])

    def get_available_lists(self) -> list[str]:
        """The CRM's mailing lists (AU-8)."""
        return list(self._channel.ask('GET', '/lists/')['lists'])

    def get_user(self, profile: Any) -> AppUser:
        """An app user as they stand (AU-18)."""
        told = self._channel.ask('GET', f'/{_path(profile)}/')
        return AppUser.of({**told, 'lists': tuple(told['lists'])})

    def changes(self, after: int = 0, limit: int = 1000) -> Changes:
        """What changed since a number of the feed, in order (AU-18)."""
        told = self._channel.ask('GET', '/changes/', query={'after': after, 'limit': limit})
        return Changes(tuple(Change.of(each) for each in told['changes']), told['next'], told['more'])

    def get_connection(self) -> 'requests.Session':
        """A session that the CRM lets in, for the host's own use: `session.base_url` is where the CRM's API is, and the
        access goes nowhere else. It lives as long as the CRM says (`session.expires_at`, aware or None): on a 401 ask
        for another. Needs PEOPLE_CONNECTION_KEY. Raises WrongUse where nothing is lent, CrmError.
        """
        import requests

        told = self._channel.ask('POST', LENDING, {})
        session = requests.Session()
        base = urlsplit(told['url'])

        def let_in(request: Any) -> Any:
            if urlsplit(request.url)[:2] == base[:2]:
                request.headers.update(told['headers'])
            return request

        session.auth = let_in
        until = told['expires_at']
        session.base_url = told['url']  # type: ignore[attr-defined]
        session.expires_at = datetime.fromisoformat(until) if until else None  # type: ignore[attr-defined]
        return session

    def _moderate(self, profile: Any, action: str) -> Receipt:
        return Receipt.of(self._channel.ask('POST', f'/{_path(profile)}/moderation/', {'action': action}))


class SalesforceConnectionManager(CrmConnectionManager):
    """App users in Salesforce."""

    crm_type = 'SALESFORCE'


class NationbuilderConnectionManager(CrmConnectionManager):
    """App users in NationBuilder."""

    crm_type = 'NATIONBUILDER'


class LogConnectionManager(CrmConnectionManager):
    """App users in a journal, for later."""

    crm_type = 'LOG'


class DummyConnectionManager(CrmConnectionManager):
    """Everything is accepted, and nothing is sent to any CRM."""

    crm_type = 'NONE'


def _name(profile: Any) -> str:
    """By what Hermes finds somebody: `host:` and the host's id, `crm:` and the CRM's, or Hermes's number."""
    if isinstance(profile, str):
        return f'crm:{profile}'
    if user_id := getattr(profile, 'user_id', None):
        return f'host:{user_id}'
    number = profile if isinstance(profile, int) else getattr(profile, 'id', None)
    return str(number)


def _path(profile: Any) -> str:
    return quote(_name(profile), safe=':')
