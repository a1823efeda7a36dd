"""What a remote object said over time: change points per field, and whose values they are (VERSION-1, EDIT-1 to EDIT-3).

A mirror is a pure function of the *set* of its observations: `fold` may get them in any order and any number of times (I2, I5).
Attribution (`edits`) is computed from the runs, from what Hermes sent and from merges; it is not stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hermes.domain.model import SETTLED, UNSETTLED, Mirror, Observation, RemoteRef, Run, Sent, Value, Version

SKEW_S: Final = 60
"""How far the remote's clock may lie behind ours when a value in flight is recognised."""
KEPT_RUNS: Final = 40
KEPT_SENT: Final = 12
NEVER: Final = Version(-1, UNSETTLED)
DERIVED: Final = frozenset(
    {
        'emails', 'phones', 'address', 'user_email', 'user_phone', 'user_first_name', 'user_last_name', 'pipedrive_id',
        'price_plan_unknown', 'client_id',
    }
)  # fmt: skip
"""Keys of which only the newest value matters."""


def insert(runs: Sequence[Run], value: Value, version: Version) -> tuple[tuple[Run, ...], bool]:
    """Add one sighting. Returns the runs, and whether the order within its second is unknown (the object must be read again)."""
    point = Run(value, version, version)
    doubt = any(_tie(run, point) for run in runs)
    if any(run.first == version or run.last == version for run in runs):
        return tuple(runs), doubt
    out: list[Run] = []
    placed = False
    for run in runs:
        if not placed and version < run.first:
            _append(out, point)
            placed = True
        if run.first < version < run.last:
            placed = True
            if run.value == value:
                _append(out, run)
            else:
                out += [Run(run.value, run.first, run.first), point, Run(run.value, run.last, run.last)]
            continue
        _append(out, run)
    if not placed:
        _append(out, point)
    return tuple(out[-KEPT_RUNS:]), doubt


def _append(out: list[Run], run: Run) -> None:
    """Append, joining neighbours of equal value."""
    if out and out[-1].value == run.value:
        out[-1] = Run(run.value, out[-1].first, max(out[-1].last, run.last))
    else:
        out.append(run)


def _tie(run: Run, point: Run) -> bool:
    """Different values whose order nobody knows: the same version, or the same second with one place in it unknown."""
    if run.value == point.value:
        return False
    for end in (run.first, run.last):
        if end == point.first:
            return True
        unknown = UNSETTLED in (end.sub, point.first.sub)
        if end.seconds == point.first.seconds and unknown and SETTLED not in (end.sub, point.first.sub):
            return True
    return False


def fold(mirror: Mirror | None, seen: Observation, now: datetime) -> Mirror:
    """The mirror after one more observation."""
    mirror = mirror or Mirror(seen.ref, NEVER)
    if seen.kind == 'merged':
        return replace(mirror, merged_into=seen.merged_into)
    if seen.kind == 'deleted':
        reread_at = None if seen.origin == 'read' else mirror.reread_at
        return replace(mirror, deleted=max(mirror.deleted or seen.version, seen.version), reread_at=reread_at)
    if seen.kind == 'missing':
        unknown = mirror.version == NEVER
        return replace(mirror, deleted=seen.version if unknown else mirror.deleted, reread_at=None)
    runs, sent, doubt = dict(mirror.runs), dict(mirror.sent), False
    for name, value in seen.fields.items():
        if name in DERIVED:
            if seen.version >= mirror.version:
                runs[name] = (Run(value, seen.version, seen.version),)
            continue
        runs[name], unsure = insert(runs.get(name, ()), value, seen.version)
        doubt |= unsure
        if seen.origin in ('answer', 'created') and name in sent:
            sent[name] = _normalise(sent[name], value, seen)
    merges = mirror.merges
    if seen.merged_from and seen.version.seconds not in merges:
        merges = (*merges, seen.version.seconds)[-8:]
    settled = seen.origin == 'read' and mirror.reread_at is not None and not doubt
    return replace(
        mirror,
        version=max(mirror.version, seen.version),
        runs=runs,
        sent=sent,
        merges=merges,
        reread_at=now + timedelta(seconds=1) if doubt else None if settled else mirror.reread_at,
    )


