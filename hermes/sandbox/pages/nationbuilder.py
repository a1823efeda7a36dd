"""What the page of NationBuilder shows, what its forms do as somebody who works in the nation would, and the two pages
that it shows to others: the consent, and whom a service that sends letters reads from its lists.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hermes.sandbox.faults import KINDS
from hermes.sandbox.nationbuilder import Refused
from hermes.sandbox.pages import feed
from hermes.sandbox.pages.forms import NotDone, optional_number

if TYPE_CHECKING:
    from hermes.sandbox.nationbuilder import NationBuilder
    from hermes.sandbox.world import World

PER_PAGE = 20
CALLS, JOBS = 25, 15
SHOWN = ('first_name', 'last_name', 'email', 'external_id')
Json = dict[str, Any]
NOBODY: Json = dict.fromkeys((*SHOWN, 'unsubscribed_at', 'is_cpu'))


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `q` (part of a name, an address, an external id), `page` from 1."""
    nation = world.nationbuilder
    nation.jobs.ripen()
    wanted = query.get('q', '').strip().lower()
    found = [row for row in reversed(nation.store.tables['signups'].values()) if wanted in _words(row)]
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(int(query['page']) if query.get('page', '').isdecimal() else 1, 1), pages)
    tables = nation.store.tables
    return {
        'people': [NOBODY | nation.person(row) for row in found[(page - 1) * PER_PAGE : page * PER_PAGE]],
        'count': len(found),
        'q': query.get('q', ''),
        'page': page,
        'pages': pages,
        'lists': [{**row, 'count': len(nation.store.members[row['id']])} for row in tables['lists'].values()],
        'tags': [row['name'] for row in tables['signup_tags'].values()],
        'jobs': nation.jobs.state()[: -JOBS - 1 : -1],
        'grants': nation.desk.state(),
        'faults': nation.faults.state(),
        'plans': nation.jobs.plans,
        'kinds': KINDS,
        'overruns': nation.limits.overruns,
        'calls': feed.calls(world, 'nationbuilder', CALLS),
    }


def _words(row: Json) -> str:
    names = ('first_name', 'last_name', 'email1', 'email2', 'email3', 'email4', 'external_id', 'id')
    return ' '.join(str(row[name]) for name in names if row.get(name)).lower()


def readers(world: 'World') -> Json:
    """For every list: whom a service that sends letters would read from it."""
    nation = world.nationbuilder
    nation.jobs.ripen()
    return {
        'lists': [
            {**row, 'count': len(nation.store.members[row['id']]), 'readers': nation.readers(row['id'])}
            for row in nation.store.tables['lists'].values()
        ]
    }


