"""How each language writes days, times, places and lists, and which one a visitor is spoken to in."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hermes.kit.languages import find_code, find_language, in_order, language

AT = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ('code', 'day', 'city', 'listed', 'own', 'money'),
    [
        ('en', 'Wednesday, 4 March 2026', 'Rome', 'a, b and c', 'English', '£50,000'),
        ('de', 'Mittwoch, 4. März 2026', 'Rom', 'a, b und c', 'Deutsch', '50.000\xa0£'),
        ('fr', 'mercredi 4 mars 2026', 'Rome', 'a, b et c', 'Français', '50\u202f000\xa0£GB'),
        ('es', 'miércoles, 4 de marzo de 2026', 'Roma', 'a, b y c', 'Español', '50.000\xa0GBP'),
    ],
)
def test_each_language_writes_in_its_own_way(code: str, day: str, city: str, listed: str, own: str, money: str) -> None:
    spoken = language(code)
    assert spoken.money(50_000, 'GBP') == money
    assert spoken.day(date(2026, 3, 4)) == day
    assert spoken.city('Europe/Rome') == city
    assert spoken.all_of(['a', 'b', 'c']) == listed
    assert spoken.own_name == own


def test_a_place_is_told_without_its_continent() -> None:
    english = language('en')
    places = ('America/Indiana/Knox', 'America/New_York', 'America/Argentina/Buenos_Aires', 'UTC', 'Mars/Olympus')
    assert [english.city(place) for place in places] == [
        'Knox, Indiana', 'New York', 'Buenos Aires, Argentina', 'UTC', 'Olympus',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('asked', 'accepted', 'code'),
    [
        ('', '', 'en'),
        ('de', 'fr', 'de'),
        ('de-AT', '', 'de'),
        ('xx', 'fr;q=0.4, es;q=0.9', 'es'),
        ('', 'pt, nl', 'en'),
        ('', 'de;q=0', 'en'),
        ('ar-XB', '', 'ar-XB'),
        ('ar', '', 'en'),
    ],
)
def test_a_visitor_is_spoken_to_as_they_ask_else_as_their_browser_does(asked: str, accepted: str, code: str) -> None:
    assert find_language(asked, accepted).code == code


def test_what_is_no_language_of_ours_has_no_code() -> None:
    assert [find_code(told) for told in ('DE', 'en-XA', 'en-GB', 'pt', '', '-', 'x' * 99)] == [
        'de', 'en-XA', 'en', None, None, None, None,
    ]  # fmt: skip


def test_a_list_is_in_the_order_in_which_people_look() -> None:
    german = language('de')
    named = in_order((code, german.country(code)) for code in ('ZW', 'EG', 'DE', 'AT', 'AX'))
    assert [code for code, _ in named] == ['EG', 'AX', 'DE', 'AT', 'ZW']


def test_made_up_languages_write_times_as_english_does() -> None:
    told = {code: language(code).time(AT, ZoneInfo('Asia/Kolkata'), '12') for code in ('en', 'en-XA', 'ar-XB')}
    assert set(told.values()) == {'8:00 pm'}
    assert [language(code).direction for code in told] == ['ltr', 'ltr', 'rtl']


@pytest.mark.parametrize(
    ('zone', 'name'),
    [
        ('Asia/Kolkata', 'India Standard Time, Asia/Kolkata'),
        ('Asia/Kathmandu', 'Nepal Time, Asia/Kathmandu'),
        ('Europe/Kyiv', 'Eastern European Summer Time, Europe/Kyiv'),
        ('America/Argentina/Buenos_Aires', 'Argentina Standard Time, America/Argentina/Buenos Aires'),
        ('Australia/Lord_Howe', 'Lord Howe Standard Time, Australia/Lord Howe'),
    ],
)
def test_a_zone_has_a_name_under_its_name_of_today(zone: str, name: str) -> None:
    assert language('en').zone(datetime(2026, 7, 1, tzinfo=UTC), ZoneInfo(zone)) == name
