"""Mutation testing of the pure core: python -m tests.mutation [--minutes N] [module or part …].

Killed mutants are remembered in .cache/mutants while their module and the test that killed them are
as they were, so a run goes on where the last one stopped. What is found goes into results.json, and
from there into docs/mutation.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.mutation.coverage_of import measure
from tests.mutation.mutants import ROOT, Mutant, mutants_of
from tests.mutation.page import page
from tests.mutation.run import Tests, path_of, with_tests

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = ROOT / "docs" / "mutation.md"
MEMORY = ROOT / ".cache" / "mutants"
NICENESS = 10
OUT = os.dup(1)  # the tests' own is silenced


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*")
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    os.nice(max(0, NICENESS - os.nice(0)))
    core: dict[str, Any] = tomllib.loads((HERE / "core.toml").read_text())
    modules: dict[str, list[str]] = core["modules"]
    chosen = [name for name in modules if not asked.only or _is_one(name, asked.only)]
    deadline = time.monotonic() + 60 * asked.minutes

    def work(session: pytest.Session) -> None:
        examined = [_Module(name, Tests(session, modules[name])) for name in chosen]
        for is_outside in (False, True):  # the rules first, then the tables: they are slower
            for module in examined:
                module.examine(deadline, is_outside=is_outside)
                PAGE.write_text(page(core, _results()))

    with_tests(sorted({file for name in chosen for file in modules[name]}), work)


def _is_one(name: str, only: list[str]) -> bool:
    return any(name == part or name.endswith(f".{part}") or f".{part}." in name for part in only)


class _Module:
    def __init__(self, name: str, tests: Tests) -> None:
        self.name, self.tests = name, tests
        self.mutants: list[Mutant] = []
        self.survivors: list[Mutant] = []

    def examine(self, deadline: float, *, is_outside: bool) -> None:
        """Try the mutants of what is inside or outside of functions, until the deadline."""
        if time.monotonic() > deadline:
            return
        if not self.mutants:
            self._begin()
        chosen = [m for m in self.waiting if (m.body is None) is is_outside]
        for mutant, killer in self.tests.killers_of(chosen) if chosen else ():
            self.waiting.remove(mutant)
            self.memory.note(mutant, killer)
            if not killer:
                self.survivors.append(mutant)
                tell(f"{self.name}:{mutant.line} survived: {mutant.was}  ->  {mutant.became}")
            if time.monotonic() > deadline:
                break
        self._write()

    def _begin(self) -> None:
        path = path_of(self.name)
        self.branches = measure(self.name, self.tests)
        self.mutants = list(mutants_of(self.name, path))
        self.memory = _Memory(self.name, path.read_text(), self.tests.files)
        self.waiting = [mutant for mutant in self.mutants if not self.memory.is_killed(mutant)]

    def _write(self) -> None:
        all_, alive, untried = map(len, (self.mutants, self.survivors, self.waiting))
        tell(f"{self.name}: {all_} mutants, {alive} survived, {untried} not tried")
        self.survivors.sort(key=lambda mutant: mutant.line)
        found = {
            "mutants": all_,
            "untried": untried,
            "survivors": [
                {"line": m.line, "was": m.was, "became": m.became} for m in self.survivors
            ],
            "branches": self.branches,
        }
        results = _results() | {self.name: found}
        RESULTS.write_bytes(
            orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        )


def tell(line: str) -> None:
    os.write(OUT, f"{line}\n".encode())


def _results() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Memory:
    """Which mutants were killed, by which of the module's test files as it was then."""

    def __init__(self, module: str, source: str, files: list[str]) -> None:
        MEMORY.mkdir(parents=True, exist_ok=True)
        self._path = MEMORY / f"{module}-{_hash(source)}.jsonl"
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        notes = [note for note in map(orjson.loads, lines) if note[1] in files or not note[2]]
        self._killed = {note[0]: note[1:] for note in notes}

    def is_killed(self, mutant: Mutant) -> bool:
        note = self._killed.get(_hash(mutant.code))
        return note is not None and note[1] == self._file_hash(note[0])

    def note(self, mutant: Mutant, killer: str) -> None:
        if killer:
            name = killer.partition("::")[0]
            line = orjson.dumps([_hash(mutant.code), name, self._file_hash(name)])
            with self._path.open("ab") as file:
                file.write(line + b"\n")

    @staticmethod
    def _file_hash(name: str) -> str:
        path = ROOT / name
        return _hash(path.read_text()) if path.is_file() else ""


if __name__ == "__main__":
    main()
