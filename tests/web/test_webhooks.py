"""Deliveries become rows: once each, byte for byte, whatever their shape."""

import asyncio
import json
from typing import Any

import pytest

from tests.web.conftest import BODY, World


def pipedrive_body(timestamp: str, data: Any = None) -> bytes:
    meta = {
        'action': 'change',
        'entity': 'person',
        'entity_id': '8',
        'id': 'same',
        'timestamp': timestamp,
        'attempt': 1,
    }
    return json.dumps({'meta': meta, 'data': data, 'previous': None}).encode()


@pytest.mark.invariant('I2')
async def test_a_hundred_identical_deliveries_at_one_moment_are_one_row(world: World) -> None:
    answers = await asyncio.gather(*(world.tc2(BODY) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {'{"status": "ok"}'}
    rows = await world.rows()
    assert [(source, kind, body, state) for source, kind, body, _, state, _ in rows] == [
        ('tutorcruncher', 'webhook', BODY, 'new')
    ]


@pytest.mark.invariant('I2')
async def test_the_same_id_at_another_time_is_another_delivery_and_a_retry_is_not(world: World) -> None:
    first, second = pipedrive_body('2025-01-02T03:04:05.678Z'), pipedrive_body('2025-01-02T03:04:05.679Z')
    retry = first.replace(b'"attempt": 1', b'"attempt": 2')
    for body in (first, second, retry):
        assert (await world.pipedrive(body)).status_code == 200
    assert [row[2] for row in await world.rows()] == [first, second]


@pytest.mark.parametrize(
    'body',
    [
        b'[]',
        b'null',
        b'"text"',
        b'{"events": {"not": "a list"}}',
        b'{"a": NaN, "a": Infinity}',
        b'{"name": "nul \\u0000 and \\ud800 alone"}',
        b'{"name": "\x7f \xc3\xa9"}',
        b'{"deep": ' + b'[' * 200 + b']' * 200 + b'}',
    ],
)
async def test_json_of_any_shape_is_stored_byte_for_byte(world: World, body: bytes) -> None:
    assert (await world.tc2(body)).status_code == 200
    assert (await world.pipedrive(body)).status_code == 200
    assert [row[2] for row in await world.rows()] == [body, body]


@pytest.mark.parametrize('path', ['/tc2/callback', '/tc2/callback/'])
async def test_both_forms_of_the_path_answer_without_a_redirect(world: World, path: str) -> None:
    assert (await world.tc2(BODY, path=path)).status_code == 200
    assert len(await world.rows()) == 1


async def test_an_extension_path_is_stored_and_ignored(world: World) -> None:
    assert (await world.tc2(BODY, path='/tc2/callback/public-profile/')).status_code == 200
    assert (await world.tc2(BODY)).status_code == 200
    assert (await world.tc2(BODY, secret='wrong', path='/tc2/callback/public-profile')).status_code == 403
    rows = await world.rows()
    assert [(row[1], row[4]) for row in rows] == [('webhook-extension', 'done'), ('webhook', 'new')]
    assert 'ignored' in rows[0][5]


@pytest.mark.invariant('S17')
async def test_stored_headers_are_an_allow_list(world: World) -> None:
    await world.tc2(BODY, Cookie='canary=1', **{'User-Agent': 'TutorCruncher\x00', 'Content-Type': 'application/json'})
    assert [row[3] for row in await world.rows()] == [
        {'user-agent': 'TutorCruncher', 'content-type': 'application/json'},
    ]


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
async def test_only_post_delivers(world: World, method: str) -> None:
    answer = await world.http.request(method, '/tc2/callback/')
    assert (answer.status_code, answer.headers['allow']) == (405, 'POST')


@pytest.mark.invariant('I1')
async def test_the_answer_comes_after_the_commit(world: World) -> None:
    for number in range(20):
        await world.tc2(json.dumps({'number': number}).encode())
        assert len(await world.rows()) == number + 1
