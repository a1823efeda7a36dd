"""`hermes setup clients`: the clients that the product has already, taken over after their number and the cost were
said. Interrupted anywhere, it goes on where it stopped, by itself too once a worker runs.
"""

from typing import cast

import typer

from hermes.cli.output import ATTENTION, alarm, progress, say
from hermes.cli.session import Answers, Session, done
from hermes.parts.roles import PRODUCT_TITLE

INTERRUPTED = 130


def set_up_clients(session: Session, answers: Answers, wanted: bool | None) -> None:
    """Offer it, and do it. Where nobody can be asked and nothing was said, it only tells what there is."""
    from hermes.parts.roles import PRODUCT
    from hermes.ports import Product
    from hermes.sync import intake

    system = session.engine.systems.get(PRODUCT)
    if system is None:
        return say(f'{PRODUCT_TITLE} is off: there are no clients to take over.')
    offer = session.do(intake.estimate(session.engine, cast(Product, system)))
    if offer is None:
        return say(f'{PRODUCT_TITLE} does not say how many clients it has: "hermes sweep tc2 --full" lists them.')
    if not offer.unknown:
        return done(f'All {offer.total} clients of {PRODUCT_TITLE} were read' if offer.total else 'No clients yet')
    say(f'{PRODUCT_TITLE} has {offer.total} clients, and {offer.unknown} of them are not known here.')
    say(f'To take them over costs {offer.calls} calls, {_minutes(offer.minutes)} at what {PRODUCT_TITLE} allows.')
    if wanted is None and not answers.yes and not answers.somebody:
        return say('Say "hermes setup clients --take" for it now; else it happens at night.')
    if not answers.confirm('Take them over now?', flag='--take or --no-take', given=wanted):
        return say('They are taken over at night, or by "hermes setup clients".')
    _take(session, offer.total, offer.total - offer.unknown)


def _take(session: Session, total: int, known: int) -> None:
    from hermes.sync import intake

    aside = 0
    with progress('clients', total) as bar:

        def tick(read: int, parked: int = 0) -> None:
            nonlocal aside
            aside = parked
            for _ in range(min(read, total) - bar.done):
                bar.advance()

        tick(known)
        try:
            complete = session.do(intake.take_over(session.engine, tick))
        except KeyboardInterrupt:
            _say_left(session, total)
            raise typer.Exit(INTERRUPTED) from None
    if not complete:
        _say_left(session, total)
        raise typer.Exit(ATTENTION)
    done(f'{bar.done} clients of {PRODUCT_TITLE} were read')
    if aside:
        alarm(f'{aside} of them were put aside: "hermes events list --state parked" says why')


def _say_left(session: Session, total: int) -> None:
    from hermes.sync import intake

    read = session.do(intake.count_read(session.engine))
    say(f'{read} of {total} clients were read. "hermes setup clients" goes on from here, and so does any worker.')


def _minutes(minutes: float) -> str:
    return f'about {minutes:.0f} minutes' if minutes >= 2 else 'about a minute' if minutes >= 0.5 else 'some seconds'
