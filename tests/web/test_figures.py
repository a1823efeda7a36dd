"""The alert rules and the dashboard that come along ask for figures that `/metrics` has, by labels that are there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.web.conftest import World

DEPLOY = Path(__file__).parents[2] / 'deploy'
RULES, DASHBOARD = DEPLOY / 'prometheus' / 'alerts.yml', DEPLOY / 'grafana' / 'dashboard.json'
NAME = re.compile(r'\bhermes_\w+')
ASKED = re.compile(r'\b(hermes_\w+)\{([^}]*)\}')
MATCHER = re.compile(r'(\w+)\s*=~?\s*"([^"]*)"')
DURATION = re.compile(r'\d+[smhd]')
GROUPED = re.compile(r'\b(?:by|on) \(([^)]*)\)')


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load(RULES.read_text(encoding='utf-8'))
    return [rule for group in told['groups'] for rule in group['rules']]


def panels() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding='utf-8'))['panels']
    return told


def expressions() -> Iterator[tuple[str, str]]:
    """Whose it is, and what is asked."""
    for rule in rules():
        yield rule['alert'], rule['expr']
    for panel in panels():
        for target in panel['targets']:
            yield panel['title'], target['expr']


async def figures(world: World) -> dict[str, list[dict[str, str]]]:
    """Name -> the labels of each of its figures."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in (await world.http.get('/metrics')).text.splitlines():
        if sample := re.match(r'(\w+)(?:\{(.*)\})? \S+$', line):
            found.setdefault(sample[1], []).append(dict(re.findall(r'(\w+)="([^"]*)"', sample[2] or '')))
    return found


@pytest.mark.lesson('M-54')
async def test_every_figure_that_is_asked_for_is_there(world: World) -> None:
    there = await figures(world)
    missing = [(whose, name) for whose, asked in expressions() for name in NAME.findall(asked) if name not in there]
    assert missing == []


@pytest.mark.lesson('M-54')
async def test_every_label_that_is_asked_for_has_that_value(world: World) -> None:
    there = await figures(world)
    for whose, asked in expressions():
        for name, matchers in ASKED.findall(asked):
            for label, values in MATCHER.findall(matchers):
                known = {labels.get(label) for labels in there[name]}
                assert known >= set(values.split('|')), (whose, name, label)
        names = NAME.findall(asked)
        for label in (each.strip() for grouped in GROUPED.findall(asked) for each in grouped.split(',')):
            assert any(label in labels for name in names for labels in there[name]), (whose, label)


def test_the_rules_are_well_formed() -> None:
    told = yaml.safe_load(RULES.read_text(encoding='utf-8'))
    assert told.keys() == {'groups'}
    assert [group['name'] for group in told['groups']] == ['hermes']
    assert len({rule['alert'] for rule in rules()}) == len(rules()) > 10
    for rule in rules():
        assert rule.keys() - {'for'} == {'alert', 'expr', 'labels', 'annotations'}, rule
        assert re.fullmatch(r'Hermes[A-Za-z]+', rule['alert'])
        assert DURATION.fullmatch(rule.get('for', '0s'))
        assert rule['labels']['severity'] in ('critical', 'warning', 'info')
        assert rule['annotations'].keys() == {'summary', 'description'}
        assert all(isinstance(text, str) and text for text in rule['annotations'].values())
        for opening, closing in ('()', '{}', '[]'):
            assert rule['expr'].count(opening) == rule['expr'].count(closing)


async def test_what_a_rule_says_names_labels_that_its_figures_have(world: World) -> None:
    there = await figures(world)
    for rule in rules():
        named = re.findall(r'\$labels\.(\w+)', json.dumps(rule['annotations']))
        labels = {label for name in NAME.findall(rule['expr']) for each in there[name] for label in each}
        assert labels >= set(named), rule['alert']


def test_the_dashboard_is_well_formed() -> None:
    assert len({panel['id'] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel['gridPos']
        tiles = {
            (x, y)
            for x in range(place['x'], place['x'] + place['w'])
            for y in range(place['y'], place['y'] + place['h'])
        }
        assert not tiles & taken, panel['title']
        taken |= tiles
        assert all(0 <= x < 24 for x, _ in tiles)
        assert panel['targets']
        assert panel['datasource'] == {'type': 'prometheus', 'uid': '${datasource}'}
