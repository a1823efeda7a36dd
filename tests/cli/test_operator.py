"""What an operator sees and does on the command line, over a real database whose rows are written by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from hermes.cli import app
from hermes.db import budget, pauses
from hermes.db.pool import Database
from tests.cli.desk import START, World


def ms(at: datetime) -> list[int]:
    return [int(at.timestamp()), 0]


def test_status_of_an_empty_database_asks_for_a_worker_and_a_living_one_is_clean(world: World) -> None:
    assert 'no worker is alive' in world.run('status').stdout
    assert world.run('status', '--check').exit_code == 2
    world.worker()
    assert world.run('status', '--check').stdout.splitlines()[-1] == 'clean'
    assert world.told('status')['clean'] is True


def test_status_names_what_needs_a_person_and_no_personal_data(world: World) -> None:
    world.worker()
    company = world.company(name='Marigold Tutors')
    world.push(company, state='parked', reason='name: refused')
    world.event(state='parked', reason='unknown shape', applied_at=None)
    world.execute("insert into system_state values ('pipedrive', true, 'credentials refused', now(), null)")
    world.execute("insert into budget values ('pipedrive', 10, 2, 5, 1000, (now() at time zone 'UTC')::date, 950)")
    told = world.told('status')
    assert told['clean'] is False
    attention = ' '.join(told['attention'])
    for part in ('pipedrive is paused', '1 event parked', '1 push to pipedrive parked', '950 of its 1000'):
        assert part in attention
    shown = world.run('status', '--check')
    assert shown.exit_code == 2
    assert 'Marigold' not in shown.stdout


@pytest.mark.lesson('M-52')
def test_a_reason_is_shown_as_long_as_it_holds(world: World) -> None:
    world.worker()
    world.execute(
        'insert into system_state (system, paused, reason, blocked_until) values '
        "('pipedrive', false, 'it said 429', now() - interval '45 minutes'), "
        "('google', false, 'it says 429', now() + interval '45 minutes')"
    )
    told = {each['system']: each['reason'] for each in world.told('status')['systems']}
    assert told == {'pipedrive': '', 'google': 'it says 429'}
    world.execute(
        "insert into admin (email, active, is_sales_person) values ('ada@example.com', true, true)",
    )
    world.execute(
        "insert into followed_calendar (calendar, problem, due_at) values ('ada@example.com', 'it refuses', "
        "'2100-01-01T00:00:00Z')"
    )
    [said] = [line for line in world.told('status')['attention'] if 'calendar' in line]
    assert said.endswith(': it refuses (tried again at 2100-01-01 00:00:00Z)')


@pytest.mark.lesson('M-52')
async def test_a_pause_keeps_its_reason_whatever_the_system_says_meanwhile(database_url: str) -> None:
    database = Database(database_url)
    await database.open()
    try:
        async with database.transaction() as connection:
            await pauses.pause(connection, 'pipedrive', 'holiday')
            await budget.learn(connection, 'pipedrive', until=START, daily=False, reason='it said 429')
        [row] = await database.fetch('select paused, reason from system_state')
        assert (row['paused'], row['reason']) == (True, 'holiday')
    finally:
        await database.close()


def test_events_are_listed_and_shown_without_secrets(world: World) -> None:
    first = world.event(body=b'{"password": "swordfish", "name": "A\\u001b[2J"}')
    second = world.event('pipedrive', state='parked', reason='no such shape', applied_at=None)
    assert [item['id'] for item in world.told('events', 'list')] == [second, first]
    assert [item['id'] for item in world.told('events', 'list', '--state', 'parked')] == [second]
    assert [item['id'] for item in world.told('events', 'list', '--source', 'tutorcruncher')] == [first]
    assert world.told('events', 'list', '--since', '2100-01-01') == []
    assert world.told('events', 'show', str(first))['body']['password'] == '[redacted]'
    shown = world.run('events', 'show', str(first)).stdout
    assert 'swordfish' not in shown
    assert '\x1b' not in shown


@pytest.mark.invariant('S15')
def test_the_raw_bytes_are_given_as_they_came_and_the_view_is_journalled(world: World) -> None:
    event = world.event(body=b'\x00{"a": 1}\n')
    assert world.run('events', 'show', str(event), '--raw').stdout_bytes == b'\x00{"a": 1}\n'
    viewed = world.execute("select state, convert_from(body, 'utf8')::jsonb ->> 'event' from event where kind = 'view'")
    assert viewed == [('done', str(event))]


@pytest.mark.parametrize(
    ('command', 'act'),
    [
        (('pause', 'pd', '--reason', 'holiday'), {'act': 'system.pause', 'system': 'pipedrive', 'reason': 'holiday'}),
        (('resume', 'tc2'), {'act': 'system.resume', 'system': 'tutorcruncher'}),
        (('config', 'set', 'deal_max_age_days', '30'), {'act': 'setting.set', 'key': 'deal_max_age_days', 'value': 30}),
        (('config', 'set', 'tc2_write_back', 'on'), {'act': 'setting.set', 'key': 'tc2_write_back', 'value': True}),
        (('push', 'retry', '--all'), {'act': 'push.retry', 'all': True}),
    ],
)
def test_an_act_is_an_event_that_waits_for_a_worker(
    world: World, command: tuple[str, ...], act: dict[str, Any]
) -> None:
    result = world.run(*command)
    assert result.exit_code == 0, result.output
    assert 'stored; it will be applied when a worker runs' in result.stdout
    rows = world.execute("select kind, state, convert_from(body, 'utf8')::jsonb from event where source = 'operator'")
    assert rows == [('act', 'new', act)]


def test_acts_about_a_record_name_it_and_its_system(world: World) -> None:
    company = world.company(name='Marigold Tutors')
    world.push(company, state='parked', reason='website: too long')
    waiting = world.event(state='waiting', reason='waits', applied_at=None)
    ref = ['company', company]
    for command in (
        ('push', 'retry', f'company:{company}'),
        ('push', 'ignore', str(company), 'website'),
        ('release', str(company), 'name'),
        ('events', 'replay', str(waiting)),
        ('events', 'park', str(waiting), '--reason', 'odd'),
    ):
        assert world.told(*command)['acts'][0]['state'] == 'new'
    acts = [
        row[0]
        for row in world.execute(
            "select convert_from(body, 'utf8')::jsonb from event where source = 'operator' order by id"
        )
    ]
    assert acts == [
        {'act': 'push.retry', 'record': ref, 'system': 'pipedrive'},
        {'act': 'push.ignore', 'record': ref, 'system': 'pipedrive', 'fields': ['website']},
        {'act': 'release', 'record': ref, 'field': 'name'},
        {'act': 'event.replay', 'event': waiting},
        {'act': 'event.park', 'event': waiting, 'reason': 'odd'},
    ]
    assert [item['shown'] for item in world.told('push', 'list', '--state', 'parked')] == ['parked']


@pytest.mark.invariant('I25')
@pytest.mark.behaviour('FIELD-2')
def test_blame_tells_who_wrote_a_value_and_what_holds_another_back(world: World) -> None:
    company = world.company(name='Edited in the CRM', country='GB')
    first, edit = world.event(), world.event('pipedrive', after_s=3600)
    world.change(company, 'name', None, 'As signed up', first)
    world.change(company, 'country', None, 'GB', first)
    world.change(company, 'name', 'As signed up', 'Edited in the CRM', edit, system='pipedrive', after_s=3600)
    world.mirror('tutorcruncher', 'client', '7', company, {'name': [['As signed up', ms(START), ms(START)]]})
    told = {line['field']: line for line in world.told('blame', 'tutorcruncher:client:7')['fields']}
    assert told['name']['write']['event_id'] == edit
    assert told['name']['write']['system'] == 'pipedrive'
    assert told['country']['write']['rule'] == 'FIELD-2'
    assert told['name']['others'][0]['value'] == 'As signed up'
    assert told['name']['others'][0]['by_event'] == edit
    shown = world.run('blame', str(company), 'name').stdout
    assert (
        'tutorcruncher says As signed up since 2026-03-02 09:00:00Z, held back by the edit of 2026-03-02 10:00:00Z'
        in shown
    )
    then = {
        line['field']: line['value'] for line in world.told('blame', str(company), '--at', '2026-03-02T09:30')['fields']
    }
    assert then['name'] == 'As signed up'


@pytest.mark.behaviour('PD-MERGE-1')
def test_aliases_and_merged_away_ids_resolve_to_the_survivor_and_say_so(world: World) -> None:
    survivor = world.company(name='Survivor')
    loser = world.company(name='Loser', alias_of=survivor)
    world.mirror('pipedrive', 'organization', '5', survivor, {})
    world.mirror('pipedrive', 'organization', '4', survivor, {}, into='5')
    for asked in (str(loser), f'company:{loser}', 'pd:organization:4'):
        told = world.told('blame', asked)
        assert told['record'] == ['company', survivor]
        assert 'was merged into' in told['notes'][0]


@pytest.mark.invariant('I25')
def test_trace_tells_the_whole_fate_of_an_event(world: World) -> None:
    company = world.company(name='Marigold Tutors')
    event = world.event()
    world.change(company, 'name', None, 'Marigold Tutors', event)
    world.mirror('tutorcruncher', 'client', '7', company, {})
    world.execute('update mirror set event_id = %s', event)
    world.push(company, wanted=1, done=1)
    intent, answer = (
        world.event('pipedrive', kind='intent', after_s=1),
        world.event('pipedrive', kind='answer', after_s=1.2),
    )
    world.change(company, 'pd_org_id', None, 5, answer, system='pipedrive', after_s=1.3)
    world.execute(
        "insert into call (system, op, type, record_type, record_id, lane, tokens, intent_event, answer_event, "
        "status, started_at, ended_at)"
        " values ('pipedrive', 'create', 'organization', 'company', %s, 'webhook', 5, %s, %s, 201, %s, %s)",
        company, intent, answer, START + timedelta(seconds=1), START + timedelta(seconds=1.2),
    )  # fmt: skip
    told = world.told('trace', str(event))
    assert told['quiet'] is True
    kinds = [step['kind'] for step in told['steps']]
    assert [kind for kind in ('received', 'applied', 'change', 'mirror', 'call', 'follow-up') if kind in kinds] == [
        'received', 'applied', 'change', 'mirror', 'call', 'follow-up',
    ]  # fmt: skip
    assert [step['offset_s'] for step in told['steps']] == sorted(step['offset_s'] for step in told['steps'])
    assert any(step['detail'].get('field') == 'pd_org_id' for step in told['steps'])
    shown = world.run('trace', str(event)).stdout
    assert '201 in 200 ms, 5 tokens' in shown
    assert shown.splitlines()[-1] == 'quiet: nothing of it is left to do'
    world.execute("update push set wanted = 2, state = 'parked', reason = 'name: refused'")
    assert 'is parked: name: refused' in world.told('trace', str(event))['pending'][0]


@pytest.mark.behaviour('SETUP-6')
def test_doctor_says_what_to_do(world: World) -> None:
    world.execute(
        "insert into custom_field (linked_object_type, machine_name, name, field_type, policy) values ('Company', "
        "'hermes_id', 'Hermes ID', 'fk_field', 'hermes')"
    )
    found = {item['name']: item for item in world.told('doctor')['findings']}
    assert found['database']['state'] == found['migrations']['state'] == found['clock']['state'] == 'ok'
    assert 'no create is sent' in found['hermes_id fields']['said']
    assert found['payg_pipeline_id']['todo'] == 'run "hermes setup pipelines"'
    assert found['worker']['state'] == 'todo'
    assert world.run('doctor').exit_code == 2


def test_config_shows_defaults_and_warns_of_an_archived_pipeline(world: World) -> None:
    pipeline = world.execute("insert into pipeline (name, archived) values ('PAYG', true) returning id")[0][0]
    world.execute("insert into setting values ('payg_pipeline_id', %s)", Jsonb(pipeline))
    told = {item['key']: item for item in world.told('config', 'show')}
    assert told['deal_max_age_days']['value'] == 90
    assert told['deal_max_age_days']['set'] is False
    assert told['payg_pipeline_id']['problem'] == 'archived'


@pytest.mark.parametrize(
    ('command', 'says'),
    [
        (('blame', 'company:1'), 'There is no company 1.'),
        (('blame', 'nonsense'), 'is no record'),
        (('blame', 'tutor:3'), 'There is no record type "tutor"'),
        (('blame', 'pd:organization:99'), 'Hermes has never heard of pipedrive:organization:99.'),
        (('trace', '77'), 'There is no event 77.'),
        (('events', 'show', '77'), 'There is no event 77.'),
        (('events', 'replay'), 'Which events?'),
        (('events', 'list', '--state', 'odd'), 'There is no event state "odd".'),
        (('events', 'list', '--since', 'yesterday'), '"yesterday" is no time.'),
        (('push', 'list', '--state', 'odd'), 'There is no push state "odd".'),
        (('push', 'retry'), 'Which push?'),
        (('pause', 'fax'), 'There is no system "fax".'),
        (('config', 'set', 'colour', 'red'), 'There is no setting "colour".'),
        (('config', 'set', 'deal_max_age_days', 'many'), 'deal_max_age_days is a whole number, not "many".'),
        (('config', 'set', 'deal_max_age_days', '0'), 'deal_max_age_days is between 1 and 3650, not 0.'),
        (('config', 'set', 'tc2_write_back', 'maybe'), 'tc2_write_back is true or false, not "maybe".'),
        (('config', 'set', 'default_sales_person_id', '12'), 'there is no admin 12'),
    ],
)
def test_bad_input_gets_one_plain_sentence_and_stores_nothing(
    world: World, command: tuple[str, ...], says: str
) -> None:
    assert says in world.refused(*command)
    assert world.execute('select count(*) from event') == [(0,)]


@pytest.mark.lesson('M-70')
@pytest.mark.parametrize(
    ('command', 'says'),
    [
        (('rota', 'show', '--country', 'Atlantis'), '"Atlantis" is no country'),
        (('resume', 'pd', '--account', 'another'), 'speaks with Pipedrive company 1 of pipedrive, not "another"'),
        (('bookings', 'list', '--status', 'odd'), 'planned, canceled (or say all)'),
        (('patch', '--live'), 'Which patch?'),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused_and_not_passed_over(
    world: World, command: tuple[str, ...], says: str
) -> None:
    world.execute("insert into account (system, identity, since) values ('pipedrive', 'Pipedrive company 1', now())")
    assert says in world.refused(*command)
    assert world.execute('select count(*) from event') == [(0,)]


@pytest.mark.lesson('M-70')
def test_options_work_together(world: World) -> None:
    world.execute(
        "insert into admin (id, first_name, active, is_sales_person, sells_payg, sells_gb) values (1, 'Ada', true, "
        'true, true, true)'
    )
    shown = world.told('rota', 'show', '--plan', 'payg', '--country', 'united kingdom')
    assert {line['queue'] for line in shown} == {'sales:payg:gb'}
    assert world.run('status', '--check').exit_code == 2
    checked = world.run('status', '--budget', '--check')
    assert (checked.exit_code, 'no system has a budget yet' in checked.stdout) == (2, True)


def test_a_database_without_a_schema_is_told_what_to_do(blank_database_url: str) -> None:
    result = CliRunner().invoke(app, ['status'], env={'DATABASE_URL': blank_database_url})
    assert result.exit_code == 1
    assert 'hermes db upgrade' in result.stderr


def test_the_budget_says_what_was_spent_for_what_and_the_plan_what_would_be(world: World) -> None:
    assert 'no system has a budget yet' in world.run('status', '--budget').stdout
    world.execute("insert into budget values ('pipedrive', 10, 2, 5, 1000, (now() at time zone 'UTC')::date, 15)")
    for op, rule, status in (('create', 'TC-1', 200), ('update', 'FIELD-2, OUT-12', 200), ('read', 'VERSION-1', 503)):
        world.execute(
            'insert into call (system, op, type, record_type, record_id, lane, tokens, status, started_at, rule) '
            "values ('pipedrive', %s, 'organization', 'company', 7, 'webhook', 5, %s, now(), %s)",
            op, status, rule,
        )  # fmt: skip
    shown = world.run('status', '--budget').stdout
    for part in ('15 tokens in 3 calls', 'lower bound 10', 'spent / lower bound 1.500', 'company:7', 'VERSION-1'):
        assert part in shown
    [told] = world.told('status', '--budget')['systems']
    assert {line['name'] for line in told['by']['rules']} == {'TC-1', 'FIELD-2', 'VERSION-1'}
    assert world.told('plan') == {'mode': 'live', 'calls': [], 'totals': []}
    assert 'nothing would be sent' in world.run('plan').stdout
