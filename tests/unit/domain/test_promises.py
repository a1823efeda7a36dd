"""A call that was promised, over every state of its company, contact, deal and of itself: what the calendar will hold
is what the visitor was told (CB-7), and the CRM gets nothing for whoever is no customer (D-6).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain import booking, doubts
from hermes.domain.applied import Applied
from hermes.domain.apply import apply, finish
from hermes.domain.graph import Context, Decision, Graph
from hermes.domain.meeting import book, calendar_of, moment, text_of
from hermes.domain.model import Element, Intent, Mirror, Observation, Record, RecordRef, RemoteRef, Tombstone, Version
from hermes.domain.plan import Create, Delete, Noop, Plan, Update, plan
from hermes.parts.roles import CALENDAR, CRM
from hermes.ports import Outgoing
from tests.thorough import examples
from tests.unit.domain.meetings import ACTIVITY, ACTIVITY_TABLE, ADA, BOOKED_S, HALF, NOW, PERSON, TEN
from tests.unit.domain.meetings import context as office
from tests.unit.domain.office import COMPANY, ORG, graph_of, mirror_of, sight

DEAL, BOB = RecordRef('deal', 3_000), RecordRef('contact', 2_001)
COMPANIES = ('live', 'narc', 'narc with paid invoices', 'crm', 'tc2', 'erased')
CONTACTS = ('live', 'deleted', 'without e-mail', 'merged', 'nobody')
DEALS = ('none', 'open', 'won', 'lost', 'deleted')
STEPS = (
    'move', 'give to the other', 'cancel', 'carry', 'a person drags it', 'a person deletes it', 'a person restores it',
    'the visitor says No', 'the visitor says Yes', 'blow', 'pardon', 'it begins',
)  # fmt: skip
TABLE = [
    Outgoing('start_at', ('Meeting.start_at',), lambda view: view.get('start_at')),
    Outgoing('end_at', ('Meeting.end_at',), lambda view: view.get('end_at')),
    Outgoing('guest', ('Meeting.contact_id', 'Contact.email'), lambda view: view.other('contact_id', 'email')),
    Outgoing('hermes_id', (), lambda view: [view.id], 'create'),
]


@dataclass
class Life:
    """A booked call, what the calendars really hold, and a clock that goes on with every step."""

    graph: Graph
    ref: RecordRef
    blow: str
    seconds: int = 0
    now: datetime = NOW
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Event -> what it says; those that were deleted are gone from here."""
    binned: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Decision] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def record(self) -> Record:
        return self.graph.records[self.ref]

    @property
    def context(self) -> Context:
        return replace(office(), now=self.now, event_id=self.seconds)

    def plan(self, system: str = CALENDAR) -> Plan:
        table = TABLE if system == CALENDAR else ACTIVITY_TABLE
        return plan(self.graph, self.record, table, self.context, system)

    def note(self, done: Applied) -> None:
        self.asked += done.decisions
        self.closed += done.closed

    def tell(self, element: Element) -> None:
        self.note(apply(self.graph, element, self.context))

    def see(self, event: str, kind: Any = 'state', **more: Any) -> None:
        """The calendar is read, or answers."""
        version = Version(BOOKED_S + self.seconds, 5)
        fields = {**self.held.get(event, {}), 'hermes_id': [self.ref.id], 'uid': 'u1'} if kind == 'state' else {}
        self.tell(Element((Observation(RemoteRef(CALENDAR, 'event', event), kind, version, fields, **more),)))

    def carry(self) -> bool:
        """One write into the calendar; False when there is none to make."""
        needed = self.plan()
        if not isinstance(needed, (Create, Update, Delete)):
            return False
        self.seconds += 100
        op = {Create: 'create', Update: 'update', Delete: 'delete'}[type(needed)]
        told = {} if isinstance(needed, Delete) else dict(needed.fields)
        home = calendar_of(self.record, self.context.directory)
        event = f'{home}/{self.record.fields["round"]}' if isinstance(needed, Create) else needed.mirror.ref.remote_id
        at = NOW + timedelta(seconds=self.seconds)
        intent = Intent('open', op, self.seconds, RemoteRef(CALENDAR, 'event', event), self.ref, told, at)
        self.tell(Element(intent=intent))
        if isinstance(needed, Delete):
            self.binned[event] = self.held.pop(event)
            self.see(event, 'deleted', origin='answer', intent=self.seconds)
        else:
            assert isinstance(needed, Update) or event not in self.held | self.binned, 'an id is used once'
            self.held[event] = {**self.held.get(event, {}), **told}
            made = self.ref if isinstance(needed, Create) else None
            self.see(event, origin='answer', record=made, intent=self.seconds)
        self.tell(Element(intent=replace(intent, state='done')))
        return True

    def amend(self, **values: Any) -> None:
        self.note(booking.amend(self.graph, self.ref, values, ('website', 'CB-13'), self.context))

    def set_company(self, state: str) -> None:
        company = self.graph.records[COMPANY]
        fields = {**company.fields, 'narc': state.startswith('narc'), 'paid_invoice_count': int('paid' in state)}
        stone = Tombstone(state, self.now, self.seconds) if state in ('crm', 'tc2', 'erased') else None
        self.graph.put_record(replace(company, fields=fields, tombstone=stone))
        self.look_again()

    def look_again(self) -> None:
        """Something happens to the company that says nothing new."""
        done = Applied()
        finish(self.graph, COMPANY.id, self.context, done)
        self.note(done)

    def live(self, step: str) -> None:
        self.seconds += 100
        planned = self.record.fields['status'] == 'planned'
        event = next(iter(self.held), None)
        if step == 'move' and planned:
            start = moment(self.record.fields['start_at']) + timedelta(hours=1)
            self.amend(start_at=text_of(start), end_at=text_of(start + HALF))
        elif step == 'give to the other' and planned:
            admin, rounds = self.record.fields['admin_id'], self.record.fields['round']
            self.amend(admin_id=3 - admin, round=rounds + 1)
        elif step == 'cancel' and planned:
            self.amend(status='canceled', canceled_by='visitor')
        elif step == 'a person drags it' and event:
            self.held[event] |= {'start_at': text_of(TEN + HALF), 'end_at': text_of(TEN + 2 * HALF)}
            self.see(event)
        elif step == 'a person deletes it' and event:
            self.binned[event] = self.held.pop(event)
            self.see(event, 'deleted')
        elif step == 'a person restores it' and self.binned:
            event = list(self.binned)[-1]
            self.held[event] = self.binned.pop(event)
            self.see(event)
        elif step.startswith('the visitor says') and event:
            self.held[event] |= {'answer': 'declined' if step.endswith('No') else 'accepted'}
            self.see(event)
        elif step in ('blow', 'pardon'):
            self.set_company(self.blow if step == 'blow' else 'live')
        elif step == 'it begins':
            self.now = max(self.now, moment(self.record.fields['start_at']))
        elif step == 'carry':
            self.carry()


