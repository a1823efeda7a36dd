"""A record's page (ADM-4): why every value is what it is, how it was, and what an operator does about it there."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from hermes.domain.record_types import NAMES
from tests.flows.bookings import book
from tests.flows.companies import company, later, quiet, sign_up
from tests.flows.crm import add_organization, change, known
from tests.flows.desk import Browser, logged_in, said, text
from tests.flows.house import House
from tests.flows.test_decrees import MINE, THEIRS, edit, site

PUSH, FETCH = 'push/', 'fetch/'
NONE = '\u2013'
BAD = '<script>alert(1)</script>'
pytestmark = pytest.mark.behaviour('ADM-4')


def page_of(number: int, kind: str = 'company') -> str:
    return f'/desk/records/{kind}/{number}/'


def table(page: str, name: str) -> list[str]:
    """The rows of a table, in words."""
    found = re.search(rf'data-testid="{name}">(.*?)</table>', page, re.DOTALL)
    assert found, name
    return [text(row) for row in re.findall(r'<tr.*?</tr>', found[1], re.DOTALL)]


def row_of(page: str, name: str, field: str) -> str:
    [found] = [row for row in table(page, name) if row.startswith(f'{field} ')]
    return found


async def signed_up(house: House, **values: Any) -> tuple[Any, str]:
    """A company that signed up, and its page."""
    client = sign_up(house, **{'website': MINE, **values})
    await later(house)
    return client, page_of((await company(house))['id'])


async def lines(house: House, field: str) -> list[dict[str, Any]]:
    return await house.rows(
        "select id, new from change where record_type = 'company' and field = %s order by id", field
    )


async def put_back(house: House, kim: Browser, path: str, field: str, value: Any, reason: str = '') -> str:
    """Find a value in a field's timeline and put it back."""
    [line] = [each for each in await lines(house, field) if each['new'] == value]
    timeline = await kim.see(f'{path}fields/{field}/')
    assert f'?put={line["id"]}"' in timeline
    form = f'{path}fields/{field}/?put={line["id"]}'
    assert 'Put an old value back' in await kim.see(form)
    return await kim.act(f'{path}fields/{field}/', form, put=str(line['id']), side='new', reason=reason)


async def test_who_changed_a_website_is_found_and_the_old_value_put_back_until_the_crm_edits_it(house: House) -> None:
    client, path = await signed_up(house)
    edit(house, THEIRS)
    await later(house)
    async with logged_in(house, 'operator') as kim:
        row = row_of(await kim.see(path), 'sides', 'website')
        assert row.startswith(f'website {THEIRS} Pipedrive,')
        assert 'held back by the edit' in row
        timeline = text(await kim.see(f'{path}fields/website/'))
        assert f'{MINE} {THEIRS} Pipedrive FIELD-2 a person wrote it in the CRM' in timeline
        assert f'{NONE} {MINE} TutorCruncher' in timeline
        page = await put_back(house, kim, path, 'website', MINE, 'they closed the other one')
        assert 'decreed: website' in page
        assert 'decreed by operator@desk.example: they closed the other one' in text(page)
        await later(house)
        assert site(house) == MINE
        house.tc2.edit_client(client.id, website=f'{MINE}/new')
        await later(house)
        assert site(house) == MINE
        row = row_of(await kim.see(path), 'sides', 'website')
        assert row.startswith(f'website {MINE} decreed')
        assert f'{MINE}/new differs' in row
        edit(house, f'{THEIRS}/later')
        await later(house)
        house.tc2.send_snapshot(client.id)
        await later(house)
        assert site(house) == f'{THEIRS}/later'
        assert 'decreed' not in row_of(await kim.see(path), 'sides', 'website')
    await quiet(house)


async def test_a_value_of_the_product_is_put_back_with_a_reason_only(house: House) -> None:
    client, path = await signed_up(house)
    house.tc2.edit_client(client.id, status='terminated')
    await later(house)
    [first, *_] = await lines(house, 'tc2_status')
    async with logged_in(house, 'operator') as kim:
        form = f'{path}fields/tc2_status/'
        refused = await kim.send(form, f'{form}?put={first["id"]}', put=str(first['id']))
        assert (refused.status_code, 'say a reason' in said(refused.text)) == (422, True)
        page = await put_back(house, kim, path, 'tc2_status', first['new'], 'a mistake there')
        assert 'a mistake there' in text(page)
    assert (await company(house))['tc2_status'] == first['new']


