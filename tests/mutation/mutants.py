"""Wrong versions of a module, one small change each.

The changes are mutmut's operators. Its own runner leaves out everything decorated, so dataclasses
and properties, and what a module says outside its functions: of this core, most rules and tables.
"""

from __future__ import annotations

import ast
import importlib
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import zip_longest
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[2]
# What changes nothing that runs, or what runs before anything can be asked.
UNTOUCHED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: in `line`, `was` and `became`.

    `functions`: the change is inside of functions, so they can be given their new code in place.
    """

    module: str
    path: Path
    code: str
    line: int
    was: str
    became: str
    functions: bool

    def swap_in(self) -> None:
        """Give every function of the imported module its code in the mutant."""
        module = importlib.import_module(self.module)
        wrong = types.ModuleType(self.module)
        wrong.__file__ = str(self.path)
        sys.modules[self.module] = wrong  # a dataclass looks its module up while it is made
        exec(compile(self.code, self.path, "exec"), wrong.__dict__)  # noqa: S102 - the mutant
        sys.modules[self.module] = module
        _swap(vars(module), vars(wrong), self.module)

    def import_in(self) -> None:
        """Let the module be imported as the mutant, by everybody who imports it."""
        for name, module in list(sys.modules.items()):
            file = Path(getattr(module, "__file__", None) or "/")
            is_ours = file.is_relative_to(ROOT) and "site-packages" not in file.parts
            if is_ours and not name.startswith("tests.mutation"):
                del sys.modules[name]
        sys.meta_path.insert(0, _Finder(self))


def mutants_of(module: str, path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    source = path.read_text()
    tree = MetadataWrapper(cst.parse_module(source)).module
    changes = _Changes()
    tree.visit(changes)
    outside, known = _outside_functions(source), {source}
    for node, changed in changes.found:
        code = tree.deep_replace(node, changed).code
        if code in known:
            continue
        known.add(code)
        pairs = zip_longest(source.splitlines(), code.splitlines(), fillvalue="")
        line, was, became = next((n, a, b) for n, (a, b) in enumerate(pairs, 1) if a != b)
        functions = _outside_functions(code) == outside
        yield Mutant(module, path, code, line, was.strip(), became.strip(), functions)


class _Changes(cst.CSTVisitor):
    """Collects which node may become what."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, UNTOUCHED) or _is_literal_type(node) or _is_sentence(node):
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.found += [(node, changed) for changed in operator(node)]
        return True


def _is_literal_type(node: cst.CSTNode) -> bool:
    is_subscript = isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name)
    return is_subscript and node.value.value == "Literal"


def _is_sentence(node: cst.CSTNode) -> bool:
    """Whether a text is for people: its wording is no behaviour, and no test should hold it."""
    return isinstance(node, cst.SimpleString) and " " in node.value.strip("\"' ")


def _outside_functions(code: str) -> str:
    """Return what a module says but for the bodies of its functions."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = []
    return ast.dump(tree)


def _swap(right: Any, wrong: Any, module: str) -> None:
    for name, value in list(right.items()):
        other = wrong.get(name)
        for mine, its in zip(_functions(value), _functions(other), strict=False):
            if mine.__module__ == module:
                mine.__code__ = its.__code__
        if isinstance(value, type) and value.__module__ == module and isinstance(other, type):
            _swap(dict(vars(value)), dict(vars(other)), module)


def _functions(value: Any) -> list[types.FunctionType]:
    if isinstance(value, property):
        return [f for f in (value.fget, value.fset) if isinstance(f, types.FunctionType)]
    value = getattr(value, "__func__", value)
    return [value] if isinstance(value, types.FunctionType) else []


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
