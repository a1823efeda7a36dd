"""Incident capsule (ADM-15): one file that explains an event, a push or a decision, and replays it elsewhere."""

import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hermes.cli.failures import sentence_of
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.parts import assembly
from hermes.parts.roles import CRM
from hermes.sync import capsule
from hermes.sync.capsule import About
from hermes.sync.engine import Engine
from tests.dumps import dumped
from tests.flows.commands import hermes
from tests.flows.companies import client, company, decisions, deliver, event, later, parked, sign_up
from tests.flows.house import PRIYA_PD, SECRETS, House, settings_for

pytestmark = pytest.mark.behaviour('ADM-15')
CANARIES = (
    'Zanzibar', 'Quillfeather', 'Ostrobothnia', 'Wimbledrome', 'zan.quill@ostro-mail.example', 'ostro-mail',
    '+44 7700 900 271', '7700900271', 'wimbledrome-tutors', 'Pocklington Row', 'XQ7 4ZZ', 'hushhush',
)  # fmt: skip


@asynccontextmanager
async def elsewhere(house: House, url: str) -> AsyncIterator[Engine]:
    engine = assembly.build_engine(settings_for(url), clock=house.clock, transport=house.transport, worker='elsewhere')
    await engine.database.open()
    try:
        yield engine
    finally:
        await engine.database.close()


async def aside(house: House, **more: Any) -> int:
    """A client whose sales person nobody knows, full of what is of a person."""
    agency = {
        'id': 77,
        'name': 'Zanzibar Quillfeather Tuition',
        'website': 'https://www.wimbledrome-tutors.example/team',
    }
    person = {'email': 'zan.quill@ostro-mail.example', 'first_name': 'Zanzibar', 'last_name': 'Quillfeather'}
    user = {**person, 'mobile': '+44 7700 900 271', 'street': '12 Pocklington Row', 'town': 'Ostrobothnia',
            'postcode': 'XQ7 4ZZ'}  # fmt: skip
    attrs = [{'machine_name': 'utm_source', 'value': 'Wimbledrome fair'}]
    told = client(
        677, agency=agency, user=user, paid_recipients=[{'id': 9, **person}], extra_attrs=attrs,
        sales_person={'id': 999}, **more,
    )  # fmt: skip
    await deliver(house, event(told))
    [row] = await parked(house)
    return int(row['id'])


async def test_what_was_put_aside_is_put_aside_elsewhere_for_the_same_reason(house: House, second_url: str) -> None:
    sign_up(house)
    await later(house)
    number = await aside(house)
    [was] = await parked(house)
    before = await dumped(house.engine.database)
    told = await capsule.make(house.engine, About('event', number))
    assert await dumped(house.engine.database) == before
    assert told['focus'] == [number]
    assert 'Zanzibar' in json.dumps(told)
    async with elsewhere(house, second_url) as engine:
        calls = house.world.call_count
        came = await capsule.replay(engine, capsule.read(json.dumps(told).encode()))
        assert house.world.call_count == calls
    assert (came.state, came.reason, came.differs) == ('parked', was['reason'], ())


async def test_stand_ins_hide_everybody_and_the_same_comes_out(house: House, second_url: str) -> None:
    sign_up(house, 'Wimbledrome Tutors', email='zan.quill@ostro-mail.example', first_name='Zanzibar', recipients=[])
    await later(house)
    house.pd.act_update('organization', house.organizations()[0]['id'], {'name': 'Ostrobothnia Ltd'}, PRIYA_PD)
    await later(house)
    number = await aside(house)
    [was] = await parked(house)
    told = await capsule.make(house.engine, About('event', number), anonymous=True)
    text = json.dumps(told, ensure_ascii=False)
    assert [canary for canary in CANARIES if canary.casefold() in text.casefold()] == []
    [focus] = [row for row in told['events'] if row['id'] == number]
    subject = json.loads(focus['body'])['events'][0]['subject']
    assert subject['id'] == 677
    assert subject['user']['email'] == subject['paid_recipients'][0]['email']
    assert subject['meta_agency']['name'].split()[0] == subject['user']['first_name']
    assert '@' in subject['user']['email']
    async with elsewhere(house, second_url) as engine:
        came = await capsule.replay(engine, told)
    assert (came.state, came.reason, came.differs) == ('parked', was['reason'], ())


@pytest.mark.parametrize('anonymous', [False, True])
async def test_what_was_applied_comes_out_again(house: House, second_url: str, anonymous: bool) -> None:
    one = sign_up(house, website='https://ember.example', phone='+44 20 7946 0018')
    await later(house)
    house.pd.act_update('organization', house.organizations()[0]['id'], {'name': 'Ember of the CRM'}, PRIYA_PD)
    await later(house)
    house.tc2.edit_client(one.id, website='https://new.example')
    house.tc2.send_all_snapshots()
    await later(house)
    [row] = await house.rows(
        "select max(event_id) as id from change where record_type = 'company' and field = 'website'"
    )
    told = await capsule.make(house.engine, About('event', row['id']), anonymous=anonymous)
    assert {'website'} <= {entry['field'] for entry in told['journal']}
    async with elsewhere(house, second_url) as engine:
        came = await capsule.replay(engine, told)
    assert (came.state, came.differs) == ('done', ())
    assert came.applied >= 10


