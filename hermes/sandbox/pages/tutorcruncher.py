"""What the page of TutorCruncher shows, and what its forms do: the acts of the account, nothing of its own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pages import support_links
from hermes.sandbox.pages.forms import NotDone, number, optional_number
from hermes.sandbox.staff import ADMINS
from hermes.sandbox.tutorcruncher import Refused, TutorCruncher, Unknown
from hermes.sandbox.tutorcruncher.client import COUNTRIES, Client

if TYPE_CHECKING:
    from hermes.sandbox.world import World

PER_PAGE = 20
MESSAGES = 25
REPEATS = 100
PLANS = ('payg', 'startup', 'enterprise')
STATUSES = ('pending_email_conf', 'trial', 'active', 'in_arrears', 'suspended', 'terminated')
FIRST_NAMES = ('Amara', 'Ben', 'Chloe', 'Daniel', 'Elif', 'Farah', 'George', 'Hana', 'Ivan', 'Jess', 'Kofi', 'Lena')
LAST_NAMES = ('Abbott', 'Bianchi', 'Carter', 'Dube', 'Evans', 'Fischer', 'Grant')
PLACES = ('Riverside', 'Hilltop', 'Oakwood', 'Harbour', 'Meadow', 'Kingsway', 'Foxglove', 'Summit', 'Willow')
TRADES = ('Tutors', 'Tuition', 'Academy', 'Learning', 'Study Centre')
Json = dict[str, Any]


def shown(world: 'World', query: Mapping[str, str]) -> Json:
    """Everything that the template needs. `query`: `q` (part of a name), `page` from 1."""
    account: TutorCruncher = world.tutorcruncher
    wanted = query.get('q', '').strip().lower()
    found = [one for one in reversed(account.clients.values()) if wanted in one.name.lower()]
    page = int(query['page']) if query.get('page', '').isdecimal() else 1
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(page, 1), pages)
    return {
        'clients': found[(page - 1) * PER_PAGE : page * PER_PAGE],
        'count': len(found),
        'q': query.get('q', ''),
        'page': page,
        'pages': pages,
        'admins': list(account.admins.values()),
        'names': {admin.id: admin.name for admin in account.admins.values()},
        'attributes': account.attributes,
        'suggestion': suggestion(account),
        'plans': PLANS,
        'statuses': STATUSES,
        'countries': COUNTRIES,
        'integration': account.integration,
        'supporters': support_links.supporters(account),
        'links': account.support_links,
        'messages': account.integration.newest(MESSAGES),
    }


def suggestion(account: TutorCruncher) -> Json:
    """A company to sign up with one click: another one after each sign-up, drawn from nothing but their number."""
    n = account.last_id['client']
    name = f'{PLACES[n * 5 % len(PLACES)]} {TRADES[n * 3 % len(TRADES)]}'
    if any(one.name == name for one in account.clients.values()):
        name = f'{name} {n}'
    first, last = FIRST_NAMES[n * 7 % len(FIRST_NAMES)], LAST_NAMES[n * 2 % len(LAST_NAMES)]
    plan = PLANS[n % len(PLANS)]
    domain = ''.join(c for c in name.lower() if c.isalnum())
    sellers = [admin['tc2_admin_id'] for admin in ADMINS if admin[f'sells_{plan}'] and admin['is_sales_person']]
    supporters = [admin['tc2_admin_id'] for admin in ADMINS if admin['is_support_person']]
    return {
        'name': name,
        'first_name': first,
        'last_name': last,
        'email': f'{first.lower()}@{domain}.example',
        'phone': f'+44 20 7946 {n % 10000:04d}',
        'website': f'https://{domain}.example',
        'country': ('GB', 'US', 'AU', 'CA', 'IE')[n % 5],
        'plan': plan,
        'sales_person': sellers[0] if sellers and sellers[0] in account.admins else None,
        'support_person': supporters[n % len(supporters)],
    }


def carry_out(world: 'World', form: dict[str, str]) -> tuple[str, str]:
    """Do what the form asks. Returns the place on the page to go to, and a sentence. Raises NotDone."""
    account: TutorCruncher = world.tutorcruncher
    act = form.get('act', '')
    try:
        if act == 'sign_up':
            return _sign_up(account, form)
        if act == 'send_all_snapshots':
            return 'webhooks', f'{len(account.send_all_snapshots())} snapshots are on their way.'
        if act == 'enable_integration':
            account.enable_integration()
            return 'webhooks', 'The integration is on again.'
        client = account.client(number(form, 'client'))
        return f'company-{client.id}', _act_on(account, client, act, form)
    except (Unknown, Refused) as refusal:
        raise NotDone(str(refusal)) from None


def _sign_up(account: TutorCruncher, form: dict[str, str]) -> tuple[str, str]:
    if not form.get('name') or not form.get('last_name'):
        raise NotDone('A company needs a name, and the person a last name.')
    client = account.sign_up(
        form['name'],
        country=form.get('country') or 'GB',
        plan=form.get('plan') or 'payg',
        first_name=form.get('first_name', ''),
        last_name=form['last_name'],
        email=form.get('email') or None,
        phone=form.get('phone') or None,
        website=form.get('website') or None,
        sales_person=optional_number(form, 'sales_person'),
        support_person=optional_number(form, 'support_person'),
        bdr_person=optional_number(form, 'bdr_person'),
        extra_attrs={'utm_source': 'website', 'utm_campaign': 'demo', 'currency': 'GBP'},
    )
    return f'company-{client.id}', f'{client.name} has signed up.'


def _act_on(account: TutorCruncher, client: Client, act: str, form: dict[str, str]) -> str:
    simple = {
        'confirm_email': (account.confirm_email, 'has confirmed the e-mail address'),
        'save_card': (account.save_card, 'has saved a card'),
        'close_day': (account.close_day, 'has gone through the nightly job'),
        'terminate': (account.terminate, 'is terminated'),
        'delete': (account.delete, 'is in the trash'),
        'recover': (account.recover, 'is back'),
        'agree_terms': (account.agree_terms, 'has agreed to the terms'),
    }
    if act in simple:
        do, said = simple[act]
        do(client.id)
        return f'{client.name} {said}.'
    if act == 'pay_invoice':
        return f'Invoice {account.pay_invoice(client.id).id} of {client.name} is paid.'
    if act == 'send_snapshot':
        account.send_snapshot(client.id)
        return f'The snapshot of {client.name} is on its way.'
    if act == 'repeat':
        account.resend_last(REPEATS, client.id)
        return f'The last webhook of {client.name}, {REPEATS} times, byte for byte.'
    if act == 'change_status':
        account.change_status(client.id, form.get('status', ''))
        return f'{client.name} is {form.get("status")}.'
    if act in ('mark_narc', 'unmark_narc'):
        account.set_narc(client.id, act == 'mark_narc')
        return f'{client.name} is {"marked" if act == "mark_narc" else "no longer marked"} as "not a real customer".'
    return _edit(account, client, act, form)


def _edit(account: TutorCruncher, client: Client, act: str, form: dict[str, str]) -> str:
    if act == 'edit':
        changes: Json = {key: form[key] for key in ('name', 'country', 'plan') if form.get(key)}
        changes |= {key: form[key] or None for key in ('website', 'email', 'phone') if key in form}
        account.edit_client(client.id, **changes)
        return f'{client.name} is edited.'
    if act == 'set_admins':
        roles = ('sales_person', 'support_person', 'bdr_person')
        account.set_admins(client.id, **{role: optional_number(form, role) for role in roles})
        return f'{client.name} has other people now.'
    if act == 'add_recipient':
        if not form.get('last_name'):
            raise NotDone('A recipient needs a last name.')
        account.add_recipient(client.id, form['last_name'], form.get('first_name') or None, form.get('email') or None)
        return f'{client.name} has another recipient.'
    if act == 'edit_recipient':
        changes = {key: form.get(key) or None for key in ('first_name', 'email')}
        account.edit_recipient(client.id, number(form, 'recipient'), last_name=form.get('last_name', ''), **changes)
        return f'A recipient of {client.name} is edited.'
    if act == 'remove_recipient':
        account.remove_recipient(client.id, number(form, 'recipient'))
        return f'A recipient of {client.name} is gone.'
    if act == 'set_extra_attr':
        account.set_extra_attr(client.id, form.get('machine_name', ''), form.get('value') or None)
        return f'{form.get("machine_name")} of {client.name} is set.'
    raise NotDone('There is no such act.')
