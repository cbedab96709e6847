"""Wrong versions of a module, one small change each.

The changes are mutmut's operators. Its own runner leaves out everything decorated, so dataclasses
and properties, and what a module says outside its functions: of this core, most rules and tables.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import accumulate, zip_longest
from pathlib import Path
from types import FunctionType
from typing import Any

import libcst as cst
from libcst.metadata import CodePosition, MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[2]
# What changes nothing that runs, or what runs before anything can be asked.
TYPES = ("Literal", "tuple", "Callable")
UNTOUCHED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: in `line`, `was` and `became`.

    `body`: first and last line of the function that the change is in, which can be given its new
    code in place; None: the change is outside of functions.
    """

    module: str
    path: Path
    code: str
    line: int
    was: str
    became: str
    body: tuple[int, int] | None

    def swap_in(self) -> Callable[[], None]:
        """Give every function of the imported module its code in the mutant, until called back.

        Raises ValueError when there is none whose code can be given.
        """
        imported = vars(sys.modules[self.module])
        pairs = list(_pairs(imported, vars(executed(self.module, self.code)), self.module))
        if not pairs:
            raise ValueError("the changed function is behind a decorator")
        codes = [(mine, mine.__code__) for mine, _ in pairs]
        for mine, its in pairs:
            mine.__code__ = its.__code__
        _forget_answers(imported)

        def swap_back() -> None:
            for mine, code in codes:
                mine.__code__ = code
            _forget_answers(imported)

        return swap_back

    def import_in(self) -> None:
        """Let the module be imported as the mutant when it is imported next."""
        sys.meta_path.insert(0, _Finder(self))


def executed(name: str, code: str) -> types.ModuleType:
    """Return what a module would be with this code, beside the one that is imported."""
    path = str(ROOT / f"{name.replace('.', '/')}.py")
    module, imported = types.ModuleType(name), sys.modules[name]
    module.__file__ = path
    sys.modules[name] = module  # a dataclass looks its module up while it is made
    try:
        exec(compile(code, path, "exec"), module.__dict__)  # noqa: S102 - our own
    finally:
        sys.modules[name] = imported
    return module


def mutants_of(module: str, path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    source = path.read_text()
    text = _Text(MetadataWrapper(cst.parse_module(source)))
    known = {source}
    for node, changed, body in text.found:
        code = text.with_change(node, changed)
        if code in known:
            continue
        known.add(code)
        pairs = zip_longest(source.splitlines(), code.splitlines(), fillvalue="")
        line, was, became = next((n, a, b) for n, (a, b) in enumerate(pairs, 1) if a != b)
        yield Mutant(module, path, code, line, was.strip(), became.strip(), body)


class _Text(cst.CSTVisitor):
    """A module's text, and which node of it may become what, inside of functions or not."""

    def __init__(self, wrapper: MetadataWrapper) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, tuple[int, int] | None]] = []
        self._module, self._source = wrapper.module, wrapper.module.code
        self._places = wrapper.resolve(WhitespaceInclusivePositionProvider)
        self._lines = [0, *accumulate(map(len, self._source.splitlines(keepends=True)))]
        self._function: cst.FunctionDef | None = None  # the outermost one that is being visited
        self._body: tuple[int, int] | None = None
        self._module.visit(self)

    def with_change(self, node: cst.CSTNode, changed: cst.CSTNode) -> str:
        """Return the text with a node changed: only its own place, or all is written anew."""
        place = self._places[node]
        first, last = self._offset(place.start), self._offset(place.end)
        if self._source[first:last] == self._module.code_for_node(node):
            return self._source[:first] + self._module.code_for_node(changed) + self._source[last:]
        whole: cst.Module = self._module.deep_replace(node, changed)  # type: ignore[assignment]  # a module stays one
        return whole.code

    def _offset(self, at: CodePosition) -> int:
        return self._lines[at.line - 1] + at.column

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, UNTOUCHED) or _is_type(node) or _is_sentence(node):
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.found += [(node, changed, self._body) for changed in operator(node)]
        return True

    def on_visit_attribute(self, node: cst.CSTNode, attribute: str) -> None:
        if attribute == "body" and isinstance(node, cst.FunctionDef) and self._body is None:
            place = self._places[node.body]
            last = place.end.line - (place.end.column == 0)
            self._function, self._body = node, (place.start.line + 1, last)

    def on_leave_attribute(self, original_node: cst.CSTNode, attribute: str) -> None:
        if attribute == "body" and original_node is self._function:
            self._function = self._body = None


def _is_type(node: cst.CSTNode) -> bool:
    """Whether a node is a literal type, or gives a type a name: for annotations only."""
    value, types = (node.value, TYPES) if isinstance(node, cst.Assign) else (node, TYPES[:1])
    is_subscript = isinstance(value, cst.Subscript) and isinstance(value.value, cst.Name)
    return is_subscript and value.value.value in types


def _is_sentence(node: cst.CSTNode) -> bool:
    """Whether a text is for people: its wording is no behaviour, and no test should hold it."""
    return isinstance(node, cst.SimpleString) and " " in node.value.strip("\"' ")


def _pairs(right: Any, wrong: Any, module: str) -> Iterator[tuple[FunctionType, FunctionType]]:
    for name, value in list(right.items()):
        other = wrong.get(name)
        for mine, its in zip(_functions(value), _functions(other), strict=False):
            if mine.__module__ == module and mine.__code__ != its.__code__:
                yield mine, its
        if isinstance(value, type) and value.__module__ == module and isinstance(other, type):
            yield from _pairs(dict(vars(value)), dict(vars(other)), module)


def _functions(value: Any) -> list[FunctionType]:
    if isinstance(value, property):
        return [f for f in (value.fget, value.fset) if isinstance(f, FunctionType)]
    value = getattr(value, "__func__", value)
    if hasattr(value, "cache_clear"):
        value = value.__wrapped__
    return [value] if isinstance(value, FunctionType) else []


def _forget_answers(names: dict[str, Any]) -> None:
    for value in names.values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        loader = _Loader(self.mutant)
        return spec_from_file_location(fullname, self.mutant.path, loader=loader)


class _Loader(SourceFileLoader):
    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(mutant.path))
        self.code = mutant.code

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.code, self.path, "exec", dont_inherit=True)
