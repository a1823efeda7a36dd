"""`hermes setup fields`: which fields of the catalogue stand in the CRM; the missing ones are made there (SETUP-2)."""

from typing import TYPE_CHECKING, Any

from hermes.cli.output import say
from hermes.cli.session import Answers, Session, done, table
from hermes.domain.record_types import FIELDED
from hermes.parts.roles import CRM_TITLE

if TYPE_CHECKING:
    from hermes.domain.fields import CustomField

SHOWN = {'Company': 'Organization fields', 'Contact': 'Person fields', 'Deal': 'Deal fields'}
OPTIONAL = frozenset(
    {'currency', 'referer', 'has_signed_up', 'has_booked_call', 'sales_call_count', 'support_call_count'}
)
"""Fields that are filled where they exist, and that nobody needs: made only when asked for."""
COLUMNS = [('name', 'Field'), ('type', 'Type'), ('code', 'PD field ID'), ('remote', 'PD type'), ('state', 'State')]


def set_up_fields(session: Session, answers: Answers, *, create: bool | None, optional: bool | None) -> None:
    """Show every field with its place in the CRM, and make the missing ones after confirmation."""
    from hermes.sync import cataloguing
    from hermes.sync.connect import GONE

    show_fields(session)
    custom = [item for item in session.known().catalogue.custom if item.linked_object_type in SHOWN]
    missing = [item for item in custom if not item.pd_field_id or item.problem == GONE]
    needed = [item for item in missing if item.machine_name not in OPTIONAL]
    wanted = []
    if needed and answers.confirm(
        f'Create {len(needed)} missing fields in {CRM_TITLE}?', flag='--create or --no-create', given=create
    ):
        wanted += needed
    extra = [item for item in missing if item.machine_name in OPTIONAL]
    if extra and optional is None and answers.somebody:
        names = ', '.join(item.machine_name for item in extra)
        optional = answers.confirm(f'Create the optional ones too ({names})?', flag='--optional')
    wanted += extra if optional else []
    for item in wanted:
        session.do(cataloguing.make_in_crm(session.engine, session.crm, item))
        done(f'Created {item.linked_object_type} field {item.machine_name}')
    for record_type in sorted({item.record_type for item in wanted}):
        session.do(cataloguing.look(session.engine, session.crm, record_type))
    if wanted:
        session.do(cataloguing.push_out(session.engine, {*FIELDED}))
        say()
    _sum_up(session)


def show_fields(session: Session) -> None:
    """The catalogue as the CRM has it, one table a type of record."""
    custom = session.known().catalogue.custom
    for linked, title in SHOWN.items():
        table(title, COLUMNS, [line(item) for item in custom if item.linked_object_type == linked])


def line(item: 'CustomField') -> dict[str, Any]:
    missing = 'missing' if item.machine_name not in OPTIONAL else 'missing (optional)'
    return {
        'name': item.machine_name,
        'type': item.field_type,
        'code': item.pd_field_id or None,
        'remote': item.remote_type or None,
        'state': item.problem or ('✓' if item.pd_field_id else missing),
    }


def _sum_up(session: Session) -> None:
    custom = [item for item in session.known().catalogue.custom if item.linked_object_type in SHOWN]
    left = [item for item in custom if not item.pd_field_id and item.machine_name not in OPTIONAL]
    for item in custom:
        if item.problem:
            say(f'{item.linked_object_type}.{item.machine_name}: {item.problem}')
    if left:
        say(f'{len(left)} fields are not in {CRM_TITLE}; they are skipped until they are.')
    else:
        done('Fields are set up!')
