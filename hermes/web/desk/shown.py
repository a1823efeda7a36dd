"""How values are written on the desk's pages: times, sizes, numbers, values of records, addresses."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from hermes.db.reads.overview import MOST
from hermes.parts.roles import CALENDAR, CALENDAR_TITLE, CRM, CRM_TITLE, PRODUCT, PRODUCT_TITLE
from hermes.web.desk.promises import link_rules

TITLES: Final = {CRM: CRM_TITLE, PRODUCT: PRODUCT_TITLE, CALENDAR: CALENDAR_TITLE, 'hermes': 'Hermes'}
"""What people call those who speak; all others by their own name."""
SPOKEN: Final = {
    **TITLES,
    'au': 'AU', 'bdr': 'BDR', 'ca': 'CA', 'dft': 'default', 'dt': 'date', 'dur': 'length', 'eu': 'EU', 'gb': 'GB',
    'gclid': 'GCLID', 'mins': 'in minutes', 'narc': 'NARC', 'payg': 'PAYG', 'pd': CRM_TITLE, 'row': 'rest of the world',
    's': 'in seconds', 'tc2': 'TC2', 'url': 'URL', 'us': 'US', 'utm': 'UTM',
}  # fmt: skip
SPANS: Final = ((86_400, 'd'), (3_600, 'h'), (60, 'min'), (1, 's'))


def utc(at: datetime | None) -> str:
    """'2026-12-03T10:00:00Z'; '' for none."""
    return '' if at is None else at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')


def moment(at: datetime | None) -> Markup:
    """A time: as text in UTC, for machines as it is, for a script to write relatively and in the local zone."""
    if at is None:
        return Markup('<span class="none">never</span>')
    told = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc(at), told.strftime('%A %-d %B %Y, %H:%M:%S'), told.strftime('%Y-%m-%d %H:%M:%S')
    )


def span(seconds: float | timedelta | None) -> str:
    """A duration as people say it: '3 min', '2 h'; '' for none."""
    if seconds is None:
        return ''
    told = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if told < 1:
        return f'{round(told * 1000)} ms'
    for size, word in SPANS:
        if told >= size:
            exact = f'{told / size:.0f}' if told >= 10 * size or word == 's' else f'{told / size:.1f}'
            return f'{exact.removesuffix(".0")} {word}'
    return '0 s'


def number(told: float | None) -> str:
    """With thin spaces between thousands; '' for none."""
    return '' if told is None else f'{told:,}'.replace(',', '\u202f')


def many(told: int, most: int = MOST) -> str:
    """A count that is not counted on for ever: '10 000+'."""
    return f'{number(most)}+' if told > most else number(told)


def value(told: Any) -> Markup:
    """A value of a record: absent and empty are told from text."""
    if told is None:
        return Markup('<span class="none">none</span>')
    if told is True or told is False:
        return escape('yes' if told else 'no')
    if told == '':
        return Markup('<span class="none">empty</span>')
    if isinstance(told, datetime):
        return moment(told)
    if isinstance(told, date):
        return escape(told.isoformat())
    if isinstance(told, Mapping | list | tuple):
        import json

        return escape(json.dumps(told, ensure_ascii=False, default=str))
    return escape(told)


def web_address(told: Any) -> str:
    """An address that may be a link: http and https alone, '' for everything else (S23)."""
    text = str(told or '').strip()
    try:
        parsed = urlsplit(text if '://' in text else f'https://{text}')
    except ValueError:
        return ''
    fits = parsed.scheme in ('http', 'https') and '.' in (parsed.hostname or '') and not any(map(str.isspace, text))
    return parsed.geturl() if fits and '@' not in parsed.netloc else ''


def words(name: str) -> str:
    """A name of the code as people read it: 'price_plan' -> 'price plan'."""
    return name.replace('_', ' ').replace('.', ' ')


def spoken(name: str) -> str:
    """A field within a sentence or a row: 'tc2_status' -> 'TC2 status', 'stage_id' -> 'stage'."""
    told = name.removeprefix('is_').replace('_', ' ').replace('.', ' ').split()
    if len(told) > 1 and told[-1] == 'id' and told[0] not in ('tc2', 'pd', 'hermes'):
        told.pop()
    return ' '.join(SPOKEN.get(word, word) for word in told)


def label(name: str) -> str:
    """The same over a field or a column: 'stage_id' -> 'Stage'."""
    return sentence(spoken(name))


def system(name: str) -> str:
    """What people call a system."""
    return TITLES.get(name, name)


def subject(told: str) -> str:
    """An object of another system, with what people call that system; an act as it is."""
    parts = told.split(':', 2)
    return f'{system(parts[0])} {parts[1]} {parts[2]}' if len(parts) == 3 else told.replace(':', ' ')


def sentence(text: str) -> str:
    """With a capital at its beginning; nothing else of it changes."""
    return text[:1].upper() + text[1:]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    'utc': utc, 'moment': moment, 'span': span, 'number': number, 'many': many, 'value': value,
    'web_address': web_address, 'words': words, 'rules': link_rules, 'label': label, 'spoken': spoken,
    'sentence': sentence, 'system': system, 'subject': subject,
}  # fmt: skip
