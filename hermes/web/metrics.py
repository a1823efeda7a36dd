"""Figures for Prometheus. Labels come from fixed sets (sources, reasons, states, systems): never from a request.

Counters are this process's own; backlog and budget are the database's, read at most every five seconds.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hermes.db.vitals import Figures

COMMIT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """One registry per application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            'hermes_events_received', 'Deliveries committed', ['source', 'kind'], registry=self.registry
        )
        self.repeated = Counter(
            'hermes_events_repeated', 'Deliveries that were there already', ['source'], registry=self.registry
        )
        self.refused = Counter(
            'hermes_events_refused', 'Deliveries refused', ['source', 'reason'], registry=self.registry
        )
        self.deferred = Counter(
            'hermes_events_deferred',
            'Deliveries answered 503 because the database was away',
            ['source'],
            registry=self.registry,
        )
        self.group_size = Histogram(
            'hermes_inbox_group_events', 'Events in one commit', buckets=GROUP_BUCKETS, registry=self.registry
        )
        self.commit_s = Histogram(
            'hermes_inbox_commit_seconds', 'Time of one commit', buckets=COMMIT_BUCKETS_S, registry=self.registry
        )
        self.database_up = Gauge('hermes_database_up', '1 if the database answers', registry=self.registry)
        self.events = Gauge('hermes_events_backlog', 'Events not done, by state', ['state'], registry=self.registry)
        self.oldest_s = Gauge(
            'hermes_events_oldest_seconds', 'Age of the oldest event not done', registry=self.registry
        )
        self.pushes = Gauge(
            'hermes_pushes_backlog', 'Pushes not done, by state', ['system', 'state'], registry=self.registry
        )
        self.calls = Gauge('hermes_calls_today', 'API calls since midnight', ['system'], registry=self.registry)
        self.tokens = Gauge('hermes_tokens_today', 'Tokens spent since midnight', ['system'], registry=self.registry)
        self.limit = Gauge('hermes_tokens_daily_limit', 'Tokens that a day allows', ['system'], registry=self.registry)
        self.pace = Gauge(
            'hermes_tokens_last_hour', 'Tokens spent in the last hour', ['system'], registry=self.registry
        )
        self.spent = Gauge(
            'hermes_tokens_spent_today',
            'Tokens spent since midnight, by operation and lane',
            ['system', 'op', 'lane'],
            registry=self.registry,
        )
        self.paused = Gauge('hermes_system_paused', '1 if the system is paused', ['system'], registry=self.registry)
        self.merged = self._gauge('hermes_merged_seconds', 'From arrival to application', 'source', 'quantile')
        self.answered = self._gauge('hermes_call_seconds', 'From a call to its answer', 'system', 'quantile')
        self.reactions = self._gauge('hermes_calls_failed_today', 'Calls by what went wrong', 'system', 'reaction')
        self.overdue = self._gauge('hermes_pushes_oldest_seconds', 'How long the oldest push is due', 'system')
        self.decisions = self._gauge('hermes_decisions_open', 'What waits for a person to decide', 'kind')
        self.proven = self._gauge('hermes_listing_proven', '1 if the newest listing was complete', 'system', 'type')
        self.proof_age = self._gauge('hermes_listing_age_seconds', 'Age of that listing', 'system', 'type')
        self.silent = self._gauge('hermes_silent_seconds', 'How long no webhook has come', 'system')
        self.unechoed = self._gauge('hermes_writes_unechoed', 'Writes that should have come back since', 'system')

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def committed(self, size: int, duration_s: float) -> None:
        """A group of `size` events was committed in `duration_s`."""
        self.group_size.observe(size)
        self.commit_s.observe(duration_s)

    def render(self, figures: Figures | None) -> bytes:
        """The text format; `figures` None: the database does not answer."""
        self.database_up.set(0 if figures is None else 1)
        told = (self.calls, self.tokens, self.limit, self.pace, self.paused)
        hops = (
            self.merged, self.answered, self.reactions, self.overdue, self.decisions, self.proven, self.proof_age,
            self.silent, self.unechoed,
        )  # fmt: skip
        for gauge in (self.events, self.pushes, self.spent, *told, *hops):
            gauge.clear()
        if figures is not None:
            for state in ('new', 'waiting', 'parked'):
                self.events.labels(state).set(figures.events.get(state, 0))
            self.oldest_s.set(figures.oldest_event_s)
            for (system, state), count in figures.pushes.items():
                self.pushes.labels(system, state).set(count)
            for labels, tokens in figures.spent.items():
                self.spent.labels(*labels).set(tokens)
            values_of = (figures.calls, figures.tokens, figures.limits, figures.pace, figures.paused)
            for gauge, values in zip(told, values_of, strict=True):
                for system, value in values.items():
                    gauge.labels(system).set(value)
            seen: tuple[Mapping[Any, float], ...] = (
                figures.merged_s, figures.answered_s, figures.reactions, figures.overdue_s, figures.decisions,
                figures.proven, figures.proof_age_s, figures.silent_s, figures.unechoed,
            )  # fmt: skip
            for gauge, hop in zip(hops, seen, strict=True):
                for key, level in hop.items():
                    gauge.labels(*([key] if isinstance(key, str) else key)).set(level)
        return generate_latest(self.registry)
