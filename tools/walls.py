"""Walls that imports cannot show: SQL stands in the database's room alone, and in one module of the import.

A statement is a text that begins like one and names a table, wherever it is written; comments and docstrings are free.
`make lint` runs it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED = ROOT / 'hermes' / 'legacy' / 'database.py'
"""The import of older databases keeps its statements with it."""
STATEMENT = re.compile(
    r"""^\s*(?:
        select\s.+\sfrom\s | select\s+(?:\w+\(|1\b|\*) | insert\s+into\s | delete\s+from\s
      | update\s+\w+\s+(?:\w+\s+)?set\s | with\s+(?:recursive\s+)?\w+\s+as\s | notify\s+\w+$ | listen\s+\w+$
      | set\s+(?:local|transaction|session)\s | truncate\s+\w | lock\s+table\s | copy\s+\w+\s+(?:from|to)\s
      | (?:create|alter|drop)\s+(?:table|index|database|role|schema)\s
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


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


def main() -> int:
    """Print every statement outside its room; 1 if there is one."""
    found = 0
    for path in sorted((ROOT / 'hermes').rglob('*.py')):
        room = path.relative_to(ROOT / 'hermes').parts[0]
        if room == 'db' or path == IMPORTED:
            continue
        for line, text in statements(path):
            found += 1
            print(f'{path.relative_to(ROOT)}:{line}: SQL outside hermes/db: {text}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
