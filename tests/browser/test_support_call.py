"""A support call through all three systems, by hand, in a real Chromium without scripts: a company signs up in
TutorCruncher, a link is made on its page, its client books, and Pipedrive shows the call (WEB-15).
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running
from tools.chromium import find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]
COMPANY, TOM = 'Lantern Tutors', 'Tom Whitfield'


@pytest.fixture
def hermes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Home(tmp_path_factory.mktemp('support')).running() as run:
        run.await_ready()
        yield run
        run.interrupt()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        context = chromium.new_context(viewport={'width': 1280, 'height': 900}, java_script_enabled=False)
        context.set_default_timeout(PATIENCE_S * 1000)
        yield context.new_page()
        chromium.close()


def desk(hermes: Running, system: str) -> str:
    return f'http://127.0.0.1:{hermes.home.ports[1]}/pages/{system}?q=Lantern'


def make_link(page: Page, hermes: Running, *, express: bool) -> None:
    """On the company's page; then open it."""

    def is_made() -> bool:
        page.goto(desk(hermes, 'tutorcruncher'))
        company = page.locator('article', has=page.get_by_role('heading', name=COMPANY))
        company.get_by_label(f'Who supports {COMPANY}').select_option(TOM)
        company.get_by_label('Express').set_checked(express)
        company.get_by_role('button', name='Make a support link').click()
        return page.locator('.said').inner_text().endswith(f'{TOM} is made.')

    hermes.wait_for('Hermes knows the company and the admin', is_made)
    kind = 'express link' if express else 'link'
    assert page.get_by_label(f'Support link of {COMPANY}').input_value().startswith('http://127.0.0.1:')
    page.get_by_role('link', name=f'Open the {kind} to {TOM}', exact=True).click()
    page.get_by_test_id('company').wait_for()


@pytest.mark.behaviour('WEB-15')
def test_a_support_call_goes_through_all_three_systems(hermes: Running, page: Page) -> None:
    page.goto(desk(hermes, 'tutorcruncher'))
    page.get_by_label('Company', exact=True).fill(COMPANY)
    page.get_by_role('button', name='Sign up').click()
    make_link(page, hermes, express=True)
    assert page.get_by_test_id('heading').inner_text() == f'Book a call with {TOM}'
    assert page.get_by_test_id('company').inner_text() == f'For {COMPANY}'
    assert page.get_by_test_id('someone-else').count() == 0
    make_link(page, hermes, express=False)
    page.get_by_test_id('next-time').nth(4).click()
    fields = page.locator('form.details [data-testid^="field-"]')
    assert [each.get_attribute('name') for each in fields.all()] == ['name', 'email', 'company_name']
    company = page.get_by_test_id('field-company_name')
    assert (company.input_value(), company.is_editable()) == (COMPANY, False)
    page.get_by_test_id('field-name').fill('Kim')
    page.get_by_test_id('field-email').fill('kim@lantern.example')
    page.get_by_test_id('book').click()
    page.get_by_test_id('error-name').wait_for()
    assert page.get_by_test_id('field-email').input_value() == 'kim@lantern.example'
    page.get_by_test_id('field-name').fill('Kim Sato')
    page.get_by_test_id('book').click()
    assert page.get_by_test_id('with').inner_text() == TOM

    def is_shown() -> bool:
        page.goto(desk(hermes, 'pipedrive'))
        return page.get_by_text(f'support meeting with {TOM}').count() > 0

    hermes.wait_for("the call in Pipedrive's page", is_shown)
