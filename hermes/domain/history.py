"""What a remote object said over time: change points per field, and whose values they are (VERSION-1, EDIT-1 to
EDIT-3).

A mirror is a pure function of the *set* of its observations: `fold` may get them in any order and any number of times
(I2, I5), as long as none is later than KEPT_SEEN others. Attribution (`edits`) is computed from the runs, from what
Hermes sent and from merges; it is not stored.
"""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hermes.domain.model import SETTLED, UNSETTLED, Absorbed, Mirror, Observation, RemoteRef, Run, Sent, Value, Version
from hermes.kit.spelling import same
from hermes.parts.roles import CRM_ID

SKEW_S: Final = 60
"""How far the remote's clock may lie behind ours when a value in flight is recognised."""
KEPT_RUNS: Final = 40
KEPT_SENT: Final = 12
KEPT_SEEN: Final = 32
"""An observation that is later than this many others is placed by the ends of the runs alone (but for the second of a
merge, of which every sighting is kept).
"""
KEPT_MERGES: Final = 8
NEVER: Final = Version(-1, UNSETTLED)
DERIVED: Final = frozenset(
    {
        'emails', 'phones', 'address', 'user_email', 'user_phone', 'user_mobile', 'user_first_name', 'user_last_name',
        CRM_ID, 'price_plan_unknown', 'client_id',
    }
)  # fmt: skip
"""Keys of which only the newest value matters."""


def insert(
    runs: Sequence[Run], value: Value, version: Version, seen: Iterable[Version] = ()
) -> tuple[tuple[Run, ...], bool]:
    """Add one sighting; `seen`: the versions at which this field is known to have been said.

    Returns the runs, and whether the order within its second is unknown (the object must be read again). The runs are
    a function of the set of sightings: of two values at one version the greater in JSON stands, until it was read.
    """
    last = runs[-1] if runs else None
    if last is None or version.seconds > last.last.seconds:
        return _joined(runs, Run(value, version, version))[-KEPT_RUNS:], False
    if version == last.last and value == last.value:
        return tuple(runs), False
    points = _points(runs, seen)
    known = version in points
    if known and points[version] == value:
        return tuple(runs), False
    doubt = version.seconds == last.last.seconds and _in_doubt(points, value, version)
    points[version] = max(points[version], value, key=_weight) if known else value
    out: tuple[Run, ...] = ()
    for at in sorted(points):
        out = _joined(out, Run(points[at], at, at))
    return out[-KEPT_RUNS:], doubt


def _points(runs: Sequence[Run], seen: Iterable[Version]) -> dict[Version, Value]:
    """Every sighting that is still known: the ends of the runs, and what was seen between them."""
    points = {end: run.value for run in runs for end in (run.first, run.last)}
    for version in seen:
        inside = next((run for run in runs if run.first < version < run.last), None)
        if inside is not None:
            points[version] = inside.value
    return points


def _joined(runs: Sequence[Run], run: Run) -> tuple[Run, ...]:
    """Append, joining neighbours of equal value."""
    if runs and runs[-1].value == run.value:
        return (*runs[:-1], Run(run.value, runs[-1].first, run.last))
    return (*runs, run)


def _weight(value: Value) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _in_doubt(points: Mapping[Version, Value], value: Value, version: Version) -> bool:
    """Another value whose order nobody knows: the same version, or the same second with one place in it unknown;
    unless the second was read when it was over.
    """
    here = {at: other for at, other in points.items() if at.seconds == version.seconds}
    if version.sub == SETTLED or any(at.sub == SETTLED for at in here):
        return version.sub == SETTLED and version in here
    return any(other != value and (at == version or UNSETTLED in (at.sub, version.sub)) for at, other in here.items())


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
            runs[name] = (_newest(runs.get(name, ()), Run(value, seen.version, seen.version)),)
            continue
        said = (version for version, missing in mirror.seen.items() if name not in missing)
        runs[name], unsure = insert(runs.get(name, ()), value, seen.version, said)
        doubt |= unsure
        if seen.origin in ('answer', 'created') and name in sent:
            sent[name] = _normalise(sent[name], value, seen)
    if seen.merged_from:
        mirror = absorbed(mirror, seen.merged_from, (seen.version,))
    return replace(
        mirror,
        version=max(mirror.version, seen.version),
        runs=runs,
        sent=sent,
        seen=_sighted(mirror, seen, runs.keys() - DERIVED),
        reread_at=now + timedelta(seconds=1) if doubt else mirror.reread_at,
    )


