"""What invented companies and people are called. One number is one company, and no two are called the same."""

from typing import Final, NamedTuple

from hermes.kit.spelling import fold


def _words(told: str) -> tuple[str, ...]:
    return tuple(told.split())


FIRST: Final = _words(
    'Ada Ben Carla Dev Elena Femi Grace Hugo Ines Jamal Kirsten Leo Maya Nadia Oscar Priti Quinn Rosa Samir Tessa '
    'Umar Vera Wesley Xenia Yusuf Zoe Aisha Bruno Chloe Dario Esther Felix Greta Hannah Ivan Joanna Kofi Lena Mateo '
    'Noor Olga Pablo Ruth Stefan Thea Uma Viktor Wanda Yara Zane Alina Boris Celia Dora Emil Fiona Gareth Helga '
    'Imran Judith Karim Laura Milan Nora Owen Petra Ralph Sonia Tomas Ursula '
)
LAST: Final = _words(
    'Okafor Brook Lindqvist Patel Moreau Tanaka Silva Novak Haddad Fraser Kowalski Byrne Castillo Dube Eriksen '
    'Farouk Gallo Hughes Ito Jansen Khan Lopez Marsh Nkosi Ortega Park Quigley Rossi Schmidt Takeda Usman Vargas '
    'Walsh Yilmaz Zhang Abbott Bianchi Carver Doyle Engel Flores Grant Hoang Ivanov Joshi Keller Lowe Mensah Nolan '
    'Osei Pereira Ramos Sato Thorne Unger Vega Weiss Young Zeller Adeyemi Bauer Chandra Delgado Easton '
)
PLACES: Final = _words(
    'Amber Birch Cedar Dove Elm Fern Glen Hazel Iris Juniper Kestrel Linden Maple North Oak Pine Quay River Stone '
    'Thistle Upland Vale Willow Yarrow Alder Bridge Copper Dawn East Falcon Garden Harbour Island Jade King Lake '
    'Meadow Noble Orchard Park Queen Rowan Silver Tower Union Valley West York Zenith Acorn Beacon Castle Delta '
    'Ember Forest Granite Heather Ivory Jubilee Knoll Lantern Mill Nova Opal Prospect Quarry Ridge Summit Trinity '
    'Venture Windmill Abbey Brook Crown Dale Echo Field Grove Hill Inlet Junction Keystone Laurel '
)
SUBJECTS: Final = _words(
    'Tutors Tuition Learning Maths Languages Academy Education Science Music Mentors Study Scholars Lessons '
    'Coaching Reading Writing Schools Teachers Prep Skills Chess Coding Physics French Spanish English History '
    'Drama Exams Homework Classes Minds Pathways Campus Institute Training Support Partners Collective Studio '
)
MORE: Final = _words(
    'Group Centre House Online Network Works Direct Hub Company Associates Circle Lab Rooms Alliance Place Society '
    'Service Club Guild Point Together Now Plus International Bureau Trust Union Team Forum Yard Collection '
    'Exchange '
)
WAYS: Final = len(PLACES) * len(SUBJECTS) * len(MORE)
STRIDE: Final = 65_537
"""Prime to WAYS, so that neighbours are not called alike."""


class Names(NamedTuple):
    """What one company is called, as a title, as a key and in addresses."""

    title: str
    key: str
    slug: str
    domain: str


class Person(NamedTuple):
    first: str
    last: str
    mailbox: str
    phone: str
    """Ten digits, as they are dialled at home without the 0."""


def company(number: int) -> Names:
    """The names of a company, different for each number."""
    turn, place = divmod(number * STRIDE, WAYS) if number < WAYS else divmod(number, WAYS)
    place, one = divmod(place, len(PLACES))
    more, subject = divmod(place, len(SUBJECTS))
    title = f'{PLACES[one]} {SUBJECTS[subject]} {MORE[more]}'
    if number >= WAYS:
        title = f'{title} {turn + 1}'
    slug = title.lower().replace(' ', '-')
    return Names(title, fold(title), slug, f'{slug}.example')


def person(company_number: int, place: int) -> Person:
    """One of the people of a company; `place` counts them."""
    drawn = company_number * 7 + place * 31
    first, last = FIRST[drawn % len(FIRST)], LAST[(company_number // 3 + place * 5) % len(LAST)]
    mailbox = f'{first}.{last}'.lower() + (str(place) if place else '')
    return Person(first, last, mailbox, f'207{9_000_000 + (company_number * 10 + place) % 1_000_000:07d}')
