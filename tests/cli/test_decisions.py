"""`hermes decisions`: questions are listed, shown with their answers, and answered by an act that says everything."""

import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.cli.desk import START, World


def ask(world: World, kind: str = 'match', **columns: Any) -> tuple[int, int]:
    """A company and an open question about it: their ids."""
    company = world.company(name='Ember Tutors')
    detail = {'candidates': [['company', 7], ['company', 8]], 'rule': 'MATCH-1 e-mail'}
    query = (
        'insert into decision (kind, record_type, record_id, key, detail, state, at) '
        "values (%s, 'company', %s, %s, %s, %s, %s) returning id"
    )
    state = columns.get('state', 'open')
    [(number,)] = world.execute(query, kind, company, f'{kind}:x:{company}', Jsonb(detail), state, START)
    return int(number), company


@pytest.mark.behaviour('MATCH-7')
def test_open_questions_are_listed_with_what_may_be_answered(world: World) -> None:
    number, company = ask(world)
    settled, _ = ask(world, 'fought over', state='ours')
    [item] = world.told('decisions', 'list')
    assert (item['id'], item['record'], item['company']) == (number, f'company:{company}', 'Ember Tutors')
    assert item['choices'] == 'same, separate'
    assert [one['id'] for one in world.told('decisions', 'list', '--state', 'settled')] == [settled]
    assert len(world.told('decisions', 'list', '--state', 'all', '--kind', 'match')) == 1
    assert 'open or settled' in world.refused('decisions', 'list', '--state', 'perhaps')
    assert world.run('decisions', 'list', '--kind', 'gone').stdout.strip() == 'nothing waits for a decision'


@pytest.mark.behaviour('MATCH-7')
def test_a_question_shows_how_it_is_answered(world: World) -> None:
    number, _ = ask(world)
    shown = world.run('decisions', 'show', str(number)).stdout
    assert f'hermes decisions settle {number} same' in shown
    assert 'company' in shown
    assert world.told('decisions', 'show', str(number))['choices'].keys() == {'same', 'separate'}
    assert 'There is no decision 999' in world.refused('decisions', 'show', '999')


@pytest.mark.behaviour('MATCH-7')
@pytest.mark.invariant('I14')
def test_an_answer_is_an_act_that_says_what_was_asked(world: World) -> None:
    number, company = ask(world)
    assert 'is answered with: same, separate' in world.refused('decisions', 'settle', str(number), 'perhaps')
    result = world.run('decisions', 'settle', str(number), 'same', 'company:7')
    assert (result.exit_code, 'stored' in result.stdout) == (0, True)
    [(body,)] = world.execute("select body from event where kind = 'act'")
    told = json.loads(bytes(body))
    assert (told['act'], told['kind'], told['key']) == ('decision.settle', 'match', f'match:x:{company}')
    assert (told['record'], told['choice'], told['value']) == (['company', company], 'same', 'company:7')
    assert told['detail']['candidates'] == [['company', 7], ['company', 8]]
    settled, _ = ask(world, state='separate')
    assert 'settled already' in world.refused('decisions', 'settle', str(settled), 'separate')
