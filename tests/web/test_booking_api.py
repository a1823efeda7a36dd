"""The forms of the booking API: each field's rules, told in plain words; the description; both forms of a path."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from hermes.booking.forms import SalesForm
from hermes.booking.values import read_moment
from hermes.kit.texts import clean
from hermes.web.errors import problems_of, warnings_of
from tests.flows.house import open_house

FORM: dict[str, Any] = {
    'admin_id': 7, 'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition',
    'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
    'meeting_dt': '2026-03-04T10:00:00Z',
}  # fmt: skip


def form(**more: Any) -> SalesForm:
    given = {**FORM, **more}
    return SalesForm.model_validate({name: value for name, value in given.items() if value is not ...})


def wrong(**more: Any) -> dict[str, str]:
    """The problems of a form: field -> what."""
    with pytest.raises(ValidationError) as caught:
        form(**more)

    class Told:
        def errors(self) -> list[Any]:
            return [{**each, 'loc': ('body', *each['loc'])} for each in caught.value.errors()]

    return {each['field']: each['what'] for each in problems_of(Told())}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        ('  Ronald   McDonald ', 'Ronald McDonald'),
        ('Lee\u00a0Adams', 'Lee Adams'),
        ('山田 太郎', '山田 太郎'),
        ('Anna\u0000 Maria\u202e Ruiz', 'Anna Maria Ruiz'),
        ('Lee\nAdams', 'Lee Adams'),
        ('می\u200cخواهم کتاب', 'می\u200cخواهم کتاب'),  # noqa: RUF001
    ],
)
def test_names_in_any_script(given: str, kept: str) -> None:
    assert form(name=given).name == kept


@pytest.mark.parametrize(
    ('field', 'given', 'kept'),
    [
        ('email', ' Lee@Customer.Example ', 'Lee@customer.example'),
        ('website', 'example.com', 'https://example.com'),
        ('website', 'HTTP://example.com/a?b=c', 'http://example.com/a?b=c'),
        ('website', 'example.com:8080/x', 'https://example.com:8080/x'),
        ('website', '', None),
        ('phone', '020 7946 0011', '+442079460011'),
        ('phone', '+1 202 555 0142', '+12025550142'),
        ('phone', '  ', None),
        ('country', 'gb', 'GB'),
        ('currency', 'eur', 'EUR'),
        ('price_plan', ' PAYG ', 'payg'),
        ('estimated_income', '£50,000 - £150,000', '£50,000 - £150,000'),
        ('bdr_person_id', 15, 15),
        ('bdr_person_id', '', None),
        ('gclid', 'Cj0KCQiA-Mixed_Case', 'Cj0KCQiA-Mixed_Case'),
        ('zone', 'Nowhere/Land', None),
        ('zone', 'Asia/Kolkata', 'Asia/Kolkata'),
        ('admin_id', '12', 12),
        ('website', 'javascript:alert(1)', None),
        ('website', 'ftp://example.com', None),
        ('website', 'https://user:pass@example.com', None),
        ('website', 'just words', None),
        ('website', 'localhost', None),
        ('phone', '12', None),
        ('phone', 'call me', None),
        ('country', 'ZZ', None),
        ('country', 'United Kingdom', 'GB'),
        ('currency', 'DEM', None),
        ('currency', 'XYZ', None),
        ('price_plan', 'gold', None),
        ('company_id', 2**63, None),
    ],
)
def test_what_is_kept_of_a_field(field: str, given: Any, kept: Any) -> None:
    assert getattr(form(**{field: given}), field) == kept


@pytest.mark.parametrize(
    ('field', 'given', 'part'),
    [
        ('name', 'Prince', 'a first and a last name'),
        ('name', '   ', 'is needed'),
        ('name', ..., 'is needed'),
        ('name', 5, 'a first and a last name'),
        ('name', ['Lee', 'Adams'], 'must be text'),
        ('email', 'lee@', 'e-mail address'),
        ('email', 'lee@localhost', 'e-mail address'),
        ('meeting_dt', 'tomorrow', 'a time such as'),
        ('meeting_dt', True, 'a time such as'),
        ('meeting_dt', 10**30, 'a time'),
        ('admin_id', 'seven', 'a whole number'),
        ('admin_id', 0, 'too small'),
        ('admin_id', 2**63, 'too large'),
    ],
)
def test_what_is_wrong_with_a_field(field: str, given: Any, part: str) -> None:
    told = wrong(**{field: given})
    assert list(told) == [field]
    assert part in told[field]


@pytest.mark.lesson('M-63')
@pytest.mark.parametrize(
    ('field', 'given', 'part'),
    [
        ('website', 'just words', 'address of a website'),
        ('phone', '12', 'not a phone number of GB'),
        ('phone', '0' * 60, 'is too long: at most 40'),
        ('country', 'ZZ', 'two-letter code'),
        ('currency', 'XYZ', 'three-letter code'),
        ('price_plan', 'gold', 'one of payg, startup or enterprise'),
        ('zone', 'Nowhere/Land', 'a time zone such as'),
        ('name', 'x ' * 150, 'longer than 255'),
    ],
)
def test_what_a_warning_says(field: str, given: Any, part: str) -> None:
    [told] = warnings_of(form(**{field: given}).warnings)
    assert (told['field'], told['where']) == (field, f'body.{field}')
    assert part in told['what']
    assert given not in told['what']


def test_all_problems_are_told_at_once() -> None:
    assert list(wrong(currency='?', phone='12', email='x', name='Prince')) == ['name', 'email', 'phone', 'currency']
    odd = warnings_of(form(phone='12', currency='?', country='Atlantis').warnings)
    assert [each['field'] for each in odd] == ['country', 'phone', 'currency']


@pytest.mark.parametrize(
    'given',
    ['2026-03-04T10:00:00', '2026-03-04 10:00:00+00:00', '2026-03-04T05:00:00-05:00', '2026-03-04T10:00:00 00:00',
     1772618400, 1772618400.9, '1772618400', 1772618400000, '2026-03-04T10:00:00.999Z'],
)  # fmt: skip
def test_moments_in_every_form(given: Any) -> None:
    assert read_moment(given) == datetime(2026, 3, 4, 10, tzinfo=UTC)


def test_text_that_no_database_takes() -> None:
    assert clean('a\ud800b\x00c\u0301') == 'abć'


async def test_the_api_is_described_and_answers_in_both_forms(database_url: str) -> None:
    async with open_house(database_url, connected=False) as house:
        described = (await house.web.get('/openapi.json')).json()['paths']
        paths = {path: set(told) for path, told in described.items() if path.startswith(('/callbooker', '/booking'))}
        assert paths == {
            '/callbooker/availability/': {'get'},
            '/callbooker/sales/book/': {'post'},
            '/callbooker/support/book/': {'post'},
            '/callbooker/hold/': {'post'},
            '/callbooker/hold/{hold}/': {'delete'},
            '/callbooker/support-link/generate/tc2/': {'get'},
            '/callbooker/support-link/validate/': {'get'},
            '/booking/{token}/': {'get', 'post'},
            '/booking/{token}/invite.ics': {'get'},
        }
        for path, methods in paths.items():
            for method in methods:
                told = [
                    await house.web.request(method.upper(), form, json={} if method == 'post' else None)
                    for form in (path, path.rstrip('/'))
                ]
                assert told[0].status_code == told[1].status_code
                assert 400 <= told[0].status_code < 500 or method == 'delete', told[0].text
        nothing = await house.web.get('/callbooker/nothing/')
        assert (nothing.status_code, nothing.json()['code']) == (404, 'not_found')
        broken = await house.web.post(
            '/callbooker/sales/book/', content=b'{"a":', headers={'Content-Type': 'application/json'}
        )
        assert (broken.status_code, broken.json()['message']) == (422, 'The body: is not JSON.')
