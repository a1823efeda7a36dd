"""Codes and names of countries: the library's list decides, and every code has a name that leads back to it."""

import itertools
import string

import pytest

from hermes.kit.countries import alpha2, english_name, iso_code, iso_codes


@pytest.mark.lesson('M-25')
def test_only_what_is_on_the_list_is_a_code() -> None:
    pairs = {''.join(pair) for pair in itertools.product(string.ascii_uppercase, repeat=2)}
    assert {code for code in pairs if iso_code(code)} == iso_codes() | {'UK'}
    assert 245 < len(iso_codes()) < 260
    assert {'GB', 'US', 'ZA', 'JE', 'GG', 'IM', 'AX', 'AQ'} <= iso_codes()
    assert not iso_codes() & {'EU', 'UN', 'AP', 'QQ', 'XX', 'T1', 'ZZ', 'XK', 'UK', 'AC', 'IC'}
    assert iso_code(' uk ') == iso_code('gb') == 'GB'
    assert [iso_code(told) for told in ('', 'G', 'GBR', 'Germany', 'ß', '\ufb01')] == [None] * 6


@pytest.mark.lesson('M-25')
def test_a_country_is_read_by_its_code_and_by_its_name() -> None:
    for code in iso_codes():
        assert alpha2(code.lower()) == code
        assert alpha2(english_name(code)) == code
        assert alpha2(f'{english_name(code)} ({code})') == code
    assert (alpha2('UK'), alpha2('EU'), alpha2('IC'), alpha2('Kosovo'), alpha2('XK')) == ('GB', None, None, 'XK', 'XK')
