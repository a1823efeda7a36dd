"""`hermes setup hours`: when calls can be booked with whoever has no hours of their own (CB-20)."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

from hermes.cli.output import print_pairs, say
from hermes.cli.session import Answers, Session, done, table
from hermes.domain.config import ConfigKey, check, parse
from hermes.setup.hours import offer_hours, set_hours

COLUMNS = [('admin', 'Admin'), ('name', 'Name'), ('zone', 'Time zone'), ('own', 'Own hours'), ('problem', 'Problem')]
FLAGS = {
    'meeting_min_start': '--start',
    'meeting_max_end': '--end',
    'meeting_dur_mins': '--minutes',
    'meeting_buffer_mins': '--buffer',
}


def set_up_hours(session: Session, answers: Answers, given: Mapping[str, str | None]) -> None:
    """Show who can be booked, and ask for each setting; where nobody can be asked, what no flag says stays. Raises
    Refused.
    """
    offer = session.do(offer_hours(session.engine))
    table('Who can be booked', COLUMNS, [asdict(one) for one in offer.people], empty='nobody')
    print_pairs((key.help.partition(' (')[0], offer.values[key.name]) for key in offer.keys)
    say()
    told: dict[str, str] = {}
    for key in offer.keys:
        if given.get(key.name) is None and not answers.somebody:
            continue
        told[key.name] = answers.ask(
            key.help.partition(' (')[0].capitalize(),
            partial(_read, key),
            flag=FLAGS[key.name],
            given=given.get(key.name),
            suggested=str(offer.values[key.name]),
        )
    for said in session.do(set_hours(session.engine, told)):
        done(said)
    say('"hermes slots hours ADMIN" gives somebody hours of their own, "hermes admins edit ADMIN --timezone" a zone.')
    done('The booking hours are set!')


def _read(key: ConfigKey, text: str) -> str:
    """The text itself, if it can be stored. Raises Refused."""
    check(key, parse(key, text))
    return text