def _newest(runs: Sequence[Run], run: Run) -> Run:
    newest = max(each.last for each in (*runs, run))
    found = [each for each in (*runs, run) if each.last == newest]
    return found[0] if len(found) == 1 else max(found, key=lambda each: _weight(each.value))


def _sighted(mirror: Mirror, seen: Observation, names: Set[str]) -> Mapping[Version, frozenset[str]]:
    """The newest versions at which the object was seen, each with the fields that it did not say there."""
    unsaid = names - seen.fields.keys()
    fresh = {name for name in names if name not in mirror.runs}
    out = {version: missing | fresh for version, missing in mirror.seen.items()} if fresh else dict(mirror.seen)
    out[seen.version] = frozenset(mirror.seen[seen.version] & unsaid if seen.version in mirror.seen else unsaid)
    kept, merged = sorted(out.items()), {merge.at.seconds for merge in mirror.merges}
    return dict([one for one in kept[:-KEPT_SEEN] if one[0].seconds in merged] + kept[-KEPT_SEEN:])


def absorbed(mirror: Mirror, loser: str, versions: Iterable[Version]) -> Mirror:
    """The mirror of an object into which `loser` was merged at `versions`. Where the object's own change is known, the
    seconds in which it might have been are not needed any more. Any order gives the same.
    """
    told = {*mirror.merges, *(Absorbed(version, loser) for version in versions)}
    exact = {merge.loser for merge in told if is_placed(merge.at)}
    kept = sorted(merge for merge in told if is_placed(merge.at) or merge.loser not in exact)
    return replace(mirror, merges=tuple(kept[-KEPT_MERGES:]))


def is_placed(version: Version) -> bool:
    """Whether its place within its second is known: a webhook that says its time. An answer's or a read's is not."""
    return UNSETTLED < version.sub < SETTLED


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
        entry = Sent(value, int(started_at.timestamp()), intent=intent, over=_foreign(mirror, name, value))
        sent[name] = (*sent.get(name, ()), entry)[-KEPT_SENT:]
    return replace(mirror, sent=sent)


def _foreign(mirror: Mirror, name: str, value: Value) -> Value:
    """What stands in a field where `value` goes, if Hermes did not put it there."""
    runs = mirror.runs.get(name, ())
    if (
        not runs
        or is_empty(runs[-1].value)
        or runs[-1].value == value
        or explained(runs[-1], mirror.sent.get(name, ()))
    ):
        return None
    return runs[-1].value


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
                kept.append(replace(entry, answered=_first_sight(mirror.runs.get(name, ()), entry, version) or version))
        if kept:
            sent[name] = tuple(kept)
    return replace(mirror, sent=sent)


def _first_sight(runs: Sequence[Run], entry: Sent, version: Version) -> Version | None:
    """Where a value in flight was seen: in the run that holds the answer's version, else in the one nearest to the
    call.
    """
    values = [entry.value, entry.got] if entry.normalised else [entry.value]
    found = [run for run in runs if run.value in values and run.last.seconds >= entry.started_s - SKEW_S]
    if not found or any(run.first.seconds <= version.seconds <= run.last.seconds for run in found):
        return None
    run = min(found, key=lambda run: max(run.first.seconds - entry.started_s, entry.started_s - run.last.seconds, 0))
    return run.first if run.first.seconds >= entry.started_s - SKEW_S else run.last


