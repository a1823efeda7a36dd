"""A person's acts on how the work goes on: pauses, pushes, events. They say nothing about records."""

from hermes.db import events, mirrors, pauses, pushes, replays
from hermes.db.accounts import forget_account
from hermes.domain.acts import (
    CancelReplay,
    DismissEvent,
    FetchRecord,
    ForgetAccount,
    IgnoreFields,
    ParkEvent,
    PauseSystem,
    PushNow,
    ReplayEvent,
    ReplayEvents,
    ResumeSystem,
    RetryPush,
)
from hermes.domain.errors import Refused
from hermes.domain.event_filter import APPLIED_AGAIN, check
from hermes.parts.roles import CRM
from hermes.sync.acts.scope import Outcome, Scope


def reason_of(said: str, what: str) -> str:
    """Why something is dismissed; it is kept. Raises Refused without one."""
    if not (reason := said.strip()):
        raise Refused(f'Say why {what} is dismissed.')
    return reason


async def pause(scope: Scope, act: PauseSystem) -> Outcome:
    """Nothing is said to a system."""
    reason = act.reason or 'paused by hand'
    await pauses.pause(scope.connection, act.system, reason)
    return {'notes': [f'{act.system} is paused: {reason}']}


async def resume(scope: Scope, act: ResumeSystem) -> Outcome:
    """A restored database speaks with an account again only when that is named (SETUP-7)."""
    account = await pauses.find_restored(scope.connection, act.system)
    if account is not None and act.account != account:
        raise Refused(f'This database was restored: name the account of {act.system} that it may speak with.')
    await pauses.resume(scope.connection, act.system)
    return {'notes': [f'{act.system} is resumed']}


async def forget(scope: Scope, act: ForgetAccount) -> Outcome:
    """SETUP-12: a mistyped address is no account for good."""
    identity = await forget_account(scope.connection, act.system)
    if not identity:
        raise Refused(f'This database belongs to no account of {act.system}: there is nothing to forget.')
    next_one = f'this database belongs to the next account of {act.system} that answers'
    return {'notes': [f'{identity} is forgotten: {next_one}']}


async def retry(scope: Scope, act: RetryPush) -> Outcome:
    """OUT-6: parked and held pushes are tried again."""
    if act.all:
        retried = await pushes.retry_all(scope.connection, act.system)
    elif act.record is not None:
        retried = await pushes.retry(scope.connection, act.record, act.system or CRM)
    else:
        raise Refused('Retry what? Name a record, or all.')
    return {'notes': [f'{retried} pushes are tried again']}


async def push_now(scope: Scope, act: PushNow) -> Outcome:
    """What is to be sent of a record is due now, before everything that nobody waits for."""
    if not (due := await pushes.hurry(scope.connection, act.record)):
        raise Refused(f'Nothing of {act.record.type} {act.record.id} is to be sent; "hermes push list" says what is.')
    return {'notes': [f'{due} pushes go now']}


async def fetch(scope: Scope, act: FetchRecord) -> Outcome:
    """The remote objects of a record that are there are read again by id, at once."""
    if not (asked := await mirrors.ask_of(scope.connection, act.record)):
        raise Refused(f'{act.record.type} {act.record.id} stands in no system: there is nothing to read.')
    return {'notes': [f'{asked} objects are read again']}


async def ignore(scope: Scope, act: IgnoreFields) -> Outcome:
    """OUT-6: these fields of this record are not sent any more."""
    if not await pushes.ignore(scope.connection, act.record, act.system, act.fields):
        raise Refused(f'{act.record.type} {act.record.id} has no push to {act.system}.')
    return {'notes': [f'ignored from now on: {", ".join(act.fields)}']}


async def park(scope: Scope, act: ParkEvent) -> Outcome:
    """An event is put aside before it is applied."""
    if not await events.park(scope.connection, act.event, act.reason or 'parked by hand'):
        raise Refused(f'Event {act.event} is not waiting to be applied.')
    return {'notes': [f'event {act.event} is parked']}


async def replay(scope: Scope, act: ReplayEvent) -> Outcome:
    """Apply an event again. Whatever is newer stays: a replay moves no mirror back."""
    if not await events.replay(scope.connection, act.event):
        raise Refused(
            f'Event {act.event} cannot be replayed: it is unknown, still to be applied, none that arrived from '
            'outside, or its body was dropped.'
        )
    return {'notes': [f'event {act.event} is applied again']}


async def replay_many(scope: Scope, act: ReplayEvents) -> Outcome:
    """ADM-5: everything that fits a filter is applied again, by whichever worker has time (sync/replay.py)."""
    wanted = check(act.filter)
    if wanted.is_empty:
        raise Refused('Replay what? Say at least one of: source, kind, state, record, subject, a time.')
    if wanted.state is not None and wanted.state not in APPLIED_AGAIN:
        raise Refused(f'What is {wanted.state} cannot be replayed: only what is {", ".join(APPLIED_AGAIN)}.')
    number = await replays.begin(scope.connection, wanted, scope.event.id)
    return {'notes': [f'replay {number} has begun'], 'replay': number}


async def cancel_replay(scope: Scope, act: CancelReplay) -> Outcome:
    """ADM-5: what was replayed so far stays so."""
    if not await replays.end(scope.connection, act.replay, 'cancelled'):
        raise Refused(f'Replay {act.replay} is not running.')
    return {'notes': [f'replay {act.replay} is cancelled'], 'replay': act.replay}


async def dismiss(scope: Scope, act: DismissEvent) -> Outcome:
    """What is parked is not wanted any more, for a reason that is kept; a replay takes it back."""
    if not await events.dismiss(scope.connection, act.event, reason_of(act.reason, 'an event')):
        raise Refused(f'Event {act.event} is not parked: only what is parked can be dismissed.')
    return {'notes': [f'event {act.event} is dismissed']}
