"""Who gives regularly, as the CRM says: read to the end, and believed only where that can be (AU-6); and how
moderation is told there (AU-5).
"""

import pytest

from hermes.domain.errors import Refused, Unreadable
from hermes.people.sustainers import sync_sustainers
from tests.flows.test_salesforce import WHO, People
from tests.flows.test_salesforce import people as people

MANY = 40


@pytest.fixture
async def given(people: People) -> People:
    """Forty readers, each second a sustainer."""
    for number in range(MANY):
        await people.sign_up(f'reader{number}@readers.example')
    await people.house.settle()
    for row in people.rows()[::2]:
        people.crm.flag_sustainer(row['Id'])
    assert len((await sync_sustainers(people.house.engine)).on) == MANY // 2
    return people


async def sustainers(people: People) -> int:
    return len(await people.house.rows('select 1 from app_user where is_sustainer'))


@pytest.mark.behaviour('AU-6')
async def test_more_than_a_fifth_is_not_unmarked_unless_somebody_says_so(given: People) -> None:
    marked = [row for row in given.rows() if row['Is_Sustainer__c']]
    for row in marked[:6]:
        given.crm.flag_sustainer(row['Id'], on=False)
    with pytest.raises(Refused, match='6 of 20 sustainers would no longer be'):
        await sync_sustainers(given.house.engine)
    assert await sustainers(given) == MANY // 2
    done = await sync_sustainers(given.house.engine, force=True)
    assert (len(done.off), await sustainers(given)) == (6, MANY // 2 - 6)


@pytest.mark.behaviour('AU-6')
async def test_an_empty_answer_unmarks_nobody(given: People) -> None:
    for row in given.rows():
        given.crm.delete('app_user', row['Id'])
    with pytest.raises(Refused, match='named nobody at all'):
        await sync_sustainers(given.house.engine)
    assert await sustainers(given) == MANY // 2


@pytest.mark.behaviour('AU-6')
@pytest.mark.parametrize('kind', ['error', 'page', 'torn', 'nonsense', 'lost'])
async def test_what_is_not_whole_unmarks_nobody(given: People, kind: str) -> None:
    given.crm.flag_sustainer(next(row['Id'] for row in given.rows() if row['Is_Sustainer__c']), on=False)
    given.crm.fail(kind, path='/query', times=9)
    with pytest.raises(Unreadable, match='nothing was changed'):
        await sync_sustainers(given.house.engine)
    assert await sustainers(given) == MANY // 2


@pytest.mark.behaviour('AU-6', 'AU-18')
async def test_the_host_learns_of_it_by_the_feed(given: People) -> None:
    before = (await given.house.web.get('/people/changes/', headers=WHO)).json()['next']
    gone = next(row for row in given.rows() if row['Is_Sustainer__c'])
    given.crm.flag_sustainer(gone['Id'], on=False)
    answer = await given.house.web.post('/people/sustainers/sync/', headers=WHO)
    assert (answer.json()['off'], answer.json()['on']) == ([int(gone['Hermes_Id__c'])], [])
    [told] = (await given.house.web.get(f'/people/changes/?after={before}', headers=WHO)).json()['changes']
    assert (told['crm_id'], told['is_sustainer']) == (gone['Id'], False)


@pytest.mark.behaviour('AU-5', 'AU-20')
async def test_a_review_and_a_deleted_account_have_reasons_of_their_own(people: People) -> None:
    number = (await people.sign_up('ada@readers.example', user_id='u-1'))['id']
    await people.house.settle()
    for action in ('review', 'account_deleted', ''):
        await people.house.web.post(f'/people/{number}/moderation/', json={'action': action}, headers=WHO)
        await people.house.settle()
        [row] = people.rows()
        assert (row['Review_Reason__c'] or '') == action
    assert (await people.house.web.delete(f'/people/{number}/', headers=WHO)).status_code == 202
    await people.house.settle()
    [row] = people.rows()
    assert row['Review_Reason__c'] == 'account_deleted', 'it is shown to people there, and not deleted'
    assert (await people.shown(number))['deleted'] is True
