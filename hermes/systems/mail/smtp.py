"""Letters over SMTP: one connection a letter, encrypted wherever the server can, every wait bounded.

Errors are told by the reaction that they ask for. A connection that is lost once the letter is under way leaves open
whether it arrived: it goes out again under the same Message-ID, so letters are sent at least once. No text of an error
holds an address (S8).
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.headerregistry import Address
from urllib.parse import unquote, urlsplit

import aiosmtplib

from hermes.domain.errors import Ambiguous, AuthBroken, Reaction, Refused, Rejected, Retry
from hermes.kit import texts
from hermes.ports import Letter
from hermes.systems.mail.message import encode, is_ascii, parse_recipient

COMMAND_S = 15.0
DEADLINE_S = 60.0
"""How long a whole letter may take; less than the lease under which it is sent."""
PORTS = {'smtp': 587, 'smtps': 465}
LOOPBACK = ('127.0.0.1', 'localhost', '::1')
ADDRESS = re.compile(r'\S+@\S+')
HALF = re.compile(r'%(?![0-9A-Fa-f]{2})')
MOST_SAID = 200


@dataclass(frozen=True, slots=True)
class Account:
    """Where letters are handed in. `tls`: encrypted from the first byte (smtps), else by STARTTLS when offered."""

    host: str
    port: int
    user: str = ''
    password: str = field(default='', repr=False)
    tls: bool = False


def parse_address(url: str) -> Account:
    """The account of an SMTP_URL. Raises Refused, without what was in it."""
    wrong = (
        'SMTP_URL: must be an address such as smtp://user:password@mail.example.com:587, with / ? # % and spaces in '
        'its password written as %2F %3F %23 %25 %20'
    )
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise Refused(wrong) from None
    beside = parts.path.strip('/') or parts.query or parts.fragment or ' ' in parts.netloc or HALF.search(parts.netloc)
    if parts.scheme not in PORTS or not parts.hostname or beside:
        raise Refused(wrong)
    user, password = unquote(parts.username or ''), unquote(parts.password or '')
    return Account(parts.hostname, port or PORTS[parts.scheme], user, password, parts.scheme == 'smtps')


class Smtp:
    """A Mailer. `sender`: the address in From, with the name that people see."""

    def __init__(self, account: Account, sender: str, name: str) -> None:
        try:
            self.sender = parse_recipient(sender, ' '.join(name.split()))
        except ValueError:
            raise Refused('MAIL_FROM: must be an e-mail address.') from None
        self.account = account

    async def send(self, letter: Letter) -> None:
        """See ports.Mailer."""
        try:
            content, to = encode(letter, self.sender), parse_recipient(letter.to)
        except ValueError:
            raise Rejected('the address of the contact cannot be written to') from None
        handed = False
        try:
            async with asyncio.timeout(DEADLINE_S), self._connected() as client:
                handed = True
                await self._hand_over(client, to, content)
        except TimeoutError:
            raise _lost(handed) from None

    async def check(self) -> None:
        """See ports.Mailer."""
        try:
            async with asyncio.timeout(DEADLINE_S), self._connected():
                return
        except TimeoutError:
            raise _lost(handed=False) from None

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        account = self.account
        # Never a password in clear over a network: STARTTLS is a must there, elsewhere it is taken when offered.
        required = bool(account.user) and account.host not in LOOPBACK
        client = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            use_tls=account.tls,
            start_tls=False if account.tls else (True if required else None),
            username=account.user or None,
            password=account.password or None,
            timeout=COMMAND_S,
        )
        try:
            try:
                await client.connect()
            except aiosmtplib.SMTPAuthenticationError as error:
                raise _refused(error, AuthBroken) from None
            except aiosmtplib.SMTPResponseException as error:
                raise _refused(error, AuthBroken) from None
            except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPServerDisconnected):
                raise Retry('the mail server does not answer') from None
            except OSError as error:
                raise Retry(f'the mail server cannot be reached ({type(error).__name__})') from None
            except aiosmtplib.SMTPException:
                raise AuthBroken(
                    'the mail server offers no encryption, or no sign-in that is known: see SMTP_URL'
                ) from None
            yield client
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()

    async def _hand_over(self, client: aiosmtplib.SMTP, to: Address, content: bytes) -> None:
        international = not is_ascii(to)
        if international and not client.supports_extension('smtputf8'):
            raise Rejected('the mail server does not know addresses of this alphabet (SMTPUTF8)')
        options = ['SMTPUTF8'] if international else []
        encoding = 'utf-8' if international else 'ascii'
        try:
            await client.mail(self.sender.addr_spec, options=options, encoding=encoding)
            await client.rcpt(to.addr_spec, encoding=encoding)
            await client.data(content)
        except aiosmtplib.SMTPSenderRefused as error:
            raise _refused(error, AuthBroken) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error, Rejected) from None
        except (aiosmtplib.SMTPException, OSError):
            raise _lost(handed=True) from None


def _refused(error: aiosmtplib.SMTPResponseException, lasting: type[Reaction]) -> Reaction:
    """4xx: later. 5xx: `lasting`. Servers like to repeat the address; it is masked."""
    said = ADDRESS.sub('***', ' '.join(texts.cut(str(error.message), MOST_SAID).split()))[:MOST_SAID]
    told = f'the mail server says {error.code} {said}'.rstrip()
    return lasting(told) if 500 <= error.code < 600 else Retry(told)


def _lost(handed: bool) -> Reaction:
    if handed:
        return Ambiguous('the connection was lost while the letter was handed over')
    return Retry('the mail server does not answer in time')
