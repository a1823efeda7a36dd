"""What needs somebody, as the desk shows and settles it (ADM-6): in the CRM, and not only on the page."""

import asyncio
import re
from html import unescape
from typing import Any

import pytest

from hermes.domain.matters import KINDS, WORK
from hermes.domain.resolutions import CHOICES
from hermes.sync import connect
from tests.flows import faults
from tests.flows.calendars import admin, follow, meeting
from tests.flows.companies import client, decisions, deliver, event, later, quiet, sign_up
from tests.flows.crm import add_organization, change, in_crm, known, shown
from tests.flows.desk import logged_in, said, text
from tests.flows.house import House
from tests.flows.letters import book, open_post
from tests.flows.test_decisions import fight
from tests.flows.test_declined import answer, booked
from tests.flows.visitors import live

LIST = '/desk/decisions/'


def push_page(company: int) -> str:
    return f'{LIST}push/company/{company}/pipedrive/'


async def refused_push(house: House, times: int = 1) -> tuple[faults.Faults, Any, int]:
    """A push that the CRM refused for its website, and whose it is."""
    told = sign_up(house)
    await later(house)
    code = house.code('organization', 'website')
    broken = faults.on(house)
    error = f'Validation failed: custom_fields.{code}: Invalid value'
    refusal = {'success': False, 'error': error, 'code': 'ERR_SCHEMA_VALIDATION_FAILED'}
    broken.add('PATCH', '/organizations', faults.answer(400, refusal), times)
    house.tc2.edit_client(told.id, website='https://ember.example', name='Ember Tuition')
    await later(house)
    [company] = await house.rows("select id from company where name = 'Ember Tuition'")
    return broken, told, company['id']


async def conflicts(house: House, many: int) -> list[int]:
    """So many companies whose organisation says the id of another one: a question each."""
    sign_up(house)
    await later(house)
    [ember] = await house.rows('select id from company')
    for one in range(many):
        other = add_organization(house, f'Flint Tutors {one}')
        await later(house)
        change(house, 'organization', other, custom={'hermes_id': str(ember['id'])})
        await later(house)
    found = await decisions(house)
    assert [one['kind'] for one in found] == ['identity'] * many
    return [one['id'] for one in found]


@pytest.mark.behaviour('ADM-6', 'OUT-6')
async def test_a_refused_push_shows_what_the_crm_said_and_is_tried_again(house: House) -> None:
    _, _, company = await refused_push(house)
    async with logged_in(house, 'operator') as kim:
        page = text(await kim.see(LIST))
        assert '1 Parked pushes' in page
        assert 'Ember Tuition' in page
        page = text(await kim.see(push_page(company)))
        assert 'Invalid value' in page
        assert 'Fields it named website' in page
        assert 'website (differs) https://ember.example' in page
        page = await kim.act(push_page(company), choice='retry')
        assert 'tried again' in page
        await later(house)
        assert 'not parked' in await kim.see(push_page(company))
    [organization] = house.organizations()
    assert (organization['name'], shown(house, 'organization', organization['id'])['website']) == (
        'Ember Tuition',
        'https://ember.example',
    )
    await quiet(house)


@pytest.mark.behaviour('ADM-6', 'OUT-6')
async def test_a_push_goes_on_without_the_field_that_is_refused(house: House) -> None:
    _, told, company = await refused_push(house, 9)
    async with logged_in(house, 'operator') as kim:
        nothing = await kim.send(push_page(company), choice='ignore')
        assert (nothing.status_code, 'Choose the fields' in said(nothing.text)) == (422, True)
        foreign = await kim.send(push_page(company), choice='ignore', field='paid_invoice_count')
        assert foreign.status_code == 422
        await kim.act(push_page(company), choice='ignore', field='website')
    house.transport.inner.clear()  # type: ignore[attr-defined]
    await later(house)
    [organization] = house.organizations()
    assert organization['name'] == 'Ember Tuition'
    assert 'website' not in shown(house, 'organization', organization['id'])
    house.tc2.edit_client(told.id, website='https://ember.example/2')
    house.mark()
    await later(house)
    assert house.calls('PATCH', 'organizations') == []


