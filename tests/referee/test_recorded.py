"""The judge that sits beside the flows: what it calls the same, and that it finds what is wrong on either side."""

import json
from typing import Any

import pytest

from tests.referee.recorded import Answer, Exchange, Judge, outline, shape, signature
from tests.referee.referee import NATION, documents

PATH = '/pipedrive/api/v2/organizations'
HEADERS = (('content-type', 'application/json'), ('x-api-token', 'x'))


def exchange(body: Any, data: Any, *, path: str = PATH, method: str = 'POST') -> Exchange:
    told = json.dumps({'success': True, 'data': data}).encode()
    answer = Answer(200, 'application/json', told)
    return Exchange(method, path, '', HEADERS, json.dumps(body).encode(), answer, 'here')


def test_what_is_of_one_shape_is_judged_once() -> None:
    assert shape({'id': 7, 'name': 'Ember Tutors'}) == shape({'name': 'Juniper Lessons', 'id': 123})
    assert shape([{'a': 1}, {'a': 2}]) == shape([{'a': 3}])
    assert shape({'c': {'a' * 40: None}}) == shape({'c': {'b' * 40: None}})
    assert outline('2026-03-02T09:00:00Z') == outline('1999-12-31T23:59:59Z') != outline('2026-03-02T09:00:00.5Z')
    one, other = exchange({'name': 'A B'}, {'id': 1}), exchange({'name': 'CD EF'}, {'id': 2})
    assert signature(exchange({'name': 'Ab Cd'}, {'id': 1})) == signature(other) != signature(one)
    assert signature(exchange({}, {}, path=f'{PATH}/1')) == signature(exchange({}, {}, path=f'{PATH}/22'))


@pytest.mark.parametrize('pair', [(1, '1'), (1, -1), (1, 1.5), (True, 1), (None, ''), ([], [1]), ('open', 'won')])
def test_what_is_not_of_one_shape_is_judged_apart(pair: tuple[Any, Any]) -> None:
    assert shape({'x': pair[0]}) != shape({'x': pair[1]})


def test_the_court_finds_what_is_wrong_on_either_side() -> None:
    if documents() is None:
        print('referee: not run, no documents')
        pytest.skip('referee: not run, no documents')
    judge = Judge()
    judge.hear(exchange({'name': 'Ember Tutors'}, {'id': 7, 'name': 'Ember Tutors'}))
    judge.hear(exchange({'name': 'Juniper Tutors'}, {'id': 8, 'name': 'Juniper Tutors'}))
    judge.hear(exchange({'name': 'Ember Tutors', 'nickname': 'Em'}, {'id': 7}))
    judge.hear(exchange({'name': 7}, {'id': 7}))
    judge.hear(exchange({'name': 'Ember Tutors'}, {'id': 'seven'}))
    found = judge.close()
    assert judge.summary == {'exchanges': 5, 'judged': 4, 'violations': 3}
    assert 'nickname' in found[0]
    assert '"name": 7' in found[1]
    assert 'response.body.data.id' in found[2].replace('"', '').replace(',', '.')


def test_the_court_hears_the_nation_too() -> None:
    if documents(NATION) is None or documents() is None:
        print('referee: not run, no documents')
        pytest.skip('referee: not run, no documents')
    judge, path = Judge(), '/nationbuilder/api/v2/signups/push'
    headers = (('authorization', 'Bearer x'), ('content-type', 'application/vnd.api+json'))
    for attributes, wanted in (({'first_name': 'Ada'}, '7'), ({'nickname': 'A'}, '7'), ({'last_name': 'Levi'}, 7)):
        body = json.dumps({'data': {'type': 'signups', 'attributes': attributes}}).encode()
        told = {'data': {'id': wanted, 'type': 'signups', 'attributes': attributes}}
        answer = Answer(200, 'application/vnd.api+json', json.dumps(told).encode())
        judge.hear(Exchange('PATCH', path, '', headers, body, answer, 'here'))
    found = judge.close()
    assert judge.summary == {'exchanges': 3, 'judged': 3, 'violations': 2}
    assert 'nickname' in found[0]
    assert 'data.id' in found[1]
