"""No secret and nothing of a person leaves the desk's pages for where it does not belong (S8, ADM-12): no log, no error
page, no address.
"""

import re
from urllib.parse import unquote

import pytest
import structlog

from hermes.web.desk.routes import ROUTES
from tests.flows.companies import later, sign_up
from tests.flows.desk import PASSWORD, Browser, add_user, browser, logged_in
from tests.flows.house import SECRETS, House

PERSON = ('Xanthippe', 'Quillfeather', 'x.quillfeather@ember.example', '020 7946 0991')
LINK = re.compile(r'(?:href|action|src)="([^"]*)"')


async def every_page(house: House, ada: Browser) -> dict[str, str]:
    """What stands at each address, with real things for what is named in it, or with nonsense."""
    ids = {
        'event': 'select max(id) as id from event', 'decision': 'select max(id) as id from decision',
        'id': 'select max(id) as id from company', 'which': 'select max(id) as id from company',
        'meeting': 'select max(id) as id from meeting', 'user': 'select max(id) as id from desk_user',
    }  # fmt: skip
    known = {name: str((await house.rows(query))[0]['id'] or 0) for name, query in ids.items()}
    known |= {'resource': 'companies', 'type': 'company', 'setting': 'deal_max_age_days', 'step': 'hours'}
    found: dict[str, str] = {}
    for route in ROUTES:
        if route.method == 'GET':
            path = re.sub(r'\{(\w+)\}', lambda part: known.get(part[1], '0'), route.path)
            for asked in (path, f'{path}?at=rubbish&sort=%27&q=%00'):
                answer = await ada.get(asked)
                assert answer.status_code < 500, asked
                found[asked] = answer.text
    return found


@pytest.mark.behaviour('ADM-12')
@pytest.mark.invariant('S8')
async def test_no_page_log_or_address_tells_what_does_not_belong_there(house: House) -> None:
    recipient = {'first_name': PERSON[0], 'last_name': PERSON[1], 'email': PERSON[2]}
    sign_up(house, recipients=[recipient], phone=PERSON[3])
    await later(house)
    email = await add_user(house, 'admin', 'canary')
    with structlog.testing.capture_logs() as logs:
        async with browser(house) as eve, logged_in(house) as ada:
            await eve.login(email, 'Quillfeather as a guess')
            await eve.login(email)
            token = eve.http.cookies['hermes_session']
            pages = await every_page(house, ada)
            pages['search'] = (await ada.send('/desk/search/', '/', q=PERSON[1])).text
            pages['contacts'] = await ada.see('/desk/contacts/')
            pages['lost'] = (await ada.send('/desk/privacy/contact/0/erase/', '/', name=PERSON[0])).text
    assert len(pages) > 30
    everything = '\n'.join(pages.values())
    for secret in (PASSWORD, token, SECRETS.tc2_api_key, SECRETS.pd_api_key, SECRETS.pd_webhook_password, 'argon2id'):
        assert secret not in everything, secret
    assert PERSON[1] in everything
    addresses = {unquote(found) for page in pages.values() for found in LINK.findall(page)}
    told = str(logs)
    for word in (*PERSON, email, token, PASSWORD):
        assert word not in told, word
        assert not [each for each in addresses if word in each and not each.startswith('otpauth:')], word
