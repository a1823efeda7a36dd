"""`make behaviours`: every promise of the reference lists with the tests that prove it, and those that nothing proves.

The ids come from the tables in docs/reference, the proofs from the markers `behaviour`, `invariant` and `lesson` in
tests, read as syntax trees, so that nothing is imported. What is not built yet stands in docs/reference/scope.toml and
is printed as planned, never hidden. A marker that names an unknown id is an error, for a typing mistake would look like
a gap. A test that is skipped or expected to fail proves nothing.
"""

import argparse
import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Kind = Literal['behaviour', 'invariant', 'lesson']
Status = Literal['proven', 'unproven', 'planned']
Function = ast.FunctionDef | ast.AsyncFunctionDef

KINDS: tuple[Kind, ...] = get_args(Kind)
LISTS: dict[Kind, tuple[str, ...]] = {
    'behaviour': ('behaviour.md', 'call-booker.md', 'app-users.md', 'admin.md'),
    'invariant': ('invariants.md',),
    'lesson': ('lessons.md',),
}
ROW = re.compile(r'^\|\s*([A-Z][A-Z0-9]*(?:-[A-Z]+)*-?\d+)\s*\|')
NUMBERED = re.compile(r'^(.*?)(\d+)$')
NO_PROOF = {'skip', 'xfail'}


@dataclass(frozen=True, order=True)
class Promise:
    """One id of one list; D-1 is a decision and a lesson, so the kind belongs to the key."""

    kind: Kind
    id: str

    @property
    def group(self) -> str:
        """The id without its number: `PD-ORG` of PD-ORG-3, `I` of I4."""
        return self.id.rstrip('0123456789').rstrip('-')

    @property
    def label(self) -> str:
        return f'lesson {self.id}' if self.kind == 'lesson' else self.id


@dataclass
class Report:
    """What is promised, by which tests each is proven, what is planned and why, and what is wrong with the lists."""

    promises: list[Promise]
    proofs: dict[Promise, list[str]] = field(default_factory=dict)
    planned: dict[Promise, str] = field(default_factory=dict)
    milestone: str = ''
    errors: list[str] = field(default_factory=list)

    def status(self, promise: Promise) -> Status:
        if promise in self.planned:
            return 'planned'
        return 'proven' if self.proofs.get(promise) else 'unproven'

    def having(self, status: Status) -> list[Promise]:
        return [promise for promise in self.promises if self.status(promise) == status]


def read_lists(folder: Path) -> list[Promise]:
    """Every id in the first column of the tables in `folder`, in their order. Raises ValueError on a double one."""
    found: dict[Promise, str] = {}
    for kind, names in LISTS.items():
        for name in names:
            path = folder / name
            if not path.exists():
                continue
            for line in path.read_text(encoding='utf-8').splitlines():
                if row := ROW.match(line):
                    promise = Promise(kind, row[1])
                    if promise in found:
                        raise ValueError(f'{promise.label} stands in {found[promise]} and again in {name}')
                    found[promise] = name
    return list(found)


def expand(pattern: str, ids: Iterable[str]) -> list[str]:
    """The ids that `pattern` names: one id, a range `MATCH-2..MATCH-5`, or all that begin like `PD-ORG-*` or `S*`."""
    if pattern.endswith('*'):
        stem = re.escape(pattern[:-1])
        return [one for one in ids if re.fullmatch(rf'{stem}\d+', one)]
    if '..' not in pattern:
        return [one for one in ids if one == pattern]
    first, last = (NUMBERED.match(end) for end in pattern.split('..', 1))
    if not first or not last or first[1] != last[1]:
        return []
    numbers = range(int(first[2]), int(last[2]) + 1)
    return [one for one in ids if (n := NUMBERED.match(one)) and n[1] == first[1] and int(n[2]) in numbers]


def read_scope(path: Path, report: Report) -> None:
    """Fill `report` with the milestone's name and the planned ids of `path`; a missing file plans nothing."""
    if not path.exists():
        return
    scope = tomllib.loads(path.read_text(encoding='utf-8'))
    report.milestone = scope.get('milestone', '')
    for entry in scope.get('planned', []):
        kind, reason = entry.get('kind'), entry.get('reason', '').strip()
        if kind not in KINDS or not reason:
            report.errors.append(f'{path.name}: an entry needs a kind ({", ".join(KINDS)}) and a reason: {entry}')
            continue
        known = [promise.id for promise in report.promises if promise.kind == kind]
        for pattern in entry.get('ids', []):
            ids = expand(pattern, known)
            if not ids:
                report.errors.append(f'{path.name}: {kind} {pattern} names nothing')
            for promise in (Promise(kind, one) for one in ids):
                if promise in report.planned:
                    report.errors.append(f'{path.name}: {promise.label} is planned twice')
                report.planned[promise] = reason


