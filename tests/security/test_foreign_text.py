"""Text from outside is measured before anything normalises, matches or parses it, whoever wrote it and wherever it
goes: the order of checks is what is tested, not how long they take.
"""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from hermes.booking.forms import HoldForm, SalesForm, SupportForm
from hermes.booking.letters.names import LONGEST, clean_name
from hermes.kit import texts
from hermes.kit.redaction import Redaction
from hermes.ports import Letter
from hermes.systems.mail.message import parse_recipient
from hermes.systems.tutorcruncher.mapping import slug
from hermes.web.booker.manage import Change
from tests.unit.booking.letters import NOTICE, NOW, PAPER

FORMS: tuple[type[BaseModel], ...] = (SalesForm, SupportForm, HoldForm, Change)
PLACES = [(form, name) for form in FORMS for name in form.model_fields]
FORM: dict[str, Any] = {
    'admin_id': 7, 'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition',
    'company_id': 8, 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
    'meeting_dt': '2026-03-04T10:00:00Z', 'start': '2026-03-04T10:00:00Z', 'action': 'cancel',
}  # fmt: skip
MARKS = '\u0301\u0316\u0323\u0307'
"""Unordered: each pair has to change places."""
LOOKING = (
    'unicodedata',
    're',
    'email_validator',
    'phonenumbers',
    'idna',
    'urllib.parse',
    'babel',
    'zoneinfo',
    'hashlib',
)


def looked_at(act: Callable[[], Any]) -> tuple[Counter[str], Any]:
    """How often each of the modules that look into a text was called meanwhile, and what came of it."""
    found: Counter[str] = Counter()

    def notice(frame: Any, event: str, called: Any) -> None:
        if event == 'c_call':
            home = getattr(called, '__module__', None) or getattr(type(called.__self__), '__module__', None) or ''
        elif event == 'call':
            home = frame.f_globals.get('__name__', '')
        else:
            return
        found.update(name for name in LOOKING if home == name or home.startswith(f'{name}.'))

    sys.setprofile(notice)
    try:
        told = act()
    finally:
        sys.setprofile(None)
    return found, told


def refused(form: type[BaseModel], given: dict[str, Any]) -> set[str]:
    """Which fields are wrong, or left out."""
    try:
        read = form.model_validate({name: value for name, value in given.items() if name in form.model_fields})
    except ValidationError as error:
        return {str(each['loc'][0]) for each in error.errors()}
    return {str(each['loc'][0]) for each in getattr(read, 'warnings', ())}


@pytest.mark.lesson('M-1')
@pytest.mark.parametrize(('form', 'name'), PLACES, ids=[f'{form.__name__}.{name}' for form, name in PLACES])
@pytest.mark.parametrize(
    'text',
    [MARKS * 8_000, 'x' * 32_000, ' ' * 32_000, '9' * 32_000, '\U00020000' * 2_050, 'a@' * 16_000, '(' * 32_000],
    ids=['marks', 'letters', 'spaces', 'digits', 'bytes', 'ats', 'brackets'],
)
def test_a_field_that_is_too_long_is_looked_at_by_nobody(form: type[BaseModel], name: str, text: str) -> None:
    """It is refused, or left out, unread; of a name so much is read as may stay of it."""
    seen, wrong = looked_at(lambda: refused(form, {name: text}))
    if name not in getattr(form, 'CUT', ()):
        assert seen == Counter()
        assert name in wrong or (name == 'x' and text.isspace())
    assert seen.total() < 5_000


@pytest.mark.lesson('M-1')
def test_a_field_is_measured_by_points_and_by_bytes() -> None:
    assert texts.fits('x' * 800, 200)
    assert not texts.fits('x' * 801, 200)
    assert texts.fits('\U00020000' * 400, 200), 'every letter that is kept may take as many bytes as it likes'
    assert not texts.fits('\U00020000' * 401, 200)
    assert not texts.fits('\ud800' * 801, 200)
    decomposed = unicodedata.normalize('NFD', 'Việt Nguyễn Ế') * 15  # noqa: TID251
    assert refused(SalesForm, {**FORM, 'name': decomposed}) == set()
    assert refused(SalesForm, {**FORM, 'name': 'Lee ' + 'x' * 252}) == {'name'}
    assert refused(SalesForm, {**FORM, 'name': '  \n ' * 200 + 'Lee Adams' + ' ' * 500}) == {'name'}
    assert refused(SalesForm, {**FORM, 'email': f'{"x" * 1_000}@customer.example'}) == {'email'}


@pytest.mark.lesson('M-1')
def test_no_writing_has_more_marks_in_a_row_than_are_composed() -> None:
    for mark in ('\u0301', '\u0f73', '\uff9e'):
        assert len(texts.composed('e' + mark * 500, 'NFKD')) < 100
    assert texts.composed('e\u0301' * 100) == 'é' * 100
    assert len(texts.clean(f'Lee{MARKS * 100} Adams\x00')) == len('Lee Adams') + texts.MARKS - 1
    assert texts.cut('\ud800Lee' + 'x' * 1000, 2) == 'Leexxxx'


@pytest.mark.lesson('M-1')
def test_what_a_vendor_calls_somebody_is_cut_before_it_stands_in_a_letter() -> None:
    """A name of 200 KB costs no more than one of a line."""
    name = 'Ada ' + MARKS * 50_000
    notice = replace(NOTICE, visitor=replace(NOTICE.visitor, name=name))
    steps = 0

    def count(frame: Any, event: str, called: Any) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        shown = clean_name(name)
    finally:
        sys.setprofile(None)
    assert shown.startswith('Ada')
    assert len(shown) <= LONGEST
    assert steps < 20_000
    letter: Letter = PAPER.write(notice, NOW)
    assert len(letter.text) + len(letter.html) + len(letter.calendar) < 20_000
    assert len(slug('x' + MARKS * 50_000)) < 2_100
    with pytest.raises(ValueError, match='no e-mail address'):
        parse_recipient('a@' * 100_000 + 'b.example')


@pytest.mark.lesson('M-1')
def test_no_log_line_is_searched_without_end() -> None:
    told = Redaction(['canary-live-secret']).text('x' * 200_000 + ' canary-live-secret')
    assert len(told) < 17_000
    assert 'canary' not in told
    assert re.search(r'200019 characters', told)
