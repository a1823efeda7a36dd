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
        """Somebody signed up (AU-1). Names, language and mailing lists go along; `lang` picks lists too. `user_id`: the
        host's own id, the same each time: then saying it twice is one user. Without one the address is the key.
        Returns a Receipt, whose `crm_id` is None until the feed tells it. Raises WrongUse ('invalid' for an address
        that is none, 'email_taken'), CrmError.
        """
        body = {
            'email': email, 'first_name': first_name, 'last_name': last_name, 'lang': lang, 'educator': educator,
            'lists': list(lists), 'user_id': user_id or '',
        }  # fmt: skip
        return Receipt.of(self._channel.ask('POST', '/', body))

    def change_user_email(self, uid: Any, new_email: str) -> Receipt:
        """Somebody has another address; the CRM's id stays (AU-2). `uid`: a profile; a text is the CRM's id. Returns a
        Receipt. Raises WrongUse ('not_found', 'invalid', 'email_taken'; within a transaction the last is seen later,
        and refused in Hermes's log), CrmError.
        """
        return Receipt.of(self._channel.ask('PATCH', f'/{_path(uid)}/', {'email': new_email}))

    def add_email_to_mailing_lists(
        self, email: str, lists: Sequence[str], first_name: str = '', last_name: str = '', lang: str = 'en',
        educator: bool = False,
    ) -> Receipt:  # fmt: skip
        """An address without an account wants mail (AU-3); the address and one list are enough. Returns a Receipt.
        Raises WrongUse ('invalid'), CrmError (also for an address that is put on lists too often in a day).
        """
        body = {
            'email': email, 'lists': list(lists), 'first_name': first_name, 'last_name': last_name, 'lang': lang,
            'educator': educator,
        }  # fmt: skip
        return Receipt.of(self._channel.ask('POST', '/subscriptions/', body))

    subscribe_to_lists = add_email_to_mailing_lists

    def mark_as_spam_in_crm(self, profile: Any) -> Receipt:
        """Somebody is spam (AU-4): deleted or flagged for a person, as the CRM has it. Returns a Receipt. Raises
        WrongUse ('not_found'), CrmError.
        """
        return self._moderate(profile, 'spam')

    def mark_for_review_in_crm(self, profile: Any) -> Receipt:
        """Somebody is to be looked at by a person, and loses nothing (AU-5). Returns a Receipt. Raises WrongUse
        ('not_found'), CrmError.
        """
        return self._moderate(profile, 'review')

    def delete_user(self, profile: Any) -> Receipt:
        """The account was deleted (AU-20). Returns a Receipt. Raises WrongUse ('not_found'), CrmError."""
        return Receipt.of(self._channel.ask('DELETE', f'/{_path(profile)}/'))

    def merge_users(self, profile: Any, into: Any) -> Receipt:
        """Two accounts are one, the second from now on (AU-20). Returns the Receipt of the second. Raises WrongUse
        ('not_found', or the sentence why these cannot be one), CrmError.
        """
        return Receipt.of(self._channel.ask('POST', f'/{_path(profile)}/merge/', {'into': _name(into)}))

    def sync_sustainers(self) -> Synced:
        """Read the sustainer status of everybody from the CRM, to the end (AU-6); this one waits for it. Returns whose
        status changed. Raises WrongUse where the answer would unmark too many, CrmError where the CRM cannot be read.
        """
        told = self._channel.ask('POST', '/sustainers/sync/', {})
        return Synced(told['read'], tuple(told['on']), tuple(told['off']))

    def find_crm_id(self, email: str) -> list[str]:
        """The CRM's ids of an address, sorted: none, one or several (AU-7); this one waits for the CRM. Raises WrongUse
        ('invalid'), CrmError.
        """
        return list(self._channel.ask('POST', '/lookup/', {'email': email})['crm_ids'])

    def get_available_lists(self) -> list[str]:
        """The names of the CRM's mailing lists, sorted; believed for five minutes (AU-8). Raises CrmError."""
        return list(self._channel.ask('GET', '/lists/')['lists'])

    def get_user(self, profile: Any) -> AppUser:
        """An app user as Hermes believes them to be, deleted ones too (AU-18). Raises WrongUse ('not_found'),
        CrmError.
        """
        told = self._channel.ask('GET', f'/{_path(profile)}/')
        return AppUser.of({**told, 'lists': tuple(told['lists'])})

    def changes(self, after: int = 0, limit: int = 1000) -> Changes:
        """What changed since a number of the feed, in order (AU-18); 0: everything. `limit`: 1 to 1000. Returns the
        lines, what to ask for after (`next`), and whether there is more now. Raises CrmError.
        """
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