async def test_a_record_is_shown_as_it_was_at_a_moment(house: House) -> None:
    before = house.clock.now()
    house.clock.advance(60)
    client, path = await signed_up(house)
    then = house.clock.now()
    house.clock.advance(60)
    house.tc2.edit_client(client.id, website=THEIRS, name='Ember Tuition')
    await later(house)
    async with logged_in(house, 'viewer') as vera:
        page = await vera.see(f'{path}?at={quote(then.isoformat())}')
        assert row_of(page, 'past', 'website').startswith(f'website {MINE} {THEIRS} changed TutorCruncher')
        assert row_of(page, 'past', 'name').startswith('name Ember Tutors Ember Tuition changed')
        assert 'changed' not in row_of(page, 'past', 'country')
        assert 'It was live then' in text(page)
        page = await vera.see(f'{path}?at={quote(before.strftime("%Y-%m-%dT%H:%M"))}')
        assert 'It was not there yet' in text(page)
        assert row_of(page, 'past', 'name').startswith(f'name {NONE} Ember Tuition')
        for nonsense in ('yesterday', '9999-12-31T23:59', '0001-01-01T00:00+23:00'):
            answer = await vera.get(f'{path}?at={quote(nonsense)}')
            assert (answer.status_code, 'moment' in said(answer.text)) == (422, True), nonsense


@pytest.mark.invariant('S11')
async def test_a_viewer_sees_everything_and_changes_nothing(house: House) -> None:
    _, path = await signed_up(house)
    async with logged_in(house, 'viewer') as vera:
        page = await vera.see(path)
        assert 'Push now' not in page
        assert '/edit/' not in page
        assert 'put=' not in await vera.see(f'{path}fields/website/')
        for act in (PUSH, FETCH, 'merge/', 'fields/website/', 'fields/website/release/'):
            answer = await vera.send(f'{path}{act}', path, put='1')
            assert answer.status_code == 403, act


async def test_a_field_is_released_from_an_edit_and_from_a_decree(house: House) -> None:
    _, path = await signed_up(house)
    edit(house, THEIRS)
    await later(house)
    field = f'{path}fields/website/'
    async with logged_in(house, 'operator') as kim:
        assert f'TutorCruncher says {MINE} since' in text(await kim.see(field))
        page = await kim.act(f'{field}release/', field)
        assert 'website is released: the edit ends' in text(page)
        await later(house)
        assert site(house) == MINE
        assert 'Release this field' not in await kim.see(field)
        await put_back(house, kim, path, 'website', THEIRS)
        await later(house)
        assert site(house) == THEIRS
        await kim.act(f'{field}release/', field)
        await later(house)
        assert site(house) == MINE
        again = await kim.send(f'{field}release/', field)
        assert (again.status_code, 'nothing to release' in said(again.text)) == (422, True)


async def test_what_waits_is_shown_and_pushed_now(house: House) -> None:
    client, path = await signed_up(house)
    house.clock.advance(60)
    house.tc2.edit_client(client.id, name='Ember First')
    while await house.step():
        pass
    house.tc2.edit_client(client.id, name='Ember Second')
    while await house.step():
        pass
    assert house.organizations()[0]['name'] == 'Ember First'
    async with logged_in(house, 'operator') as kim:
        page = await kim.see(path)
        assert row_of(page, 'pushes', 'Pipedrive').startswith('Pipedrive waiting')
        [sent] = [row for row in table(page, 'sending') if ' name ' in row]
        assert 'Pipedrive: update organization' in sent
        assert 'name Ember First Ember Second TC-10' in sent or 'name Ember First Ember Second' in sent
        await kim.act(f'{path}{PUSH}', path)
    while await house.step():
        pass
    assert house.organizations()[0]['name'] == 'Ember Second'
    await later(house)
    async with logged_in(house, 'operator') as kim:
        assert 'Push now' not in await kim.see(path)
        nothing = await kim.send(f'{path}{PUSH}', path)
        assert 'Nothing of company' in said(nothing.text)


