"""One telephone, however it is written; another one, however alike it looks (MATCH-1, MATCH-5)."""
# ruff: noqa: RUF001 - what looks alike is what this is about

import pytest

from hermes.kit import phones

LONDON = '020 7946 0011'
SPELLINGS = [
    ('020 7946 0011', 'GB'),
    ('02079460011', 'GB'),
    ('(020) 7946 0011', 'GB'),
    ('(0)20 7946 0011', 'GB'),
    ('020-7946-0011', 'GB'),
    ('020.7946.0011', 'GB'),
    ('020/7946 0011', 'GB'),
    ('020 – 7946 – 0011', 'GB'),
    ('20 7946 0011', 'GB'),
    ('+44 20 7946 0011', 'GB'),
    ('+442079460011', None),
    ('+44 (0)20 7946 0011', None),
    ('+44 (0) 20 7946 0011', 'US'),
    ('+44 020 7946 0011', 'GB'),
    ('(+44) 20 7946 0011', 'FR'),
    ('0044 20 7946 0011', 'GB'),
    ('0044 20 7946 0011', None),
    ('0044 (0)20 7946 0011', 'US'),
    ('(0044) 20 7946 0011', None),
    ('011 44 20 7946 0011', 'US'),
    ('44 20 7946 0011', 'GB'),
    ('020 7946 0011 ext. 5', 'GB'),
    ('020 7946 0011 x12', 'GB'),
    ('020 7946 0011 #12', 'GB'),
    ('+44 20 7946 0011;ext=7', None),
    ('+44 20 7946 0011 extension 12 (office)', None),
    ('tel:+44-20-7946-0011', None),
    ('Tel. 020 7946 0011', 'GB'),
    ('+44 (0) 20 7946 0011 Mobile', 'GB'),
    ('٠٢٠ ٧٩٤٦ ٠٠١١', 'GB'),
    ('०२० ७९४६ ००११', 'GB'),
    ('＋４４ ２０ ７９４６ ００１１', None),
    ('020\u00a07946\u200b0011', 'GB'),
    ('\u202a+44 20 7946 0011\u202c', None),
]


def is_one(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    """Whether a lookup by the one finds the other; it does so both ways or not at all."""
    mine, theirs = phones.keys(*one), phones.keys(*other)
    found = not phones.asked(mine).isdisjoint(theirs)
    assert found is not phones.asked(theirs).isdisjoint(mine)
    return found


@pytest.mark.lesson('M-30')
@pytest.mark.parametrize(('written', 'country'), SPELLINGS)
def test_every_spelling_of_a_number_is_that_number(written: str, country: str | None) -> None:
    assert phones.keys(written, country)[0] == '+442079460011'
    assert is_one((written, country), (LONDON, 'GB'))


@pytest.mark.lesson('M-30')
@pytest.mark.parametrize(
    ('one', 'other'),
    [
        (('+34 (0)912 345 678', None), ('912 34 56 78', 'ES')),
        (('+1 (0)415 555 2671', None), ('(415) 555-2671', 'US')),
        (('1-415-555-2671', 'US'), ('+1 415 555 2671', 'GB')),
        (('+39 06 6982 1234', None), ('06 6982 1234', 'IT')),
        (('8 (495) 123-45-67', 'RU'), ('+7 495 123 45 67', None)),
        (('07700 900123', 'GB'), ('+44 7700 900 123', None)),
        (('0800 FLOWERS', 'GB'), ('0800 3569377', 'GB')),
        (('020 7946 0011 / 07700 900123', 'GB'), ('+447700900123', None)),
        (('020 7946 0011; +44 7700 900123', None), ('+447700900123', None)),
    ],
)
def test_so_it_is_in_other_countries_and_where_one_text_holds_several(
    one: tuple[str, str | None], other: tuple[str, str | None]
) -> None:
    assert is_one(one, other)


@pytest.mark.lesson('M-30')
@pytest.mark.parametrize(
    'written', ['020 7946 0011', '(020) 7946-0011', '44 20 7946 0011', '020 7946 0011 ext 5', '２０７９４６００１１']
)
def test_a_number_of_nobody_knows_which_country_is_one_that_is_dialled_like_it(written: str) -> None:
    assert is_one((written, None), (LONDON, 'GB'))
    assert is_one((written, None), (written, 'XX'))
    assert not is_one((written, None), ('020 7946 0012', 'GB'))


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ((LONDON, 'GB'), ('020 7946 0012', 'GB')),
        ((LONDON, 'GB'), ('+44 7700 900123', None)),
        (('01 23 45 67 89', 'FR'), ('01234 56789', 'GB')),
        (('415 555 2671', 'US'), ('+44 415 555 2671', None)),
        ((LONDON, 'GB'), (LONDON, 'DE')),
    ],
)
def test_another_number_is_another(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    assert not is_one(one, other)


@pytest.mark.parametrize(
    'written', ['', 'n/a', '12345', '0000000000', '1111111', '123456789', '0123456789', '+0', 'ext 5']
)
@pytest.mark.parametrize('country', ['GB', None, 'XX'])
def test_what_only_fills_the_field_is_nobodys(written: str, country: str | None) -> None:
    assert phones.keys(written, country) == ()
    assert phones.asked(()) == set()
