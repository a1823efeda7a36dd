"""Lists at the size of a big office (small here): every page is reached both ways, nothing comes twice, what makes no
sense is refused; and no statement of theirs reads a large table from end to end (ADM-10).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from hermes.db.reads.events import page_events
from hermes.db.reads.listing import EMPTY, FEW, Page, list_rows
from hermes.db.reads.lists import LISTINGS, list_named
from hermes.db.reads.search import search
from hermes.domain.errors import Refused
from hermes.domain.event_filter import EventFilter
from hermes.domain.model import RecordRef

Big = psycopg.Connection[Any]
EVERY_ORDER = [(name, f'{way}{order}') for name, listing in LISTINGS.items() for order in listing.sortable
               for way in ('', '-')]  # fmt: skip


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize(('name', 'sort'), EVERY_ORDER)
def test_every_row_is_on_one_page_in_its_order_both_ways(big: Big, name: str, sort: str) -> None:
    whole = list_named(big, name, sort=sort, limit=200)
    listing, key = LISTINGS[name], LISTINGS[name].key
    there: list[Any] = []
    page = list_named(big, name, sort=sort, limit=7)
    first = page
    for _ in range(15):
        there += page.rows
        if not page.next:
            break
        page = list_named(big, name, sort=sort, limit=7, cursor=page.next)
    keys = [row[key] for row in there]
    assert len(keys) == len(set(keys))
    assert keys == [row[key] for row in whole.rows[: len(keys)]]
    if sort.removeprefix('-') != key:
        order = listing.column(sort.removeprefix('-')).name
        empty = [row[order] is None for row in whole.rows]
        assert empty == sorted(empty)
    back = page
    for _ in range(20):
        if not back.previous:
            break
        back = list_named(big, name, sort=sort, limit=7, cursor=back.previous)
    assert [row[key] for row in back.rows] == [row[key] for row in first.rows]


def test_rows_are_chosen_by_what_their_columns_hold(big: Big) -> None:
    everything = list_named(big, 'companies', limit=200)
    assert everything.count > 140
    of_britain = list_named(big, 'companies', filters={'country': ['GB']}, limit=200)
    assert {row['country'] for row in of_britain.rows} == {'GB'}
    nowhere = list_named(big, 'companies', filters={'country': EMPTY}, limit=200)
    assert all(not row['country'] for row in nowhere.rows)
    bad = list_named(big, 'companies', filters={'narc': 'yes'})
    assert bad.rows == []
    assert bad.count == 0
    day = next(row['created'] for row in everything.rows if row['created'])
    found = list_named(big, 'companies', filters={'created_from': day.isoformat(), 'created_to': date.max})
    assert found.rows
    assert all(row['created'] >= day for row in found.rows)
    admin = next(row['sales_person_id'] for row in everything.rows if row['sales_person_id'])
    sold = list_named(big, 'companies', filters={'sales_person_id': str(admin)})
    assert {row['sales_person_id'] for row in sold.rows} == {admin}
    assert sold.titles['admin', admin] == next(
        f'{row["first_name"]} {row["last_name"]}' for row in list_named(big, 'admins').rows if row['id'] == admin
    )


def test_a_part_of_a_name_an_address_or_an_id_finds_a_row(big: Big) -> None:
    contact = next(row for row in list_named(big, 'contacts').rows if row['email'] and row['phone'])
    for text in (contact['email'], contact['email'][2:14], contact['phone'], str(contact['id'])):
        assert contact['id'] in [row['id'] for row in list_named(big, 'contacts', search=text).rows], text
        assert contact['id'] in [row['id'] for row in search(big, text) if row['type'] == 'contact'], text
    company = list_named(big, 'companies').rows[0]
    for text in (company['name'], company['name'][3:9].upper(), f'company:{company["id"]}', str(company['pd_org_id'])):
        assert company['id'] in [row['id'] for row in list_named(big, 'companies', search=text, limit=200).rows], text


@pytest.fixture
def crowded(big: Big) -> Iterator[Big]:
    """With more companies of one name than are sorted after a search."""
    with big.transaction(force_rollback=True):
        big.execute(
            "insert into company (name, name_key) select 'Quagga ' || n, 'quagga ' || n from generate_series(1, %s) n",
            (FEW + 100,),
        )
        yield big


@pytest.mark.behaviour('ADM-10')
@pytest.mark.parametrize(('text', 'total'), [('quagga', '1\u202f100'), ('qu', '1\u202f000+'), ('quagga 110', '2')])
def test_a_search_says_how_many_it_finds_and_of_a_short_part_that_there_are_more(
    crowded: Big, text: str, total: str
) -> None:
    page = list_named(crowded, 'companies', search=text)
    assert page.total == total
    assert all(text in row['name'].lower() for row in page.rows)
    assert (page.next == '') == (total == '2')


@pytest.mark.parametrize('text', ['quagga', 'quagga 5'])
@pytest.mark.parametrize('sort', ['', 'id', 'name', '-name', 'created'])
def test_the_pages_of_a_search_hold_everything_once(crowded: Big, text: str, sort: str) -> None:
    page = list_named(crowded, 'companies', search=text, sort=sort, limit=100)
    there = list(page.rows)
    while page.next:
        page = list_named(crowded, 'companies', search=text, sort=sort, limit=100, cursor=page.next, counting=False)
        there += page.rows
    names = [f'Quagga {number}' for number in range(1, FEW + 101) if text in f'quagga {number}']
    assert sorted(row['name'] for row in there) == sorted(names)


@pytest.mark.behaviour('ADM-10')
def test_an_object_that_belongs_to_nobody_is_found_until_it_belongs_to_somebody(big: Big) -> None:
    with big.transaction(force_rollback=True):
        big.execute(
            'insert into mirror (system, type, remote_id, version, runs) '
            "values ('pipedrive', 'person', '9900123', '[1, 0]', %s)",
            (Jsonb({'name': [['Quirin Quagga', [1, 0], [1, 0]]]}),),
        )
        for text in ('9900123', 'quirin qua'):
            assert [(row['type'], row['id']) for row in search(big, text)] == [
                ('remote object', 'pipedrive:person:9900123')
            ]
        big.execute(
            'insert into link (system, type, remote_id, record_type, record_id, is_primary, state) '
            "select 'pipedrive', 'person', '9900123', 'contact', min(id), false, 'live' from contact"
        )
        assert [row['type'] for row in search(big, 'quirin qua')] == []


def test_what_was_deleted_is_hidden_unless_it_is_asked_for(big: Big) -> None:
    deleted = [row['id'] for row in list_named(big, 'companies', deleted=True, limit=200).rows if row['deleted']]
    assert deleted
    assert not set(deleted) & {row['id'] for row in list_named(big, 'companies', limit=200).rows}


@pytest.mark.parametrize(
    'asked',
    [
        {'cursor': 'rubbish'}, {'cursor': 'WzFd'}, {'cursor': '%%%'}, {'sort': 'website'}, {'sort': 'nothing'},
        {'filters': {'nothing': 'x'}}, {'filters': {'created_from': 'soon'}}, {'filters': {'narc': 'perhaps'}},
        {'filters': {'sales_person_id': 'Priya'}}, {'filters': {'name_from': 'a'}}, {'limit': 0}, {'limit': 100_000},
        {'filters': {'paid_invoice_count': '9' * 30}},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(big: Big, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        list_named(big, 'companies', **asked)


def test_a_place_of_another_order_is_refused(big: Big) -> None:
    page = list_named(big, 'companies', sort='name', limit=5)
    with pytest.raises(Refused, match='another order'):
        list_named(big, 'companies', sort='created', cursor=page.next)


@pytest.mark.behaviour('ADM-5')
def test_events_are_paged_both_ways_and_new_ones_are_told(big: Big) -> None:
    page = page_events(big, EventFilter(kind='webhook'), outcome='ignored', limit=20)
    assert {row['kind'] for row in page.rows} == {'webhook'}
    assert {row['changes'] for row in page.rows} == {0}
    second = page_events(big, EventFilter(kind='webhook'), outcome='ignored', limit=20, cursor=page.next)
    assert second.rows[0]['id'] < page.rows[-1]['id']
    again = page_events(big, EventFilter(kind='webhook'), outcome='ignored', limit=20, cursor=second.previous)
    assert [row['id'] for row in again.rows] == [row['id'] for row in page.rows]
    newest = page_events(big, EventFilter(), limit=3).rows
    assert [row['id'] for row in page_events(big, EventFilter(), newer_than=newest[-1]['id']).rows] == [
        row['id'] for row in newest[:-1]
    ]
    with pytest.raises(Refused):
        page_events(big, EventFilter(), cursor='rubbish')


@pytest.mark.behaviour('ADM-5')
def test_events_of_a_stretch_of_time_are_exactly_those(big: Big) -> None:
    moments = [row['received_at'] for row in page_events(big, EventFilter(), limit=200).rows]
    after, before = moments[150], moments[30]
    found = page_events(big, EventFilter(after=after, before=before), limit=200)
    assert [row['received_at'] for row in found.rows] == [at for at in moments if after <= at < before]


@pytest.mark.behaviour('ADM-4')
def test_a_records_events_are_those_that_speak_of_it_ignored_ones_too(big: Big) -> None:
    company = next(row for row in list_named(big, 'companies', limit=200).rows if row['tc2_cligency_id'])
    found = page_events(big, EventFilter(record=RecordRef('company', company['id'])), limit=200).rows
    assert {row['kind'] for row in found} >= {'webhook', 'intent', 'answer'}
    assert any(row['changes'] == 0 for row in found)
    assert all(f'company:{company["id"]}' in row['records'] for row in found if row['kind'] == 'intent')


def test_ten_thousand_and_more_is_what_is_said_of_more() -> None:
    assert Page([], '', '', 10_000, True).total == '10\u202f000+'
    assert Page([], '', '', 48, False).total == '48'


def test_a_listing_says_what_it_can(big: Big) -> None:
    with pytest.raises(Refused, match='companies, contacts'):
        list_named(big, 'everything')
    assert list_rows(big, LISTINGS['fields'], limit=200).rows[0]['machine_name']
