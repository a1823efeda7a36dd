"""Walls that imports cannot show. `make lint` runs it.

SQL stands in the database's room alone, and in one module of the import of older databases: a statement is a text that
begins like one and names a table, wherever it is written; comments and docstrings are free. Vendors' names stand where
the vendors are spoken with: anywhere else no identifier, text, docstring or comment has one, because whoever reads it
is to think of a role (`parts/roles.py`).
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATEMENT = re.compile(
    r"""^\s*(?:
        select\s.+\sfrom\s | select\s+(?:\w+\(|1\b|\*) | insert\s+into\s | delete\s+from\s
      | update\s+\w+\s+(?:\w+\s+)?set\s | with\s+(?:recursive\s+)?\w+\s+as\s | notify\s+\w+$ | listen\s+\w+$
      | set\s+(?:local|transaction|session)\s | truncate\s+\w | lock\s+table\s | copy\s+\w+\s+(?:from|to)\s
      | (?:create|alter|drop)\s+(?:table|index|database|role|schema)\s
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
IMPORTED = ROOT / 'hermes' / 'legacy' / 'database.py'
"""The import of older databases keeps its statements with it."""
VENDORS = re.compile('pipedrive|tutorcruncher|google|salesforce|nationbuilder', re.IGNORECASE)
SPOKEN = ('systems/', 'sandbox/', 'parts/', 'settings.py', 'db/migrations/', 'legacy/', 'crm/')
"""Where vendors are spoken of: their adapters, their emulations, what wires them, what the environment calls them,
migrations, which are never edited, the import of an older database, whose columns are named after them, and the classes
that a host application uses, whose names are given.
"""


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a module with its line, f-strings with what is put in as a word; no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else 'word' for part in node.values)
            yield node.lineno, ''.join(parts)


def statements(path: Path) -> list[tuple[int, str]]:
    """The SQL statements of a file: line, and how each begins."""
    tree = ast.parse(path.read_text())
    return [(line, ' '.join(text.split())[:60]) for line, text in texts(tree) if is_statement(text)]


def is_statement(text: str) -> bool:
    """Whether a text is SQL; a sentence begins with a capital letter."""
    return not text.lstrip()[:6].istitle() and STATEMENT.match(text) is not None


def vendors(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that name a vendor."""
    return [
        (number, line.strip()[:60])
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if VENDORS.search(line)
    ]


def outside(path: Path) -> list[tuple[int, str]]:
    """What of a file of ours stands outside its room: line, and what it is."""
    room = path.relative_to(ROOT / 'hermes').as_posix()
    found: list[tuple[int, str]] = []
    if not room.startswith('db/') and path != IMPORTED:
        found += [(line, f'SQL outside hermes/db: {text}') for line, text in statements(path)]
    if not room.startswith(SPOKEN):
        found += [(line, f'a vendor outside hermes/systems and hermes/parts: {text}') for line, text in vendors(path)]
    return found


def main() -> int:
    """Print everything that stands outside its room; 1 if there is anything."""
    files = sorted((ROOT / 'hermes').rglob('*.py'))
    told = [f'{path.relative_to(ROOT)}:{line}: {text}' for path in files for line, text in outside(path)]
    print(*told, sep='\n', end='\n' if told else '')
    return 1 if told else 0


if __name__ == '__main__':
    sys.exit(main())
