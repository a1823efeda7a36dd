"""One registry knows the record types: nobody else keeps a list of them, so that a new one is an entry there, its
table, its plan and the systems' mappings.
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from hermes.db.schema.models import records
from hermes.domain.plan import PLANNERS
from hermes.domain.record_types import NAMES, RANK, STORED, TYPES

ROOT = Path(__file__).parents[2]
NAMED = frozenset(NAMES)
FEW = 2
"""So many types are a rule about these; more of them are a list of types."""
MAPPINGS = ('hermes/systems/', 'hermes/sandbox/', 'hermes/db/migrations/', 'hermes/domain/record_types.py')
OF_THEIR_OWN = {
    'hermes/db/reads/search.py': 'by which of its texts a record of each type is found',
    'hermes/db/reads/privacy.py': 'what a person of each type is called',
    'hermes/db/reads/lists.py': 'how the rows of each type are called together, and sorted',
    'hermes/db/stances.py': 'what an erasure does with each column',
    'hermes/legacy/rows.py': 'tables of an older database',
    'hermes/legacy/database.py': 'tables of an older database',
    'hermes/legacy/reconciliation.py': 'columns of an older database',
    'hermes/sync/acts/meetings.py': 'what an act answers',
    'hermes/web/desk/records.py': 'which lists lead on from a record',
}


def lists_of_types(path: Path) -> Iterator[int]:
    """The lines where a tuple, list, set or table names more than FEW record types."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if not isinstance(node, ast.Dict | ast.Tuple | ast.List | ast.Set):
            continue
        items = node.keys if isinstance(node, ast.Dict) else node.elts
        told = {item.value for item in items if isinstance(item, ast.Constant) and item.value in NAMED}
        if len(told) > FEW:
            yield node.lineno


def test_nobody_but_the_registry_keeps_a_list_of_record_types() -> None:
    paths = {str(path.relative_to(ROOT)): path for path in (ROOT / 'hermes').rglob('*.py')}
    found = {
        f'{name}:{line}'
        for name, path in paths.items()
        if not name.startswith((*MAPPINGS, *OF_THEIR_OWN))
        for line in lists_of_types(path)
    }
    assert not found, f'ask hermes/domain/record_types.py for the types: {sorted(found)}'


def test_every_type_has_its_table_and_what_is_pushed_its_plan() -> None:
    tables = {str(model.__tablename__): set(model.model_fields) for model in records.Believed.__subclasses__()}
    assert set(tables) == set(STORED)
    for each in TYPES:
        assert {attribute.name for attribute in each.attributes} <= tables[each.name], each.name
    assert set(PLANNERS) == set(RANK)
    files = {path.stem for path in (ROOT / 'hermes/domain/plan').glob('*.py')}
    assert set(RANK) <= files
    assert importlib.import_module('hermes.domain.plan.company') is PLANNERS['company']
