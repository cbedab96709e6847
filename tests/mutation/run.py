"""Runs the unit tests that come to a mutant, in a fork that has everything imported."""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import json
import os
import resource
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis.internal.conjecture import providers

from tests.mutation.mutants import ROOT, Mutant

# pytest's plug-ins are imported before it begins: what they assert is not rewritten.
REWRITTEN = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
CHOSEN = ("-m", "not slow and not hypothesis")
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "-W", REWRITTEN, *CHOSEN)
MEMORY = 4 << 30  # a mutant may append without end
PATIENCE = 5.0  # times what its tests take as it is: it may loop without end
TO_BEGIN, TO_IMPORT = 0.3, 3.0  # seconds of computing besides
WITHOUT_A_STEP = 3.0  # seconds asleep: it waits for what never comes
NOT_SWAPPED = "it has to be imported"
IN_ONE_FORK = 25  # mutants
LIMIT = "a limit"
OUTSIDE = "an exception outside every test"


def path_of(module: str) -> Path:
    """Return the file of a module."""
    return ROOT / f"{module.replace('.', '/')}.py"


def with_tests(files: list[str], work: Callable[[pytest.Session], None]) -> None:
    """Collect tests, once, and do work with them in the place of pytest's own loop."""
    loop = _Loop(work)
    with _silence():
        pytest.main([*ARGUMENTS, *files], plugins=[loop])
    if loop.raised:
        raise loop.raised
    if not loop.has_begun:
        raise RuntimeError(f"the tests cannot be collected: {files}")


class _Loop:
    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self.work, self.has_begun = work, False
        self.raised: BaseException | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.has_begun = True
        providers._get_local_constants()  # or each fork reads every module for hypothesis
        gc.disable()
        gc.freeze()  # a fork that collects would copy what is shared
        try:
            self.work(session)
        except BaseException as raised:  # noqa: BLE001 - raised again outside of pytest
            self.raised = raised
        return True


class Tests:
    """The tests of one module: which of them come to a mutant, those that kill many first."""

    def __init__(self, session: pytest.Session, files: list[str]) -> None:
        self._session, self.files = session, files
        self._files = [str(ROOT / name) for name in files]
        self.items = [item for item in session.items if str(item.path) in self._files]
        self.seconds: dict[str, float] = {}  # each test's, of computing, without a mutant
        self.at_import: set[int] = set()  # lines that run when the module is imported
        self.lines: dict[str, set[int]] = {}  # that a test comes to
        self._kills: Counter[str] = Counter()

    def killers_of(self, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str]]:
        """Yield mutants with the first test that fails on them, '' if none does.

        A mutant of a function gets its code into the function as it is. One of what a module says
        outside of functions, or while it is imported, is imported anew, and so is what uses it.
        """
        inside = [mutant for mutant in mutants if mutant.body and self._reaching(mutant)]
        outside = [mutant for mutant in mutants if mutant not in inside]
        for first in range(0, len(inside), IN_ONE_FORK):
            batch = inside[first : first + IN_ONE_FORK]
            for mutant, killer in zip(batch, self._swapped(batch), strict=True):
                at_import = bool(self.at_import & set(_body(mutant)))
                if killer == NOT_SWAPPED or (not killer and at_import):
                    outside.append(mutant)
                else:
                    yield mutant, self._noted(killer)
        stale = {mutants[0].module} | users_of(mutants[0].module) if outside else set()
        for mutant in outside:
            said, end = forked(partial(self._import, mutant, stale), self._limit(TO_IMPORT))
            yield mutant, self._noted(said[0] if said else end)

    def first_failure(self, items: Iterable[pytest.Item]) -> str:
        """Run tests up to the first that fails, and return its name."""
        for item in items:
            if not passes(item):
                return item.nodeid
        return ""

    def _swapped(self, batch: Sequence[Mutant]) -> list[str]:
        killers: list[str] = []
        while len(killers) < len(batch):
            left = batch[len(killers) :]
            said, end = forked(partial(self._swap, left), self._limit(TO_BEGIN))
            if len(said) > len(left) and said.pop():  # what one mutant left behind fails a test
                return [killer for mutant in batch for killer in self._swapped([mutant])]
            killers += said if len(said) == len(left) else [*said, end]
        return killers

    def _swap(self, batch: Sequence[Mutant], say: Callable[[str], None]) -> None:
        """Tell each mutant's killer, then what fails without a mutant."""
        for mutant in batch:
            signal.setitimer(signal.ITIMER_PROF, self._limit(TO_BEGIN))
            try:
                swap_back = mutant.swap_in()
            except ValueError:  # its function needs other variables of the functions around
                say(NOT_SWAPPED)
                continue
            reaching = self._reaching(mutant)
            killer = self.first_failure(sorted(reaching, key=partial(self._rank, mutant.line)))
            swap_back()
            say(self._noted(killer))
        say(self.first_failure(item for item in self.items if is_plain(item)) if batch[1:] else "")

    def _import(self, mutant: Mutant, stale: set[str], say: Callable[[str], None]) -> None:
        collected = _CollectionErrors()
        self._session.config.pluginmanager.register(collected)
        mutant.import_in()
        _forget(stale | {item.module.__name__ for item in self.items})
        items = list(self._session.perform_collect(self._files))
        ordered = sorted(items, key=partial(self._rank, mutant.line))
        say(collected.first or self.first_failure(ordered))

    def _reaching(self, mutant: Mutant) -> list[pytest.Item]:
        body = set(_body(mutant))
        return [item for item in self.items if body & self.lines[item.nodeid]]

    def _rank(self, line: int, item: pytest.Item) -> tuple[bool, float]:
        seconds = self.seconds.get(item.nodeid, 0.0) / (1 + self._kills[item.nodeid])
        return line not in self.lines.get(item.nodeid, ()), seconds

    def _limit(self, seconds: float) -> float:
        return seconds + PATIENCE * sum(self.seconds.values())

    def _noted(self, killer: str) -> str:
        self._kills[killer] += 1
        return killer


