"""Meetings of an office, for tests of the pure core: who, when, and what goes out of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hermes.domain.graph import Context
from hermes.domain.model import RecordRef, RemoteRef
from hermes.parts.roles import CALENDAR, CRM
from hermes.ports import Outgoing
from tests.unit.domain import office

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEN = NOW + timedelta(days=2, hours=1)
HALF = timedelta(minutes=30)
ADA = RecordRef('contact', 2_000)
PERSON = RemoteRef(CRM, 'person', '7')
EVENT = RemoteRef(CALENDAR, 'event', 'priya@office.example/abc')
ACTIVITY = RemoteRef(CRM, 'activity', '9')
BOOKED_S = int(NOW.timestamp())


def context() -> Context:
    told = office.context()
    people = {1: 'priya@office.example', 2: 'marcus@office.example'}
    admins = {
        number: replace(admin, fields={**admin.fields, 'email': people[number]})
        for number, admin in told.directory.admins.items()
    }
    return replace(told, directory=replace(told.directory, admins=admins))


EVENT_TABLE = [
    Outgoing('start_at', ('Meeting.start_at',), lambda view: view.get('start_at')),
    Outgoing('end_at', ('Meeting.end_at',), lambda view: view.get('end_at')),
    Outgoing('summary', ('Admin.first_name',), lambda view: view.other('admin_id', 'email')),
    Outgoing('hermes_id', (), lambda view: [view.id], 'create'),
]

ACTIVITY_TABLE = [
    Outgoing('subject', ('Meeting.kind',), lambda view: view.get('kind')),
    Outgoing('due_at', ('Meeting.start_at',), lambda view: view.get('start_at')),
    Outgoing('deal_id', ('Meeting.deal_id',), lambda view: view.remote('deal', 'deal_id')),
    Outgoing('hermes_id', (), lambda view: [view.id], 'create'),
]
