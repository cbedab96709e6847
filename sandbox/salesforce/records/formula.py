"""Formulas of validation rules, compiled once: `AND(ISNEW(), Amount < 0)` → a function of a record.

```
operators   || && = == <> != < > <= >= & + - * /  !  ( )      literals  'a' "a" 1.5 TRUE NULL
functions   the table FUNCTIONS; PRIORVALUE, ISCHANGED, ISNEW look at the stored record
```
An empty field is null: comparing null with `<` or `>` is never true, and `PRIORVALUE` of a record
that is being created is the field's own value, as on the platform.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.salesforce.records.fieldtypes import instant

Values = Mapping[str, Any]
Node = Callable[[Values | None, Values], Any]  # (stored record or None, record to be stored)

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*') | (?P<number>\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_]\w*) | (?P<sign><=|>=|<>|!=|==|&&|\|\||[-+*/&=<>!(),]))""",
    re.VERBOSE,
)
_LEVELS: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: bool(a) or bool(b)},
    {"&&": lambda a, b: bool(a) and bool(b)},
    {"=": operator.eq, "==": operator.eq, "<>": operator.ne, "!=": operator.ne},
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge},
    {"&": lambda a, b: f"{_text(a)}{_text(b)}"},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
)
_NULL_SAFE = frozenset({"||", "&&", "=", "==", "<>", "!=", "&"})
_LITERALS = {"TRUE": True, "FALSE": False, "NULL": None}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "AND": lambda *values: all(values),
    "OR": lambda *values: any(values),
    "NOT": lambda value: not value,
    "IF": lambda test, yes, no: yes if test else no,
    "ISBLANK": _is_blank,
    "ISNULL": _is_blank,
    "BLANKVALUE": lambda value, other: other if _is_blank(value) else value,
    "ISPICKVAL": lambda value, wanted: _text(value) == _text(wanted),
    "TEXT": _text,
    "VALUE": lambda value: float(value) if not _is_blank(value) else None,
    "LEN": lambda value: len(_text(value)),
    "LEFT": lambda value, count: _text(value)[: int(count)],
    "RIGHT": lambda value, count: _text(value)[-int(count) :] if count else "",
    "UPPER": lambda value: _text(value).upper(),
    "LOWER": lambda value: _text(value).lower(),
    "TRIM": lambda value: _text(value).strip(),
    "CONTAINS": lambda value, part: _text(part) in _text(value),
    "BEGINS": lambda value, part: _text(value).startswith(_text(part)),
    "REGEX": lambda value, pattern: re.fullmatch(pattern, _text(value)) is not None,
    "ABS": lambda value: abs(value) if value is not None else None,
    "TODAY": lambda: datetime.now(UTC).date().isoformat(),
    "NOW": lambda: instant(datetime.now(UTC)),
}


def compile_formula(text: str, field_name: Callable[[str], str]) -> Node:
    """Return what evaluates the formula.

    `field_name` returns a field's own spelling and raises ValueError for an unknown one. Raises
    ValueError that says what is wrong with the text.
    """
    return _Compiler(_tokens(text), field_name).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"Syntax error near {text[position:].strip()[:12]!r}")
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        position = match.end()
    return [*found, ("end", "")]


class _Compiler:
    """A recursive descent over the tokens; each method returns a node."""

    def __init__(self, tokens: list[tuple[str, str]], field_name: Callable[[str], str]) -> None:
        self._tokens = tokens
        self._field_name = field_name
        self._at = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._tokens[self._at][0] != "end":
            raise ValueError(f"Extra {self._tokens[self._at][1]!r}")
        return node

    def _level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self._single()
        node = self._level(depth + 1)
        while (sign := self._tokens[self._at][1]) in _LEVELS[depth] and self._is_sign():
            self._at += 1
            node = _binary(sign, _LEVELS[depth][sign], node, self._level(depth + 1))
        return node

    def _is_sign(self) -> bool:
        return self._tokens[self._at][0] == "sign"

    def _single(self) -> Node:
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "text":
            return _constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "number":
            return _constant(float(text))
        if kind == "name":
            return self._named(text)
        if text == "(":
            node = self._level(0)
            self._expect(")")
            return node
        if text in ("!", "-"):
            inner = self._single()
            if text == "!":
                return lambda old, new: not inner(old, new)
            return lambda old, new: -(inner(old, new) or 0)
        raise ValueError(f"Syntax error near {text or 'the end'!r}")

    def _named(self, name: str) -> Node:
        upper = name.upper()
        if upper in _LITERALS:
            return _constant(_LITERALS[upper])
        if self._tokens[self._at][1] != "(":
            field = self._field_name(name)
            return lambda _old, new: new.get(field)
        self._at += 1
        if upper in ("PRIORVALUE", "ISCHANGED"):
            field = self._field_name(self._tokens[self._at][1])
            self._at += 1
            self._expect(")")
            if upper == "PRIORVALUE":
                return lambda old, new: (new if old is None else old).get(field)
            return lambda old, new: old is not None and old.get(field) != new.get(field)
        arguments = self._arguments()
        if upper == "ISNEW":
            return lambda old, _new: old is None
        if upper not in FUNCTIONS:
            raise ValueError(f"Unknown function {name}")
        call = FUNCTIONS[upper]
        return lambda old, new: call(*(argument(old, new) for argument in arguments))

    def _arguments(self) -> list[Node]:
        found: list[Node] = []
        while self._tokens[self._at][1] != ")":
            found.append(self._level(0))
            if self._tokens[self._at][1] != ",":
                break
            self._at += 1
        self._expect(")")
        return found

    def _expect(self, sign: str) -> None:
        if self._tokens[self._at][1] != sign:
            raise ValueError(f"Missing {sign!r}")
        self._at += 1


def _constant(value: Any) -> Node:
    return lambda _old, _new: value


def _binary(sign: str, compute: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    def node(old: Values | None, new: Values) -> Any:
        a, b = left(old, new), right(old, new)
        if sign not in _NULL_SAFE and (a is None or b is None):
            return None
        return compute(a, b)

    return node