def begin(company: str, contact: str, deal: str) -> Life:
    stone = Tombstone('crm', NOW, 3)
    people = {
        'nobody': [],
        'merged': [Record(ADA, {}, company_id=COMPANY.id, alias_of=BOB.id),
                   Record(BOB, {'email': 'bob@ember.example'}, company_id=COMPANY.id)],
    }.get(contact, [Record(ADA, {} if contact == 'without e-mail' else {'email': 'ada@ember.example'},
                           company_id=COMPANY.id, tombstone=stone if contact == 'deleted' else None)])  # fmt: skip
    deals = [] if deal == 'none' else [
        Record(DEAL, {'status': deal}, company_id=COMPANY.id, tombstone=stone if deal == 'deleted' else None)
    ]  # fmt: skip
    mirrors: list[Mirror] = [mirror_of(ORG, COMPANY, sight(ORG, 5, name='Ember'))]
    mirrors += [mirror_of(PERSON, ADA, sight(PERSON, 5))] if people else []
    graph = graph_of(Record(COMPANY, {'name': 'Ember'}, company_id=COMPANY.id), *people, *deals, *mirrors)
    fields = {'contact_id': ADA.id if people else None, 'deal_id': DEAL.id if deals else None, 'admin_id': 1,
              'uid': 'u1', 'kind': 'sales', 'start_at': text_of(TEN), 'end_at': text_of(TEN + HALF)}  # fmt: skip
    ref, _ = book(graph, fields, COMPANY.id, 'CB-1', office())
    return Life(graph, ref, company)


def stands(life: Life) -> bool:
    """Whether the calendars hold what the visitor was told: one event, of this admin, at this time; none when it is
    off.
    """
    record = life.record
    if record.fields['status'] != 'planned':
        return not life.held
    home = calendar_of(record, life.context.directory)
    return [(event.partition('/')[0], told['start_at'], told['end_at']) for event, told in life.held.items()] == [
        (home, record.fields['start_at'], record.fields['end_at'])
    ]


lives = st.tuples(
    st.builds(begin, st.sampled_from(COMPANIES), st.sampled_from(CONTACTS), st.sampled_from(DEALS)),
    st.lists(st.sampled_from(STEPS), max_size=12),
)


@pytest.mark.behaviour('CB-7')
@pytest.mark.lesson('M-60')
@settings(deadline=None, max_examples=examples(300))
@given(lives)
def test_the_calendar_comes_to_hold_what_the_visitor_was_told(told: tuple[Life, list[str]]) -> None:
    life, steps = told
    for step in ('blow', *steps):
        life.live(step)
        over = moment(life.record.fields['end_at']) <= life.now
        if not stands(life) and not over:
            assert not isinstance(life.plan(), Noop), 'nobody is told what is not going to be done'
    for _ in range(9):
        if not life.carry():
            break
    assert isinstance(life.plan(), Noop)
    assert stands(life) or moment(life.record.fields['end_at']) <= life.now


@pytest.mark.behaviour('D-6')
@pytest.mark.lesson('M-60')
@settings(deadline=None, max_examples=examples(100))
@given(lives, st.booleans())
def test_the_crm_gets_nothing_for_who_is_no_customer(told: tuple[Life, list[str]], noted: bool) -> None:
    life, steps = told
    if noted:
        life.graph.put_mirror(mirror_of(ACTIVITY, life.ref, sight(ACTIVITY, 10, due_at=text_of(TEN)), ours=True))
    for step in steps:
        life.live(step)
        company = life.graph.records[COMPANY]
        if company.gone:
            assert isinstance(life.plan(CRM), Noop)
        elif company.fields.get('narc'):
            assert isinstance(life.plan(CRM), (Noop, Delete))


@pytest.mark.lesson('M-60')
@settings(deadline=None, max_examples=examples(100))
@given(lives)
def test_a_doubtful_call_has_one_open_question_and_another_none(told: tuple[Life, list[str]]) -> None:
    life, steps = told
    for step in steps:
        life.live(step)
        life.look_again()
        now = doubts.find(life.graph, life.record, life.graph.records[COMPANY], life.context)
        asked = [one for one in life.asked if one.kind in doubts.RULES]
        still_open = {one.kind: one.detail['reason'] for one in asked if (one.kind, one.key) not in life.closed}
        assert still_open == now
        assert sorted(life.record.fields.get('flags') or ()) == sorted(now.values())
        assert len({one.key for one in asked}) == len(asked)