@pytest.mark.behaviour('ADM-6', 'MATCH-7')
async def test_a_question_shows_both_sides_and_the_chosen_candidate_becomes_that_company(house: House) -> None:
    first, second = in_crm(house, 'One', 'sam@ember.example'), in_crm(house, 'Ember Tutors', 'sam@ember.example')
    await later(house)
    told = sign_up(house, 'Ember Tutors Ltd')
    await later(house)
    [asked] = await decisions(house)
    path, candidate = f'{LIST}{asked["id"]}/', await known(house, 'organization', second)
    async with logged_in(house, 'operator') as kim:
        shown_text = text(await kim.see(path))
        assert '2 candidates by' in shown_text
        assert all(name in shown_text for name in ('Ember Tutors Ltd', 'One', 'It is Ember Tutors', 'It is none'))
        assert 'name (differs) Ember Tutors Ltd' in shown_text
        wrong = await kim.send(path, choice='same', value='company:1')
        assert (wrong.status_code, 'Which candidate' in said(wrong.text)) == (422, True)
        page = await kim.act(path, choice='same', value=f'company:{candidate["id"]}')
        assert 'settled: same' in text(page)
        assert 'data-testid="flash"' in page
    await later(house)
    assert sorted(one['id'] for one in house.organizations()) == [first, second]
    assert shown(house, 'organization', second)['tc2_cligency_url'].endswith(f'/clients/{told.id}/')
    assert await decisions(house) == []


@pytest.mark.behaviour('ADM-6')
async def test_several_of_one_kind_are_settled_at_once_each_by_an_act_of_its_own(house: House) -> None:
    ids = await conflicts(house, 3)
    async with logged_in(house, 'operator') as kim:
        here = f'{LIST}?kind=identity'
        nothing = await kim.send(LIST, here, kind='identity', choice='keep', scope='chosen')
        assert 'at least one' in said(nothing.text)
        page = await kim.act(LIST, here, kind='identity', choice='keep', scope='chosen', one=[str(ids[0]), str(ids[1])])
        assert '2 settled just now' in text(page)
        assert [one['id'] for one in await decisions(house)] == [ids[2]]
        page = await kim.act(LIST, here, kind='identity', choice='keep', scope='all')
        assert 'Nothing of this kind waits' in page
    assert await decisions(house) == []
    acts = await house.rows("select headers ->> 'by' as by from event where kind = 'act' and source = 'operator'")
    assert [row['by'] for row in acts].count('operator@desk.example') == 3


@pytest.mark.behaviour('ADM-6')
async def test_a_filter_says_which_all_are(house: House) -> None:
    ids = await conflicts(house, 2)
    asked = (await decisions(house))[0]
    record = f'{asked["record_type"]}:{asked["record_id"]}'
    async with logged_in(house, 'operator') as kim:
        page = await kim.see(f'{LIST}?kind=identity&record={record}')
        assert (f'{LIST}{ids[0]}/' in page, f'{LIST}{ids[1]}/' in page) == (True, False)
        await kim.act(LIST, f'{LIST}?kind=identity', kind='identity', record=record, choice='keep', scope='all')
    assert [one['id'] for one in await decisions(house)] == [ids[1]]


@pytest.mark.behaviour('ADM-6')
async def test_a_double_click_settles_once(house: House) -> None:
    [asked] = await conflicts(house, 1)
    async with logged_in(house, 'operator') as kim:
        page = await kim.see(f'{LIST}{asked}/')
        hidden = dict(re.findall(r'name="(csrf|key)" value="([^"]*)"', page))
        answers = await asyncio.gather(
            *(kim.http.post(f'{LIST}{asked}/', data={**hidden, 'choice': 'keep'}) for _ in range(2))
        )
        assert [answer.status_code for answer in answers] == [303, 303]
        assert answers[0].headers['location'] == answers[1].headers['location']
        late = await kim.send(f'{LIST}{asked}/', choice='keep')
        assert (late.status_code, 'settled already' in said(late.text)) == (422, True)
    done = await house.rows(
        "select 1 from event where state = 'done' and convert_from(body, 'UTF8') like '%%decision.settle%%'"
    )
    assert len(done) == 1


@pytest.mark.behaviour('ADM-6')
@pytest.mark.invariant('S11')
async def test_a_viewer_sees_everything_and_settles_nothing(house: House) -> None:
    [asked] = await conflicts(house, 1)
    async with logged_in(house, 'viewer') as ann:
        for path in (LIST, f'{LIST}?kind=identity', f'{LIST}{asked}/'):
            page = await ann.see(path)
            assert 'Ids that contradict' in page
            assert 'Leave it so</button>' not in page
        for path in (LIST, f'{LIST}{asked}/'):
            refused = await ann.send(path, kind='identity', choice='keep', scope='all')
            assert refused.status_code == 403
    assert len(await decisions(house)) == 1


