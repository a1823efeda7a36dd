"""The first run at the desk (ADM-1): the checklist, done step by step with its own buttons."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hermes.parts import assembly as parts
from hermes.sandbox.scenarios import demo
from hermes.sync import connect
from tests.flows.desk import logged_in, said, text
from tests.flows.house import House, open_house

SECRET = 'a-long-enough-secret-of-the-tests-0123456789'


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """Hermes on an account that it has spoken with once."""
    keys: Any = {'secret_key': SECRET, 'api_key': SECRET, 'signing_key': SECRET}
    async with open_house(database_url, connected=False, **keys) as opened_house:
        await parts.set_limits(opened_house.engine, opened_house.settings)
        await connect.connect(opened_house.engine, opened_house.engine.systems['pipedrive'])
        yield opened_house


def states(page: str) -> list[str]:
    """How each step of the checklist stands."""
    return [text(found) for found in re.findall(r'<li class="step">\s*(<span class="state.*?</span>)', page, re.DOTALL)]


@pytest.mark.behaviour('ADM-1')
async def test_the_steps_are_done_by_their_buttons(house: House) -> None:
    async with logged_in(house) as ada, logged_in(house, 'viewer') as kim:
        before = states(await ada.see('/desk/setup/'))
        assert before[0] == 'to do'
        connected = await ada.send('/desk/setup/connect/')
        assert 'data-testid="flash"' in connected.text, said(connected.text)
        assert (await ada.send('/desk/setup/connect/')).status_code == 200
        assert len(house.pd.subscriptions.rows) == 1

        page = await ada.see('/desk/setup/people/')
        wanted = {
            name: str(next(each['tc2_admin_id'] for each in demo.DEMO_ADMINS if each['email'] in label))
            for name, label in re.findall(r'<label for="(user-\d+)">([^<]*)</label>', page)
            if any(each['email'] in label for each in demo.DEMO_ADMINS)
        }
        wrong = await ada.send('/desk/setup/people/', **wanted | {next(iter(wanted)): 'twelve'})
        assert '"twelve" is no id' in said(wrong.text)
        taken = await ada.send('/desk/setup/people/', **wanted)
        assert taken.text.count('was created') == len(wanted)
        assert len(await house.rows('select id from admin where tc2_admin_id is not null')) == len(wanted)

        page = await ada.see('/desk/setup/pipelines/')
        chosen = {
            name: re.findall(r'<option value="(\d+)"', options)[0]
            for name, options in re.findall(r'<select id="([^"]+)".*?>(.*?)</select>', page, re.DOTALL)
        }
        assert 'deals enter at' in (await ada.send('/desk/setup/pipelines/', **chosen)).text
        late = await ada.send('/desk/setup/hours/', meeting_min_start='18:00', meeting_max_end='09:00')
        assert 'before it starts' in said(late.text)
        hours = await ada.send('/desk/setup/hours/', meeting_min_start='08:30', meeting_max_end='16:00')
        assert 'meeting_min_start = 08:30' in hours.text

        travelled = await ada.send('/desk/setup/trip/')
        assert travelled.status_code == 200, said(travelled.text)
        after = states(await ada.see('/desk/setup/'))
        assert (after[2], after[6]) == ('done', 'done')
        assert (await kim.get('/desk/setup/trip/')).status_code == 403
        assert (await kim.send('/desk/setup/trip/', '/')).status_code == 403
        assert (await ada.get('/desk/setup/nonsense/')).status_code == 404
    by = await house.rows("select distinct headers ->> 'by' as by from event where kind = 'act'")
    assert {row['by'] for row in by} >= {'admin@desk.example'}