async def test_what_comes_out_otherwise_is_told(house: House, second_url: str) -> None:
    number = await aside(house)
    told = await capsule.make(house.engine, About('event', number))
    [admin] = told['shared']['admin'][:1]
    known = told['knowledge']['setting']
    known.append({'key': 'default_sales_person_id', 'value': admin['id']})
    async with elsewhere(house, second_url) as engine:
        came = await capsule.replay(engine, told)
    assert came.state == 'done'
    assert any('was parked' in sentence and 'is done here' in sentence for sentence in came.differs)


async def test_a_push_and_a_decision_have_one(house: House, second_url: str) -> None:
    sign_up(house)
    await later(house)
    number = (await company(house))['id']
    of_push = await capsule.make(house.engine, About('push', record=RecordRef('company', number), system=CRM))
    assert of_push['about'] == f'push:company:{number}:{CRM}'
    assert {row['system'] for row in of_push['pushes']} >= {CRM}
    assert of_push['calls']
    await house.rows(
        'insert into decision (kind, record_type, record_id, key, detail, event_id, at) values '
        "('gone', 'company', %s, 'k', '{}', (select max(event_id) from change), now()) returning id",
        number,
    )
    [asked] = await decisions(house)
    of_decision = await capsule.make(house.engine, About('decision', asked['id']))
    assert [row['id'] for row in of_decision['decisions']] == [asked['id']]
    async with elsewhere(house, second_url) as engine:
        assert (await capsule.replay(engine, of_push)).same
    for about, says in (
        (About('event', 999_999), 'There is no event'),
        (About('decision', 999_999), 'There is no decision'),
        (About('push', record=RecordRef('company', 1), system=CRM), 'There is no push'),
    ):
        with pytest.raises(Refused, match=says):
            await capsule.make(house.engine, about)


async def test_secrets_are_in_no_capsule(house: House) -> None:
    number = await aside(house, api_token='hushhush-token', note=f'key {SECRETS.pd_api_key}')
    told = await capsule.make(house.engine, About('event', number), hidden=[SECRETS.pd_api_key])
    text = json.dumps(told)
    assert 'hushhush' not in text
    assert SECRETS.pd_api_key not in text


def test_a_damaged_file_or_one_of_a_newer_version_is_refused() -> None:
    made = {'capsule': 1, **dict.fromkeys(capsule.PARTS, ''), 'about': 'event:1'}
    good = {**made, 'digest': capsule.digest(made)}
    assert capsule.read(json.dumps(good).encode())['about'] == 'event:1'
    for text, says in (
        (b'', 'no capsule'),
        (b'[]', 'no capsule'),
        (b'{"capsule": "x"}', 'no capsule'),
        (json.dumps({**good, 'about': 'event:2'}).encode(), 'damaged'),
        (json.dumps({'capsule': 1, 'digest': capsule.digest({'capsule': 1})}).encode(), 'damaged'),
        (json.dumps({**good, 'capsule': 2}).encode(), 'is of version 2'),
    ):
        with pytest.raises(Refused, match=says):
            capsule.read(text)


async def test_the_command_makes_shows_and_replays_one(house: House, tmp_path: Path) -> None:
    number = await aside(house)
    file = tmp_path / 'incident.json'
    made = await hermes(house, 'capsule', 'make', str(number), str(file), '--anonymous')
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    views = await house.rows("select convert_from(body, 'UTF8')::jsonb as body from event where kind = 'view'")
    assert [row['body']['event'] for row in views] == [number]
    again = await hermes(house, 'capsule', 'make', str(number), str(file))
    assert again.exit_code == 1
    assert 'is there already' in (again.stderr or sentence_of(again.exception))  # type: ignore[arg-type]
    shown = await hermes(house, 'capsule', 'show', str(file))
    assert shown.exit_code == 0, shown.output
    assert f'event:{number}' in shown.stdout
    assert 'Quillfeather' not in shown.stdout
    replayed = await hermes(house, 'capsule', 'replay', str(file))
    assert replayed.exit_code == 0, replayed.output
    assert 'the same came out' in replayed.stdout
    assert '999' in replayed.stdout
    for what in ('nothing', 'event:x', 'push:company:1', 'push:house:1:pd'):
        refused = await hermes(house, 'capsule', 'make', what, str(tmp_path / 'other.json'))
        assert refused.exit_code == 1
    assert not (tmp_path / 'other.json').exists()
    file.write_text('{"capsule": 1}')
    assert (await hermes(house, 'capsule', 'show', str(file))).exit_code == 1
