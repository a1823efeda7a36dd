"""What goes out of app users and subscriptions, in our words: the same to every target. How a target calls it, and
where it stands there, is the target's own mapping.

Keys of a mirror: `external_id` (our number, as text), `user_id`, `email`, `first_name`, `last_name`, `lang`, `educator`
(bool), `lists` (sorted names), `review` ('', 'spam', 'review', 'account_deleted').
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hermes.domain.model import Value
from hermes.ports import Outgoing, View

PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    'app_user': ('user_id', 'email', 'first_name', 'last_name', 'lang', 'educator'),
    'subscription': ('email', 'first_name', 'last_name', 'lang', 'educator'),
}


def outgoing(record_type: str, lists_of_language: Mapping[str, Sequence[str]] | None = None) -> Sequence[Outgoing]:
    """The table of outgoing fields. `lists_of_language`: the mailing lists that a language code stands for (AU-1)."""
    names = PLAIN.get(record_type)
    if names is None:
        return ()
    title, by_language = record_type.title(), lists_of_language or {}

    def plain(name: str) -> Outgoing:
        return Outgoing(name, (f'{title}.{name}',), lambda view: view.get(name), rule='AU-1')

    def lists(view: View) -> Value:
        chosen = {*(view.get('lists') or ()), *by_language.get(str(view.get('lang') or ''), ())}
        return sorted(chosen)

    told = [
        Outgoing('external_id', (), lambda view: str(view.id), rule='AU-1'),
        *(plain(name) for name in names),
        Outgoing('lists', (f'{title}.lists', f'{title}.lang'), lists, rule='AU-1'),
    ]
    if record_type == 'app_user':
        told.append(
            Outgoing('review', (f'{title}.moderation',), lambda view: view.get('moderation') or '', rule='AU-4')
        )
    return told
