"""The settings: where they come from, and what is said about a wrong one."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import structlog
import yaml
from psycopg.conninfo import conninfo_to_dict

from hermes.domain.errors import Refused
from hermes.parts.assembly import observe
from hermes.settings import OUR_KEYS, Settings, SettingsError, is_secret, load, reveal
from hermes.systems.mail import parse_address
from tools import reference


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine and no .env of this folder."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f'{name.upper()}_FILE', raising=False)


@pytest.mark.lesson('G-6')
def test_the_old_scheme_of_a_database_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DATABASE_URL', 'postgres://someone:pass@db/hermes?sslmode=require')
    assert load().database_url == 'postgresql://someone:pass@db/hermes?sslmode=require'


@pytest.mark.lesson('K-6')
def test_without_anything_the_world_is_the_sandbox_and_no_secret_is_set() -> None:
    settings = load()
    assert settings.sandboxed
    assert [
        name for name, field in Settings.model_fields.items() if is_secret(field) and reveal(getattr(settings, name))
    ] == []
    with pytest.raises(SettingsError, match='Not set: SECRET_KEY, SIGNING_KEY, API_KEY'):
        settings.require_secrets()


DRAWN = 'Vq3rT8yLw0Zx5Nf2Kd7Hs9Jb1Mc4Pg6X'


@pytest.mark.invariant('S9')
@pytest.mark.lesson('M-9')
@pytest.mark.parametrize('name', OUR_KEYS)
@pytest.mark.parametrize('weak', ['a', 'secret', 'a' * 64, 'abcabcabcabcabcabcabcabcabcabcabcabc', 'short-Key-15ch'])
def test_no_key_of_ours_can_be_guessed(name: str, weak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of Hermes starts says so in one sentence, with a command that draws a better one."""
    for key in ('SECRET_KEY', 'SIGNING_KEY', 'API_KEY', 'PD_WEBHOOK_PASSWORD'):
        monkeypatch.setenv(key, DRAWN)
    load().require_secrets()
    lists = ('signing_key', 'pd_webhook_password')
    monkeypatch.setenv(name.upper(), f'{DRAWN}, {weak}' if name in lists else weak)
    with pytest.raises(SettingsError, match=rf'^{name.upper()}: too easy to guess\. .*secrets\.token_urlsafe') as told:
        load().require_secrets()
    assert weak not in str(told.value).replace('characters', '') or weak in ('a', 'secret')


@pytest.mark.lesson('M-9')
@pytest.mark.parametrize(
    'start', [['-m', 'hermes', 'run'], ['-m', 'hermes', 'web'], ['-m', 'hermes', 'worker'],
              ['-c', 'import hermes.app; hermes.app.app']], ids=['run', 'web', 'worker', 'asgi'],
)  # fmt: skip
def test_nothing_starts_with_a_key_that_can_be_guessed(start: list[str]) -> None:
    environment = {
        **os.environ, 'PD_API_KEY': 'something', 'PD_WEBHOOK_USER': 'hermes', 'PD_WEBHOOK_PASSWORD': DRAWN,
        'SECRET_KEY': DRAWN, 'SIGNING_KEY': 'a', 'API_KEY': DRAWN, 'DATABASE_URL': 'postgresql://nobody@127.0.0.1:9/x',
    }  # fmt: skip
    ended = subprocess.run([sys.executable, *start], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert 'SIGNING_KEY: too easy to guess.' in ended.stderr


@pytest.mark.parametrize(
    'name', ['TC2_API_KEY', 'PD_API_KEY', 'G_CLIENT_EMAIL', 'NATIONBUILDER_TOKEN', 'SALESFORCE_CLIENT_ID']
)
def test_any_real_credential_ends_the_sandbox_and_its_data_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = load().world_dir
    monkeypatch.setenv(name, 'something')
    assert not load().sandboxed
    assert load().world_dir != sandbox


def test_comma_lists_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SIGNING_KEY', 'new, old ,')
    assert reveal(load().signing_key) == ('new', 'old')


def test_a_secret_may_come_from_a_file_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'key').write_text('from-a-file\n')
    (tmp_path / '.env').write_text(f'PD_API_KEY_FILE={tmp_path}/key\n')
    assert reveal(load().pd_api_key) == ('from-a-file',)
    monkeypatch.setenv('PD_API_KEY', 'from-a-variable')
    assert reveal(load().pd_api_key) == ('from-a-variable',)
    monkeypatch.setenv('TC2_API_KEY_FILE', str(tmp_path / 'missing'))
    with pytest.raises(SettingsError, match='TC2_API_KEY_FILE: the file cannot be read'):
        load()


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('DATABASE_URL', 'mysql://s3cret@db/x'),
        ('HERMES_URL', 's3cret'),
        ('MEETING_DUR_MINS', 's3cret'),
        ('MEETING_MIN_START', '25:00'),
        ('DFT_TIMEZONE', 's3cret'),
        ('TRUSTED_PROXIES', 's3cret'),
        ('CORS_ORIGINS', 's3cret'),
        ('PUSH_MODE', 's3cret'),
        ('CRM_TYPE', 's3cret'),
        ('TC2_WRITE_BACK', 's3cret'),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it_and_keeps_it_to_itself(
    name: str, value: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'hermes', 'db', 'url'], capture_output=True, text=True, cwd=tmp_path, env={name: value}
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f'{name}: ')
    assert len(done.stderr.splitlines()) == 1
    assert value not in done.stderr


