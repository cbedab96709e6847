"""The YAML text as a tree that remembers lines, so that every complaint names one.

Scalars stay the text the user wrote: YAML 1.1 would read the country code `NO` as false and an
order number `0012` as ten. Who reads a scalar says what it should be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

from stream.errors import MappingFileError

# libyaml reads a mapping in a fifteenth of the time, and is in every wheel of PyYAML.
QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 24
MAX_NODES = 20_000  # aliases counted as often as they are used: ten lines of them can mean billions
NULLS = ("", "~", "null", "Null", "NULL")
FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """One node of the file: a scalar (`text`), a list (`items`) or a mapping (`pairs`)."""

    file: str
    line: int
    path: str
    text: str | None = None
    items: tuple[Entry, ...] | None = None
    pairs: dict[str, Entry] | None = None

    @property
    def is_null(self) -> bool:
        return self.text is None and self.items is None and self.pairs is None

    def error(self, problem: str) -> MappingFileError:
        where = f" ({self.path})" if self.path else ""
        return MappingFileError(f"{self.file} line {self.line}{where}: {problem}")

    def mapping(self, allowed: Collection[str] | None = None) -> dict[str, Entry]:
        """Return the pairs; raises MappingFileError for another kind or a key not `allowed`."""
        if self.pairs is None:
            raise self.error(f"expected `key: value` pairs, found {self._kind()}")
        for key, entry in self.pairs.items():
            if allowed is not None and key not in allowed:
                raise entry.error(f"unknown key `{key}`; {suggestion(key, allowed)}")
        return self.pairs

    def list(self) -> tuple[Entry, ...]:
        if self.items is None:
            raise self.error(f"expected a list (`- …`), found {self._kind()}")
        return self.items

    def scalar(self) -> str:
        if self.text is None:
            raise self.error(f"expected text, found {self._kind()}")
        return self.text

    def texts(self) -> tuple[str, ...]:
        """Return one text or a list of texts."""
        if self.items is not None:
            return tuple(item.scalar() for item in self.items)
        return (self.scalar(),)

    def flag(self) -> bool:
        value = FLAGS.get(self.scalar().lower())
        if value is None:
            raise self.error(f"expected true or false, found `{self.text}`")
        return value

    def one_of(self, allowed: Collection[str]) -> str:
        value = self.scalar()
        if value not in allowed:
            raise self.error(f"`{value}` is not known; {suggestion(value, allowed)}")
        return value

    def _kind(self) -> str:
        if self.pairs is not None:
            return "`key: value` pairs"
        if self.items is not None:
            return "a list"
        return "nothing" if self.text is None else f"`{self.text[:40]}`"


def suggestion(word: str, allowed: Collection[str]) -> str:
    """Return the fix for a misspelt word: what was meant, or all that is possible."""
    close = get_close_matches(word, list(allowed), n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"possible are {', '.join(sorted(allowed))}"


def parse(text: str, file: str) -> Entry:
    """Return the tree of a YAML text; raises MappingFileError, and nothing else, on any text."""
    try:
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = f"not YAML: {error.problem or error.context}"
        raise MappingFileError(f"{file} line {line}: {problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MappingFileError(f"{file}: not YAML: {reason}") from None
    if node is None:
        raise MappingFileError(f"{file}: is empty; start from `orderstream map --print-default`")
    return _Tree(file).entry(node, "", 0)


def _composed(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=QUICK)
    except (yaml.YAMLError, ValueError) as error:
        if "nesting depth" in str(error):
            raise  # the slow reader would take seconds to find the same
        return yaml.compose(text, Loader=yaml.SafeLoader)  # says which tab, and which alias


@dataclass(slots=True)
class _Tree:
    """One file on its way from nodes to entries; counts them."""

    file: str
    nodes: int = 0

    def entry(self, node: yaml.Node, path: str, depth: int) -> Entry:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._error(line, f"more than {MAX_NODES} values, aliases counted at each use")
        if depth > MAX_DEPTH:
            raise self._error(line, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, yaml.ScalarNode):
            is_null = not node.style and node.value in NULLS
            return Entry(self.file, line, path, text=None if is_null else node.value)
        if isinstance(node, yaml.SequenceNode):
            items = (self.entry(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(node.value))
            return Entry(self.file, line, path, items=tuple(items))
        assert isinstance(node, yaml.MappingNode)
        return Entry(self.file, line, path, pairs=dict(self._pairs(node, path, depth)))

    def _pairs(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Entry]]:
        seen = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(line, "a key must be text")
            key = key_node.value
            if key in seen:
                raise self._error(line, f"`{key}` is there twice", f" ({path})")
            seen.add(key)
            entry = self.entry(value_node, f"{path}.{key}" if path else key, depth + 1)
            # The key's line, not the value's: that is where people look.
            yield key, Entry(self.file, line, entry.path, entry.text, entry.items, entry.pairs)

    def _error(self, line: int, problem: str, where: str = "") -> MappingFileError:
        return MappingFileError(f"{self.file} line {line}{where}: {problem}")
