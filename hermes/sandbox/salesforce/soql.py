"""A small part of SOQL, read into a tree: fields of one object, conditions, order, limit, offset. All else is refused.

query      SELECT path {, path} FROM name [WHERE condition] [ORDER BY item {, item}] [LIMIT n] [OFFSET n]
condition  operand {AND operand} | operand {OR operand}      both without parentheses are refused, as there
operand    NOT operand | ( condition ) | path operator value | path [NOT] IN ( value {, value} )
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from hermes.sandbox.salesforce.errors import Refused
from hermes.sandbox.salesforce.values import read_moment

TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
      | (?P<day>\d{4}-\d\d-\d\d)
      | (?P<number>[+-]?\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_][\w.]*)
      | (?P<text>'(?:[^'\\]|\\.)*')
      | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES: Final = {'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', '"': '"', "'": "'", '\\': '\\'}
ESCAPE: Final = re.compile(r'\\(u[0-9A-Fa-f]{4}|.)', re.DOTALL)
OPERATORS: Final = ('=', '!=', '<>', '<', '>', '<=', '>=', 'LIKE')
RESERVED: Final = frozenset(
    ('AND', 'ASC', 'BY', 'DESC', 'FALSE', 'FROM', 'IN', 'LIKE', 'LIMIT', 'NOT', 'NULL', 'OFFSET', 'OR', 'ORDER')
) | {'SELECT', 'TRUE', 'WHERE'}
MOST_OFFSET: Final = 2000


@dataclass(frozen=True)
class Day:
    """A bare date."""

    text: str


@dataclass(frozen=True)
class Moment:
    """A point in time, in the form of the API."""

    text: str


@dataclass(frozen=True)
class Pattern:
    """What LIKE compares with, as it was written between the quotes: its escapes tell `%` from a percent sign."""

    written: str


T = TypeVar('T')
Value = str | float | bool | None | Day | Moment | Pattern


@dataclass(frozen=True)
class Path:
    """`Field` or `Relation.Field`, and where it stands."""

    names: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        return '.'.join(self.names)


@dataclass(frozen=True)
class Comparison:
    """`operator` is one of OPERATORS or IN, with `<>` written as `!=`."""

    path: Path
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Group:
    """AND or OR of several conditions."""

    joint: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """NOT."""

    part: Condition


Condition = Comparison | Group | Negation


@dataclass(frozen=True)
class Order:
    """One item of ORDER BY."""

    path: Path
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Query:
    """One statement."""

    text: str
    fields: tuple[Path, ...]
    name: str
    name_at: int
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Token:
    """`kind`: a group of TOKEN, or `end`."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == 'name' else self.text


def parse(text: str) -> Query:
    """Raises Refused (400 MALFORMED_QUERY)."""
    return Parser(text).query()


def malformed(text: str, at: int, words: str) -> Refused:
    return Refused(400, 'MALFORMED_QUERY', pointed(text, at, words))


def pointed(text: str, at: int, words: str) -> str:
    """The words below the place they are about."""
    shown = text.replace('\n', ' ')[max(0, at - 40) : at + 20]
    return f'\n{shown}\n{" " * min(at, 40)}^\nERROR at Row:1:Column:{at + 1}\n{words}'


