"""The mail server that takes Hermes's letters, over SMTP."""

from hermes.systems.mail.courier import MailCourier
from hermes.systems.mail.smtp import Account, Smtp, parse_address

__all__ = ['Account', 'MailCourier', 'Smtp', 'parse_address']