@pytest.mark.behaviour('ADM-6')
async def test_what_takes_something_away_asks_for_the_name(house: House) -> None:
    told = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(told.id)
    house.tc2.set_narc(told.id)
    await later(house)
    [asked] = await decisions(house)
    path = f'{LIST}{asked["id"]}/'
    async with logged_in(house, 'operator') as kim:
        assert 'Suggested: Leave it so' in text(await kim.see(path))
        assert 'Type the name to go on: Ember Tutors' in await kim.see(f'{path}?answer=delete')
        wrong = await kim.send(path, choice='delete', name='Flint Tutors')
        assert (wrong.status_code, 'Type the name' in said(wrong.text)) == (422, True)
        several = await kim.send(LIST, f'{LIST}?kind=narc', kind='narc', choice='delete', scope='all')
        assert several.status_code == 422
        await later(house)
        assert len(house.organizations()) == 1
        await kim.act(path, choice='delete', name=' ember tutors ')
    await later(house)
    assert house.organizations() == []


@pytest.mark.behaviour('ADM-6', 'EDIT-3')
async def test_a_field_that_is_fought_over_is_settled_from_the_list(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization] = house.organizations()
    await fight(house, organization['id'], 70)
    async with logged_in(house, 'operator') as kim:
        [asked] = await decisions(house)
        page = text(await kim.see(f'{LIST}{asked["id"]}/'))
        assert 'paid invoice count (differs) 0 72' in page
        await kim.act(LIST, f'{LIST}?kind=fought+over', kind='fought over', row=f'ours {asked["id"]}')
    await later(house)
    assert shown(house, 'organization', organization['id'])['paid_invoice_count'] == 0


@pytest.mark.behaviour('ADM-6', 'D-16')
async def test_parked_events_and_unknown_owners_say_why_and_are_put_away_with_a_reason(house: House) -> None:
    await deliver(house, event(client(501, sales_person={'id': 99_999})))
    await house.settle()
    async with logged_in(house, 'operator') as kim:
        page = text(unescape(await kim.see(LIST)))
        [parked] = await house.rows("select id, reason from event where state = 'parked'")
        assert parked['reason'] in page
        here = f'{LIST}?kind=event'
        silent = await kim.send(LIST, here, kind='event', choice='dismiss', scope='all')
        assert 'Say why' in said(silent.text)
        await kim.act(LIST, here, kind='event', choice='dismiss', scope='all', reason='no customer of ours')
        [row] = await house.rows('select state, reason from event where id = %s', parked['id'])
        assert (row['state'], 'no customer of ours' in row['reason']) == ('dismissed', True)
        [priya] = await house.rows('select id from admin order by id limit 1')
        await house.set('default_sales_person_id', priya['id'])
        await deliver(house, event(client(502, sales_person={'id': 99_999}, agency={'name': 'Opal Tutors'})))
        await house.settle()
        page = text(unescape(await kim.see(f'{LIST}?kind=owner')))
        assert 'Opal Tutors' in page
        assert 'sales person: tutorcruncher 99999' in page


@pytest.mark.behaviour('ADM-6', 'D-16', 'D-22')
async def test_an_unknown_owner_is_said_for_a_company_and_goes_out(house: House) -> None:
    people = await house.rows('select id, pd_owner_id from admin where is_sales_person order by id')
    await house.set('default_sales_person_id', people[0]['id'])
    await deliver(house, event(client(502, sales_person={'id': 99_999})))
    await later(house)
    [company] = await house.rows('select id from company')
    path = f'{LIST}owner/{company["id"]}/'
    async with logged_in(house, 'operator') as kim:
        assert path in await kim.see(f'{LIST}?kind=owner')
        assert 'Choose who' in said((await kim.send(path)).text)
        strange = await kim.send(path, sales_person_id='1')
        assert strange.status_code == 422
        page = await kim.act(path, sales_person_id=str(people[1]['id']), reason='she knows them')
        assert 'Nothing is unknown here' in page
    await later(house)
    [organization] = house.organizations()
    assert organization['owner_id'] == people[1]['pd_owner_id']


@pytest.mark.behaviour('ADM-6', 'ADM-14')
async def test_what_an_answer_would_do_is_told_before_and_nothing_is_done(house: House) -> None:
    told = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(told.id)
    house.tc2.set_narc(told.id)
    await later(house)
    [asked] = await decisions(house)
    house.mark()
    async with logged_in(house, 'operator') as kim:
        page = await kim.send(f'{LIST}{asked["id"]}/', choice='delete', action='what-if')
        assert (page.status_code, 'Nothing was changed' in page.text) == (200, True)
        assert 'Pipedrive: delete' in text(page.text)
        await later(house)
        assert (len(await decisions(house)), house.calls()) == (1, [])
        kept = await kim.send(f'{LIST}{asked["id"]}/', choice='delete')
        assert (kept.status_code, 'Type the name' in said(kept.text)) == (422, True)