class _CollectionErrors:
    first = ""

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.first = self.first or report.nodeid


def _body(mutant: Mutant) -> range:
    first, last = mutant.body or (mutant.line, mutant.line)
    return range(first, last + 1)


def is_plain(item: pytest.Item) -> bool:
    """Whether a test is a function of its examples: no fixture, no loop, no class."""
    needs = set(item._fixtureinfo.argnames)  # type: ignore[attr-defined]  # of functions only
    is_function = isinstance(item, pytest.Function) and item.cls is None
    is_async = is_function and inspect.iscoroutinefunction(item.obj)
    return is_function and not is_async and needs <= _examples(item).keys()


def _examples(item: Any) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def passes(item: Any) -> bool:
    """Run a test; a plain one without pytest, which takes a hundred times as long as most do."""
    if is_plain(item):
        try:
            item.obj(**_examples(item))
        except BaseException:  # noqa: BLE001 - whatever it is, the test has failed
            return False
        return True
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def users_of(module: str) -> set[str]:
    """Return which of our modules import a module, directly or not."""
    users: set[str] = set()
    more = {module}
    while more:
        known = users | {module}
        more = {n for n in list(sys.modules) if _is_ours(n) and _imports_of(n) & known} - users
        users |= more
    return users


def _forget(modules: set[str]) -> None:
    """Let modules be imported anew."""
    for name in modules:
        parent, _, child = name.rpartition(".")
        sys.modules.pop(name, None)
        if parent in sys.modules:
            vars(sys.modules[parent]).pop(child, None)


@cache
def _is_ours(name: str) -> bool:
    file = Path(getattr(sys.modules[name], "__file__", None) or "/")
    is_here = file.is_relative_to(ROOT) and "site-packages" not in file.parts
    return is_here and not name.startswith("tests.mutation") and "conftest" not in name


@cache
def _imports_of(name: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(sys.modules[name].__file__ or "").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def forked(work: Callable[[Callable[[Any], None]], None], seconds: float) -> tuple[list[Any], str]:
    """Do work in a fork, for so many seconds; return what it said, and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            work(lambda said: _write(writing, json.dumps(said).encode() + b"\n"))
        finally:
            os._exit(0)
    os.close(writing)
    answer = _answer(reading, child)
    _, status = os.waitpid(child, 0)
    said = [json.loads(line) for line in answer.splitlines()]
    return said, LIMIT if os.WIFSIGNALED(status) else OUTSIDE


def _write(pipe: int, text: bytes) -> None:
    while text:
        text = text[os.write(pipe, text) :]


def _answer(pipe: int, child: int) -> bytes:
    """Read until the child ends; one that sleeps without a step between two looks is ended."""
    told, stood = b"", ""
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while True:
            if select.select([file], [], [], WITHOUT_A_STEP)[0]:
                part = file.read(1 << 16)
                if not part:
                    return told
                told += part
                continue
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            stands = f"{fields[0]} {fields[11]} {fields[12]}"
            if stands == stood and fields[0] == "S":
                os.kill(child, signal.SIGKILL)
            stood = stands


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    kept = [os.dup(1), os.dup(2)]
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        yield
    finally:
        for stream, was in zip((1, 2), kept, strict=True):
            os.dup2(was, stream)
            os.close(was)
        os.close(silence)
