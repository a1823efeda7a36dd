"""The mail server that takes Hermes's letters, over SMTP."""

from hermes.systems.mail.smtp import Account, Smtp, parse_address

__all__ = ['Account', 'Smtp', 'parse_address']
