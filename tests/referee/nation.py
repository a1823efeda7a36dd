"""Makes the referee's copy of NationBuilder's OpenAPI document: the emulated paths, stricter, and mended where it errs.

Stricter: a body's `data` and `attributes` take no unknown keys, and an answer's `attributes` show none; the document
says so in words ("unknown attribute": 400) and not in its schemas. Filters and sorting, which it describes in words
only, are declared. Mended: see `mend`.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tests.referee.document import METHODS, PlainDumper

Json = dict[str, Any]
EMULATED = (
    'async_processes', 'contacts', 'custom_fields', 'donations', 'lists', 'membership_types', 'memberships', 'pledges',
    'signup_taggings', 'signup_tags', 'signups',
)  # fmt: skip
MEDIA = 'application/vnd.api+json'
REFUSAL = {
    'type': 'object',
    'required': ['code', 'message'],
    'properties': {'code': {'type': 'string'}, 'message': {'type': 'string'}},
    'additionalProperties': False,
}
TEXT_OPERATORS = (
    'eq',
    'not_eq',
    'eql',
    'not_eql',
    'prefix',
    'not_prefix',
    'suffix',
    'not_suffix',
    'match',
    'not_match',
)


def write_document(source: Path, target: Path) -> None:
    """Read the vendor's document and write the referee's copy."""
    document = yaml.load(source.read_text(), Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
    paths = {}
    for path, item in document['paths'].items():
        if path.split('/')[3] in EMULATED:
            item = resolve(item, document)
            shared = item.pop('parameters', [])
            for method, operation in item.items():
                if method in METHODS:
                    own = operation.get('parameters', [])
                    names = [one['name'] for one in own]
                    operation['parameters'] = own + [one for one in shared if one['name'] not in names]
                    mend(operation)
                    tighten(operation)
            paths[path] = item
    copy = {'openapi': document['openapi'], 'info': document['info'], 'security': document['security'], 'paths': paths}
    copy['components'] = {'securitySchemes': document['components']['securitySchemes']}
    target.write_text(yaml.dump(copy, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=200))


def resolve(value: Any, document: Json) -> Any:
    """Without references; what an `allOf` has in several parts stands in one."""
    if isinstance(value, list):
        return [resolve(one, document) for one in value]
    if not isinstance(value, dict):
        return value
    if '$ref' in value:
        found: Any = document
        for part in value['$ref'].removeprefix('#/').split('/'):
            found = found[part]
        return resolve(deepcopy(found), document)
    value = {key: resolve(one, document) for key, one in value.items()}
    parts = value.pop('allOf', [])
    for part in parts:
        value = merged(value, part)
    return value


def merged(one: Json, other: Json) -> Json:
    """Two schemas that both hold, as one."""
    found = {**one, **other}
    if 'properties' in one and 'properties' in other:
        found['properties'] = {**one['properties'], **other['properties']}
        for name in one['properties'].keys() & other['properties'].keys():
            found['properties'][name] = merged(one['properties'][name], other['properties'][name])
    if 'items' in one and 'items' in other:
        found['items'] = merged(one['items'], other['items'])
    if 'required' in one or 'required' in other:
        found['required'] = sorted({*one.get('required', ()), *other.get('required', ())})
    return found


def mend(operation: Json) -> None:
    """Where the document is not true to itself."""
    answers = operation['responses']
    for answer in answers.values():
        # People of a list are declared as application/json; the introduction says that all answers are JSON:API's.
        content = answer.get('content', {})
        if 'data' in content.get('application/json', {}).get('schema', {}).get('properties', {}):
            content[MEDIA] = content.pop('application/json')
    # A list answers 400 to an unknown filter, as `bad_request` says; it is declared for writes only.
    answers.setdefault('400', {'description': 'Bad request', 'content': {'application/json': {'schema': REFUSAL}}})
    # ids of people have no type in the bodies of a list's jobs.
    for content in operation.get('requestBody', {}).get('content', {}).values():
        data = content['schema']['properties']['data']['properties']
        if 'signup_ids' in data:
            data['signup_ids']['items'] = {'type': 'string'}
    # What every service may answer and no operation declares.
    html = {'text/html': {'schema': {'type': 'string'}}}
    answers['default'] = {'description': 'A failure', 'content': {'application/json': {'schema': REFUSAL}, **html}}


def tighten(operation: Json) -> None:
    for content in operation.get('requestBody', {}).get('content', {}).values():
        data = content['schema']['properties']['data']
        # Sideposting is an extension that the document describes beside its schemas.
        data['properties'] |= {'relationships': {'type': 'object'}} if 'attributes' in data['properties'] else {}
        data['additionalProperties'] = False
        if 'attributes' in data['properties']:
            data['properties']['attributes']['additionalProperties'] = False
    for status, answer in operation['responses'].items():
        for content in answer.get('content', {}).values():
            if status.startswith('2'):
                tighten_answer(operation, content['schema'])


def tighten_answer(operation: Json, schema: Json) -> None:
    data = schema.get('properties', {}).get('data')
    if data is None:
        return
    listed = 'items' in data
    attributes = (data['items'] if listed else data)['properties']['attributes']
    attributes['additionalProperties'] = False
    extra = [one for one in operation['parameters'] if one['name'].startswith('extra_fields[')]
    for name in extra[0]['schema']['items']['enum'] if extra else ():
        attributes['properties'].setdefault(name, {'type': ['object', 'string', 'null']})
    if listed:
        schema['required'] = sorted({*schema.get('required', ()), 'links'})
        known = [one['name'] for one in operation['parameters']]
        operation['parameters'] += [one for one in filters(attributes['properties']) if one['name'] not in known]


def filters(attributes: Json) -> list[Json]:
    """The parameters that the introduction describes: each attribute's filters, and sorting."""
    found = [
        {'name': 'sort', 'in': 'query', 'schema': {'type': 'string', 'pattern': f'^-?({"|".join(attributes)}|id)'}}
    ]
    for name in ('id', *attributes):
        for operator in ('', *(f'[{one}]' for one in (*TEXT_OPERATORS, 'gt', 'gte', 'lt', 'lte'))):
            found.append({'name': f'filter[{name}]{operator}', 'in': 'query', 'schema': {'type': 'string'}})
    return found