def _normalise(sent: tuple[Sent, ...], value: Value, seen: Observation) -> tuple[Sent, ...]:
    """EDIT-3: the answer to our write (or the webhook of our creation) shows another value than was sent."""
    last = sent[-1]
    fresh = last.answered is None or (seen.origin == 'answer' and last.answered == seen.version)
    if not fresh or last.value == value or last.normalised:
        return sent
    if seen.origin == 'created' and seen.version.seconds < last.started_s - SKEW_S:
        return sent
    return (*sent[:-1], replace(last, got=value, normalised=True))


def send(mirror: Mirror, fields: Mapping[str, Value], started_at: datetime, intent: int) -> Mirror:
    """Hermes is about to write these fields (committed before the call goes out)."""
    sent = dict(mirror.sent)
    for name, value in fields.items():
        entry = Sent(value, int(started_at.timestamp()), intent=intent)
        sent[name] = (*sent.get(name, ()), entry)[-KEPT_SENT:]
    return replace(mirror, sent=sent)


def settle(mirror: Mirror, intent: int, version: Version | None) -> Mirror:
    """The outcome of an intent: answered at `version`, or (None) it was never done and its values were never sent.

    A value that was seen meanwhile is taken as answered where it was first seen.
    """
    sent: dict[str, tuple[Sent, ...]] = {}
    for name, entries in mirror.sent.items():
        kept = []
        for entry in entries:
            if entry.intent != intent or entry.answered is not None:
                kept.append(entry)
            elif version is not None:
                kept.append(replace(entry, answered=_first_sight(mirror.runs.get(name, ()), entry) or version))
        if kept:
            sent[name] = tuple(kept)
    return replace(mirror, sent=sent)


def _first_sight(runs: Sequence[Run], entry: Sent) -> Version | None:
    values = [entry.value, entry.got] if entry.normalised else [entry.value]
    found = [run for run in runs if run.value in values and run.last.seconds >= entry.started_s - SKEW_S]
    return found[0].last if found else None


def explained(run: Run, sent: Sequence[Sent]) -> bool:
    """Whether Hermes itself put this value there: in flight, or answered within the run."""
    for entry in sent:
        if run.value != entry.value and not (entry.normalised and run.value == entry.got):
            continue
        if entry.answered is None:
            if run.last.seconds >= entry.started_s - SKEW_S:
                return True
        elif run.first.seconds <= entry.answered.seconds <= run.last.seconds:
            return True
    return False


def is_empty(value: Value) -> bool:
    """Empty as people see it. Zero and False are values."""
    return value is None or value == '' or value == [] or value == {}


def edits(mirror: Mirror, name: str) -> list[tuple[Run, bool]]:
    """The runs that are a person's (EDIT-1), oldest first, each with whether it is only the first sight of a foreign object."""
    found: list[tuple[Run, bool]] = []
    sent = mirror.sent.get(name, ())
    had_value = False
    for index, run in enumerate(mirror.runs.get(name, ())):
        if explained(run, sent) or run.first.seconds in mirror.merges:
            pass
        elif index == 0:
            if mirror.ours:
                if sent and not is_empty(run.value):
                    found.append((run, False))
            elif not is_empty(run.value):
                found.append((run, True))
        elif had_value or not is_empty(run.value):
            found.append((run, False))
        had_value = had_value or not is_empty(run.value)
    return found


def has_spoken(mirror: Mirror, name: str) -> bool:
    """Whether the object says something about a field: a value, or a null that follows a value (D-12)."""
    return any(not is_empty(run.value) for run in mirror.runs.get(name, ()))


def equal(mirror: Mirror, name: str, wanted: Value) -> bool:
    """Whether the object holds what we want, counting the remote's own normalisation of it as equal (EDIT-3)."""
    held = mirror.current(name)
    if held == wanted or (is_empty(held) and is_empty(wanted)):
        return True
    return any(entry.normalised and entry.value == wanted and entry.got == held for entry in mirror.sent.get(name, ()))


def blank(ref: RemoteRef) -> Mirror:
    """A mirror of an object of which nothing was seen yet."""
    return Mirror(ref, NEVER)
