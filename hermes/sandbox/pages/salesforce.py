"""The pages of Salesforce: what they show, and what their forms do, as an admin of the CRM would."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hermes.sandbox.faults import KINDS as FAULTS
from hermes.sandbox.pages import feed
from hermes.sandbox.pages.forms import NotDone, number
from hermes.sandbox.salesforce import Refused

if TYPE_CHECKING:
    from hermes.sandbox.salesforce import Salesforce
    from hermes.sandbox.salesforce.store import Table
    from hermes.sandbox.world import World

PER_PAGE = 20
CALLS = 25
MOST_LOADED = 10_000
KINDS = ('app_user', 'app_email', 'contact')
HEADED = ('email', 'first_name', 'last_name', 'contact', 'master', 'review', 'sustainer')
"""Parts that are shown in the head of a record, or below under their own words."""
Json = dict[str, Any]


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `q` (part of a name or an address), `page` from 1."""
    crm, wanted = world.salesforce, query.get('q', '').strip().lower()
    crm.flow.catch_up()
    users = list(_found(crm.kind('app_user'), wanted))
    pages = max(1, -(-len(users) // PER_PAGE))
    page = min(max(int(query['page']) if query.get('page', '').isdecimal() else 1, 1), pages)
    return {
        'kinds': [(kind, crm.kind(kind).spec) for kind in KINDS],
        'counts': {kind: sum(1 for _ in crm.kind(kind).live()) for kind in KINDS},
        'records': {
            'app_user': [_record(crm, 'app_user', one) for one in users[(page - 1) * PER_PAGE : page * PER_PAGE]],
            'app_email': _first(crm, 'app_email', wanted),
            'contact': _first(crm, 'contact', wanted),
        },
        'fields': {
            kind: [one.name for one in crm.kind(kind).spec.fields.values() if one.writable or one.part == 'sustainer']
            for kind in KINDS
        },
        'count': len(users),
        'q': query.get('q', ''),
        'page': page,
        'pages': pages,
        'ledger': crm.ledger,
        'sessions': len(crm.tokens.used),
        'flow': crm.flow,
        'kinds_of_faults': FAULTS,
        'faults': _faults(crm),
        'writable': sorted(crm.writable),
        'calls': feed.calls(world, 'salesforce', CALLS),
    }


def shown_lists(world: 'World') -> Json:
    """By list, whom it reaches."""
    return {'lists': world.salesforce.lists()}


def _faults(crm: 'Salesforce') -> list[str]:
    told = [f'{name}: {value:g}' for name, value in vars(crm.troubles).items() if value]
    return told + [f'{one.kind} {one.path or "any path"}, {one.times} times' for one in crm.faults.planned]


def _found(table: 'Table', wanted: str) -> Iterator[Json]:
    """The records, newest first, deleted ones too, of which a name or an address has that in it."""
    names = [table.parts[part] for part in ('email', 'first_name', 'last_name', 'legacy', 'key') if part in table.parts]
    for row in reversed(table.rows.values()):
        if not wanted or any(wanted in str(row[name] or '').lower() for name in names):
            yield row


def _first(crm: 'Salesforce', kind: str, wanted: str) -> list[Json]:
    rows = [row for row, _ in zip(_found(crm.kind(kind), wanted), range(PER_PAGE), strict=False)]
    return [_record(crm, kind, row) for row in rows]


def _record(crm: 'Salesforce', kind: str, row: Json) -> Json:
    table = crm.kind(kind)
    parts = {part: row[name] for part, name in table.parts.items()}
    contact = crm.contacts.rows.get(parts.get('contact') or '')
    headed = {table.parts[part] for part in HEADED if part in table.parts}
    own = [one for one in table.spec.fields if one in table.parts.values() and one not in headed]
    gone = f'merged into {parts["master"]}' if parts.get('master') else 'deleted' if row['IsDeleted'] else ''
    told = ' '.join(parts[part] for part in ('first_name', 'last_name') if parts.get(part))
    return {
        'id': row['Id'],
        'name': told or parts.get('email') or row['Name'],
        'number': row['Name'] if table.spec.numbered else '',
        'email': parts.get('email'),
        'contact': contact and {'id': contact['Id'], 'name': contact['Name']},
        'review': parts.get('review'),
        'sustainer': parts.get('sustainer'),
        'gone': gone,
        'merged': bool(parts.get('master')),
        'fields': [(name, row[name]) for name in own if row[name] not in (None, False)],
    }


def carry_out(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Do what the form asks. Returns the place on the page to go to, and a sentence. Raises NotDone."""
    crm, act = world.salesforce, form.get('act', '')
    try:
        if form.get('id'):
            return form.get('place') or f'record-{form["id"]}', _act_on(
                crm, form.get('kind', ''), form['id'], act, form
            )
        return _act_at_large(crm, act, form)
    except Refused as refusal:
        raise NotDone(f'{refusal.code}: {refusal.message}') from None
    except (LookupError, ValueError) as problem:
        raise NotDone(str(problem)) from None


def _act_on(crm: 'Salesforce', kind: str, record_id: str, act: str, form: dict[str, str]) -> str:
    if act == 'set_field':
        name = form.get('field', '')
        crm.edit(kind, record_id, **{name: _value(crm, kind, name, form.get('value', ''))})
        return f'{name} is set.'
    if act == 'delete':
        crm.delete(kind, record_id)
        return 'It is in the bin.'
    if act == 'undelete':
        crm.undelete(kind, record_id)
        return 'It is out of the bin.'
    if act == 'merge':
        kept = crm.merge(record_id, form.get('survivor', ''))
        return f'It is merged into {kept["Name"]} ({kept["Id"]}).'
    if act in ('sustainer', 'no_sustainer'):
        crm.flag_sustainer(record_id, act == 'sustainer')
        return 'A sustainer.' if act == 'sustainer' else 'No sustainer any more.'
    raise NotDone('There is no such act.')


def _value(crm: 'Salesforce', kind: str, name: str, text: str) -> Any:
    field = crm.kind(kind).field(name)
    if field.type == 'boolean':
        return text.lower() in ('true', 'yes', '1')
    if field.type == 'double' and text:
        return float(text)
    return text or None


def _act_at_large(crm: 'Salesforce', act: str, form: dict[str, str]) -> tuple[str, str]:
    if act == 'create':
        table = crm.kind('contact')
        told = {table.parts[part]: form.get(part) for part in ('first_name', 'last_name', 'email')}
        return 'contact', f'{crm.create("contact", told)["Name"]} is made.'
    if act == 'load_legacy_people':
        count, first = number(form, 'count'), crm.contacts.last_number + 1
        crm.load_legacy_people(min(count, MOST_LOADED), first=first)
        return 'app_user', f'{min(count, MOST_LOADED)} people are loaded, with legacy ids.'
    if act == 'end_sessions':
        return 'break', f'{crm.end_sessions()} sessions are over.'
    if act == 'fail':
        crm.fail(form.get('fault', ''), path=form.get('path', ''))
        return 'break', f'The next call meets a fault: {form.get("fault")}.'
    if act == 'lock':
        crm.break_things(locks=1)
        return 'break', 'The next record that is written is locked.'
    if act == 'use_up':
        crm.set_calls(used=crm.ledger.daily)
        return 'break', 'No call is left for today.'
    if act == 'give_calls':
        crm.set_calls(used=0)
        return 'break', 'All calls are left.'
    if act in ('flow_on', 'flow_off'):
        crm.set_flow(act == 'flow_on')
        return 'break', f'The flow is {"on" if crm.flow.on else "off: nobody is joined to a Contact"}.'
    if act in ('writable', 'read_only'):
        crm.allow_writing('contact', act == 'writable')
        return 'break', f'Hermes may {"" if act == "writable" else "not "}write Contacts.'
    if act == 'mend':
        crm.mend()
        return 'break', 'Nothing is broken any more.'
    raise NotDone('There is no such act.')
