"""What of a module its unit tests come to: lines and branches, and which test comes to which."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import coverage

from tests.mutation.mutants import executed
from tests.mutation.run import Tests, forked, passes, path_of

ENOUGH = 60.0  # seconds of computing, for all tests of a module with every line traced


def measure(module: str, tests: Tests) -> dict[str, Any]:
    """Tell tests the lines that they come to; return how many a module has, and which none does."""
    said, end = forked(partial(_measure, module, tests), ENOUGH)
    if not said or isinstance(said[0], str):
        raise RuntimeError(f"{module}: its tests fail without a mutant: {said or end}")
    (found,) = said
    tests.seconds, tests.at_import = found["seconds"], set(found["at import"])
    tests.lines = {name: set(lines) for name, lines in found["lines"].items()}
    branches: dict[str, Any] = found["branches"]
    return branches


def _measure(module: str, tests: Tests, say: Callable[[Any], None]) -> None:
    path = path_of(module)
    seconds = {}
    measured = coverage.Coverage(
        branch=True, include=[str(path)], data_file=None, config_file=False
    )
    measured.start()
    executed(module, path.read_text())
    for item in tests.items:
        measured.switch_context(item.nodeid)
        began = time.process_time()
        if not passes(item):
            say(item.nodeid)
            return
        seconds[item.nodeid] = time.process_time() - began
    measured.stop()
    lines: dict[str, list[int]] = {name: [] for name in ("", *seconds)}
    for line, names in measured.get_data().contexts_by_lineno(str(path)).items():
        for name in names:
            lines[name].append(line)
    at_import = lines.pop("")
    branches = _branches(measured)
    say({"seconds": seconds, "at import": at_import, "lines": lines, "branches": branches})


def _branches(measured: coverage.Coverage) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        measured.json_report(outfile=str(told))
        (file,) = json.loads(told.read_text())["files"].values()
    summary = file["summary"]
    return {
        "all": summary["num_statements"] + summary["num_branches"],
        "missed": file["missing_lines"] + [f"{a}->{b}" for a, b in file["missing_branches"]],
    }
