"""Mutation testing of the pure core: python -m tests.mutation [--minutes N] [module or part …].

Killed mutants are remembered in .cache/mutants while their module and the test that killed them are
as they were, so a run goes on where the last one stopped. What is found goes into results.json, and
from there into docs/mutation.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import orjson

from tests.mutation.coverage_of import branches_of
from tests.mutation.mutants import ROOT, Mutant, mutants_of
from tests.mutation.page import page
from tests.mutation.run import path_of, run

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = ROOT / "docs" / "mutation.md"
MEMORY = ROOT / ".cache" / "mutants"
NICENESS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*")
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    os.nice(max(0, NICENESS - os.nice(0)))
    core: dict[str, Any] = tomllib.loads((HERE / "core.toml").read_text())
    chosen = [name for name in core["modules"] if not asked.only or _is_one(name, asked.only)]
    deadline = time.monotonic() + 60 * asked.minutes
    for name in chosen:
        if chosen == [name]:
            _examine(name, core["modules"][name], deadline)
        elif os.fork() == 0:  # each module wants other modules not imported yet
            _examine(name, core["modules"][name], deadline)
            os._exit(0)
        else:
            os.wait()
    PAGE.write_text(page(core, _results()))


def _is_one(name: str, only: list[str]) -> bool:
    return any(name == part or name.endswith(f".{part}") or f".{part}." in name for part in only)


def _examine(module: str, tests: list[str], deadline: float) -> None:
    path = path_of(module)
    memory = _Memory(module, path.read_text())
    mutants = list(mutants_of(module, path))
    survivors: list[Mutant] = []
    tried: set[Mutant] = set()
    broken: list[str] = []

    def told(mutant: Mutant | None, killer: str) -> None:
        if mutant is None:
            broken.extend([killer] if killer else [])
            return
        tried.add(mutant)
        memory.note(mutant, killer)
        if not killer:
            survivors.append(mutant)

    waiting = [mutant for mutant in mutants if not memory.is_killed(mutant)]
    run([None, *waiting], tests, deadline, told)
    if broken:
        sys.exit(f"{module}: its tests fail without a mutant: {broken[0]}")
    for mutant in survivors:
        tell(f"{module}:{mutant.line} survived: {mutant.was}  ->  {mutant.became}")
    untried = len(waiting) - len(tried)
    tell(f"{module}: {len(mutants)} mutants, {len(survivors)} survived, {untried} not tried")
    told_of = [{"line": m.line, "was": m.was, "became": m.became} for m in survivors]
    found = {
        "mutants": len(mutants),
        "untried": untried,
        "survivors": told_of,
        "branches": branches_of(module, tests),
    }
    results = _results() | {module: found}
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _results() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Memory:
    """Which mutants were killed, by which test file as it was then."""

    def __init__(self, module: str, source: str) -> None:
        MEMORY.mkdir(parents=True, exist_ok=True)
        self._path = MEMORY / f"{module}-{_hash(source)}.jsonl"
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self._killed = {note[0]: note[1:] for note in map(orjson.loads, lines)}

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
