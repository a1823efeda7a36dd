"""What each system says of itself fits what the domain speaks of, and who plays which role."""

from hermes.domain.matching import RECORD_TYPE
from hermes.parts import roles
from hermes.parts.systems import SYSTEMS, names, profiles

ROLES = {
    'crm': (roles.CRM, roles.CRM_TITLE),
    'product': (roles.PRODUCT, roles.PRODUCT_TITLE),
    'calendar': (roles.CALENDAR, roles.CALENDAR_TITLE),
}


def test_each_role_is_played_by_the_system_that_says_so() -> None:
    played = [profile for profile in profiles().values() if profile.role not in ('', 'people')]
    assert {profile.role: (profile.name, profile.title) for profile in played} == ROLES
    assert len(played) == len(ROLES)


def test_the_domain_knows_every_type_of_the_systems_with_a_role() -> None:
    told = {
        (profile.name, remote): ours
        for profile in profiles().values()
        if profile.role not in ('', 'people')
        for ours, remote in profile.types.items()
    }
    assert told == RECORD_TYPE


def test_what_is_listed_is_of_a_type_that_the_system_has() -> None:
    for profile in profiles().values():
        lists = profile.listings
        told = {*lists.first, *lists.before_making, *lists.full, *lists.changed, *lists.shared, *lists.archived}
        assert told <= set(profile.types.values()), profile.name
        assert set(lists.before_making) <= set(lists.first) <= set(lists.full), profile.name


def test_nobody_shares_a_name() -> None:
    told = [name for each in SYSTEMS for name in (each.profile.name, *each.profile.aliases)]
    assert len(told) == len(set(told))
    assert names()['pd'] == roles.CRM