class Parser:
    """Reads one statement from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.place = text, tokenize(text), 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def query(self) -> Query:
        self._expect('SELECT')
        fields = tuple(self._separated(self._path))
        self._expect('FROM')
        name = self._name()
        where = self._condition() if self._take('WHERE') else None
        order: tuple[Order, ...] = ()
        if self._take('ORDER'):
            self._expect('BY')
            order = tuple(self._separated(self._order))
        limit = self._number() if self._take('LIMIT') else None
        offset = self._number() if self._take('OFFSET') else 0
        if self.next.kind != 'end':
            self._unexpected()
        if offset > MOST_OFFSET:
            raise Refused(400, 'NUMBER_OUTSIDE_VALID_RANGE', f'Maximum SOQL offset allowed is {MOST_OFFSET}')
        return Query(self.text, fields, name.text, name.at, where, order, limit, offset)

    def _condition(self) -> Condition:
        parts = [self._operand()]
        joint = self.next.word if self.next.word in ('AND', 'OR') else ''
        while joint and self._take(joint):
            parts.append(self._operand())
        if self.next.word in ('AND', 'OR'):
            self._unexpected()
        return Group(joint, tuple(parts)) if joint else parts[0]

    def _operand(self) -> Condition:
        if self._take('NOT'):
            return Negation(self._operand())
        if self._take('('):
            inner = self._condition()
            self._expect(')')
            return inner
        path = self._path()
        negated = self._take('NOT')
        if negated or self.next.word == 'IN':
            self._expect('IN')
            self._expect('(')
            among = Comparison(path, 'IN', tuple(self._separated(self._value)))
            self._expect(')')
            return Negation(among) if negated else among
        operator = self.next.word
        if operator not in OPERATORS:
            self._unexpected()
        self.place += 1
        if operator == 'LIKE':
            return Comparison(path, operator, (self._pattern(),))
        return Comparison(path, '!=' if operator == '<>' else operator, (self._value(),))

    def _pattern(self) -> Pattern:
        token = self.next
        if token.kind != 'text':
            self._unexpected()
        self.place += 1
        return Pattern(token.text[1:-1])

    def _value(self) -> Value:
        token = self.next
        self.place += 1
        if token.kind == 'text':
            return self._unquote(token)
        if token.kind == 'number':
            return float(token.text)
        if token.kind == 'day':
            return Day(token.text)
        if token.kind == 'moment':
            try:
                return Moment(read_moment(token.text))
            except ValueError:
                raise malformed(self.text, token.at, f'invalid date time: {token.text}') from None
        if token.word in ('TRUE', 'FALSE'):
            return token.word == 'TRUE'
        if token.word == 'NULL':
            return None
        self.place -= 1
        self._unexpected()

    def _unquote(self, token: Token) -> str:
        return unescape(token.text[1:-1], self.text, token.at)

    def _order(self) -> Order:
        path = self._path()
        descending = self._take('DESC') or (self._take('ASC') and False)
        nulls_first = True
        if self._take('NULLS'):
            nulls_first = self._take('FIRST')
            if not nulls_first:
                self._expect('LAST')
        return Order(path, descending, nulls_first)

    def _path(self) -> Path:
        token = self._name()
        names = tuple(token.text.split('.'))
        if not all(names) or self.next.text == '(':
            self._unexpected()
        return Path(names, token.at)

    def _name(self) -> Token:
        token = self.next
        if token.kind != 'name' or token.word in RESERVED:
            self._unexpected()
        self.place += 1
        return token

    def _number(self) -> int:
        token = self.next
        if token.kind != 'number' or not token.text.isdecimal():
            self._unexpected()
        self.place += 1
        return int(token.text)

    def _separated(self, read: Callable[[], T]) -> Iterator[T]:
        yield read()
        while self._take(','):
            yield read()

    def _take(self, word: str) -> bool:
        """Whether the next token is this one, which is passed then."""
        taken = self.next.word == word and self.next.kind != 'text'
        self.place += taken
        return taken

    def _expect(self, word: str) -> None:
        if not self._take(word):
            self._unexpected()

    def _unexpected(self) -> NoReturn:
        token = self.next
        words = 'unexpected end of query' if token.kind == 'end' else f"unexpected token: '{token.text}'"
        raise malformed(self.text, token.at, words)


def tokenize(text: str) -> list[Token]:
    """Raises Refused (400) for a character that begins nothing."""
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            words = 'unterminated string literal' if text[at] == "'" else f"unexpected token: '{text[at]}'"
            raise malformed(text, at, words)
        tokens.append(Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        at = found.end()
    return [*tokens, Token('end', '', end)]


def unescape(written: str, text: str, at: int) -> str:
    """What stands between quotes. Raises Refused (400) for an escape that there is not."""

    def read(found: re.Match[str]) -> str:
        mark = found[1]
        if mark[0] == 'u' and len(mark) == 5:
            return chr(int(mark[1:], 16))
        if mark not in ESCAPES:
            raise malformed(text, at, f"Illegal character sequence '\\{mark}' in string literal")
        return ESCAPES[mark]

    return ESCAPE.sub(read, written)


def as_regex(pattern: Pattern) -> re.Pattern[str]:
    """What LIKE finds: `%` is anything, `_` is one character, either is itself behind a backslash."""
    parts = []
    for one in re.finditer(r'\\(u[0-9A-Fa-f]{4}|.)|(.)', pattern.written, re.DOTALL):
        escaped, plain = one[1], one[2]
        if plain is not None:
            parts.append({'%': '.*', '_': '.'}.get(plain) or re.escape(plain))
        else:
            parts.append(re.escape(escaped if escaped in '%_' else unescape(one[0], pattern.written, 0)))
    return re.compile(''.join(parts), re.IGNORECASE | re.DOTALL)
