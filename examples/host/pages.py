"""The pages: as little HTML as it takes. Every value goes through `escape`."""

from collections.abc import Iterable
from html import escape

from examples.host.accounts import Account


def page(title: str, body: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>'


def front(lists: Iterable[str]) -> str:
    boxes = ''.join(
        f'<label><input type="checkbox" name="lists" value="{escape(x)}">{escape(x)}</label>' for x in lists
    )
    return page(
        'The reading room',
        '<form method="post" action="/sign-up"><input name="email" type="email" required placeholder="E-mail">'
        '<input name="first_name" placeholder="First name"><input name="last_name" placeholder="Last name">'
        f'<select name="lang"><option>en<option>he</select>{boxes}<button>Sign up</button></form>'
        '<form method="post" action="/newsletter"><input name="email" type="email" required placeholder="E-mail">'
        f'{boxes}<button>Only the newsletter</button></form>',
    )


def me(account: Account) -> str:
    return page(
        'Your account',
        f'<p>{escape(account.email)}</p>'
        '<form method="post" action="/me/email"><input name="email" type="email" required>'
        '<button>Change my address</button></form>'
        '<form method="post" action="/me/delete"><button>Delete my account</button></form>',
    )


def admin(accounts: Iterable[Account]) -> str:
    """Every reader as the host knows them, with what it learnt from the feed."""
    rows = ''.join(
        f'<tr><td>{each.id}<td>{escape(each.email)}<td>{escape(each.crm_id or "")}<td>{escape(each.crm_state)}'
        f'<td>{"yes" if each.is_sustainer else ""}<td>{"deleted" if each.deleted else _buttons(each)}'
        for each in accounts
    )
    head = '<tr><th>id<th>e-mail<th>CRM id<th>state<th>sustainer<th>'
    return page('Readers', f'<table>{head}{rows}</table>')


def _buttons(account: Account) -> str:
    return (
        f'<form method="post" action="/admin/moderate"><input type="hidden" name="id" value="{account.id}">'
        '<button name="what" value="is spam">spam</button>'
        '<button name="what" value="is to be looked at">review</button></form>'
    )
