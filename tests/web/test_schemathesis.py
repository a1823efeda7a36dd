"""The booking API and the core API, asked what their own description allows, what it does not, and what an attacker
plants in between (`make verify` tries more: EXAMPLES).

A real application in this process, before the emulated world: no answer is an accident, each is one that the
description knows, in the shape that it says.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from tests.flows.companies import later, sign_up
from tests.flows.house import PRIYA, TOM, House, open_house
from tests.flows.visitors import FORM, TEN, book, number
from tests.web.hostile import JSON, planted

NAMES = (
    'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
    'response_schema_conformance',
)  # fmt: skip
PREFIXES = ('/callbooker/', '/booking/', '/choose-roundrobin/', '/loc/', '/companies/')
API_KEY = 'an-api-key-of-the-tests-only'
EXAMPLES = int(os.environ.get('EXAMPLES', '40'))
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Office:
    """The application, somebody's booking in it, and what it answered."""

    house: House
    loop: asyncio.AbstractEventLoop
    operations: list[Any]
    real: dict[str, Any]
    statuses: Counter[str] = field(default_factory=Counter)

    def ask(self, case: Case, content: bytes | None = None) -> httpx2.Response | None:
        """Send a case from another thread, `content` as its body if given; None where HTTP itself cannot carry it."""
        told = case.as_transport_kwargs(base_url=str(self.house.web.base_url))
        told.pop('cookies')
        headers = {name: value for name, value in told.get('headers', {}).items() if value is not None}
        key = {'Authorization': f'token {API_KEY}'} if case.operation.path == '/companies/' else {}
        told['headers'] = {**headers, **key, 'Accept': 'application/json'}
        if content is not None:
            told |= {'data': content, 'json': None}
        data = told.pop('data', None)
        if isinstance(data, bytes | str):
            told['content'] = data
        elif data is not None:
            told['data'] = data
        try:
            return asyncio.run_coroutine_threadsafe(self.house.web.request(**told), self.loop).result(30)
        except (UnicodeError, httpx2.InvalidURL, httpx2.LocalProtocolError):
            return None

    def check(self, case: Case, content: bytes | None = None) -> None:
        answer = self.ask(case, content)
        if answer is None:
            return
        self.statuses[f'{case.operation.label}: {answer.status_code}'] += 1
        assert answer.status_code < 500 or answer.status_code == 503, (case.as_curl_command(), answer.text)
        pages = case.media_type == 'application/x-www-form-urlencoded'
        checks: Any = CHECKS.get_by_names(list(NAMES[:1] if pages else NAMES))
        case.validate_response(answer, checks=checks)


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with open_house(database_url, api_key=API_KEY, support_booking_needs_link=False) as house:
        client = sign_up(house, sales_person=PRIYA)
        await later(house)
        booked = (await book(house)).json()
        app: Any = house.web._transport.app.whole()  # type: ignore[attr-defined]
        schema = schemathesis.openapi.from_dict(plain(app.openapi()))
        found: list[Any] = [cast(Any, result).ok() for result in schema.get_all_operations()]
        [company] = await house.rows("select id from company where name = 'Ember Tutors'")
        real = {
            **FORM, 'admin_id': await number(house), 'start': TEN.isoformat(), 'meeting_dt': TEN.isoformat(),
            'start_dt': TEN.isoformat(), 'end_dt': TEN.replace(day=20).isoformat(), 'company_id': company['id'],
            'tc2_admin_id': TOM, 'tc2_cligency_id': client.id, 'token': booked['manage'].rpartition('/')[2],
            'plan': 'payg', 'country_code': 'GB',
            'id': company['id'], 'after': TEN.isoformat(), 'action': 'move', 'zone': 'Asia/Kolkata', 'hold': None,
            'website': 'adams.example', 'phone': None, 'bdr_person_id': None, 'e': None, 's': None, 'x': None,
        }  # fmt: skip
        operations = [one for one in found if one.path.startswith(PREFIXES)]
        yield Office(house, asyncio.get_running_loop(), operations, real)


def plain(schema: Any) -> Any:
    """The description without `prefixItems`, which the checker does not read: each is a list of its first."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: plain(value) for name, value in schema.items() if name != 'prefixItems'}
    return told | ({'items': plain(schema['prefixItems'][0])} if 'prefixItems' in schema else {})


def at_home(case: Case, real: dict[str, Any], keep: int) -> Case:
    """The same case with values that mean something here; every `keep`th stays as it was drawn."""
    places: list[Any] = [case.path_parameters, case.query, case.body]
    for place in places:
        if isinstance(place, MutableMapping):
            for name in list(place.keys()):
                if str(name).lower() in real and hash_of(str(name)) % 7 != keep:
                    place[name] = real[str(name).lower()]
    return case


def hash_of(name: str) -> int:
    return sum(map(ord, name))


def explore(office: Office, operation: Any, mode: GenerationMode) -> None:
    """Cases of one operation, as drawn and with values of this office."""

    @BOUNDED
    @given(operation.as_strategy(generation_mode=mode), st.integers(min_value=0, max_value=7), st.booleans())
    def run(case: Case, keep: int, home: bool) -> None:
        office.check(at_home(case, office.real, keep) if home else case)

    run()


def plant(office: Office, operation: Any) -> None:
    """Cases of one operation with something hostile in one place of the body."""

    @BOUNDED
    @given(operation.as_strategy(), st.sampled_from(sorted(JSON)), st.integers(min_value=0, max_value=30))
    def run(case: Case, what: str, place: int) -> None:
        body = at_home(case, office.real, 9).body
        if isinstance(body, MutableMapping) and body and case.media_type == 'application/json':
            form = {str(name): value for name, value in body.items() if is_plain(value)}
            names = [*sorted(form), 'what-is-not-known']
            office.check(case, planted(form, names[place % len(names)], JSON[what]))

    run()


def is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


@pytest.mark.lesson('M-10')
async def test_what_an_attacker_plants_is_answered_as_the_description_says(office: Office) -> None:
    wrong: list[str] = []
    for operation in office.operations:
        if operation.body:
            try:
                await asyncio.to_thread(plant, office, operation)
            except (Exception, BaseExceptionGroup) as error:
                wrong.append(f'{operation.label}: {error!r} {getattr(error, "exceptions", "")}')
    print('\n'.join(f'{count:4} {name}' for name, count in sorted(office.statuses.items())))
    assert wrong == []
    assert sum(office.statuses.values()) > EXAMPLES


@pytest.mark.parametrize('mode', [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_every_answer_is_one_that_the_description_knows(office: Office, mode: GenerationMode) -> None:
    wrong: list[str] = []
    for operation in office.operations:
        try:
            await asyncio.to_thread(explore, office, operation, mode)
        except Unsatisfiable:
            continue  # nothing can be sent wrongly to what takes nothing
        except (Exception, BaseExceptionGroup) as error:
            wrong.append(f'{operation.label}: {error!r} {getattr(error, "exceptions", "")}')
    print('\n\n'.join(wrong))
    print('\n'.join(f'{count:4} {name}' for name, count in sorted(office.statuses.items())))
    assert wrong == []
    assert len(office.operations) >= 14
