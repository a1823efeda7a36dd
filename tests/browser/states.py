"""Every page of the booking and every state of it, one after the other, as one visitor comes by them."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from tests.browser.website import INDEX, Json, Visitor, moment


def states(visitor: Visitor, who: Json) -> Iterator[str]:
    """The name of each state, while it is on the page."""
    yield from before_a_call(visitor)
    yield from the_times(visitor, who)
    yield from the_form(visitor, who)
    yield from the_booking(visitor)
    yield from a_support_call(visitor)
    yield from what_is_not_there(visitor)


def before_a_call(visitor: Visitor) -> Iterator[str]:
    """The list, the question, the bracket, and the list again."""
    visitor.page.goto(INDEX)
    visitor.see('cards').wait_for()
    yield 'index'
    visitor.see('book-a-call').first.click()
    visitor.see('answer-no').wait_for()
    yield 'question'
    visitor.see('answer-no').click()
    visitor.step('bracket')
    visitor.rest()
    yield 'bracket'
    visitor.see('draw').click()
    visitor.see('summary').wait_for()
    yield 'bracket-wrong'
    visitor.page.goto(f'{INDEX}choose/')
    visitor.step('choose')
    yield 'choose'
    visitor.page.goto(f'{INDEX}?with=left')
    visitor.see('left').wait_for()
    yield 'index-left'


def the_times(visitor: Visitor, who: Json) -> Iterator[str]:
    """A calendar with times, a day without, another clock, and a time that is gone."""
    visitor.times(who)
    yield 'times'
    visitor.show_in('Australia/Lord_Howe')
    yield 'times-elsewhere'
    visitor.page.goto(f'{urlsplit(visitor.page.url).path}?day=2020-02-02&zone=Europe/London&clock=24')
    visitor.see('empty-day').wait_for()
    yield 'times-empty-day'
    visitor.times(who)
    gone = moment(visitor.see('next-time').nth(3).get_attribute('value'))
    visitor.website.take(who['id'], gone)
    visitor.page.locator(f'[data-testid=next-time][value="{gone:%Y-%m-%dT%H:%M:%SZ}"]').click()
    visitor.see('nearest-time').first.wait_for()
    yield 'times-gone'


def the_form(visitor: Visitor, who: Json) -> Iterator[str]:
    """The form as it is, with everything wrong, and when somebody was quicker."""
    visitor.times(who)
    at = visitor.choose()
    yield 'form'
    visitor.see('field-name').fill('Lee')
    visitor.see('field-website').fill('no site')
    visitor.see('field-phone').fill('12')
    visitor.submit()
    visitor.see('summary').wait_for()
    yield 'form-wrong'
    visitor.type()
    end = at + timedelta(minutes=30)
    visitor.website.act('google', 'block', email=who['email'], start=at.isoformat(), end=end.isoformat())
    visitor.submit()
    visitor.see('nearest-time').first.wait_for()
    yield 'form-gone'
    visitor.see('nearest-time').first.click()
    visitor.see('refusal').wait_for(state='detached')
    visitor.submit()
    visitor.step('booked')
    visitor.rest()


def the_booking(visitor: Visitor) -> Iterator[str]:
    """The confirmation, the booking's own page, moved, and canceled."""
    yield 'booked'
    visitor.see('manage').click()
    visitor.step('manage')
    visitor.rest()
    yield 'manage'
    visitor.see('next-time').nth(5).click()
    visitor.see('said').wait_for()
    yield 'manage-moved'
    visitor.see('cancel').click()
    visitor.see('off').wait_for()
    yield 'manage-cancelled'


def a_support_call(visitor: Visitor) -> Iterator[str]:
    """By its link: a calendar that cannot be read, the times, and the form."""
    visitor.website.act('google', 'set_away', email='ines.duarte@office.example')
    visitor.page.goto(visitor.website.support_link('Ines Duarte'))
    visitor.see('failure').wait_for()
    visitor.rest()
    visitor.website.act('google', 'mend')
    yield 'support-failure'
    visitor.page.goto(visitor.website.support_link('Tom Whitfield'))
    visitor.see('next-time').first.wait_for()
    visitor.rest()
    yield 'support-times'
    visitor.choose()
    yield 'support-form'


def what_is_not_there(visitor: Visitor) -> Iterator[str]:
    """Nobody, and a support link that is none."""
    for name, path in (('problem', f'{INDEX}nobody-here/'), ('support-refused', '/support-call/1/?admin_id=1')):
        visitor.page.goto(path)
        visitor.see('alert').wait_for()
        yield name
