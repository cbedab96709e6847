"""SOQL, as far as an integration needs it: text in, a parsed query out. No records are touched.

```
SELECT Id, Account.Name | COUNT() | COUNT(Id) [alias], Field | (SELECT Id FROM Contacts)
FROM Object
WHERE a = 'x' AND (b IN ('y','z') OR NOT c LIKE '%w%') AND d >= 2026-01-01T00:00:00Z AND e = null
GROUP BY Field  HAVING COUNT(Id) > 1  ORDER BY Field DESC NULLS LAST  LIMIT 10  OFFSET 20
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.records.fieldtypes import instant

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:\\.|[^'\\])*')
    | (?P<datetime>\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2}))
    | (?P<date>\d{4}-\d{2}-\d{2})
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z][\w.]*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_SIGNS = frozenset({"=", "!=", "<>", "<", ">", "<=", ">="})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; IN and NOT IN carry a tuple, aggregates a path like `COUNT(Id)`."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    conditions: tuple[Condition, ...]


Condition = Comparison | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Column:
    """What is selected: a field path, a count (`is_count`, of `path` when given), or `children`.

    The `sobject` of `children` is the name of the relationship.
    """

    path: str
    is_count: bool = False
    alias: str = ""
    children: Query | None = None


@dataclass(frozen=True, slots=True)
class Order:
    path: str
    is_descending: bool = False
    are_nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    sobject: str
    columns: tuple[Column, ...]
    where: Condition | None = None
    group_by: tuple[str, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def is_bare_count(self) -> bool:
        """Whether it is SELECT COUNT(): the answer has no records, only totalSize."""
        return len(self.columns) == 1 and self.columns[0].is_count and not self.columns[0].path


@dataclass(slots=True)
class _Parser:
    tokens: list[tuple[str, str]]
    position: int = field(default=0)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position]

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the next tokens are these words, in any letter case."""
        ahead = self.tokens[self.position : self.position + len(words)]
        return [text.upper() for _, text in ahead] == list(words)

    def skip(self, *words: str) -> bool:
        if not self.is_word(*words):
            return False
        self.position += len(words)
        return True

    def expect(self, word: str) -> None:
        if not self.skip(word):
            raise malformed(f"unexpected token: '{self.peek()[1] or '<EOF>'}', expecting {word}")

    def name(self) -> str:
        kind, text = self.take()
        if kind != "name":
            raise malformed(f"unexpected token: '{text or '<EOF>'}'")
        return text

    def number(self) -> int:
        kind, text = self.take()
        if kind != "number" or not text.isdigit():
            raise malformed(f"unexpected token: '{text or '<EOF>'}', expecting a whole number")
        return int(text)

    def query(self) -> Query:
        found = self.selection()
        if self.peek()[0] != "end":
            raise malformed(f"unexpected token: '{self.peek()[1]}'")
        return found

    def selection(self) -> Query:
        self.expect("SELECT")
        columns = [self.column()]
        while self.skip(","):
            columns.append(self.column())
        self.expect("FROM")
        sobject = self.name()
        where = self.either() if self.skip("WHERE") else None
        groups: list[str] = []
        having = None
        if self.skip("GROUP", "BY"):
            groups = self.names()
            having = self.either() if self.skip("HAVING") else None
        orders = self.orders() if self.skip("ORDER", "BY") else ()
        limit = self.number() if self.skip("LIMIT") else None
        offset = self.number() if self.skip("OFFSET") else 0
        return Query(sobject, tuple(columns), where, tuple(groups), having, orders, limit, offset)

    def column(self) -> Column:
        if self.skip("("):
            inner = self.selection()
            self.expect(")")
            return Column("", children=inner)
        name = self.name()
        if name.upper() != "COUNT" or not self.skip("("):
            return Column(name)
        path = "" if self.is_word(")") else self.name()
        self.expect(")")
        has_alias = self.peek()[0] == "name" and not self.is_word("FROM")
        return Column(path, is_count=True, alias=self.name() if has_alias else "")

    def names(self) -> list[str]:
        names = [self.name()]
        while self.skip(","):
            names.append(self.name())
        return names

    def orders(self) -> tuple[Order, ...]:
        found = []
        while True:
            path = self.path()
            is_descending = self.skip("DESC")
            if not is_descending:
                self.skip("ASC")
            are_last = self.skip("NULLS", "LAST")
            if not are_last:
                self.skip("NULLS", "FIRST")
            found.append(Order(path, is_descending, are_last))
            if not self.skip(","):
                return tuple(found)

    def either(self) -> Condition:
        found = [self.both()]
        while self.skip("OR"):
            found.append(self.both())
        return found[0] if len(found) == 1 else Either(tuple(found))

    def both(self) -> Condition:
        found = [self.single()]
        while self.skip("AND"):
            found.append(self.single())
        return found[0] if len(found) == 1 else Both(tuple(found))

    def single(self) -> Condition:
        if self.skip("NOT"):
            return Not(self.single())
        if self.skip("("):
            condition = self.either()
            self.expect(")")
            return condition
        return self.comparison(self.path())

    def path(self) -> str:
        """Return a field path, or `COUNT(path)` in HAVING and ORDER BY."""
        name = self.name()
        if name.upper() != "COUNT" or not self.skip("("):
            return name
        inner = "" if self.is_word(")") else self.name()
        self.expect(")")
        return f"COUNT({inner})"

    def comparison(self, path: str) -> Comparison:
        if self.skip("NOT", "IN"):
            return Comparison(path, "NOT IN", self.values())
        if self.skip("IN"):
            return Comparison(path, "IN", self.values())
        if self.skip("LIKE"):
            return Comparison(path, "LIKE", self.value())
        _, sign = self.take()
        if sign not in _SIGNS:
            raise malformed(f"unexpected token: '{sign or '<EOF>'}'")
        return Comparison(path, "!=" if sign == "<>" else sign, self.value())

    def values(self) -> tuple[Any, ...]:
        self.expect("(")
        found = [self.value()]
        while self.skip(","):
            found.append(self.value())
        self.expect(")")
        return tuple(found)

    def value(self) -> Any:
        kind, text = self.take()
        match kind:
            case "string":
                return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])
            case "number":
                return float(text) if "." in text else int(text)
            case "date":
                return text
            case "datetime":
                return instant(datetime.fromisoformat(text).astimezone(UTC))
            case "name" if text.lower() in _LITERALS:
                return _LITERALS[text.lower()]
        raise malformed(f"unexpected token: '{text or '<EOF>'}'")


_LITERALS = {"null": None, "true": True, "false": False}


def parse(text: str) -> Query:
    """Return the parsed query; raises RequestError MALFORMED_QUERY as the platform does."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise malformed(f"unexpected token: '{text[position:].strip()[:1]}'")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    try:
        return _Parser([*tokens, ("end", ""), ("end", "")]).query()
    except (IndexError, ValueError, RecursionError):
        raise malformed("unexpected token: '<EOF>'") from None


def malformed(message: str) -> RequestError:
    return RequestError(400, "MALFORMED_QUERY", message)