async def test_objects_are_fetched_now(house: House) -> None:
    _, path = await signed_up(house)
    house.world.weather.change(dropped_p=1.0)
    edit(house, THEIRS)
    await house.settle()
    house.world.weather.change(name='calm')
    house.mark()
    async with logged_in(house, 'operator') as kim:
        page = await kim.act(f'{path}{FETCH}', path)
        assert 'read again' in text(page)
        await later(house)
        assert row_of(await kim.see(path), 'sides', 'website').startswith(f'website {THEIRS}')
    assert (await company(house))['website'] == THEIRS


async def test_differences_are_marked_in_words_and_calls_are_told_with_their_cost(house: House) -> None:
    client, path = await signed_up(house)
    house.world.weather.change(delayed_p=1.0, delay_max_s=40.0)
    house.tc2.edit_client(client.id, name='Ember Tuition')
    house.world.weather.change(name='calm')
    async with logged_in(house, 'viewer') as vera:
        assert 'differs' not in row_of(await vera.see(path), 'sides', 'name')
        await later(house)
        page = await vera.see(path)
        assert 'Pipedrive, create: 1 call, 5 tokens; Pipedrive, update: 1 call, 5 tokens' in text(page)
        assert any('create organization' in row for row in table(page, 'calls'))
        assert any('webhook' in row for row in table(page, 'events'))
        assert f'href="http://127.0.0.1:8100/pipedrive/organization/{house.organizations()[0]["id"]}"' in page
        assert f'href="http://127.0.0.1:8100/tc2/clients/{client.id}/"' in page
        assert 'Contacts' in text(page)
        assert 'Sam Okafor' in text(page)
        [contact] = await house.rows('select id from contact')
        assert '<a href="/desk/records/company/' in await vera.see(page_of(contact['id'], 'contact'))


async def test_what_was_merged_leads_on_and_can_still_be_looked_at(house: House) -> None:
    await signed_up(house)
    ember = (await company(house))['id']
    other = add_organization(house, 'Flint Tutors')
    await later(house)
    flint = (await known(house, 'organization', other))['id']
    async with logged_in(house, 'operator') as kim:
        form = f'{page_of(flint)}merge/'
        found = await kim.see(f'{form}?with=ember')
        assert f'?with={ember}"' in found
        refused = await kim.see(f'{form}?with={ember}')
        assert 'merge them there' in text(refused)
        for nobody in (flint, 999999):
            answer = await kim.send(form, **{'with': str(nobody), 'name': 'Flint Tutors'})
            assert answer.status_code == 422
            assert (await kim.get(f'{form}?with={nobody}')).status_code == 422
        assert 'Type the name' not in refused
        house.pd.act_merge('organization', other, house.organizations()[0]['id'])
        await later(house)
        answer = await kim.get(page_of(flint))
        assert answer.status_code == 303
        page = await kim.see(answer.headers['location'])
        assert f'company {flint}: it was merged into this one' in text(page)
        assert f'{page_of(flint)}?merged=stay' in page
        page = await kim.see(f'{page_of(flint)}?merged=stay')
        assert 'merged into Ember Tutors' in text(page)
        assert 'Flint Tutors' in text(page)


async def test_two_companies_become_one_after_both_were_shown(house: House) -> None:
    await signed_up(house)
    ember = (await company(house))['id']
    made = await house.act('record.create', type='company', fields={'name': 'Ember Tutoring', 'country': 'GB'})
    async with logged_in(house, 'operator') as kim:
        form = f'{page_of(made["id"])}merge/'
        page = await kim.see(f'{form}?with={ember}')
        words = text(page)
        assert f'Ember Tutoring ( {made["id"]} ) goes into Ember Tutors'.replace('( ', '(').replace(' )', ')') in words
        assert 'Nothing was done yet' in words
        assert any('name Ember Tutors Ember Tutoring' in row for row in table(page, 'foreseen'))
        assert 'The other way round' in words
        assert await house.rows('select 1 from company where alias_of is not null') == []
        wrong = await kim.send(form, f'{form}?with={ember}', **{'with': str(ember), 'name': 'Ember Tutors'})
        assert (wrong.status_code, 'Type the name' in said(wrong.text)) == (422, True)
        page = await kim.act(form, f'{form}?with={ember}', **{'with': str(ember), 'name': 'Ember Tutoring'})
        assert 'went into' in text(page)
        await later(house)
    [gone] = await house.rows('select alias_of from company where id = %s', made['id'])
    assert gone['alias_of'] == ember
    assert [one['name'] for one in house.organizations()] == ['Ember Tutoring']


