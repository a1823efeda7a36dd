"""Circles in the import graph: no module of ours imports one that imports it, however far round and wherever it stands,
in a function too. What is imported for types alone does not count. `make lint` runs it.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ('hermes', 'tools', 'tests', 'bench')
Graph = Mapping[str, set[str]]


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """Everything that a module imports, at its top and in its functions; `from a import b` is `a.b`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            yield from imports(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f'{node.module}.{each.name}' for each in node.names)
        else:
            yield from imports(node)


def graph_of(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Which module imports which of ours."""
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        told = {each if each in files else each.rpartition('.')[0] for each in imports(ast.parse(path.read_text()))}
        found[name] = {each for each in told if each in files} - {name}
    return found


def circles(graph: Graph) -> list[list[str]]:
    """The modules that reach one another, group by group (Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def main() -> int:
    """Print every circle with the imports that make it; 1 if there is one."""
    files = {name_of(path): path for room in ROOMS for path in sorted((ROOT / room).rglob('*.py'))}
    graph = graph_of(files)
    found = circles(graph)
    for group in found:
        print(f'a circle of {len(group)} modules:')
        for name in group:
            print(f'  {name} imports {", ".join(sorted(graph[name] & set(group)))}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
