"""The desk's first page: what needs somebody, how everything is, what happened last (D-13, ADM-7)."""

import re

import pytest

from hermes.db import workers
from tests.flows.companies import later, sign_up
from tests.flows.desk import logged_in, text
from tests.flows.house import House

pytestmark = pytest.mark.behaviour('ADM-7')


def part(page: str, name: str) -> str:
    """The words of what the page calls `name`; '' where there is nothing of it."""
    found = re.search(rf'<(\w+)[^>]* data-testid="{name}">(.*?)</\1>', page, re.DOTALL)
    return text(found[2]) if found else ''


async def beat(house: House) -> None:
    """A worker is alive."""
    async with house.engine.database.transaction() as connection:
        await workers.beat(connection, 'worker-0', 'north', 41)


@pytest.mark.behaviour('D-13')
async def test_the_first_page_says_what_needs_somebody_and_where_it_is_settled(house: House) -> None:
    async with logged_in(house, 'viewer') as ada:
        assert 'no worker is alive' in part(await ada.see('/'), 'troubles')
        await beat(house)
        page = await ada.see('/')
        assert part(page, 'clean') == 'Clean: nothing needs a person.'
        assert part(page, 'needs').startswith('0 to decide 0 events parked 0 pushes parked or held')
        assert '1 alive (north:41)' in part(page, 'queue')
        sign_up(house, 'Nobody Knows Whose', sales_person=999, recipients=[])
        await later(house)
        await house.act('system.pause', system='pipedrive', reason='maintenance of theirs')
        await beat(house)
        page = await ada.see('/')
        assert '1 event parked' in part(page, 'needs')
        assert '1 system paused' in part(page, 'needs')
        assert '1 event parked' in part(page, 'troubles')
        assert '<a class="tile bad" href="/desk/decisions/?kind=event">' in page
        assert 'Pipedrive paused' in part(page, 'systems')
        assert 'maintenance of theirs' in part(page, 'systems')
        assert part(page, 'clean') == ''
        assert 'system.pause' in part(page, 'newest')


async def test_the_first_page_tells_how_each_system_is_and_what_happened_last(house: House) -> None:
    sign_up(house, 'Ember Tutors')
    await later(house)
    async with logged_in(house, 'viewer') as ada:
        page = await ada.see('/')
    crm = next(line for line in part(page, 'systems').split('TutorCruncher')[0].split('Google') if 'Pipedrive' in line)
    assert re.search(r'Pipedrive connected [\d ]+ of [\d ]+ 2026-', crm.replace('\u202f', ' '))
    [company] = await house.rows('select id from company')
    assert f'href="/desk/records/company/{company["id"]}/"' in page
    newest = await house.rows('select id from event order by id desc limit 10')
    assert re.findall(r'<td><a href="/desk/events/(\d+)/">', page) == [str(row['id']) for row in newest]
    assert 'owner@ember.example' not in page
