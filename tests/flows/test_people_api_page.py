"""Every example of the page of the API of app users, said to a real Hermes in its order."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from hermes.people.service import People
from hermes.web.people_api import people_routes
from tests.flows.test_salesforce import WHO
from tests.flows.test_salesforce import People as Kept
from tests.flows.test_salesforce import people as people

PAGE = (Path(__file__).parents[2] / 'docs' / 'reference' / 'people-api.md').read_text()
EXAMPLE = re.compile(r'```http\n(\w+) (\S+)\n(.*?)```\n\n```json (\d+)\n(.+?)\n```', re.DOTALL)
OF_THIS_DATABASE = frozenset({'id', 'number', 'at', 'next', 'crm_id'})


def masked(told: Any) -> Any:
    """Without what differs from one database to the next; that it is there counts."""
    if isinstance(told, list):
        return [masked(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {name: (value is None) if name in OF_THIS_DATABASE else masked(value) for name, value in told.items()}


@pytest.mark.behaviour('AU-2', 'AU-8')
async def test_every_example_is_answered_as_the_page_says(people: Kept) -> None:
    for method, path, body, status, told in EXAMPLE.findall(PAGE):
        headers = {**WHO, 'content-type': 'application/json'}
        answer = await people.house.web.request(method, path, content=body, headers=headers)
        said = answer.json()
        if int(status) >= 400:
            assert said.pop('message')
            said.pop('problems', None)
        assert (answer.status_code, masked(said)) == (int(status), masked(json.loads(told))), f'{method} {path}: {said}'
        if method != 'GET':
            await people.house.settle()


def test_every_path_has_an_example() -> None:
    application = FastAPI()
    application.include_router(people_routes(People(None), ['key'], ['key']))  # type: ignore[arg-type]
    paths = {(method.upper(), path) for path, told in application.openapi()['paths'].items() for method in told}
    shown = [(method, path.partition('?')[0]) for method, path, *_ in EXAMPLE.findall(PAGE)]
    for method, path in paths:
        fits = re.compile(re.sub(r'\{who\}', '[^/]+', path.rstrip('/')) + '/')
        assert any(method == told and fits.fullmatch(to) for told, to in shown), f'{method} {path}'
