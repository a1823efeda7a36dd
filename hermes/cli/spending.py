"""`hermes status --budget`: what the calls cost and what for, how long today's budget lasts, and what was saved."""

from typing import TYPE_CHECKING

from hermes.cli.output import Column, print_json, print_rows, say

if TYPE_CHECKING:
    from hermes.db.reads.spending import Spending

TITLES = {'operations': 'OPERATION', 'lanes': 'LANE', 'rules': 'RULE', 'records': 'RECORD'}


def show_spending(days: int, as_json: bool) -> None:
    """Print every system's spending of the last `days` days (UTC), today included."""
    from hermes.cli.database import reading
    from hermes.db.reads.spending import read_spending
    from hermes.parts.systems import profiles

    with reading() as connection:
        found = read_spending(connection, {name: each.prices for name, each in profiles().items()}, days)
    if as_json:
        return print_json({'systems': found})
    if not found:
        say('no system has a budget yet: no worker has run')
    for item in found:
        _print(item)


def _print(item: 'Spending') -> None:
    say(f'{item.system}: {item.tokens} tokens in {item.calls} calls since {item.since:%Y-%m-%d %H:%M}Z')
    ahead = item.forecast
    end = f'exhausted at {ahead.exhausted_at:%H:%M}Z' if ahead.exhausted_at else 'it lasts until midnight'
    say(f'  {item.daily_limit} a day; at this pace ({ahead.per_hour:.0f} an hour) {end}')
    bound = item.bound
    ratio = f', spent / lower bound {bound.ratio:.3f}' if bound.ratio is not None else ''
    say(
        f'  lower bound {bound.tokens} ({bound.created} created, {bound.changed} changed, {bound.deleted} deleted, '
        f'{bound.listed} tokens of listings){ratio}'
    )
    saved = item.saved
    say(
        f'  saved: {saved.unchanged} deliveries changed nothing, {saved.coalesced} changes went along with others; '
        f'about {saved.tokens} tokens'
    )
    for name, title in TITLES.items():
        columns = [
            Column('name', title), Column('calls', 'CALLS', True), Column('tokens', 'TOKENS', True),
            Column('failed', 'FAILED', True),
        ]  # fmt: skip
        if item.by[name]:
            print_rows(columns, item.by[name])