class TestFile:
    """The markers of one file of tests, each with the tests that it stands on."""

    __test__ = False

    def __init__(self, source: str, name: str) -> None:
        self.name = name
        self.tree = ast.parse(source, filename=name)
        self.names = {
            target.id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.proofs: list[tuple[Promise, str]] = []
        self.errors: list[str] = []
        self._seen: set[ast.Call] = set()
        self._visit(self.tree.body, '', _pytestmark(self.tree.body))
        self._refuse_strays()

    def _visit(self, body: list[ast.stmt], prefix: str, inherited: list[ast.expr]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith('Test'):
                marks = [*inherited, *node.decorator_list, *_pytestmark(node.body)]
                self._visit(node.body, f'{prefix}{node.name}::', marks)
            elif isinstance(node, Function) and node.name.startswith('test'):
                self._collect(f'{self.name}::{prefix}{node.name}', [*inherited, *node.decorator_list])

    def _collect(self, test: str, marks: list[ast.expr]) -> None:
        calls = [call for mark in marks for call in self._calls(mark)]
        proves = not any(self._mark_name(mark) in NO_PROOF for mark in marks)
        for call in calls:
            self._seen.add(call)
            for promise in self._promises(call):
                if proves and (promise, test) not in self.proofs:
                    self.proofs.append((promise, test))

    def _calls(self, expression: ast.expr) -> Iterator[ast.Call]:
        """Marker calls in `expression`, also behind the name of a value of the module (shared parameters)."""
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and self._mark_name(node.func) in KINDS:
                yield node
            elif isinstance(node, ast.Name) and node.id in self.names and self._mark_name(node) not in KINDS:
                value = self.names[node.id]
                yield from (call for call in _called(value) if self._mark_name(call.func) in KINDS)

    def _mark_name(self, node: ast.expr) -> str | None:
        """`behaviour` of `pytest.mark.behaviour`, of `mark.behaviour` and of a name of the module for one of them."""
        if isinstance(node, ast.Call):
            return self._mark_name(node.func)
        if isinstance(node, ast.Name) and isinstance(alias := self.names.get(node.id), ast.Attribute):
            return self._mark_name(alias)
        if isinstance(node, ast.Attribute):
            owner = node.value
            if (isinstance(owner, ast.Attribute) and owner.attr == 'mark') or (
                isinstance(owner, ast.Name) and owner.id == 'mark'
            ):
                return node.attr
        return None

    def _promises(self, call: ast.Call) -> Iterator[Promise]:
        kind = self._mark_name(call.func)
        if not call.args:
            self._complain(call, f'{kind}() names no id')
        for argument in call.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield from (Promise(one, argument.value) for one in KINDS if one == kind)
            else:
                self._complain(argument, f'{kind}(...) takes ids as plain texts')

    def _refuse_strays(self) -> None:
        for call in _called(self.tree):
            if call not in self._seen and self._mark_name(call.func) in KINDS:
                self._complain(call, f'this {self._mark_name(call.func)} marker stands on no test')

    def _complain(self, node: ast.expr, what: str) -> None:
        complaint = f'{self.name}:{node.lineno}: {what}'
        if complaint not in self.errors:
            self.errors.append(complaint)


def _called(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _pytestmark(body: list[ast.stmt]) -> list[ast.expr]:
    """The markers of a module's or a class's `pytestmark`, one or a list of them."""
    values: list[ast.expr] = []
    for node in body:
        if isinstance(node, ast.Assign) and 'pytestmark' in {t.id for t in node.targets if isinstance(t, ast.Name)}:
            values += node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return values


def read_tests(folder: Path, root: Path, report: Report) -> None:
    """Fill `report` with the proofs of all files `test_*.py` under `folder`, named by their path below `root`."""
    known = set(report.promises)
    for path in sorted(folder.rglob('test_*.py')):
        name = path.relative_to(root).as_posix()
        file = TestFile(path.read_text(encoding='utf-8'), name)
        report.errors += file.errors
        for promise, test in file.proofs:
            if promise in known:
                report.proofs.setdefault(promise, []).append(test)
            else:
                report.errors.append(f'{test}: there is no {promise.kind} {promise.id}')


def narrow(report: Report, only: str) -> None:
    """Keep the promises of the groups or ids in the comma list `only`, as `TC,OUT,I4,lesson:D`. Raises ValueError."""
    kept: set[Promise] = set()
    for wish in filter(None, (part.strip() for part in only.split(','))):
        kind, _, name = wish.rpartition(':')
        hits = {
            promise
            for promise in report.promises
            if kind in ('', promise.kind)
            and (promise.id == name or promise.group == name or promise.group.startswith(f'{name}-'))
        }
        if not hits:
            raise ValueError(f'--only: nothing is called {wish}')
        kept |= hits
    report.promises = [promise for promise in report.promises if promise in kept]


def build_report(root: Path, scope: Path | None = None, only: str = '') -> Report:
    """Read lists, scope and tests below `root`. Raises ValueError where a list or `only` makes no sense."""
    reference = root / 'docs' / 'reference'
    report = Report(read_lists(reference))
    if not report.promises:
        raise ValueError(f'no ids found in {reference}')
    read_scope(scope or reference / 'scope.toml', report)
    read_tests(root / 'tests', root, report)
    if only:
        narrow(report, only)
    return report


def count(report: Report) -> dict[str, int]:
    """How many promises there are, by status; `ahead` are the planned ones that a test proves already."""
    counts = {status: len(report.having(status)) for status in get_args(Status)}
    ahead = sum(1 for promise in report.having('planned') if report.proofs.get(promise))
    return {'all': len(report.promises), **counts, 'ahead': ahead}


def to_json(report: Report) -> str:
    rows = [
        {
            'kind': promise.kind,
            'id': promise.id,
            'status': report.status(promise),
            'tests': report.proofs.get(promise, []),
            'reason': report.planned.get(promise),
        }
        for promise in report.promises
    ]
    whole = {'milestone': report.milestone, 'counts': count(report), 'ids': rows, 'errors': report.errors}
    return json.dumps(whole, indent=2)


def to_text(report: Report) -> Iterator[str]:
    """The proven with their tests, then the planned by reason, then what nothing proves, then the counts."""
    width = max((len(promise.label) for promise in report.promises), default=0) + 2
    for promise in report.promises:
        if promise not in report.planned:
            tests = report.proofs.get(promise) or ['-']
            yield f'{promise.label:<{width}}{tests[0]}'
            yield from (' ' * width + test for test in tests[1:])
    by_reason: dict[str, list[Promise]] = {}
    for promise in report.having('planned'):
        by_reason.setdefault(report.planned[promise], []).append(promise)
    for reason, promises in by_reason.items():
        yield ''
        yield f'planned: {reason}'
        yield '  ' + ', '.join(promise.label for promise in promises)
        for promise in promises:
            yield from (f'  {promise.label} already has {test}' for test in report.proofs.get(promise, []))
    yield ''
    yield 'unproven: ' + (', '.join(promise.label for promise in report.having('unproven')) or 'nothing')
    counts = count(report)
    in_scope = counts['proven'] + counts['unproven']
    name = f' of "{report.milestone}"' if report.milestone else ''
    yield f'{counts["proven"]} of the {in_scope} promises{name} are proven, {counts["unproven"]} are not;'
    yield f'{counts["planned"]} more are planned, of which {counts["ahead"]} already have a test.'


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m tools.behaviours', description='Which test proves which promise.')
    parser.add_argument('--json', action='store_true', help='one JSON object instead of text')
    parser.add_argument('--only', default='', metavar='TC,OUT', help='groups or ids, as in TC,OUT-4,lesson:D')
    parser.add_argument('--scope', type=Path, metavar='FILE', help='what is planned (docs/reference/scope.toml)')
    parser.add_argument('--strict', action='store_true', help='exit 1 also when something in scope is unproven')
    parser.add_argument('--root', type=Path, default=Path(__file__).parents[1], help='the checkout to look at')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the report; exit code 1 for unknown ids and bad lists, and with --strict for anything unproven."""
    arguments = parse_arguments(argv)
    try:
        report = build_report(arguments.root.resolve(), arguments.scope, arguments.only)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    if arguments.json:
        print(to_json(report))
    else:
        for line in to_text(report):
            print(line)
    for complaint in report.errors:
        print(f'error: {complaint}', file=sys.stderr)
    return 1 if report.errors or (arguments.strict and report.having('unproven')) else 0


if __name__ == '__main__':
    sys.exit(main())
