"""Lists and forms of the desk's resources (ADM-3, ADM-14, S23): one page each for all of them."""

import csv
import io
import re

import pytest

from hermes.domain.errors import Refused
from hermes.sync import cataloguing
from hermes.web.desk.resources import RESOURCES
from tests.flows.companies import later, sign_up
from tests.flows.desk import Browser, logged_in, said, text
from tests.flows.house import House


async def company_id(house: House, name: str) -> int:
    [row] = await house.rows('select id from company where name = %s', name)
    return int(row['id'])


def rows_of(page: str) -> list[str]:
    """The words of each row of a list."""
    body = page.partition('data-testid="rows"')[2].partition('<tbody>')[2].partition('</tbody>')[0]
    return [text(row) for row in body.split('</tr>') if row.strip()]


async def form_of(ada: Browser, path: str) -> dict[str, str]:
    """What stands in the fields of a form."""
    page = await ada.see(path)
    main = page.partition('<form method="post" class="form')[2]
    found = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', main))
    for name, options in re.findall(r'<select id="(\w+)".*?>(.*?)</select>', main, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', options)
        found[name] = chosen[1] if chosen else ''
    return found


@pytest.mark.behaviour('ADM-3')
async def test_every_resource_has_its_list_and_what_is_wrong_in_an_address_is_said(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house) as ada:
        for resource in RESOURCES:
            page = await ada.see(resource.path)
            assert resource.title in page
            nothing = resource.name in ('meetings', 'app_users', 'subscriptions')
            assert (f'No {resource.several} yet.' in page) if nothing else rows_of(page), resource.name
            for query in ('sort=nonsense', 'at=rubbish', 'q=%00%27%22', *(f'{name}=%27' for name in resource.filters)):
                answer = await ada.get(f'{resource.path}?{query}')
                assert answer.status_code in (200, 400), f'{resource.path}?{query}'
        assert (await ada.get('/desk/passwords/')).status_code == 404


@pytest.mark.behaviour('ADM-3')
async def test_a_list_is_searched_filtered_sorted_and_paged_by_its_address(house: House) -> None:
    for n in range(60):
        sign_up(house, f'Tutors {n:02}', email=f'o{n}@t.example', recipients=[])
    await later(house)
    async with logged_in(house, 'viewer') as ada:
        first = rows_of(await ada.see('/desk/companies/?q=Tutors&sort=name'))
        assert [row.split()[1] for row in first[:3]] == ['00', '01', '02']
        assert len(first) == 50
        page = await ada.see('/desk/companies/?q=Tutors&sort=name')
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        assert onward is not None
        second = await ada.see(onward[1].replace('&amp;', '&'))
        assert [row.split()[1] for row in rows_of(second)] == [str(n) for n in range(50, 60)]
        back = re.search(r'rel="prev" href="([^"]+)"', second)
        assert back is not None
        assert rows_of(await ada.see(back[1].replace('&amp;', '&'))) == first
        assert '60 companies' in text(await ada.see('/desk/companies/?q=Tutors'))
        assert 'Add a company' not in page
        assert (await ada.get('/desk/companies/new/')).status_code == 403


@pytest.mark.behaviour('ADM-3')
@pytest.mark.behaviour('D-22')
async def test_a_company_is_made_edited_deleted_and_restored_and_the_crm_follows(house: House) -> None:
    async with logged_in(house, 'operator') as ada:
        form = await form_of(ada, '/desk/companies/new/')
        page = await ada.act('/desk/companies/new/', **form | {'name': 'Ember Tutors', 'website': 'ember.example'})
        assert 'data-testid="flash"' in page
        await later(house)
        assert [each['name'] for each in house.organizations()] == ['Ember Tutors']
        path = f'/desk/companies/{await company_id(house, "Ember Tutors")}/edit/'
        form = await form_of(ada, path)
        refused = await ada.send(path, **form | {'country': 'Atlantis'})
        assert 'country' in said(refused.text).lower()
        same = await ada.send(path, **form)
        assert same.status_code == 303
        await ada.send(path, **form | {'website': 'other.example'})
        late = await ada.send(path, **form | {'website': 'third.example'})
        assert 'changed this meanwhile' in said(late.text)
        await later(house)
        [row] = await house.rows('select website from company')
        assert row['website'] == 'other.example'
        remove = path.replace('/edit/', '/delete/')
        along = text(await ada.see(remove))
        assert 'company Ember Tutors, and organization' in along
        assert 'Write' in said((await ada.send(remove, name='Ember')).text)
        await ada.send(remove, name='Ember Tutors')
        await later(house)
        assert house.organizations() == []
        assert rows_of(await ada.see('/desk/companies/')) == []
        assert len(rows_of(await ada.see('/desk/companies/?deleted=yes'))) == 1
        await ada.send(path.replace('/edit/', '/restore/'), path)
        await later(house)
        assert [each['name'] for each in house.organizations()] == ['Ember Tutors']
    acts = await house.rows("select headers ->> 'by' as by from event where kind = 'act' order by id desc limit 3")
    assert {row['by'] for row in acts} == {'operator@desk.example'}


@pytest.mark.behaviour('ADM-3')
async def test_a_field_of_the_product_asks_for_a_reason(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house, 'operator') as ada:
        path = f'/desk/companies/{await company_id(house, "Ember Tutors")}/edit/'
        form = await form_of(ada, path)
        asked = await ada.send(path, **form | {'price_plan': 'enterprise'})
        assert (asked.status_code, 'say why' in said(asked.text)) == (422, True)
        await ada.send(path, **form | {'price_plan': 'enterprise', 'reason': 'they signed on paper'})
        await later(house)
        [row] = await house.rows('select price_plan from company')
        assert row['price_plan'] == 'enterprise'


@pytest.mark.behaviour('ADM-3')
async def test_an_admin_is_edited_with_every_field_of_the_second_version(house: House) -> None:
    async with logged_in(house) as ada:
        path = re.search(r'href="(/desk/admins/\d+/edit/)"', await ada.see('/desk/admins/?q=Priya'))
        assert path is not None
        form = await form_of(ada, path[1])
        wrong = await ada.send(path[1], **form | {'working_hours': 'someday 9-5', 'daily_cap': 'many'})
        assert 'are no hours' in said(wrong.text)
        assert 'whole number' in said(wrong.text)
        told = {'working_hours': 'mon-tue 09:00-12:00', 'days_off': '2026-03-09..2026-03-10', 'daily_cap': '3'}
        assert (await ada.send(path[1], **form | told)).status_code == 303
        again = await form_of(ada, path[1])
        assert (again['working_hours'], again['daily_cap']) == ('mon-tue 09:00-12:00', '3')
        [row] = await house.rows("select days_off from admin where first_name = 'Priya'")
        assert row['days_off'] == [['2026-03-09', '2026-03-10']]


@pytest.mark.behaviour('ADM-3')
async def test_a_pipeline_is_offered_its_own_stages_alone(house: House) -> None:
    async with logged_in(house) as ada:
        [pipeline, other] = await house.rows('select id from pipeline order by id limit 2')
        path = f'/desk/pipelines/{pipeline["id"]}/edit/'
        page = await ada.see(path)
        own = await house.rows('select id from stage where pipeline_id = %s', pipeline['id'])
        foreign = await house.rows('select id from stage where pipeline_id = %s', other['id'])
        assert all(f'value="{row["id"]}"' in page for row in own)
        assert not any(f'value="{row["id"]}"' in page for row in foreign)
        form = await form_of(ada, path)
        refused = await ada.send(path, **form | {'dft_entry_stage_id': str(foreign[0]['id'])})
        assert refused.status_code == 422
        await ada.send(path, **form | {'dft_entry_stage_id': str(own[-1]['id'])})
        [row] = await house.rows('select dft_entry_stage_id as entry from pipeline where id = %s', pipeline['id'])
        assert row['entry'] == own[-1]['id']


@pytest.mark.behaviour('ADM-14')
async def test_a_setting_is_shown_in_its_effect_first_and_then_applied_or_dropped(house: House) -> None:
    async with logged_in(house) as ada, logged_in(house, 'operator') as kim:
        path = '/desk/config/deal_max_age_days/'
        wrong = await ada.send(path, value='0')
        assert 'between 1 and 3650' in said(wrong.text)
        shown = await ada.send(path, value='30', action='preview')
        assert 'Nothing was changed' in shown.text
        assert (await house.rows("select value from setting where key = 'deal_max_age_days'")) == []
        assert (await kim.send(path, '/', value='30')).status_code == 403
        await ada.act(path, value='30')
        stored = await house.rows("select value from setting where key = 'deal_max_age_days'")
        assert [row['value'] for row in stored] == [30]
        assert '30' in text(await kim.see('/desk/config/'))


@pytest.mark.invariant('S23')
@pytest.mark.invariant('S15')
async def test_an_export_is_no_formula_in_a_spreadsheet_and_is_journalled(house: House) -> None:
    for n, name in enumerate(('=HYPERLINK("http://evil.example")', '+1+1', '@SUM(A1)', '-2+3', '\t=1+1')):
        sign_up(house, f'{name} {n}', email=f'o{n}@t.example', recipients=[])
    await later(house)
    async with logged_in(house, 'operator') as ada, logged_in(house, 'viewer') as kim:
        answer = await ada.get('/desk/companies/export.csv')
        assert answer.headers['content-disposition'] == 'attachment; filename="companies.csv"'
        table = list(csv.reader(io.StringIO(answer.text)))
        assert len(table) == 6
        for row in table[1:]:
            assert not any(cell.lstrip().startswith(('=', '+', '@', '-')) for cell in row), row
        assert (await kim.get('/desk/companies/export.csv')).status_code == 403
        page = await ada.see('/desk/companies/')
        assert 'evil.example&#34;' in page or 'evil.example"' not in page
    assert len(await house.rows("select id from event where convert_from(body, 'UTF8') like '%%list.exported%%'")) == 1


@pytest.mark.behaviour('ADM-5')
async def test_one_box_finds_by_name_address_phone_and_id(house: House) -> None:
    sign_up(house, phone='+44 20 7946 0991')
    await later(house)
    number = await company_id(house, 'Ember Tutors')
    async with logged_in(house, 'viewer') as ada:
        for asked in ('Ember', 'sam@ember.example', '020 7946 0991', f'company:{number}', str(number)):
            answer = await ada.send('/desk/search/', '/', q=asked)
            assert answer.status_code in (200, 303), asked
            shown = answer.headers.get('location', answer.text)
            assert '/desk/records/' in shown, asked
        linked = await ada.get('/desk/search/', params={'q': f'company:{number}'})
        assert linked.headers['location'] == f'/desk/records/company/{number}/'
        nothing = await ada.send('/desk/search/', '/', q='<script>alert(1)</script>')
        assert '<script>alert' not in nothing.text
        assert 'Nothing is called so' in nothing.text


@pytest.mark.behaviour('ADM-3')
async def test_a_custom_field_is_made_and_is_synced_at_once(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house) as ada:
        form = await form_of(ada, '/desk/fields/new/')
        told = {
            'linked_object_type': 'Company', 'machine_name': 'favourite_colour', 'name': 'Favourite colour',
            'field_type': 'str', 'policy': 'follow', 'create': 'yes',
        }  # fmt: skip
        await ada.act('/desk/fields/new/', **form | told)
        assert house.code('organization', 'Favourite colour')
        path = f'/desk/companies/{await company_id(house, "Ember Tutors")}/edit/'
        await ada.send(path, **await form_of(ada, path) | {'favourite_colour': 'teal'})
        await later(house)
        [organization] = house.organizations()
        assert 'teal' in house.custom('organization', organization).values()
        again = await ada.send('/desk/fields/new/', **form | told | {'field_type': 'int'})
        assert 'is there already' in said(again.text)


@pytest.mark.behaviour('FIELD-8')
@pytest.mark.lesson('M-94')
async def test_a_page_waits_so_long_for_a_listing_and_the_same_form_goes_on(house: House) -> None:
    sign_up(house)
    await later(house)
    async with logged_in(house) as ada:
        await house.act('system.pause', system='pipedrive')
        form = await form_of(ada, '/desk/fields/new/')
        told = form | {
            'linked_object_type': 'Company', 'machine_name': 'favourite_colour', 'name': 'Favourite colour',
            'field_type': 'str', 'policy': 'follow', 'create': 'yes',
        }  # fmt: skip
        before = house.clock.now()
        for _ in range(2):
            slow = await ada.send('/desk/fields/new/', **told)
            assert (slow.status_code, 'save the same once more' in said(slow.text)) == (422, True)
        assert (house.clock.now() - before).total_seconds() < 60
        assert 'being gathered' in text(await ada.see('/desk/fields/'))
        path = '/desk/fields/company.favourite_colour/edit/'
        shut = await ada.send(path, **await form_of(ada, path))
        assert 'save the same once more' in said(shut.text)
        await house.act('system.resume', system='pipedrive', account=await account(house))
        page = await ada.act(path, **await form_of(ada, path))
        assert 'data-testid="flash"' in page
        assert 'being gathered' not in text(await ada.see('/desk/fields/'))


async def account(house: House) -> str:
    [row] = await house.rows("select identity from account where system = 'pipedrive'")
    return str(row['identity'])


@pytest.mark.behaviour('FIELD-2')
@pytest.mark.lesson('M-94')
async def test_a_policy_that_would_have_no_effect_cannot_be_chosen(house: House) -> None:
    """What every company of Hermes has itself has its policy from Hermes."""
    async with logged_in(house) as ada:
        for name, policy in (('website', 'follow'), ('price_plan', 'tc2'), ('tc2_cligency_url', 'hermes')):
            page = await ada.see(f'/desk/fields/company.{name}/edit/')
            assert 'name="policy"' not in page
            assert f'its policy is {policy}' in text(page)
        form = await form_of(ada, '/desk/fields/new/')
        told = {
            'linked_object_type': 'Company', 'machine_name': 'paid', 'field_type': 'int', 'policy': 'crm',
            'hermes_field_name': 'paid_invoice_count', 'create': 'no',
        }  # fmt: skip
        refused = await ada.send('/desk/fields/new/', **form | told)
        assert (refused.status_code, 'whose policy is tc2: it cannot be crm' in said(refused.text)) == (422, True)
    with pytest.raises(Refused, match='whose policy is follow: it cannot be tc2'):
        await cataloguing.check_change(house.engine, 'Company', 'website', {'policy': 'tc2'})


@pytest.mark.behaviour('ADM-3')
async def test_what_a_list_is_chosen_by_offers_what_there_can_be(house: House) -> None:
    async with logged_in(house, 'viewer') as ada:
        for path, name, words in (
            ('/desk/meetings/', 'status', ['planned', 'canceled']),
            ('/desk/meetings/', 'kind', ['sales', 'support']),
            ('/desk/deals/', 'status', ['open', 'won', 'lost']),
            ('/desk/fields/', 'policy', ['follow', 'tc2', 'crm', 'hermes']),
        ):
            chosen = (await ada.see(path)).partition(f'<select id="f-{name}"')[2].partition('</select>')[0]
            offered = re.findall(r'<option value="(\w+)"', chosen)
            assert offered[: len(words)] == words, (path, name)
            for word in words:
                assert (await ada.get(f'{path}?{name}={word}')).status_code == 200
