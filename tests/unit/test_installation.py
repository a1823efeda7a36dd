"""Commands find the installation wherever they are called."""

from pathlib import Path

import pytest

from hermes.kit.installation import find_home
from hermes.settings import load

pytestmark = pytest.mark.lesson('M-45')


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / 'elsewhere' / 'deeper'
    folder.mkdir(parents=True)
    return folder


def test_a_checkout_is_found_from_anywhere(tmp_path: Path, elsewhere: Path) -> None:
    checkout = tmp_path / 'checkout'
    (checkout / 'data/sandbox').mkdir(parents=True)
    assert find_home(elsewhere, checkout) == checkout
    assert find_home(checkout / 'data', checkout) == checkout


def test_a_folder_that_is_an_installation_of_its_own_comes_first(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / 'checkout/data/sandbox').mkdir(parents=True)
    (elsewhere / '.env').touch()
    assert find_home(elsewhere, tmp_path / 'checkout') == elsewhere


def test_an_installed_package_belongs_to_the_nearest_folder_above_that_is_one(tmp_path: Path, elsewhere: Path) -> None:
    packages = tmp_path / 'lib/site-packages'
    assert find_home(elsewhere, packages) == elsewhere
    (tmp_path / 'data/live').mkdir(parents=True)
    assert find_home(elsewhere, packages) == tmp_path


def test_folders_count_from_the_installation_and_from_here_where_the_environment_says_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('DATA_DIR', raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'key').write_text('from-a-file')
    (tmp_path / '.env').write_text('DATA_DIR=there\nPD_API_KEY_FILE=key\n')
    settings = load()
    assert settings.data_dir == tmp_path / 'there'
    assert settings.pd_api_key.get_secret_value() == 'from-a-file'
    (tmp_path / 'deeper').mkdir()
    monkeypatch.chdir(tmp_path / 'deeper')
    monkeypatch.setenv('DATA_DIR', 'here')
    assert load().data_dir == tmp_path / 'deeper/here'