def test_the_sandbox_talks_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HERMES_SANDBOX', '1')
    with pytest.raises(SettingsError, match='must be on this machine'):
        load()


@pytest.mark.parametrize('name', ['SALESFORCE_BASE_URL', 'NATIONBUILDER_BASE_URL'])
def test_the_sandboxs_crms_of_app_users_are_on_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    local = {'TC2_BASE_URL': 'http://127.0.0.1:1/tc2', 'PD_BASE_URL': 'http://127.0.0.1:1/pd', 'HERMES_SANDBOX': '1'}
    for key, value in local.items():
        monkeypatch.setenv(key, value)
    load()
    monkeypatch.setenv(name, 'https://crm.example')
    with pytest.raises(SettingsError, match='must be on this machine'):
        load()


@pytest.mark.lesson('K-5')
def test_an_origin_with_a_trailing_slash_is_the_same_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CORS_ORIGINS', 'https://www.example.com/')
    assert load().cors_origins == ('https://www.example.com',)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PD_API_KEY', 'very-s3cret')
    monkeypatch.setenv('SIGNING_KEY', 'very-s3cret')
    assert 'very-s3cret' not in repr(load())


@pytest.mark.parametrize('dev', [True, False])
def test_logs_in_a_file_are_lines_for_people_only_where_they_are_wanted(
    dev: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        observe(load({'_env_file': None, 'dev_mode': dev}), 'web')
        structlog.get_logger('hermes').warning('something happened')
        [line] = capsys.readouterr().err.splitlines()
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    assert 'something happened' in line
    assert line.startswith('{') is not dev


def test_the_reference_page_is_current() -> None:
    assert reference.main(['settings', '--check']) == 0


HARD = ['p@ss', 'a/b', 'a:b', '50%off', 'a#b', 'a?b=c&d', 'two words', 'über"\\', "it's", '[::1]@x', '%40', '@', '$X']
ROOT = Path(__file__).parents[2]


@pytest.mark.lesson('M-54')
@pytest.mark.parametrize('password', HARD)
def test_a_password_may_have_any_character(password: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Apart it is taken as it is: from the environment, from a file, and as `compose.yaml` gives it."""
    address = 'postgresql://hermes@db1:5432,db2/hermes?sslmode=require'
    expected = {'user': 'hermes', 'host': 'db1,db2', 'dbname': 'hermes', 'password': password, 'sslmode': 'require'}
    monkeypatch.setenv('DATABASE_URL', address)
    monkeypatch.setenv('DATABASE_PASSWORD', password)
    assert conninfo_to_dict(load().database_url) | {'port': ''} == expected | {'port': ''}
    monkeypatch.setenv('DATABASE_URL', load().database_url)
    assert conninfo_to_dict(load().database_url)['password'] == password
    monkeypatch.delenv('DATABASE_PASSWORD')
    assert conninfo_to_dict(load().database_url)['password'] == password
    (tmp_path / 'password').write_text(password)
    monkeypatch.setenv('DATABASE_PASSWORD_FILE', str(tmp_path / 'password'))
    monkeypatch.setenv('DATABASE_URL', address)
    assert conninfo_to_dict(load().database_url)['password'] == password
    monkeypatch.delenv('DATABASE_PASSWORD_FILE')
    told = yaml.safe_load((ROOT / 'compose.yaml').read_text())['services']['worker']['environment']
    for name, given in told.items():
        monkeypatch.setenv(name, given.replace('${POSTGRES_PASSWORD}', password))
    assert conninfo_to_dict(load().database_url)['password'] == password


@pytest.mark.lesson('M-54')
@pytest.mark.parametrize('name', ['DATABASE_URL', 'LIVE_DATABASE_URL'])
@pytest.mark.parametrize('password', ['p@sswort', 'pass/wort', '12/wort', '50%wort', 'pass wort', 'a@b/wort'])
def test_an_address_that_would_be_misread_is_refused_without_what_is_in_it(
    name: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f'postgresql://hermes:{password}@db/hermes')
    with pytest.raises(SettingsError, match=rf'^{name}: must be an address such as .*%40 %2F %25 %20') as told:
        load()
    assert 'wort' not in str(told.value)


@pytest.mark.lesson('M-54')
@pytest.mark.parametrize('password', HARD)
def test_the_mail_server_is_given_the_password_that_was_meant_or_none(password: str) -> None:
    account = parse_address(f'smtp://me%40office.example:{quote(password, safe="")}@mail.example.com:25')
    assert (account.user, account.password, account.host) == ('me@office.example', password, 'mail.example.com')
    try:
        account = parse_address(f'smtp://hermes:{password}@mail.example.com:25')
    except Refused as error:
        told = str(error)
    else:
        told = '%2F %3F %23 %25 %20'
        assert (account.password, account.host) == (unquote(password), 'mail.example.com')
    assert '%2F %3F %23 %25 %20' in told
