"""Figures for Prometheus. Labels come from fixed sets (sources, reasons, states, systems): never from a request.

Counters are this process's own; backlog and budget are the database's, read at most every five seconds. Every family
is there from the first start with every value of its labels that is known, at 0: what is absent alarms nobody. While
the database is away its figures are unknown and absent, and `hermes_database_up` is 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import nan
from typing import Any, Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hermes.db.budget import SHARE
from hermes.db.reads.health import EVENTS_SHOWN, PUSHES_SHOWN, QUANTILES, Figures
from hermes.domain.errors import REACTIONS
from hermes.domain.resolutions import CHOICES
from hermes.domain.status import KINDS
from hermes.ports import Op
from hermes.web.refusals import Reason

COMMIT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
OPS: Final = get_args(Op)
REASONS: Final = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge over what the database says. `known`: the values of its labels that are there whatever it says."""

    gauge: Gauge
    read: Callable[[Figures], Mapping[Any, float]]
    known: frozenset[tuple[str, ...]]

    def show(self, figures: Figures | None) -> None:
        """Its values now; none while the database is away."""
        self.gauge.clear()
        if figures is None:
            return
        said = {(key if isinstance(key, tuple) else (key,)): value for key, value in self.read(figures).items()}
        for labels in self.known | said.keys():
            self.gauge.labels(*labels).set(said.get(labels, 0))


class Metrics:
    """One registry per application. `listed`: by outside system, which are those of the sources, what it lists."""

    def __init__(self, listed: Mapping[str, Sequence[str]] | None = None) -> None:
        listed = listed or {}
        systems = tuple(listed)
        self.registry = CollectorRegistry()
        self.received = self._counter('hermes_events_received', 'Deliveries committed', 'source', 'kind')
        self.repeated = self._counter('hermes_events_repeated', 'Deliveries that were there already', 'source')
        self.refused = self._counter('hermes_events_refused', 'Deliveries refused', 'source', 'reason')
        self.deferred = self._counter(
            'hermes_events_deferred', 'Deliveries answered 503 because the database was away', 'source'
        )
        for source in systems:
            self.repeated.labels(source)
            self.deferred.labels(source)
            for reason in REASONS:
                self.refused.labels(source, reason)
        self.group_size = Histogram(
            'hermes_inbox_group_events', 'Events in one commit', buckets=GROUP_BUCKETS, registry=self.registry
        )
        self.commit_s = Histogram(
            'hermes_inbox_commit_seconds', 'Time of one commit', buckets=COMMIT_BUCKETS_S, registry=self.registry
        )
        self.database_up = Gauge('hermes_database_up', '1 if the database answers', registry=self.registry)
        self.oldest_s = Gauge(
            'hermes_events_oldest_seconds', 'Age of the oldest event not done', registry=self.registry
        )
        self.database_bytes = Gauge('hermes_database_bytes', 'What the database takes up', registry=self.registry)
        self._families = self._describe(listed)

    def _describe(self, listed: Mapping[str, Sequence[str]]) -> tuple[Family, ...]:
        systems = tuple(listed)
        system = ('system', systems)
        quantile = ('quantile', QUANTILES)
        listings = {(name, kind) for name, kinds in listed.items() for kind in kinds}
        of = self._family
        return (
            of('hermes_events_backlog', 'Events not done, by state', lambda told: told.events, ('state', EVENTS_SHOWN)),
            of(
                'hermes_pushes_backlog', 'Pushes not done, by state', lambda told: told.pushes,
                system, ('state', PUSHES_SHOWN),
            ),
            of('hermes_calls_today', 'API calls since midnight', lambda told: told.calls, system),
            of('hermes_tokens_today', 'Tokens spent since midnight', lambda told: told.tokens, system),
            of('hermes_tokens_daily_limit', 'Tokens that a day allows; 0: not known', lambda told: told.limits, system),
            of('hermes_tokens_last_hour', 'Tokens spent in the last hour', lambda told: told.pace, system),
            of(
                'hermes_tokens_spent_today', 'Tokens spent since midnight, by operation and lane',
                lambda told: told.spent, system, ('op', OPS), ('lane', tuple(SHARE)),
            ),
            of('hermes_system_paused', '1 if the system is paused', lambda told: told.paused, system),
            of(
                'hermes_merged_seconds', 'From arrival to application; 0: nothing came lately',
                lambda told: told.merged_s, ('source', systems), quantile,
            ),
            of(
                'hermes_call_seconds', 'From a call to its answer; 0: nothing was asked lately',
                lambda told: told.answered_s, system, quantile,
            ),
            of(
                'hermes_calls_failed_today', 'Calls by what went wrong', lambda told: told.reactions,
                system, ('reaction', REACTIONS),
            ),
            of('hermes_pushes_oldest_seconds', 'How long the oldest push is due', lambda told: told.overdue_s, system),
            of('hermes_decisions_open', 'What waits for a person', lambda told: told.decisions, ('kind', CHOICES)),
            of(
                'hermes_alerts_open',
                'Alerts that were told and are open',
                lambda told: told.alerts,
                ('condition', KINDS),
            ),
            Family(
                self._gauge('hermes_listing_proven', '1 if the newest listing was complete', 'system', 'type'),
                lambda told: told.proven, frozenset(listings),
            ),
            Family(
                self._gauge('hermes_listing_age_seconds', 'Age of that listing; 0: none yet', 'system', 'type'),
                lambda told: told.proof_age_s, frozenset(listings),
            ),
            of('hermes_silent_seconds', 'How long no webhook came; 0: none ever', lambda told: told.silent_s, system),
            of('hermes_writes_unechoed', 'Writes that should have come back since', lambda told: told.unechoed, system),
        )  # fmt: skip

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def _family(
        self, name: str, says: str, read: Callable[[Figures], Mapping[Any, float]], *labels: tuple[str, Iterable[str]]
    ) -> Family:
        known = frozenset(product(*(values for _, values in labels)))
        return Family(self._gauge(name, says, *(label for label, _ in labels)), read, known)

    def committed(self, size: int, duration_s: float) -> None:
        """A group of `size` events was committed in `duration_s`."""
        self.group_size.observe(size)
        self.commit_s.observe(duration_s)

    def render(self, figures: Figures | None) -> bytes:
        """The text format; `figures` None: the database does not answer."""
        self.database_up.set(0 if figures is None else 1)
        self.oldest_s.set(nan if figures is None else figures.oldest_event_s)
        self.database_bytes.set(nan if figures is None else figures.database_bytes)
        for family in self._families:
            family.show(figures)
        return generate_latest(self.registry)
