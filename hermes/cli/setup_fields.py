"""`hermes setup fields`: which fields of the catalogue stand in the CRM; the missing ones are made there (SETUP-2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, table
from hermes.parts.roles import CRM_TITLE
from hermes.setup.fields import OPTIONAL, TITLES, make_fields, offer_fields

if TYPE_CHECKING:
    from hermes.domain.fields import CustomField

COLUMNS = [('name', 'Field'), ('type', 'Type'), ('code', 'PD field ID'), ('remote', 'PD type'), ('state', 'State')]


def set_up_fields(session: Session, answers: Answers, *, create: bool | None, optional: bool | None) -> None:
    """Show every field with its place in the CRM, and make the missing ones after confirmation."""
    offer = session.do(offer_fields(session.engine))
    for linked, title in TITLES.items():
        table(title, COLUMNS, [_line(item) for item in offer.fields if item.linked_object_type == linked])
    wanted: list[CustomField] = []
    if offer.needed and answers.confirm(
        f'Create {len(offer.needed)} missing fields in {CRM_TITLE}?', flag='--create or --no-create', given=create
    ):
        wanted += offer.needed
    if offer.optional and optional is None and answers.somebody:
        names = ', '.join(item.machine_name for item in offer.optional)
        optional = answers.confirm(f'Create the optional ones too ({names})?', flag='--optional')
    wanted += offer.optional if optional else ()
    offer = session.do(make_fields(session.engine, wanted, _tell))
    if wanted:
        say()
    _sum_up(offer.fields)


def _tell(item: 'CustomField') -> None:
    done(f'Created {item.linked_object_type} field {item.machine_name}')


def _line(item: 'CustomField') -> dict[str, Any]:
    missing = 'missing' if item.machine_name not in OPTIONAL else 'missing (optional)'
    return {
        'name': item.machine_name,
        'type': item.field_type,
        'code': item.pd_field_id or None,
        'remote': item.remote_type or None,
        'state': item.problem or ('✓' if item.pd_field_id else missing),
    }


def _sum_up(custom: 'Sequence[CustomField]') -> None:
    left = [item for item in custom if not item.pd_field_id and item.machine_name not in OPTIONAL]
    for item in custom:
        if item.problem:
            say(f'{item.linked_object_type}.{item.machine_name}: {item.problem}')
    if left:
        say(f'{len(left)} fields are not in {CRM_TITLE}; they are skipped until they are.')
    else:
        done('Fields are set up!')
