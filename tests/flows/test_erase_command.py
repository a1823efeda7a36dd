"""`hermes erase` and `hermes export` as somebody types them, on the database of a whole house."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hermes.cli import app
from hermes.cli.failures import sentence_of
from tests.flows.companies import later
from tests.flows.dumped import dump, found_in
from tests.flows.house import SIGNING_KEY, House
from tests.flows.test_erase import CANARIES, EMAIL, FIRST, LAST, NOTE, PHONE, plant


class Terminal:
    """Where commands are typed."""

    def __init__(self, house: House, folder: Path) -> None:
        self.env = {
            'DATABASE_URL': house.settings.database_url, 'DATA_DIR': str(folder), 'SIGNING_KEY': SIGNING_KEY,
            'PD_API_KEY': 'pd-key', 'PD_BASE_URL': 'http://127.0.0.1:9',
        }  # fmt: skip

    async def type(self, *words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=self.env)
        assert done.exit_code == code, (done.output, done.exception)
        said = sentence_of(done.exception) if isinstance(done.exception, Exception) else ''
        return done.output + said


@pytest.fixture
def terminal(house: House, tmp_path: Path) -> Terminal:
    return Terminal(house, tmp_path)


@pytest.mark.behaviour('ADM-9')
@pytest.mark.invariant('S10')
async def test_a_person_is_erased_by_a_command(house: House, terminal: Terminal) -> None:
    planted = await plant(house)
    await later(house)
    seen = await terminal.type('erase', EMAIL.upper(), '--preview')
    assert f'contact:{planted.contact}' in seen
    assert f'pipedrive:person:{planted.person}' in seen
    assert 'say --yes and --name' in await terminal.type('erase', EMAIL, '--yes', code=1)
    assert 'not the name' in await terminal.type('erase', EMAIL, '--yes', '--name', 'Bo Hazelnut', code=1)
    assert found_in(dump(house.settings.database_url), CANARIES)
    name = f'{FIRST} {LAST}-Smythe'
    told = await terminal.type('erase', f'pipedrive:person:{planted.person}', '--yes', '--name', name.upper(), '--json')
    done = json.loads(told[told.index('\n{') :])
    assert {one['address'] for one in done['held']} >= {f'pipedrive:person:{planted.person}'}
    assert done['gone']['contact'] == 1
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert 'nothing of them is here' in await terminal.type('erase', '--check', str(done['receipt']))
    assert f'contact:{planted.contact}' in await terminal.type('erase', '--receipts')
    assert 'Nobody here' in await terminal.type('erase', EMAIL, '--preview', code=1)
    # Somebody writes their address into a row by hand: the check says where it is.
    await house.rows('update company set referer = %s where id = %s returning id', f'from {EMAIL}', planted.company)
    assert 'company.referer: 1 rows' in await terminal.type('erase', '--check', str(done['receipt']), code=2)


@pytest.mark.invariant('S10')
@pytest.mark.invariant('S24')
@pytest.mark.invariant('S15')
async def test_an_export_holds_everything_and_nobody_else(house: House, terminal: Terminal, tmp_path: Path) -> None:
    planted = await plant(house)
    await later(house)
    file = tmp_path / 'person.json'
    await terminal.type('export', f'contact:{planted.contact}', str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told: dict[str, Any] = json.loads(file.read_text())
    text = json.dumps(told, ensure_ascii=False)
    assert all(canary in text for canary in (FIRST, LAST, EMAIL, PHONE, NOTE))
    assert 'Hazelnut' not in text
    assert {'records', 'objects', 'journal', 'events', 'letters', 'calls', 'decisions'} <= told.keys()
    [noted] = await house.rows("select body, headers from event where kind = 'view' order by id desc limit 1")
    assert json.loads(bytes(noted['body'])) == {'act': 'person.exported', 'record': ['contact', planted.contact]}
    assert 'is there already' in await terminal.type('export', EMAIL, str(file), code=1)


@pytest.mark.invariant('S15')
async def test_an_erasure_is_journalled_without_a_word_of_whom(house: House, terminal: Terminal) -> None:
    planted = await plant(house)
    await later(house)
    name = f'{FIRST} {LAST}-Smythe'
    await terminal.type('erase', f'contact:{planted.contact}', '--yes', '--name', name)
    [act] = await house.rows("select body, headers, state from event where convert_from(body, 'UTF8') like %s",
                             '%person.erase%')  # fmt: skip
    assert json.loads(bytes(act['body'])) == {'act': 'person.erase', 'record': ['contact', planted.contact]}
    assert (act['state'], act['headers']['by']) == ('done', 'command line')
