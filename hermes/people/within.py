"""The API of app users without HTTP: the same paths and bodies, stored within a transaction of the host (AU-17)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from hermes.db import host
from hermes.db.host import HostConnection
from hermes.domain.acts import (
    Act,
    AddAppUser,
    ChangeAppUser,
    MergeAppUsers,
    ModerateAppUser,
    RemoveAppUser,
    Subscribe,
)
from hermes.domain.app_user import key_of, key_of_list
from hermes.domain.errors import NotFound, Refused
from hermes.people.forms import Changed, Merged, Moderation, NewSubscription, NewUser


def say(connection: HostConnection, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Store what the host says under a path of the API, as it would be answered. Raises Refused, NotFound."""
    try:
        act, number = _act(connection, method, path, body)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = '.'.join(str(part) for part in wrong['loc'])
        raise Refused(f'{where}: {str(wrong["msg"]).removeprefix("Value error, ")}', 'invalid') from None
    host.submit(connection, act)
    state, crm_id = host.standing(connection, number)
    return {'id': number, 'state': state or 'UserCreated', 'crm_id': crm_id}


def _act(connection: HostConnection, method: str, path: str, body: Mapping[str, Any]) -> tuple[Act, int]:
    if path == '/':
        user = NewUser.model_validate(body)
        number = host.claim(connection, key_of(user.user_id, user.email))
        return AddAppUser(id=number, **user.model_dump()), number
    if path == '/subscriptions/':
        asked = NewSubscription.model_validate(body)
        number = host.claim(connection, key_of_list(asked.email))
        return Subscribe(id=number, **asked.model_dump()), number
    who, _, what = path.strip('/').partition('/')
    number = _find(connection, unquote(who))
    if method == 'PATCH':
        return ChangeAppUser(number, Changed.model_validate(body).model_dump(exclude_unset=True)), number
    if method == 'DELETE':
        return RemoveAppUser(number), number
    if what == 'moderation':
        return ModerateAppUser(number, Moderation.model_validate(body).action), number
    if what == 'merge':
        into = _find(connection, Merged.model_validate(body).into)
        return MergeAppUsers(number, into), into
    raise NotFound('There is nothing here.')


def _find(connection: HostConnection, who: str) -> int:
    """Raises NotFound."""
    kind, colon, told = who.partition(':')
    number: int | None = None
    if colon and kind == 'host':
        number = host.find(connection, host.FIND_KEY, key_of(told, ''))
    elif colon and kind == 'crm':
        number = host.find(connection, host.FIND_CRM_ID, told)
    elif who.isascii() and who.isdigit() and len(who) < 19:
        number = int(who)
    if number is None:
        raise NotFound('There is no such app user.')
    return number