def carry_out(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Do what the form asks. Returns the place on the page to go to, and a sentence. Raises NotDone."""
    nation, act = world.nationbuilder, form.get('act', '')
    try:
        if act in WHOLE:
            place, said = WHOLE[act](nation, form)
            return place, said
        row = nation.store.get('signups', form.get('id', ''))
        if act not in ON_PEOPLE:
            raise NotDone('There is no such act.')
        return f'person-{row["id"]}', ON_PEOPLE[act](nation, row['id'], form)
    except Refused as refusal:
        raise NotDone(refusal.message) from None
    except (LookupError, ValueError) as problem:
        raise NotDone(str(problem.args[0])) from None


def _values(form: dict[str, str]) -> Json:
    return {name: form[name] or None for name in SHOWN if name in form}


def _add(nation: 'NationBuilder', form: dict[str, str]) -> tuple[str, str]:
    made = nation.act('add_person', **_values(form))
    return f'person-{made}', f'Person {made} is made.'


def _add_many(nation: 'NationBuilder', form: dict[str, str]) -> tuple[str, str]:
    count = min(optional_number(form, 'count') or 0, 10_000)
    nation.act('add_people', count=count, tags={'sustainer': 7}, membership='Sustainer')
    return 'people', f'{count} people are made; every seventh is tagged as sustainer.'


def _add_list(nation: 'NationBuilder', form: dict[str, str]) -> tuple[str, str]:
    nation.act('add_list', name=form.get('name', ''))
    return 'lists', f'The list {form["name"]} is made.'


def _fail(nation: 'NationBuilder', form: dict[str, str]) -> tuple[str, str]:
    kind = form.get('kind', '')
    nation.act('fail', kind=kind, times=optional_number(form, 'times') or 1, path=form.get('path', ''))
    return 'break', f'The next calls meet a fault: {kind}.'


def _simply(act: str, place: str, words: str) -> Any:
    def carry_out(nation: 'NationBuilder', form: dict[str, str]) -> tuple[str, str]:
        nation.act(act)
        return place, words

    return carry_out


WHOLE: Mapping[str, Any] = {
    'add': _add,
    'add_many': _add_many,
    'add_list': _add_list,
    'fail': _fail,
    'fail_jobs': _simply('fail_jobs', 'break', 'The next job fails.'),
    'stall_jobs': _simply('stall_jobs', 'break', 'The next job never ends.'),
    'mend': _simply('mend', 'break', 'Everything is mended.'),
    'revoke': _simply('revoke_tokens', 'tokens', 'The consent is taken back: no token opens anything.'),
    'expire': _simply('expire_tokens', 'tokens', 'Every access token is too old now.'),
}


def _edit(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('edit_person', id=person, **_values(form))
    return f'Person {person} is edited.'


def _delete(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('delete_person', id=person)
    return f'Person {person} is deleted.'


def _merge(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('merge_people', loser=person, survivor=form.get('survivor', ''))
    return f'Person {person} is merged into {form["survivor"]}.'


def _tag(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('tag_person', id=person, tag=form.get('tag') or 'sustainer')
    return f'Person {person} is tagged.'


def _untag(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('untag_person', id=person, tag=form.get('tag') or 'sustainer')
    return f'Person {person} has that tag no more.'


def _join(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('join_list', id=person, slug=form.get('list', ''))
    return f'Person {person} is on the list.'


def _leave(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('leave_list', id=person, slug=form.get('list', ''))
    return f'Person {person} is off the list.'


def _unsubscribe(nation: 'NationBuilder', person: str, form: dict[str, str]) -> str:
    nation.act('unsubscribe', id=person)
    return f'Person {person} gets no letters any more.'


ON_PEOPLE: Mapping[str, Any] = {
    'edit': _edit,
    'delete': _delete,
    'merge': _merge,
    'tag': _tag,
    'untag': _untag,
    'join': _join,
    'leave': _leave,
    'unsubscribe': _unsubscribe,
}


def consent(world: 'World', query: Mapping[str, str]) -> Json:
    """What the page of the consent shows: the question, or why there is none. `back` is where a refusal of the request
    itself is sent at once.
    """
    desk = world.nationbuilder.desk
    asked = {name: query.get(name, '') for name in ('client_id', 'redirect_uri', 'response_type', 'state')}
    wrong, back = '', ''
    if asked['client_id'] != desk.client_id:
        wrong = 'No app of this client_id is registered with this nation.'
    elif not desk.knows(asked['redirect_uri']):
        wrong = 'The redirect_uri is none of the addresses that are registered for this app.'
    elif asked['response_type'] != 'code':
        back = answered(asked, error='unsupported_response_type')
    return {'asked': asked, 'wrong': wrong, 'back': back, 'slug': world.nationbuilder.slug}


def decide(world: 'World', form: Mapping[str, str]) -> Json:
    """As `consent`, with `back` leading to the app with a code or with the refusal."""
    found = consent(world, form)
    if not found['wrong'] and not found['back']:
        allowed = form.get('decision') == 'allow'
        told = {'code': world.nationbuilder.desk.allow(form['redirect_uri'])} if allowed else {'error': 'access_denied'}
        found['back'] = answered(found['asked'], **told)
    return found


def answered(asked: Mapping[str, str], **told: str) -> str:
    """The app's address with what it is told, and with its own `state`."""
    query = urlencode(told | ({'state': asked['state']} if asked['state'] else {}))
    return f'{asked["redirect_uri"]}{"&" if "?" in asked["redirect_uri"] else "?"}{query}'
