"""What nobody can see changes nothing: the cleaning at the doors, the folding of keys, and what both leave alone."""
# ruff: noqa: RUF001 - what looks alike is what this is about

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.kit import spelling, texts
from hermes.kit.spelling import fold, fold_domain, fold_email, look, same
from hermes.kit.texts import clean, tidy
from tests.thorough import examples

NAME = 'Café Ember Tutors'
LOOK_ALIKES = {
    'decomposed': 'Cafe\u0301 Ember Tutors',
    'a zero-width space': 'Café\u200b Ember Tutors',
    'a byte order mark': '\ufeffCafé Ember Tutors',
    'a soft hyphen': 'Café Em\u00adber Tutors',
    'a mark of direction': '\u200eCafé Ember Tutors\u200f',
    'an embedding': '\u202aCafé Ember Tutors\u202c',
    'an isolate': '\u2067Café\u2069 Ember Tutors',
    'a word joiner': 'Café\u2060 Ember Tutors',
    'a joiner where nothing joins': 'Ca\u200dfé Ember\u200c Tutors',
    'a variation selector': 'Café Ember\ufe0f Tutors',
    'a grapheme joiner': 'Cafe\u034f\u0301 Ember Tutors',
    'a filler of Hangul': 'Café\u3164 Ember Tutors',
    'a tag': 'Café Ember Tutors\U000e0041',
    'a control': 'Café\x07 Ember\x7f Tutors\x85',
    'no break': 'Café\u00a0Ember\u202fTutors',
    'wide spaces': 'Café\u2003Ember\u3000Tutors',
    'space around': '  Café Ember Tutors\t\n',
    'between the letter and its accent': 'Cafe\u200b\u0301 Ember Tutors',
}
OF_ONE_KEY = {
    **LOOK_ALIKES,
    'capitals': 'CAFÉ EMBER TUTORS',
    'space within': 'Café   Ember \n Tutors',
    'full width': 'Ｃａｆé Ｅｍｂｅｒ　Ｔｕｔｏｒｓ',
    'bold': '𝐂𝐚𝐟é 𝐄𝐦𝐛𝐞𝐫 𝐓𝐮𝐭𝐨𝐫𝐬',
    'a line separator': 'Café\u2028Ember Tutors',
}
OTHERS = {
    'a letter of another script': 'Café Еmber Tutors',
    'no accent': 'Cafe Ember Tutors',
    'another word': 'Café Amber Tutors',
    'one word': 'CaféEmberTutors',
}
ADDRESS = 'lee@münchen.example'
OF_ONE_ADDRESS = {
    'capitals': 'Lee@MÜNCHEN.Example',
    'decomposed': 'lee@mu\u0308nchen.example',
    'as IDNA says it': 'lee@xn--mnchen-3ya.example',
    'as IDNA says it, in capitals': 'LEE@XN--MNCHEN-3YA.EXAMPLE',
    'a zero-width space': 'lee\u200b@mün\u200bchen.example',
    'a byte order mark': '\ufefflee@münchen.example ',
    'a soft hyphen': 'lee@mün\u00adchen.example',
    'full width': 'ｌｅｅ＠münchen。example',
    'the dot of the root': 'lee@münchen.example.',
}
OTHER_ADDRESSES = (
    'lee@munchen.example', 'le.e@münchen.example', 'lee@münchen.example.com', 'lee@xn--mnchen-4ya.example', 'lee',
    'lee@мünchen.example',
)  # fmt: skip
CURIOUS = 'e\u0301\u200b\u200c\u200d\ufe0f\u00ad\u094d\u0915\u3164\U0001f468\U0001f3fd\u212a\r\n\u2028 aA.@'
ODD = st.text(st.characters(exclude_categories=['Cs']) | st.sampled_from(CURIOUS), max_size=30)


@pytest.mark.lesson('M-32')
@pytest.mark.parametrize('written', LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_what_nobody_sees_is_taken_away(written: str) -> None:
    assert tidy(written) == NAME
    assert same(written, NAME)


@pytest.mark.lesson('M-32')
@pytest.mark.parametrize('written', OF_ONE_KEY.values(), ids=OF_ONE_KEY)
def test_look_alikes_have_one_key(written: str) -> None:
    assert fold(written) == fold(NAME) == 'café ember tutors'


@pytest.mark.parametrize('written', OTHERS.values(), ids=OTHERS)
def test_what_people_can_tell_apart_has_another_key(written: str) -> None:
    assert fold(written) != fold(NAME)
    assert not same(written, NAME)


@pytest.mark.lesson('M-32')
@pytest.mark.parametrize('written', OF_ONE_ADDRESS.values(), ids=OF_ONE_ADDRESS)
def test_spellings_of_one_address_have_one_key(written: str) -> None:
    assert fold_email(written) == fold_email(ADDRESS) == 'lee@xn--mnchen-3ya.example'


@pytest.mark.parametrize('written', OTHER_ADDRESSES)
def test_another_address_has_another_key(written: str) -> None:
    assert fold_email(written) != fold_email(ADDRESS)


def test_two_domains_that_idna_tells_apart_are_two() -> None:
    assert fold_domain('straße.example') == 'xn--strae-oqa.example' != fold_domain('strasse.example')
    assert fold_domain('XN--STRAE-OQA.example') == fold_domain('straße.example')


@pytest.mark.parametrize(
    'written',
    [
        'می\u200cخواهم',
        'क्\u200dष',
        '\U0001f468\u200d\U0001f469\u200d\U0001f467 Tutors',
        '❤\ufe0f Tutors',
        '\U0001f3f3\ufe0f\u200d\U0001f308',
        'One line\nand another',
        'Two  spaces',
        'Ｆｕｌｌ',
        'O’Brien – Tutors™',
    ],
)
def test_what_spells_a_word_or_a_line_stays(written: str) -> None:
    assert tidy(written) == written


def test_joiners_are_no_difference() -> None:
    assert same('می\u200cخواهم', 'میخواهم')
    assert look('❤\ufe0f') == '❤'
    assert not same('1', 1)
    assert same(None, None)


def test_lines_end_in_one_way() -> None:
    assert tidy('a\r\nb\rc\u2029d') == 'a\nb\nc\nd'
    assert clean('a\r\nb \t c') == 'a b c'


@settings(max_examples=examples(100), deadline=None)
@given(ODD)
@pytest.mark.parametrize('name', ['clean', 'tidy', 'look', 'fold', 'fold_email', 'fold_domain'])
def test_a_second_time_changes_nothing(name: str, written: str) -> None:
    act = getattr(texts if name in ('clean', 'tidy') else spelling, name)
    once = act(written)
    assert act(once) == once
    if name != 'fold_domain':
        assert act(tidy(written)) == once


@pytest.mark.lesson('M-1')
@pytest.mark.parametrize('domain', ['\ufb03' * 500, 'ü' * 400, 'ü.' * 200])
def test_a_domain_that_is_too_long_for_one_is_not_turned_into_punycode(domain: str) -> None:
    key = fold_email(f'ada@{domain}')
    assert 'xn--' not in key
    assert fold_email(key) == key
