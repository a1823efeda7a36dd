"""Privacy at the desk (ADM-9, S10): somebody is found, exported, erased for whoever writes their name, and looked for
again.
"""

import json
import re

import pytest

from tests.flows.companies import later, sign_up
from tests.flows.desk import logged_in, said, text
from tests.flows.house import House

CANARY = 'Xanthippe'


@pytest.mark.behaviour('ADM-9')
@pytest.mark.invariant('S10')
@pytest.mark.invariant('S15')
async def test_somebody_is_exported_and_erased_with_a_receipt_that_can_be_checked_again(house: House) -> None:
    person = {'first_name': CANARY, 'last_name': 'Quill', 'email': 'x.quill@ember.example'}
    sign_up(house, recipients=[person, {'first_name': 'Sam', 'last_name': 'Okafor', 'email': 'sam@ember.example'}])
    await later(house)
    async with logged_in(house) as ada, logged_in(house, 'operator') as kim:
        page = (await ada.send('/desk/privacy/', who='x.quill@ember.example')).text
        path = re.search(r'href="(/desk/privacy/contact/\d+/)"', page)
        assert path is not None
        exported = await ada.send(f'{path[1]}export/', path[1])
        assert CANARY in json.dumps(exported.json())
        refused = await ada.send(f'{path[1]}erase/', path[1], name='Sam Okafor')
        assert (refused.status_code, 'Nothing was done' in said(refused.text)) == (422, True)
        assert (await kim.get(path[1])).status_code == 403
        assert (await kim.send(f'{path[1]}erase/', '/', name=f'{CANARY} Quill')).status_code == 403
        receipt = await ada.act(f'{path[1]}erase/', path[1], name=f'{CANARY.lower()} quill')
        assert CANARY not in receipt.partition('<main')[2]
        number = re.search(r'/desk/privacy/receipts/(\d+)/', receipt)
        assert number is not None
        checked = await ada.send(f'/desk/privacy/receipts/{number[1]}/')
        assert 'Nothing of them is here' in checked.text, said(checked.text)
        assert (await ada.get(path[1])).status_code == 400
        for address in ('/desk/contacts/?deleted=yes', '/desk/events/', '/desk/companies/'):
            assert CANARY not in await ada.see(address), address
        found = await ada.send('/desk/privacy/', who='x.quill@ember.example')
        assert 'Nobody is known by that' in text(found.text)
    left = await house.rows('select first_name from contact where first_name is not null')
    assert [row['first_name'] for row in left] == ['Sam']
    noted = await house.rows("select convert_from(body, 'UTF8') as body from event where kind = 'view'")
    assert any('person.exported' in row['body'] for row in noted)
