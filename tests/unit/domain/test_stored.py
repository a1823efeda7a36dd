"""What is stored is what is compared: records and mirrors survive the way through a row of JSON."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.db.codec import claims_row, dump, link_row, mirror_row, read_claims, read_mirror, read_record, record_row
from hermes.domain.model import (
    UNSETTLED,
    Absorbed,
    Claims,
    Decree,
    Mirror,
    Record,
    RecordRef,
    RemoteRef,
    Run,
    Said,
    Sent,
    Tombstone,
    Version,
)
from hermes.domain.record_types import ATTRIBUTES
from tests.thorough import examples

texts = st.text(st.characters(exclude_characters='\x00', exclude_categories=['Cs']), max_size=8)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
versions = st.builds(Version, st.integers(-1, 2**40), st.sampled_from([-1, 0, 2**53]))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once
names = st.sampled_from(['name', 'website', 'emails', 'extra one'])


def many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=3).map(tuple)


mirrors = st.builds(
    Mirror,
    st.builds(RemoteRef, st.sampled_from(['pipedrive', 'tutorcruncher']), st.just('organization'), texts),
    versions,
    runs=st.dictionaries(names, many(st.builds(Run, jsons, versions, versions))),
    sent=st.dictionaries(
        names,
        many(
            st.builds(Sent, jsons, st.integers(0, 2**40), st.none() | versions, jsons, st.booleans(), st.integers(0, 9))
        ),
    ),
    merges=many(st.builds(Absorbed, versions, texts)),
    ours=st.booleans(),
    deleted=st.none() | versions,
    deleted_by=st.sampled_from(['', 'hermes']),
    merged_into=st.none() | texts,
    reread_at=st.none() | moments,
    corrections=st.dictionaries(names, many(st.integers(0, 2**40))),
    record=st.none() | st.just(RecordRef('company', 7)),
    primary=st.booleans(),
    seen=st.dictionaries(versions, st.frozensets(names), max_size=4),
)


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """What Postgres gives back: JSON read again, columns of time as times."""
    told: dict[str, Any] = json.loads(dump(row))
    return told


@settings(max_examples=examples(100), deadline=None)
@given(mirrors)
def test_a_mirror_survives_its_row(mirror: Mirror) -> None:
    row = stored(mirror_row(mirror, 1))
    row['reread_at'] = datetime.fromisoformat(row['reread_at']) if row['reread_at'] else None
    link = stored(link_row(mirror)) if mirror.record else {'record_type': None, 'record_id': None, 'is_primary': None}
    back = read_mirror(row | link)
    assert back == (mirror if mirror.record else Mirror(**{**fields_of(mirror), 'primary': False}))


def test_a_merge_of_an_older_row_is_known_by_its_second() -> None:
    mirror = Mirror(RemoteRef('pipedrive', 'organization', '12'), Version(200, 5))
    older = stored(mirror_row(mirror, 1)) | {'merges': [199, 200], 'record_type': None, 'is_primary': None}
    assert [merge.at for merge in read_mirror(older).merges] == [Version(199, UNSETTLED), Version(200, UNSETTLED)]


def fields_of(mirror: Mirror) -> dict[str, Any]:
    return {name: getattr(mirror, name) for name in Mirror.__dataclass_fields__}


claims = st.builds(
    Claims,
    initial=st.dictionaries(names, st.builds(Said, jsons, texts, texts, st.none() | st.integers(1, 9))),
    decree=st.dictionaries(names, st.builds(Decree, jsons, versions, texts)),
    released=st.dictionaries(names, versions),
)


def record_of(record_type: str) -> st.SearchStrategy[Record]:
    kinds = {'str': texts, 'int': st.integers(0, 9), 'bool': st.booleans(), 'date': st.dates().map(str)}
    fixed = {
        name: kinds.get(attribute.type, st.integers(1, 9))
        for name, attribute in ATTRIBUTES[record_type].items()
        if name != 'company_id'
    }
    return st.builds(
        Record,
        st.just(RecordRef(record_type, 7)),
        st.tuples(st.fixed_dictionaries(fixed), st.dictionaries(st.sampled_from(['one_more', 'another']), jsons)).map(
            lambda parts: {**parts[0], **parts[1]}
        ),
        claims,
        st.none(),
        st.none()
        | st.builds(
            Tombstone, st.sampled_from(['tc2', 'crm']), moments, st.integers(1, 9), st.dictionaries(texts, versions)
        ),
        st.none() | st.integers(1, 9),
        st.integers(0, 9),
    )


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(['company', 'contact', 'deal']).flatmap(record_of))
def test_a_record_survives_its_row(record: Record) -> None:
    assert read_record(record.ref.type, stored(record_row(record))) == record


CLAIMS: dict[str, Any] = {
    'initial': {'name': {'value': 'Ember', 'system': 'booking', 'rule': 'MATCH-5'}},
    'fallback': {'sales_person_id': {'value': 1, 'system': 'legacy', 'rule': 'import', 'shown': 100}},
    'decree': {'status': {'value': 'lost', 'after': [17, -1], 'rule': 'TC-7'}},
    'released': {'website': [18, 250]},
    'substituted': {},
    'counted': {'sales_call_count': 4},
    'settled': {'narc': 'delete'},
    'doubts': {'declined': [7, 'the visitor says No']},
    'undecided': {'pipedrive': [['company', 12], ['company', 13]], 'legacy': []},
    'rehomed': [19, 0],
    'renumbered': True,
}


@pytest.mark.parametrize('kinds', [[], ['substituted'], ['undecided'], ['decree', 'rehomed'], [*CLAIMS]])
def test_claims_come_back_as_they_were_stored(kinds: list[str]) -> None:
    row = {kind: CLAIMS[kind] for kind in kinds}
    assert json.loads(dump(claims_row(read_claims(row)))) == row
