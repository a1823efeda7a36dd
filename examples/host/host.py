"""The host application: a WSGI callable with nine paths, without a framework.

Every path that changes something is one transaction in which it says so to Hermes too (`crm.say`); after the commit,
`wake` lets the loop in `__main__` send the outbox and read the feed. None of them waits for Hermes, let alone the CRM.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import parse_qs

from examples.host import accounts, pages
from examples.host.accounts import Account, Connection
from examples.host.crm import Crm
from hermes.crm import WrongUse, read_callback

Answer = tuple[str, list[tuple[str, str]], str]
Environ = dict[str, Any]
MOST_BYTES = 20_000


class Host:
    """`secret` signs the cookie that knows a reader again; `admin_key` is the password of the page of readers;
    `callback_secrets`: what Hermes signs its calls with, none where it does not call.
    """

    def __init__(
        self, connect: Callable[[], Connection], crm: Crm, wake: Callable[[], None], secret: str, admin_key: str,
        callback_secrets: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._connect, self._crm, self._wake, self._secret, self._admin_key = connect, crm, wake, secret, admin_key
        self._callback_secrets = callback_secrets
        self._paths: dict[tuple[str, str], Callable[[Environ], Answer]] = {
            ('GET', '/'): self.front,
            ('POST', '/sign-up'): self.sign_up,
            ('POST', '/newsletter'): self.newsletter,
            ('GET', '/me'): self.me,
            ('POST', '/me/email'): self.change_email,
            ('POST', '/me/delete'): self.delete,
            ('GET', '/admin'): self.admin,
            ('POST', '/admin/moderate'): self.moderate,
            ('POST', '/hermes'): self.look,
        }

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self.answer(environ)
        start_response(status, [('Content-Type', 'text/html; charset=utf-8'), *headers])
        return [body.encode()]

    def answer(self, environ: Environ) -> Answer:
        path = self._paths.get((environ['REQUEST_METHOD'], environ['PATH_INFO']))
        if path is None:
            return '404 Not Found', [], pages.page('There is nothing here', '')
        if environ.get('HTTP_SEC_FETCH_SITE', 'same-origin') not in ('same-origin', 'none'):
            return '403 Forbidden', [], pages.page('That form is not ours', '')
        try:
            return path(environ)
        except accounts.Taken:
            return '409 Conflict', [], pages.page('Somebody has this address already', '')
        except WrongUse as error:
            return '400 Bad Request', [], pages.page('That cannot be', f'<p>{escape(str(error))}</p>')

    def front(self, environ: Environ) -> Answer:
        return '200 OK', [], pages.front(self._crm.lists)

    def sign_up(self, environ: Environ) -> Answer:
        form = read_form(environ)
        with self._connect() as connection:
            account = accounts.add(
                connection, form.one('email'), form.one('first_name'), form.one('last_name'), form.one('lang') or 'en'
            )
            self._crm.say(
                connection, 'signed up', email=account.email, first_name=account.first_name,
                last_name=account.last_name, lang=account.lang, lists=form.many('lists'), user_id=account.user_id,
            )  # fmt: skip
        # Here the transaction is committed: account and saying, or neither.
        self._wake()
        cookie = f'reader={self._sign(account)}; Path=/; HttpOnly; SameSite=Strict'
        return '303 See Other', [('Location', '/me'), ('Set-Cookie', cookie)], ''

    def newsletter(self, environ: Environ) -> Answer:
        """For an address without an account."""
        form = read_form(environ)
        with self._connect() as connection:
            lists = form.many('lists') or ['Newsletter']
            self._crm.say(connection, 'wants the newsletter', email=form.one('email'), lists=lists)
        self._wake()
        return '200 OK', [], pages.page('Thank you', '')

    def me(self, environ: Environ) -> Answer:
        with self._connect() as connection:
            account = self._reader(connection, environ)
        return ('200 OK', [], pages.me(account)) if account else HOME

    def change_email(self, environ: Environ) -> Answer:
        with self._connect() as connection:
            account = self._reader(connection, environ)
            if account is None:
                return HOME
            account = accounts.change_email(connection, account, read_form(environ).one('email'))
            self._crm.say(connection, 'has another address', user_id=account.user_id, email=account.email)
        self._wake()
        return '303 See Other', [('Location', '/me')], ''

    def delete(self, environ: Environ) -> Answer:
        with self._connect() as connection:
            account = self._reader(connection, environ)
            if account is None:
                return HOME
            accounts.delete(connection, account)
            self._crm.say(connection, 'deleted the account', user_id=account.user_id)
        self._wake()
        return HOME

    def admin(self, environ: Environ) -> Answer:
        if not self._is_admin(environ):
            return LOCKED
        with self._connect() as connection:
            return '200 OK', [], pages.admin(accounts.everybody(connection))

    def moderate(self, environ: Environ) -> Answer:
        if not self._is_admin(environ):
            return LOCKED
        form = read_form(environ)
        what = form.one('what')
        with self._connect() as connection:
            account = accounts.find(connection, int(form.one('id')))
            if account is not None and what in ('is spam', 'is to be looked at'):
                self._crm.say(connection, what, user_id=account.user_id)
        self._wake()
        return '303 See Other', [('Location', '/admin')], ''

    def look(self, environ: Environ) -> Answer:
        """Hermes calls: there is something new in the feed. The loop reads it; the answer does not wait. Raises
        WrongUse for whoever is not Hermes.
        """
        headers = {name[5:]: str(told) for name, told in environ.items() if name.startswith('HTTP_WEBHOOK_')}
        read_callback(headers, read_body(environ), self._callback_secrets)
        self._wake()
        return '204 No Content', [], ''

    def _reader(self, connection: Connection, environ: Environ) -> Account | None:
        """Whom the cookie names. (An example: a real host has passwords and sessions.)"""
        told = environ.get('HTTP_COOKIE', '').partition('reader=')[2].partition(';')[0]
        number = told.partition('.')[0]
        account = accounts.find(connection, int(number)) if number.isascii() and number.isdigit() else None
        return account if account and hmac.compare_digest(told.encode(), self._sign(account).encode()) else None

    def _sign(self, account: Account) -> str:
        return f'{account.id}.{hmac.new(self._secret.encode(), account.user_id.encode(), hashlib.sha256).hexdigest()}'

    def _is_admin(self, environ: Environ) -> bool:
        wanted = b'Basic ' + base64.b64encode(f'admin:{self._admin_key}'.encode())
        return hmac.compare_digest(environ.get('HTTP_AUTHORIZATION', '').encode(), wanted)


HOME: Answer = ('303 See Other', [('Location', '/')], '')
LOCKED: Answer = ('401 Unauthorized', [('WWW-Authenticate', 'Basic realm="readers"')], 'The password, please.')


class Form:
    """What somebody sent."""

    def __init__(self, told: dict[str, list[str]]) -> None:
        self._told = told

    def one(self, name: str) -> str:
        return self._told.get(name, [''])[0].strip()

    def many(self, name: str) -> Sequence[str]:
        return self._told.get(name, [])


def read_body(environ: Environ) -> bytes:
    length = min(int(environ.get('CONTENT_LENGTH') or 0), MOST_BYTES)
    return bytes(environ['wsgi.input'].read(length))


def read_form(environ: Environ) -> Form:
    return Form(parse_qs(read_body(environ).decode('utf-8', 'replace')))
