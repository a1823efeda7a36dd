"""A call starts at a whole minute, in the calendar, the CRM and the letter alike."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.flows.house import House
from tests.flows.visitors import TEN, book, hold, left, starts

ODD = TEN + timedelta(seconds=30)
JSON = {'Accept': 'application/json'}


@pytest.mark.lesson('M-23')
async def test_seconds_are_refused_in_words(house: House) -> None:
    for given in (ODD.isoformat(), int(ODD.timestamp()), str(int(ODD.timestamp())), ODD.timestamp() * 1000):
        refused = await book(house, meeting_dt=given)
        assert refused.status_code == 422, refused.text
        assert refused.json()['message'] == 'meeting_dt: must be a whole minute, without seconds.'
    held = await hold(house, ODD)
    assert (held.status_code, held.json()['problems'][0]['field']) == (422, 'start')
    assert (await left(house))['meeting'] == 0
    assert TEN in await starts(house, ODD - timedelta(hours=1), 0.2), 'a window may begin where it likes'


@pytest.mark.lesson('M-23')
async def test_a_call_is_moved_to_a_whole_minute_only(house: House) -> None:
    path = urlsplit((await book(house, meeting_dt=f'{TEN:%Y-%m-%dT%H:%M:%S.250Z}')).json()['manage']).path
    odd = {'action': 'move', 'start': (ODD + timedelta(hours=1)).isoformat()}
    refused = await house.web.post(path, json=odd, headers=JSON)
    assert (refused.status_code, refused.json()['code']) == (422, 'invalid')
    assert refused.json()['message'] == 'start: must be a whole minute, without seconds.'
    page = await house.web.post(path, data=odd)
    assert (page.status_code, 'Choose a time.' in page.text) == (422, True)
    assert (await house.rows('select start_at from meeting'))[0]['start_at'] == TEN