@pytest.mark.behaviour('ADM-6', 'CB-15')
async def test_a_visitor_who_declined_is_asked_about_and_called_off_with_a_letter(database_url: str) -> None:
    async with open_post(database_url) as post:
        house = post.house
        await follow(house)
        number = await booked(post)
        await answer(post, 'declined')
        async with logged_in(house, 'operator') as kim:
            assert '1 The visitor declined' in text(await kim.see(LIST))
            [asked] = await decisions(house)
            path = f'{LIST}{asked["id"]}/'
            page = text(await kim.see(path))
            assert 'Why it is asked the visitor answers No in the calendar' in page
            assert 'Suggested: Leave it so' in page
            [name] = re.findall('Type the name to go on: ([^<]+)', await kim.see(f'{path}?answer=cancel'))
            await kim.act(path, choice='cancel', name=name)
        await post.carry(60)
        assert live(house, (await admin(house))['email']) == []
        assert post.inbox()[-1]['method'] == 'CANCEL'
        assert (await meeting(house, number))['status'] == 'canceled'


@pytest.mark.behaviour('ADM-6')
async def test_letters_that_did_not_go_out_are_sent_again_or_put_away(database_url: str) -> None:
    async with open_post(database_url) as post:
        post.house.world.mailbox.act('break', fault='never')
        await book(post.house)
        await post.carry(60)
        async with logged_in(post.house, 'operator') as kim:
            here = f'{LIST}?kind=letter'
            assert 'the mail server says 550' in text(await kim.see(here))
            [letter] = await post.house.rows("select id from letter where state = 'parked'")
            post.house.world.mailbox.act('mend')
            await kim.act(LIST, here, kind='letter', choice='retry', scope='chosen', one=str(letter['id']))
            await post.carry(60)
            assert [one['count'] for one in post.inbox()] == [1]
            assert 'Nothing of this kind waits' in await kim.see(here)


async def test_every_kind_of_question_has_a_name() -> None:
    assert KINDS.keys() >= CHOICES.keys() | set(WORK)


@pytest.mark.behaviour('ADM-6')
async def test_a_long_list_is_paged_both_ways(house: House) -> None:
    await house.rows(
        "insert into decision (kind, key, at) select 'identity', 'identity:' || n, hermes_now() "
        'from generate_series(1, 120) n returning id'
    )
    async with logged_in(house, 'viewer') as ann:
        seen: list[list[str]] = []
        path = f'{LIST}?kind=identity'
        while True:
            page = await ann.see(path)
            seen.append(re.findall(rf'href="{LIST}(\d+)/"', page))
            older = re.search(r'href="([^"]+)">Older<', page)
            if older is None:
                break
            path = unescape(older[1])
        assert [len(each) for each in seen] == [50, 50, 20]
        assert len({one for each in seen for one in each}) == 120
        newer = re.search(r'href="([^"]+)">Newer<', await ann.see(path))
        assert newer is not None
        assert re.findall(rf'href="{LIST}(\d+)/"', await ann.see(unescape(newer[1]))) == seen[1]


@pytest.mark.behaviour('ADM-6')
async def test_a_field_that_is_gone_from_the_crm_is_shown_until_it_is_there_again(house: House) -> None:
    sign_up(house)
    await later(house)
    system = house.engine.systems['pipedrive']
    async with logged_in(house) as ada:
        assert 'Fields that are not sent' not in await ada.see('/desk/decisions/')
        house.pd.delete_field('organization', house.code('organization', 'website'))
        await connect.learn_fields(house.engine, system, 'organization')
        page = await ada.see('/desk/decisions/')
        assert 'Fields that are not sent' in page
        link = re.search(r'href="(/desk/fields/company\.website/edit/)"', page)
        assert link is not None
        assert 'It is not sent: it is gone from the CRM' in text(await ada.see(link[1]))
        assert 'gone from the CRM' in text(await ada.see('/desk/decisions/?kind=field'))
        await ada.send('/desk/setup/fields/')
        assert 'Fields that are not sent' not in await ada.see('/desk/decisions/')
        await later(house)
        [organization] = house.organizations()
        assert house.code('organization', 'website') in str(organization)
