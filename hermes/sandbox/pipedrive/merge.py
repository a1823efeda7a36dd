"""Merging two objects: the survivor's values win, empty ones are filled, texts are kept side by side, children move.

A text custom field becomes `survivor, loser`; a numeric one silently keeps the survivor's. Two webhooks follow, in
either order, with the same correlation id.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.answers import Refused
from hermes.sandbox.pipedrive.schema import rfc3339
from hermes.sandbox.pipedrive.values import TEXTS

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import Actor, PipedriveAccount

Row = dict[str, Any]
LINKS = {'organization': 'org_id', 'person': 'person_id', 'deal': 'deal_id'}
CHILDREN = {'organization': ('person', 'deal', 'activity'), 'person': ('deal', 'activity'), 'deal': ('activity',)}
OWN = ('id', 'add_time', 'update_time', 'is_deleted', 'custom_fields', 'emails', 'phones', 'label_ids', 'status')


def merge(account: PipedriveAccount, kind: str, loser_id: int, survivor_id: int, actor: Actor) -> Row:
    """`loser_id` goes, `survivor_id` stays and is returned. Raises Refused (400, 404)."""
    if loser_id == survivor_id:
        raise Refused(400, 'Can not merge an item with itself')
    loser, survivor = account.editable(kind, loser_id), account.editable(kind, survivor_id)
    lost, before = copy.deepcopy(loser), copy.deepcopy(survivor)
    fill_up(account, kind, survivor, loser)
    now = rfc3339(account.now())
    survivor['update_time'] = now
    loser |= {'is_deleted': True, 'update_time': now, '_merged_to': survivor_id}
    move_children(account, kind, loser_id, survivor_id, now)

    def send_delete() -> None:
        account.subscriptions.emit(kind, 'delete', lost, None, actor, merged_to_id=str(survivor_id))

    def send_change() -> None:
        account.subscriptions.emit(kind, 'change', before, survivor, actor, merged_from_id=str(loser_id))

    steps = [send_delete, send_change]
    account.world.chance.shuffle(steps)
    for send in steps:
        send()
    return survivor


def fill_up(account: PipedriveAccount, kind: str, survivor: Row, loser: Row) -> None:
    for name, value in loser.items():
        if name not in OWN and not name.startswith('_') and survivor[name] in (None, ''):
            survivor[name] = value
    for name in ('emails', 'phones'):
        if name in survivor:
            known = {one['value'] for one in survivor[name]}
            more = [one | {'primary': not known and one['primary']} for one in loser[name] if one['value'] not in known]
            survivor[name] = survivor[name] + more
    if 'label_ids' in survivor:
        survivor['label_ids'] = list(dict.fromkeys(survivor['label_ids'] + loser['label_ids']))
    for field in account.catalogues[kind].custom():
        code = field['field_code']
        ours, theirs = survivor['custom_fields'].get(code), loser['custom_fields'].get(code)
        survivor['custom_fields'][code] = joined(field['field_type'], ours, theirs)


def joined(field_type: str, ours: Any, theirs: Any) -> Any:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return f'{ours}, {theirs}' if field_type in TEXTS and ours != theirs else ours


def move_children(account: PipedriveAccount, kind: str, loser_id: int, survivor_id: int, now: str) -> None:
    """Without webhooks of their own: the two of the merge have to do."""
    for table in CHILDREN[kind]:
        for child in account.tables[table].values():
            if child.get(LINKS[kind]) == loser_id:
                child |= {LINKS[kind]: survivor_id, 'update_time': now}
            for one in child.get('participants', ()) if kind == 'person' else ():
                if one['person_id'] == loser_id:
                    one['person_id'] = survivor_id
