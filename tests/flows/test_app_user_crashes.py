"""A sign-up's way into the CRM, killed after every commit that wrote and before and after every call: everybody stands
there once, and nothing is parked (AU-15, AU-17).
"""

import os

import pytest

from tests.flows.crashing import Mortal, wake
from tests.flows.test_app_user_weather import nothing_parked, standing, states
from tests.flows.test_salesforce import WHO, People
from tests.flows.test_salesforce import people as people

STRIDE = 1 if os.environ.get('DEATHS') == 'all' else 2


@pytest.mark.behaviour('AU-15', 'AU-17')
@pytest.mark.invariant('I18')
async def test_a_sign_up_survives_every_death(people: People) -> None:
    mortal, lives = wake(people.house), 0
    await live(people, mortal, lives)
    points = [point for point in mortal.order if ': before commit' not in point][::STRIDE]
    assert len(points) > 12 // STRIDE
    for point in points:
        lives += 1
        await live(people, mortal, lives, point)
        assert mortal.died[-1] == point
        emails = standing(people)
        assert len(emails) == len(set(emails)) == 3 * (lives + 1), point
        assert set(await states(people)) == {'WroteSalesforceAppUserUid'}, point
        await nothing_parked(people)
        rows = await people.house.rows('select 1 from push where intent is not null')
        assert rows == [], point


async def live(people: People, mortal: Mortal, number: int, die_at: str = '') -> None:
    """Three sign up, and one of them says something else a little later; the engine dies at a point."""
    mortal.armed = False
    told = [await people.sign_up(f'r{number}-{each}@readers.example', user_id=f'u-{number}-{each}') for each in 'abc']
    await mortal.rise()  # Without a token, as after every death.
    mortal.begin(die_at)
    mortal.enter('made')
    await mortal.outlive(lambda: people.house.settle(600))
    mortal.enter('changed')
    await people.house.web.patch(f'/people/{told[0]["id"]}/', json={'first_name': 'Bea'}, headers=WHO)
    await mortal.outlive(lambda: people.house.settle(600))
    mortal.armed = False
