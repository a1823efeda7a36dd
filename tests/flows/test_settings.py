"""Settings are checked where they are applied, too: an act may come from anywhere."""

from typing import Any

import pytest

from hermes.domain.config import KEYS
from hermes.domain.errors import Refused
from tests.flows.companies import later, sign_up
from tests.flows.house import House


@pytest.mark.behaviour('CB-20')
@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('meeting_min_start', '17:00', 'before it starts'),
        ('meeting_dur_mins', 1000, 'between 5 and 480'),
        ('meeting_max_end', 'late', 'a time of day'),
    ],
)
async def test_what_cannot_be_is_not_stored(house: House, key: str, value: Any, said: str) -> None:
    await house.set('meeting_max_end', '17:00')
    with pytest.raises(Refused, match=said):
        await house.set(key, value)
    assert await house.rows('select value from setting where key = %s', key) in ([], [{'value': '17:00'}])


@pytest.mark.lesson('M-70')
async def test_a_setting_that_is_taken_back_is_its_default_again(house: House) -> None:
    await house.set('push_spacing_s', 7)
    for key in KEYS:
        await house.set(key, None)
    sign_up(house)
    await later(house)
    assert [item['name'] for item in house.organizations()] == ['Ember Tutors']
    async with house.engine.database.transaction() as connection:
        assert (await house.engine.known(connection)).settings == {}
