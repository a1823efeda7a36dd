"""The menu of the desk: what there is, for whom, and by which key (after "g")."""

from dataclasses import dataclass
from typing import Final

from hermes.domain.users import Role, User


@dataclass(frozen=True, slots=True)
class Link:
    """An entry. `who`: the least role that sees it."""

    title: str
    path: str
    key: str = ''
    who: Role = 'viewer'
    current: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under a heading."""

    title: str
    links: tuple[Link, ...]


MENU: Final = (
    Group('Work', (
        Link('Overview', '/', 'o'),
        Link('Needs a decision', '/desk/decisions/', 'd'),
        Link('Bookings', '/desk/bookings/', 'b'),
        Link('Health', '/desk/health/', 'h'),
    )),
    Group('What happened', (
        Link('Events', '/desk/events/', 'e'),
        Link('Replays', '/desk/replays/', 'r'),
    )),
    Group('Records', (
        Link('Companies', '/desk/companies/', 'c'),
        Link('Contacts', '/desk/contacts/', 'p'),
        Link('Deals', '/desk/deals/', 'l'),
        Link('Meetings', '/desk/meetings/', 'm'),
        Link('App users', '/desk/app_users/', 'n'),
        Link('Subscriptions', '/desk/subscriptions/'),
        Link('Migration', '/desk/migration/', '', 'operator'),
    )),
    Group('Settings', (
        Link('Checklist', '/desk/setup/'),
        Link('Config', '/desk/config/', 's'),
        Link('Our people', '/desk/admins/', 'a'),
        Link('Pipelines', '/desk/pipelines/'),
        Link('Stages', '/desk/stages/'),
        Link('Custom fields', '/desk/fields/', 'f'),
        Link('Privacy', '/desk/privacy/', '', 'admin'),
        Link('Users', '/desk/users/', 'u', 'admin'),
        Link('Audit log', '/desk/audit/', '', 'admin'),
    )),
)  # fmt: skip


def menu_of(user: User, path: str) -> list[Group]:
    """What this user may open; the entry of the page at `path` is the current one."""
    found: list[Group] = []
    for group in MENU:
        links = tuple(
            Link(each.title, each.path, each.key, each.who, _is_at(path, each.path))
            for each in group.links
            if user.may(each.who)
        )
        if links:
            found.append(Group(group.title, links))
    return found


def _is_at(path: str, entry: str) -> bool:
    return path == entry or (entry != '/' and path.startswith(entry))
