"""Google's own description of its calendar API as a judge: the discovery document that its Python client brings along.

Each request and each answer is held against the JSON Schemas made from it. What the document does not name is a
violation, on either side. Nothing is fetched: the document is part of the development dependencies.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import googleapiclient  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]
ROOT = '/google/calendar/v3/'
MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)')
LOCAL_MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?')
TRUTHS = ('true', 'false')
ERROR: Json = {
    'type': 'object',
    'required': ['error'],
    'additionalProperties': False,
    'properties': {
        'error': {
            'type': 'object',
            'required': ['errors', 'code', 'message'],
            'additionalProperties': False,
            'properties': {
                'code': {'type': 'integer'},
                'message': {'type': 'string'},
                'errors': {
                    'type': 'array',
                    'minItems': 1,
                    'items': {
                        'type': 'object',
                        'required': ['domain', 'reason', 'message'],
                        'additionalProperties': False,
                        'properties': {
                            name: {'type': 'string'}
                            for name in ('domain', 'reason', 'message', 'locationType', 'location')
                        },
                    },
                },
            },
        }
    },
}
# A body must name these, although the document only says so in words.
NEEDED = {'calendar.events.insert': ('start', 'end'), 'calendar.events.update': ('start', 'end')}


@dataclass(frozen=True)
class Method:
    """One method of the document. `path` matches what follows ROOT."""

    id: str
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Json]
    request: str
    response: str


@functools.cache
def document() -> Json:
    folder = Path(str(googleapiclient.__file__)).parent / 'discovery_cache' / 'documents'
    found: Json = json.loads((folder / 'calendar.v3.json').read_text())
    return found


@functools.cache
def methods() -> tuple[Method, ...]:
    found = []
    for resource in document()['resources'].values():
        for one in resource.get('methods', {}).values():
            path = re.sub(r'\\\{\w+\\\}', '[^/]+', re.escape(one['path']))
            parameters = {**document()['parameters'], **one.get('parameters', {})}
            request, response = (one.get(name, {}).get('$ref', '') for name in ('request', 'response'))
            found.append(Method(one['id'], one['httpMethod'], re.compile(path), parameters, request, response))
    return tuple(sorted(found, key=lambda one: '[^/]+' in one.path.pattern.rsplit('/', 1)[-1]))


def find(verb: str, path: str) -> Method | None:
    """The method behind a call; the plain word before the placeholder: `events/watch` is no event."""
    rest = path.removeprefix(ROOT)
    return next((one for one in methods() if one.verb == verb and one.path.fullmatch(rest)), None)


def schema_of(told: Any) -> Any:
    """A schema of the document as JSON Schema: what is not named is not allowed."""
    if '$ref' in told:
        return {'$ref': f'urn:google:{told["$ref"]}'}
    kind = told.get('type')
    schema: Json = {} if kind == 'any' else {'type': kind}
    if 'enum' in told:
        schema['enum'] = told['enum']
    if told.get('format') in ('date', 'date-time', 'int64'):
        schema['format'] = told['format']
    if kind == 'array':
        schema['items'] = schema_of(told['items'])
    if kind == 'object':
        schema['properties'] = {name: schema_of(one) for name, one in told.get('properties', {}).items()}
        more = told.get('additionalProperties')
        schema['additionalProperties'] = schema_of(more) if more else False
    return schema


@functools.cache
def registry() -> Any:
    named = document()['schemas'].items()
    return Registry().with_resources(
        (f'urn:google:{name}', DRAFT202012.create_resource(schema_of(told))) for name, told in named
    )


def checker(moment: re.Pattern[str]) -> FormatChecker:
    formats = FormatChecker(())

    def is_moment(value: Any) -> bool:
        return not isinstance(value, str) or bool(moment.fullmatch(value) and datetime.fromisoformat(value))

    formats.checks('date-time', ValueError)(is_moment)
    formats.checks('date', ValueError)(lambda value: not isinstance(value, str) or bool(date.fromisoformat(value)))
    formats.checks('int64')(lambda value: not isinstance(value, str) or bool(re.fullmatch(r'-?\d{1,19}', value)))
    return formats


@functools.cache
def validator(name: str, *, answered: bool) -> Any:
    schema = ERROR if name == 'error' else {'$ref': f'urn:google:{name}'}
    formats = checker(MOMENT if answered else LOCAL_MOMENT)
    return Draft202012Validator(schema, registry=registry(), format_checker=formats)


def complaints(name: str, value: Any, *, answered: bool = True) -> list[str]:
    """What the document has against `value` as a `name` (Event, Events, ..., or error)."""
    found = validator(name, answered=answered).iter_errors(without_nulls(value) if not answered else value)
    return [f'{"/".join(str(part) for part in one.absolute_path)}: {one.message[:300]}' for one in found]


def without_nulls(value: Any) -> Any:
    """A patch may say null for every field."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def judge(verb: str, path: str, query: str, asked: bytes, status: int, answer: bytes) -> list[str]:
    """What the document has against one exchange under ROOT. A page in HTML is no answer of the API's: not judged."""
    method = find(verb, path)
    if method is None:
        return [f'{verb} {path}: there is no such method']
    found = [*judge_request(method, query, asked), *judge_answer(method, status, answer)]
    return [f'{method.id}: {one}' for one in found]


def judge_request(method: Method, query: str, asked: bytes) -> list[str]:
    found = []
    for name, values in parse_qs(query, keep_blank_values=True).items():
        told = method.parameters.get(name)
        if told is None or told.get('location') != 'query':
            found.append(f'unknown parameter {name}')
            continue
        if len(values) > 1 and not told.get('repeated'):
            found.append(f'{name} is given more than once')
        found += [f'{name}={value} is no {told["type"]}' for value in values if not is_fit(told, value)]
    if method.request and not asked:
        found.append('no body')
    if asked and not method.request:
        found.append('a body where none belongs')
    if asked and method.request:
        body = json.loads(asked)
        found += complaints(method.request, body, answered=False)
        found += [f'{name} is missing' for name in NEEDED.get(method.id, ()) if not body.get(name)]
    return found


def is_fit(told: Json, value: str) -> bool:
    if 'enum' in told:
        return value in told['enum']
    if told['type'] == 'boolean':
        return value in TRUTHS
    if told['type'] == 'integer':
        low, high = int(told.get('minimum', -(2**31))), int(told.get('maximum', 2**31 - 1))
        return bool(re.fullmatch(r'-?\d+', value)) and low <= int(value) <= high
    return told.get('format') != 'date-time' or bool(MOMENT.fullmatch(value))


def judge_answer(method: Method, status: int, answer: bytes) -> list[str]:
    if answer.startswith(b'<'):
        return []
    if status >= 400:
        body = json.loads(answer)
        found = complaints('error', body)
        return found or ([] if body['error']['code'] == status else [f'the code is not {status}'])
    if not method.response:
        return [] if (status, answer) == (204, b'') else [f'{status} with a body of {len(answer)}']
    return complaints(method.response, json.loads(answer)) if status == 200 else [f'status {status}']
