"""The emulated mail server and everybody's mailbox behind it: whatever Hermes sends to anyone arrives here."""

from hermes.sandbox.mailbox.mailbox import FAULTS, Mailbox, Received, Refused
from hermes.sandbox.mailbox.server import listen

__all__ = ['FAULTS', 'Mailbox', 'Received', 'Refused', 'listen']
