"""`hermes setup webhooks`: our subscription at the CRM, with basic auth, and what is entered by hand in the product
(SETUP-4, D-20).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hermes.cli.output import say
from hermes.cli.session import Session, done
from hermes.setup.webhooks import look_at_product, register, take_away

if TYPE_CHECKING:
    from hermes.setup.webhooks import Told


def set_up_webhooks(session: Session) -> None:
    """Register ours, once; say what has to be entered in the product. Raises Refused where nobody could reach us."""
    _tell([session.do(register(session.engine, session.site))])
    _tell(session.do(look_at_product(session.engine, session.site)))


def take_webhooks_away(session: Session) -> None:
    """Whatever sends to us at the CRM, and what a person has to take away elsewhere."""
    _tell(session.do(take_away(session.engine, session.site)))


def _tell(lines: 'Sequence[Told]') -> None:
    for line in lines:
        (done if line.done else say)(line.said)
