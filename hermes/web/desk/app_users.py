"""What a person does about an app user (AU-4, AU-5, AU-11, AU-20): moderate, decide, merge, delete the account."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from hermes.db.reads.people import find_user
from hermes.domain.acts import Act, DecideAppUser, MergeAppUsers, ModerateAppUser, RemoveAppUser
from hermes.domain.errors import NotFound, Refused
from hermes.kit.spelling import fold
from hermes.kit.texts import read_number
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

ACTIONS: Final = {
    'spam': 'Spam', 'review': 'To be reviewed', 'account_deleted': 'The account was deleted', '': 'Nothing of these',
}  # fmt: skip
CHOICES: Final = {
    'create': 'Make them in the CRM', 'link': 'They are the one with this id in the CRM',
    'skip': 'They are not to be there, for good', 'retry': 'Look again',
}  # fmt: skip


async def show_account(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    user = await _find(visit)
    return show(
        visit, 'account_of_user.html', status, whom=user, called=_called(user), actions=ACTIONS, choices=CHOICES,
        path=_path(visit), wrong=wrong or {},
    )  # fmt: skip


async def act_on_account(visit: Visit) -> Response:
    """One act; merging and deleting ask for the name."""
    user = await _find(visit)
    named = visit.field('act') not in ('merge', 'delete') or fold(visit.field('name')) == fold(_called(user))
    if not named:
        return await _show(visit, 422, {visit.field('act'): f'Write "{_called(user)}" to do this. Nothing was done.'})
    try:
        done = await visit.act(_wanted(visit))
    except Refused as error:
        return await _show(visit, 422, {visit.field('act'): str(error)})
    return lead(visit.link(_path(visit), done=done.event_id))


def _wanted(visit: Visit) -> Act:
    """Raises Refused."""
    number, act, choice = visit.number('record'), visit.field('act'), visit.field('choice')
    if act == 'moderate' and choice in ACTIONS:
        return ModerateAppUser(number, choice)  # type: ignore[arg-type]
    if act == 'decide' and choice in CHOICES:
        return DecideAppUser(number, choice, visit.field('crm_id'), visit.field('reason'))  # type: ignore[arg-type]
    if act == 'merge':
        return MergeAppUsers(number, read_number(visit.field('into')) or 0)
    if act == 'delete':
        return RemoveAppUser(number)
    raise Refused('Choose what is to be done; nothing was done.')


async def _find(visit: Visit) -> dict[str, Any]:
    """Raises NotFound."""
    if visit.part('type') != 'app_user':
        raise NotFound('There is no such page.')
    return dict(await visit.parts.reading.ask(find_user, visit.number('record')))


def _called(user: Mapping[str, Any]) -> str:
    return str(user['email'] or f'app_user {user["id"]}')


def _path(visit: Visit) -> str:
    return f'/desk/records/app_user/{visit.number("record")}/'
