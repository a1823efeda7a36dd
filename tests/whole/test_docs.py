"""The documentation keeps its word: links lead somewhere, no workplace shows through, and dependencies have reasons."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from hermes.cli import app
from tests.whole.every_command import commands

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.joinpath('docs').rglob('*.md')])
WRITTEN = ('.md', '.toml', '.py', '.sql', '.sh', '.html', '.css', '.js', '.mako', '.json', '.yml')
ROOMS = ('docs', 'hermes', 'tests', 'tools', 'bench', 'deploy')
DEPENDENCIES = ROOT / 'docs' / 'reference' / 'dependencies.md'
DECISIONS = sorted(ROOT.joinpath('docs', 'decisions').glob('[0-9]*.md'))

LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')
FENCE = re.compile(r'^\s*```.*?^\s*```', re.MULTILINE | re.DOTALL)
SPAN = re.compile(r'`[^`]*`')

MOST_DEPENDENCIES = 25
FOREIGN = (re.compile(r'(?<![\w.])/(?:home|root|work)\b'), re.compile(r'\bshared/'))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r'^#+ (.*)$', FENCE.sub('', path.read_text(encoding='utf-8')), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def packages(requirements: list[str]) -> set[str]:
    return {re.split(r'[\[<>=~! ]', requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = SPAN.sub('', FENCE.sub('', page.read_text(encoding='utf-8')))
    for link in LINK.findall(text):
        if re.match(r'[a-z]+:', link):
            continue
        target, _, anchor = link.partition('#')
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f'{name_of(page)} links to {link}, which is not there'
        assert path.is_relative_to(ROOT), f'{name_of(page)} links out of the project: {link}'
        assert not anchor or anchor in anchors(path), f'{name_of(page)}: no heading #{anchor} in {name_of(path)}'


def test_every_page_is_reachable_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / 'README.md']
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != '.md' or not page.exists():
            continue
        reached.add(page)
        links = LINK.findall(page.read_text(encoding='utf-8'))
        waiting += [
            (page.parent / link.partition('#')[0]).resolve() for link in links if not re.match(r'[a-z]+:', link)
        ]
    lost = {name_of(page) for page in PAGES if page not in reached and 'docs' in page.relative_to(ROOT).parts}
    assert lost == set()


@pytest.mark.parametrize('room', ['.', *ROOMS])
def test_the_project_speaks_of_itself_alone(room: str) -> None:
    paths = ROOT.iterdir() if room == '.' else ROOT.joinpath(room).rglob('*')
    foreign = [
        f'{name_of(path)}:{number}: {line.strip()[:80]}'
        for path in sorted(paths)
        if path.is_file() and (path.suffix in WRITTEN or path.name == 'Makefile')
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1)
        if any(pattern.search(line) for pattern in FOREIGN)
    ]
    assert foreign == []


def test_every_run_time_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    core = packages(project['dependencies'])
    extras = set().union(*(packages(names) for names in project.get('optional-dependencies', {}).values()))
    rows = re.findall(r'^\| `([\w.-]+)` \|(.*)\|$', DEPENDENCIES.read_text(encoding='utf-8'), re.MULTILINE)
    assert len(core) <= MOST_DEPENDENCIES
    assert {name for name, _ in rows} == core | extras
    assert all(reason.rsplit('|', 1)[-1].strip() for _, reason in rows)


@pytest.mark.lesson('L-2')
@pytest.mark.parametrize('lock', ['core.lock', 'dev.lock'])
def test_what_is_installed_is_locked_with_versions_and_hashes(lock: str) -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    text = (ROOT / 'requirements' / lock).read_text(encoding='utf-8').replace('\\\n', ' ')
    entries = [line for line in text.splitlines() if line[:1].isalnum()]
    assert all(re.match(r'[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}', line) for line in entries)
    assert packages(project['dependencies']) <= packages(entries)
    assert '://' not in text


@pytest.mark.parametrize('page', DECISIONS, ids=name_of)
def test_a_decision_is_one_page_and_says_what_else_was_possible(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    assert text.startswith(f'# {page.name[:4]}: ')
    assert re.findall(r'^## (.*)$', text, re.MULTILINE) == ['Context', 'Decision', 'Consequences', 'Alternatives']
    assert len(text.splitlines()) <= 60
    assert page.name in (page.parent / 'README.md').read_text(encoding='utf-8')


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.lesson('M-55')
def test_the_reference_names_every_command_and_no_other() -> None:
    page = ROOT.joinpath('docs', 'reference', 'interface.md').read_text(encoding='utf-8')
    section = page[page.index('## `hermes`') : page.index('| exit code |')]
    named: set[str] = set()
    for span in re.findall(r'`([a-z][^`]*)`', section.split('\n|---|---|\n')[1].split('\n\n')[0]):
        group, _, names = span.partition(' ')
        named |= {f'{group} {name}' for name in names.split('\\|')} if names else {group}
    assert named - {'push'} == {' '.join(path) for path, _ in commands(get_command(app))}
