"""The systems as the database knows them: whether each lets us in, whether its webhooks come, what was listed, and
whether anything can be written back.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from hermes.db.connections import Connection
from hermes.db.reads import checks
from hermes.db.reads.lookup import Row
from hermes.db.reads.settings import read_settings
from hermes.domain.status import BROKEN, unheard
from hermes.kit.durations import show_duration
from hermes.parts.roles import CRM, PRODUCT, PRODUCT_TITLE
from hermes.ports import Profile
from hermes.setup.findings import CREDENTIALS, Finding
from hermes.setup.site import Site

QUIET_WEBHOOKS_S: Final = 7 * 86_400


def examine_systems(connection: Connection, site: Site, reached: frozenset[str]) -> Iterator[Finding]:
    """Every system but the calendar."""
    shown = {name: profile for name, profile in site.profiles.items() if profile.role != 'calendar'}
    standing = checks.read_standing(connection, list(shown))
    for name, profile in shown.items():
        if name not in site.on:
            yield Finding(name, 'skipped', 'off: it has no credentials')
            continue
        if not profile.has_account:
            yield Finding(name, 'ok', 'files of this installation')
            continue
        yield _account(name, standing[name], f'{name}{CREDENTIALS}' in reached)
        if profile.role != 'people':
            yield _webhooks(profile, standing[name])
    for name in (name for name in site.on if site.profiles[name].listings.first):
        label = 'first listing' if name == CRM else f'{name} first listing'
        unproven = checks.read_unproven(connection, name, site.profiles[name].listings.first)
        if unproven:
            said = f'not proven yet: {", ".join(unproven)}; until then nothing is created there'
            yield Finding(label, 'todo', said, f'let a worker run, or "hermes sweep {name} --full"')
        else:
            yield Finding(label, 'ok', 'proven')


def _account(name: str, here: Row, reached: bool) -> Finding:
    if here['paused']:
        by_itself = here['reason'].startswith(BROKEN)
        mend = (
            'mend the credentials; it goes on by itself' if by_itself else f'when it may go on: "hermes resume {name}"'
        )
        return Finding(name, 'todo', f'paused: {here["reason"] or "no reason given"}', mend)
    if here['blocked_until']:
        until = f'it lets nobody in until {here["blocked_until"]:%Y-%m-%d %H:%M:%SZ}'
        return Finding(name, 'todo', until, 'wait; Hermes goes on by itself')
    if here['account'] is None:
        return Finding(
            name, 'todo', 'it has never answered', 'start a worker; the account is stored once it answers'
        )  # fmt: skip
    if reached:
        return Finding(name, 'ok', f'account {here["account"]}')
    return Finding(name, 'skipped', f'account {here["account"]}; it was not reached now')


def _webhooks(profile: Profile, here: Row) -> Finding:
    label, last_s = f'{profile.name} webhooks', here['silent_s']
    if silent := unheard(here):
        mend = 'see whether our address is reached from outside; "hermes setup webhooks"; changes are listed meanwhile'
        return Finding(label, 'todo', silent, mend)
    if last_s is None:
        mend = (
            'run "hermes setup webhooks"' if profile.subscribes else 'enter our address there: "hermes setup webhooks"'
        )
        return Finding(label, 'todo', 'none has ever arrived', mend)
    said = f'the last one came {show_duration(last_s)} ago'
    if last_s > QUIET_WEBHOOKS_S:
        return Finding(label, 'todo', said, 'see whether the other side still sends')
    return Finding(label, 'ok', said)


def examine_write_back(connection: Connection, site: Site) -> Finding:
    """D-1: the product does not list its custom fields, but a client shows all of them, empty ones too."""
    name = 'write-back'
    told = read_settings(connection).get('tc2_write_back')
    if PRODUCT not in site.on or not (site.write_back if told is None else told):
        return Finding(name, 'skipped', f'off: nothing is written to {PRODUCT_TITLE} (TC2_WRITE_BACK)')
    product = site.profiles[PRODUCT]
    unshown = checks.read_unshown(connection, product.shown_first)
    if unshown is None:
        return Finding(name, 'skipped', 'on; no client was seen yet that would show its custom fields')
    if unshown:
        said = f'no client of {PRODUCT_TITLE} shows {_bare(unshown)}: nothing can be written there'
        return Finding(name, 'todo', said, product.advice.fields)
    return Finding(name, 'ok', f'on; clients show {_bare(product.shown_first)}')


def _bare(keys: Iterable[str]) -> str:
    """The names of extra attributes out of their keys in a mirror."""
    return ', '.join(key.rpartition('.')[2] for key in keys)
