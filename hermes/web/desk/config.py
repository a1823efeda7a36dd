"""The Config (ADM-3): every setting that people change while Hermes runs. A change takes effect at once, everywhere."""

from collections.abc import Sequence

from starlette.responses import Response

from hermes.db.catalogue import Knowledge
from hermes.domain.acts import SetSetting
from hermes.domain.config import KEYS, ConfigKey, effective, parse
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import Value
from hermes.domain.staff import show_name
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit
from hermes.web.desk.what_if import show_what_if

PAGE = '/desk/config/'


async def show_config(visit: Visit) -> Response:
    known = await _known(visit)
    lines = [
        {
            'key': key,
            'value': _called(key, effective(key, known.settings), known),
            'set': known.settings.get(key.name) is not None,
        }
        for key in KEYS.values()
    ]
    return show(visit, 'config.html', lines=lines, may_change=visit.may('admin'))


async def show_setting(visit: Visit) -> Response:
    key, known = _key(visit), await _known(visit)
    return _show(visit, key, known, _written(known.settings.get(key.name)))


async def save_setting(visit: Visit) -> Response:
    """Set it, or show what that would change (ADM-14)."""
    key, written = _key(visit), visit.field('value')
    try:
        act = SetSetting(key.name, parse(key, written))
        if visit.field('action') == 'preview':
            return await show_what_if(visit, act, f'{PAGE}{key.name}/')
        done = await visit.act(act)
    except Refused as error:
        return _show(visit, key, await _known(visit), written, str(error))
    return lead(visit.link(PAGE, done=done.event_id))


def _show(visit: Visit, key: ConfigKey, known: Knowledge, written: str, wrong: str = '') -> Response:
    return show(
        visit, 'setting.html', 422 if wrong else 200, setting=key, written=written, choices=_choices(key, known),
        default=_called(key, key.default, known), wrong={'value': wrong} if wrong else {},
    )  # fmt: skip


def _key(visit: Visit) -> ConfigKey:
    if key := KEYS.get(visit.part('setting')):
        return key
    raise NotFound('There is no such setting.')


async def _known(visit: Visit) -> Knowledge:
    async with visit.parts.database.transaction() as connection:
        return await visit.parts.engine.known(connection)


def _choices(key: ConfigKey, known: Knowledge) -> Sequence[tuple[str, str]]:
    """What a setting may be, where that is a choice."""
    directory = known.directory
    if key.type == 'pipeline':
        return [
            (str(n), str(each.fields.get('name')))
            for n, each in directory.pipelines.items()
            if n == each.ref.id and not each.gone and not each.fields.get('archived')
        ]
    if key.type == 'admin':
        people = directory.admins.items()
        return [
            (str(n), show_name(each.fields))
            for n, each in people
            if n == each.ref.id and not each.gone and each.fields.get('is_sales_person')
        ]
    return (('yes', 'yes'), ('no', 'no')) if key.type == 'bool' else ()


def _written(value: Value) -> str:
    return '' if value is None else 'yes' if value is True else 'no' if value is False else str(value)


def _called(key: ConfigKey, value: Value, known: Knowledge) -> Value:
    """A value as people know it: the name of a record."""
    if value is None or key.record_type is None:
        return value
    return dict(_choices(key, known)).get(str(value), f'{key.record_type} {value}, which cannot be chosen any more')