async def test_an_object_that_is_somebody_else_is_unlinked_after_a_look_at_what_follows(house: House) -> None:
    _, path = await signed_up(house)
    [organization] = house.organizations()
    named = f'organization:{organization["id"]}'
    async with logged_in(house, 'operator') as kim:
        form = f'{path}unlink/?object={quote(named)}'
        assert form in await kim.see(path)
        words = text(await kim.see(form))
        assert 'becomes a company of its own' in words
        assert 'Nothing was done yet' in words
        wrong = await kim.send(f'{path}unlink/', form, object=named, name='Somebody else')
        assert (wrong.status_code, 'Type the name' in said(wrong.text)) == (422, True)
        assert (await kim.get(f'{path}unlink/?object=organization%3A999')).status_code == 404
        page = await kim.act(f'{path}unlink/', form, object=named, name='ember tutors')
        assert 'from now on' in text(page)
        await later(house)
    other = await known(house, 'organization', organization['id'])
    assert page_of(other['id']) != path
    assert len(house.organizations()) == 2


@pytest.mark.behaviour('ADM-13')
async def test_an_act_is_undone_from_its_flash_and_from_the_record(house: House) -> None:
    _, path = await signed_up(house)
    edit(house, THEIRS)
    await later(house)
    async with logged_in(house, 'operator') as kim, logged_in(house, 'viewer') as vera:
        page = await put_back(house, kim, path, 'website', MINE)
        [event] = re.findall(r'/desk/events/(\d+)/undo/', page)
        assert '/undo/' not in await vera.see(f'{path}?done={event}')
        assert (await vera.send(f'/desk/events/{event}/undo/', path)).status_code == 403
        page = await kim.act(f'{path}{FETCH}', path)
        assert f'/desk/events/{event}/undo/' in page
        page = await kim.act(f'/desk/events/{event}/undo/', path, back=path)
        assert f'event {event} is undone' in text(page)
        await later(house)
        assert site(house) == THEIRS
        again = await kim.send(f'/desk/events/{event}/undo/', path)
        assert 'something newer stands on it' in said(again.text)
        for elsewhere in ('//evil.example/', 'https://evil.example/', '/\\evil.example', '/?done=1'):
            [undone] = re.findall(r'/desk/events/(\d+)/undo/', page)
            answer = await kim.send(f'/desk/events/{undone}/undo/', path, back=elsewhere)
            if answer.status_code == 303:
                assert answer.headers['location'].startswith(f'/desk/events/{undone}/')


@pytest.mark.behaviour('ADM-13')
@pytest.mark.invariant('S11')
async def test_what_an_admin_set_is_not_undone_by_an_operator(house: House) -> None:
    await house.act('setting.set', key='push_spacing_s', value=9)
    [event] = await house.rows("select max(id) as id from event where source = 'operator' and kind = 'act'")
    async with logged_in(house, 'operator') as kim, logged_in(house, 'admin') as ada:
        address = f'/desk/events/{event["id"]}/undo/'
        assert address not in await kim.see(f'/?done={event["id"]}')
        assert (await kim.send(address, '/')).status_code == 403
        assert address in await ada.see(f'/?done={event["id"]}')
        await ada.send(address, '/', back='/')
    assert await house.rows("select value from setting where key = 'push_spacing_s' and value = '9'") == []


