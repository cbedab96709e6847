"""Runs the unit tests of a module on its mutants, each in a fork that has everything imported."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis.internal.conjecture import providers

from tests.mutation.mutants import ROOT, Mutant

# pytest's plug-ins are imported before it begins: what they assert is not rewritten.
REWRITTEN = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
ARGUMENTS = (
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-m",
    "not slow and not hypothesis",
    "-W",
    REWRITTEN,
)
MEMORY = 4 << 30  # a mutant may append without end
CPU_SECONDS = 20  # or loop without end
Told = Callable[[Mutant, str], None]


def path_of(module: str) -> Path:
    """Return the file of a module."""
    return ROOT / f"{module.replace('.', '/')}.py"


def run(mutants: Sequence[Mutant | None], tests: list[str], deadline: float, told: Told) -> None:
    """Run tests on each mutant (None: as it is); `told` hears the test that failed, '' for none.

    The tests are collected once. A mutant of functions gets into a fork of that; one of what a
    module says outside its functions is imported anew, and what uses it, and the tests too.
    """
    loop = _Loop([m for m in mutants if m is None or m.functions], deadline, told)
    if loop.mutants:
        _silently(lambda: pytest.main([*ARGUMENTS, *tests], plugins=[loop]))
    if not loop.has_begun and loop.mutants:
        raise RuntimeError(f"no test could be collected in {tests}")
    for mutant in mutants:
        if mutant is not None and not mutant.functions and time.monotonic() < deadline:
            told(mutant, _forked(lambda first, one=mutant: _imported(one, tests, first)))


class _Loop:
    """In the place of pytest's own loop over the tests it has collected."""

    def __init__(self, mutants: list[Mutant | None], deadline: float, told: Told) -> None:
        self.mutants, self.deadline, self.told = mutants, deadline, told
        self.has_begun = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.has_begun = True
        providers._get_local_constants()  # or each fork reads every module for hypothesis
        gc.disable()
        gc.freeze()  # a fork that collects would copy what is shared
        for mutant in self.mutants:
            if time.monotonic() < self.deadline:
                self.told(mutant, _forked(lambda first, one=mutant: _swapped(one, session, first)))
        return True


class _FirstFailure:
    def __init__(self) -> None:
        self.test = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.test = self.test or report.nodeid

    pytest_collectreport = pytest_runtest_logreport


def _swapped(mutant: Mutant | None, session: pytest.Session, first: _FirstFailure) -> None:
    if mutant is not None:
        mutant.swap_in()
    session.config.pluginmanager.register(first)
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if first.test:
            return


def _imported(mutant: Mutant, tests: list[str], first: _FirstFailure) -> None:
    mutant.import_in()
    ended = pytest.main([*ARGUMENTS, *tests], plugins=[first])
    if ended != pytest.ExitCode.OK:
        first.test = first.test or f"pytest ended with {ended!r}"


def _forked(work: Callable[[_FirstFailure], None]) -> str:
    """Do work in a fork and return the first test that failed there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            first = _FirstFailure()
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            _silently(lambda: work(first))
            os.write(writing, json.dumps(first.test).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if not answer and not os.WIFSIGNALED(status):
        return "an exception outside every test"
    return json.loads(answer) if answer else "a limit"


def _silently(work: Callable[[], Any]) -> None:
    with _redirected():
        work()


@contextlib.contextmanager
def _redirected() -> Iterator[None]:
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