def explained(run: Run, sent: Sequence[Sent]) -> bool:
    """Whether Hermes itself put this value there: in flight, or answered within the run."""
    for entry in sent:
        if not same(run.value, entry.value) and not (entry.normalised and same(run.value, entry.got)):
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
    """The runs that are a person's (EDIT-1), oldest first, each with whether it is only the first sight of a foreign
    object. What is older than the oldest value that we remember to have sent is nobody's.
    """
    found: list[tuple[Run, bool]] = []
    sent = mirror.sent.get(name, ())
    remembered_s = sent[0].started_s - SKEW_S if len(sent) == KEPT_SENT else 0
    had_value = False
    runs = _around_merges(mirror, mirror.runs.get(name, ()))
    for index, run in enumerate(runs):
        if (
            run.first.seconds < remembered_s
            or explained(run, sent)
            or _came_with_merge(mirror, name, run)
            or (index and same(run.value, runs[index - 1].value))
        ):
            pass
        elif _before_ours(runs, index, sent):
            continue
        elif index == 0:
            if mirror.ours:
                if _made_with(mirror, sent) and not is_empty(run.value):
                    found.append((run, False))
            elif not is_empty(run.value):
                found.append((run, True))
        elif had_value or not is_empty(run.value):
            found.append((run, False))
        had_value = had_value or not is_empty(run.value)
    return found


def _around_merges(mirror: Mirror, runs: Sequence[Run]) -> Sequence[Run]:
    """The runs, without what an answer or a read showed at an unknown place of a merge's second and a webhook of that
    second shows too: it was seen there, and what stood before it is not new again.
    """
    merged = {merge.at.seconds for merge in mirror.merges}
    if not merged:
        return runs
    out: tuple[Run, ...] = ()
    for index, run in enumerate(runs):
        second = run.first.seconds
        alone = run.first == run.last and run.first.sub == UNSETTLED and second in merged
        if alone and any(one.value == run.value and one.first.seconds == second for one in runs[index + 1 :]):
            continue
        out = _joined(out, run)
    return out


def _came_with_merge(mirror: Mirror, name: str, run: Run) -> bool:
    """PD-MERGE-2: whether a merge put this value there. The webhook that names the loser shows what the merge wrote; a
    value that another webhook of the same second shows first is somebody else's (EDIT-1). Of a merge whose own webhook
    was not seen, it is what only answers and reads showed first in its second.
    """
    here = {merge.at for merge in mirror.merges if merge.at.seconds == run.first.seconds}
    if not here:
        return False
    first = _first_placed(mirror, name, run)
    return first in here if first is not None else any(not is_placed(at) for at in here)


def _first_placed(mirror: Mirror, name: str, run: Run) -> Version | None:
    """The first webhook within the second in which a run begins that showed its value."""
    inside = [at for at, missing in mirror.seen.items() if run.first < at < run.last and name not in missing]
    shown = (at for at in (run.first, *inside, run.last) if at.seconds == run.first.seconds and is_placed(at))
    return min(shown, default=None)


def _made_with(mirror: Mirror, sent: Sequence[Sent]) -> bool:
    """Whether our creation of the object said this field: what it showed first otherwise is the remote's default, even
    when we write the field later. Every creation says `hermes_id`.
    """
    made = mirror.sent.get('hermes_id', ())
    return bool(sent) and (not made or sent[0].intent <= made[0].intent)


def _before_ours(runs: Sequence[Run], index: int, sent: Sequence[Sent]) -> bool:
    """What stood there before our write, seen in the same second as the write: whose turn was last is not known, so
    it is no edit unless it outlives that second (VERSION-1: the object is read again).
    """
    if index == 0 or not explained(runs[index - 1], sent):
        return False
    run, ours = runs[index], runs[index - 1]
    same_second = run.first.seconds == run.last.seconds == ours.last.seconds and run.last.sub != SETTLED
    before = runs[index - 2].value if index > 1 else None
    return (
        same_second
        and ours.last.sub == UNSETTLED
        and (run.value == before or (is_empty(run.value) and is_empty(before)))
    )


def has_spoken(mirror: Mirror, name: str) -> bool:
    """Whether the object says something about a field: a value, or a null that follows a value (D-12)."""
    return any(not is_empty(run.value) for run in mirror.runs.get(name, ()))


def equal(mirror: Mirror, name: str, wanted: Value) -> bool:
    """Whether the object holds what we want, as people see it, counting the remote's own normalisation of it as equal
    (EDIT-3).
    """
    held = mirror.current(name)
    if same(held, wanted) or (is_empty(held) and is_empty(wanted)):
        return True
    return any(entry.normalised and entry.value == wanted and entry.got == held for entry in mirror.sent.get(name, ()))


def blank(ref: RemoteRef) -> Mirror:
    """A mirror of an object of which nothing was seen yet."""
    return Mirror(ref, NEVER)
