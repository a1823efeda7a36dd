"""A letter as bytes on the wire: text and HTML beside each other, the calendar file behind them.

Seven-bit throughout, so that every server takes it; the headers are written by the library, which lets no line break
through (a name can never become a header).
"""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from hermes.ports import Letter

FILE = 'invite.ics'
LONGEST = 254
ORDINARY = SMTP.clone(cte_type='7bit')
INTERNATIONAL = ORDINARY.clone(utf8=True)
"""For an address whose local part is not ASCII; the server must know SMTPUTF8 (RFC 6531)."""


def encode(letter: Letter, sender: Address) -> bytes:
    """The message. Raises ValueError (UnicodeError is one) for an address or a header that cannot be written."""
    to = parse_recipient(letter.to, letter.name)
    message = EmailMessage(ORDINARY if is_ascii(to) else INTERNATIONAL)
    message['From'] = sender
    message['To'] = to
    if letter.reply_to:
        message['Reply-To'] = parse_recipient(letter.reply_to)
    message['Subject'] = letter.subject
    message['Date'] = letter.at
    message['Message-ID'] = f'<{letter.message_id}>'
    message['Auto-Submitted'] = 'auto-generated'
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype='html')
    if letter.calendar:
        message.add_attachment(
            letter.calendar.decode(), subtype='calendar', filename=FILE, params={'method': letter.method, 'name': FILE}
        )
    return message.as_bytes()


def parse_recipient(text: str, name: str = '') -> Address:
    """An address with its domain in ASCII. Raises ValueError."""
    if len(text) > LONGEST:
        raise ValueError('this is no e-mail address')
    local, mark, domain = text.strip().rpartition('@')
    if not mark or not local or not domain or any(char.isspace() or not char.isprintable() for char in text.strip()):
        raise ValueError('this is no e-mail address')
    return Address(name, local, domain if domain.isascii() else domain.encode('idna').decode())


def is_ascii(address: Address) -> bool:
    """Whether any server can be told this address."""
    return address.addr_spec.isascii()
