"""The page of health as plain text, to be copied into a chat or a ticket: counts, times and names of systems, nothing
of a person. Pure.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from hermes.db.reads.soundness import Soundness
from hermes.domain.status import Status, standing, tell_proof
from hermes.kit.redaction import Redaction
from hermes.web.desk.ranges import Range
from hermes.web.desk.shown import span

FAILURES: Final = 10
CLEANED: Final = Redaction()


def report_of(condition: Status, found: Soundness, stretch: Range, now: datetime, version: str) -> str:
    """What stands on the page, in lines. What people or systems wrote is masked where it looks personal."""
    lines = [f'Hermes {version}, {_told(now)}', *_condition(condition), *_stretch(found, stretch)]
    return '\n'.join(CLEANED.text(line) for line in lines)


def _condition(condition: Status) -> Iterator[str]:
    yield 'clean' if condition.clean else 'needs attention:'
    yield from (f'  {each.said}' for each in condition.troubles)
    events = condition.events
    yield f'events: {events["new"]} new, {events["waiting"]} waiting, {events["parked"]} parked'
    for push in condition.pushes:
        yield (
            f'pushes to {push["system"]}: {push["due"]} due, {push["waiting"]} waiting, {push["parked"]} parked, '
            f'{push["held"]} held, {push["unknown"]} unknown'
        )
    heard = {each['system']: each['last'] for each in condition.heard}
    for each in condition.systems:
        yield f'{each["system"]}: {standing(each)}, last heard {_told(heard.get(each["system"]))}'
    yield f'workers: {sum(each["alive"] for each in condition.workers)} alive'
    for proof in condition.proofs:
        yield f'proof of {proof["system"]} {proof["type"]}: {tell_proof(proof)} ({_told(proof["at"])})'


def _stretch(found: Soundness, stretch: Range) -> Iterator[str]:
    yield f'from {_told(stretch.since)} to {_told(stretch.until)}:'
    for lag in found.lags:
        told = lag.whole
        yield f'  {lag.system} {lag.hop}: p50 {span(told.p50_s)}, p95 {span(told.p95_s)}, p99 {span(told.p99_s)}'
    for each in found.failures[:FAILURES]:
        yield f'  {each["many"]} {each["kind"]} {each["system"]}: {each["what"]}'
    for pace in found.paces:
        ahead = pace.forecast
        end = f'exhausted at {_told(ahead.exhausted_at)}' if ahead.exhausted_at else 'lasts until midnight'
        yield f'  {pace.system}: {pace.tokens} of {pace.daily_limit} tokens today, {ahead.per_hour:.0f} an hour, {end}'


def _told(at: datetime | None) -> str:
    return 'never' if at is None else at.astimezone(UTC).strftime('%Y-%m-%d %H:%M UTC')
