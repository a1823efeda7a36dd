"""Makes the referee's copy of the vendor's OpenAPI document: stricter where practice is strict, laxer where it errs.

Answers and optional request properties may be null (the document marks almost none, the API sends and takes many).
Request bodies take no unknown keys. Parameters described as comma-separated take lists. Every operation may answer
with the error envelope.
"""

import re
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
METHODS = ('get', 'post', 'put', 'patch', 'delete')
COMBINED = ('allOf', 'anyOf', 'oneOf')
TEXT, OBJECT = {'type': 'string'}, {'type': 'object', 'nullable': True}
ENVELOPE = {
    'type': 'object',
    'required': ['success'],
    'properties': {
        'success': {'type': 'boolean', 'enum': [False]},
        'error': TEXT,
        'error_info': TEXT,
        'errorCode': {'type': 'integer'},
        'code': TEXT,
        'status': TEXT,
        'message': TEXT,
        'errors': {'type': 'object'},
        'data': OBJECT,
        'additional_data': OBJECT,
    },
}
REFUSAL = {
    'description': 'What the API answers when it refuses',
    'content': {'application/json': {'schema': ENVELOPE}, 'text/html': {'schema': TEXT}},
}


class PlainDumper(yaml.SafeDumper):
    """Writes no aliases: Prism does not resolve them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_document(source: Path, target: Path) -> None:
    """Read the vendor's document and write the referee's copy."""
    document = yaml.load(source.read_text(), Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
    for path in document['paths'].values():
        for method, operation in path.items():
            if method in METHODS:
                adapt(operation)
    target.write_text(yaml.dump(document, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=200))


def adapt(operation: Json) -> None:
    for parameter in operation.get('parameters', ()):
        allow_lists(parameter)
    for content in operation.get('requestBody', {}).get('content', {}).values():
        loosen(content.get('schema', {}), answer=False)
    for answer in operation['responses'].values():
        for content in (answer.get('content') or {}).values():
            loosen(content.get('schema', {}), answer=True)
    operation['responses'].setdefault('default', REFUSAL)


def allow_lists(parameter: Json) -> None:
    """An enum whose description speaks of a comma-separated array becomes the pattern of such a list."""
    schema = parameter.get('schema', {})
    if (
        parameter.get('in') == 'query'
        and 'enum' in schema
        and re.search('[cC]omma.separated', parameter['description'])
    ):
        words = '|'.join(re.escape(str(word)) for word in schema.pop('enum'))
        schema['pattern'] = f'^({words})(,({words}))*$'


def loosen(schema: Any, *, answer: bool, name: str | None = None, closed: bool = True) -> None:
    """Walk one schema. `closed`: an object of a request takes no further keys, unless it is one part of several."""
    if not isinstance(schema, dict):
        return
    for word in COMBINED:
        parts = schema.get(word, [])
        for part in parts:
            loosen(part, answer=answer, closed=closed and len(parts) == 1)
    properties = schema.get('properties')
    if isinstance(properties, dict):
        required = schema.get('required') or []
        for key, value in properties.items():
            may_be_null = (answer or key not in required) and key != 'success'
            if may_be_null and isinstance(value, dict) and can_be_nullable(value):
                value['nullable'] = True
            loosen(value, answer=answer, name=key)
        is_open = 'additionalProperties' in schema or name == 'custom_fields'
        if not answer and closed and not is_open and schema.get('type', 'object') == 'object':
            schema['additionalProperties'] = False
    loosen(schema.get('items'), answer=answer)


def can_be_nullable(schema: Json) -> bool:
    """Not without a type and not with an enum: there Prism's checker refuses the schema and silently checks nothing."""
    return isinstance(schema.get('type'), str) and 'enum' not in schema