@pytest.mark.invariant('S23')
async def test_what_others_wrote_is_shown_as_text_and_linked_only_where_it_is_an_address(house: House) -> None:
    client, path = await signed_up(house, name=f'Ember {BAD}', website=f'{MINE}/"><img src=x onerror=1>')
    async with logged_in(house, 'operator') as kim:
        for address in (path, f'{path}fields/website/', f'{path}journal/', f'{path}merge/?with={quote(BAD)}'):
            page = await kim.see(address)
            assert '<script>alert' not in page
            assert '<img' not in page
        for address in ('javascript://x.example/%0aalert(1)', 'data://x.example/,<b>'):
            house.tc2.edit_client(client.id, website=address)
            await later(house)
            page = await kim.see(path)
            assert address in text(page)
            assert 'href="javascript' not in page
            assert 'href="data' not in page


async def test_every_type_of_record_has_a_page(house: House) -> None:
    await signed_up(house)
    await book(house)
    await house.act('people.add', id=900_000_001, email='ada@readers.example', first_name='Ada')
    await house.act('people.subscribe', id=900_000_002, email='cy@readers.example', lists=['News'])
    await later(house)
    async with logged_in(house, 'viewer') as vera:
        for kind in NAMES:
            [found] = await house.rows(f'select min(id) as id from {kind}')
            page = await vera.see(page_of(found['id'], kind))
            assert page.count('<h1>') == 1, kind
            for name in re.findall(r'href="(/desk/records/[a-z]+/\d+/fields/[a-z_]+/)"', page)[:2]:
                await vera.see(name)
        [call] = await house.rows('select id, start_at from meeting')
        words = text(await vera.see(page_of(call['id'], 'meeting')))
        assert f'start at {call["start_at"]:%Y-%m-%d %H:%M:%S}' in words
        assert 'Google event' in words
        for nothing in ('/desk/records/company/999999/', '/desk/records/event/1/', '/desk/records/company/x/'):
            assert (await vera.get(nothing)).status_code == 404
        [found] = await house.rows('select min(id) as id from company')
        assert (await vera.get(f'{page_of(found["id"])}fields/nonsense/')).status_code == 404
        assert 'until a person edits it' in text(await vera.see('/desk/rules/FIELD-2/'))
        assert (await vera.get('/desk/rules/NOTHING-1/')).status_code == 404


async def test_a_long_timeline_is_paged_both_ways(house: House) -> None:
    _, path = await signed_up(house)
    number = (await company(house))['id']
    for n in range(55):
        await house.act('record.write', record=['company', number], values={'website': f'{MINE}/{n}'}, reason='')
    async with logged_in(house, 'viewer') as vera:
        first = await vera.see(f'{path}fields/website/')
        assert f'{MINE}/54' in first
        assert f'{MINE}/2<' not in first
        [older] = re.findall(r'href="([^"]*page=[^"]+)">Older', first)
        last = await vera.see(older.replace('&amp;', '&'))
        assert f'{MINE}/2<' in last
        assert 'Older' not in text(last)
        [newer] = re.findall(r'href="([^"]*page=[^"]+)">Newer', last)
        assert f'{MINE}/54' in await vera.see(newer.replace('&amp;', '&'))


async def test_a_deleted_record_says_by_whom_and_offers_to_come_back(house: House) -> None:
    _, path = await signed_up(house)
    number = (await company(house))['id']
    await house.act('record.delete', record=['company', number])
    async with logged_in(house, 'operator') as kim:
        page = await kim.see(path)
        assert 'deleted by' in text(page)
        assert f'/desk/companies/{number}/restore/' in page
        assert 'Merge with another' not in page
        assert 'put=' not in await kim.see(f'{path}fields/website/')


async def test_a_change_in_the_crm_names_the_people_and_not_their_numbers(house: House) -> None:
    _, path = await signed_up(house)
    change(house, 'organization', house.organizations()[0]['id'], owner_id=house.pd.state()['users'][1]['id'])
    await later(house)
    [marcus] = await house.rows(
        "select concat_ws(' ', first_name, last_name) as name from admin a join company c on c.sales_person_id = a.id"
    )
    async with logged_in(house, 'viewer') as vera:
        assert f'sales person {marcus["name"]}' in row_of(await vera.see(path), 'sides', 'sales person')
