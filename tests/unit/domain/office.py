"""A small office for tests of the pure core: two admins, two pipelines, all fields known in the CRM, and one
company.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from hermes.domain.fields import Catalogue, default_catalogue
from hermes.domain.graph import Context, Directory, Graph
from hermes.domain.history import blank, fold
from hermes.domain.model import Mirror, Observation, Record, RecordRef, RemoteRef, Value, Version
from hermes.kit import phones

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOLD_BY, OTHER = 1, 2
COMPANY = RecordRef('company', 1_000)
CLIENT = RemoteRef('tutorcruncher', 'client', '50')
ORG = RemoteRef('pipedrive', 'organization', '12')


def known_catalogue() -> Catalogue:
    """The default fields, each with a code and the type that set-up gives it."""
    return Catalogue(
        [replace(item, pd_field_id=f'{place:040x}') for place, item in enumerate(default_catalogue().custom, 1)]
    )


def directory() -> Directory:
    admins = {
        number: Record(RecordRef('admin', number), {'tc2_admin_id': number * 10, 'pd_owner_id': number * 100})
        for number in (SOLD_BY, OTHER)
    }
    stages = {30: Record(RecordRef('stage', 30), {'name': 'New', 'pipeline_id': 20})}
    pipelines = {20: Record(RecordRef('pipeline', 20), {'name': 'PAYG', 'dft_entry_stage_id': 30})}
    links = {RemoteRef('pipedrive', 'pipeline', '2'): RecordRef('pipeline', 20)}
    links[RemoteRef('pipedrive', 'stage', '3')] = RecordRef('stage', 30)
    by_tc2, by_owner = {10: 1, 20: 2}, {100: 1, 200: 2}
    return Directory(admins, by_tc2, by_owner, pipelines, stages, links)


def context(**settings: Any) -> Context:
    told = {f'{plan}_pipeline_id': 20 for plan in ('payg', 'startup', 'enterprise')} | settings
    return Context(1, NOW, known_catalogue(), directory(), told, phones, 'https://tc2.example')


def numbers(first: int = 5_000) -> Iterator[int]:
    return count(first)


def graph_of(*things: Record | Mirror) -> Graph:
    ids = numbers()
    return Graph(
        [thing for thing in things if isinstance(thing, Record)],
        [thing for thing in things if isinstance(thing, Mirror)],
        lambda: next(ids),
    )


def sight(ref: RemoteRef, seconds: int, **fields: Value) -> Observation:
    return Observation(ref, 'state', Version(seconds, 5), fields)


def mirror_of(ref: RemoteRef, record: RecordRef, *told: Observation, ours: bool = False) -> Mirror:
    """A linked, primary mirror that saw these."""
    mirror = blank(ref)
    for seen in told:
        mirror = fold(mirror, seen, NOW)
    return replace(mirror, record=record, primary=True, ours=ours)
