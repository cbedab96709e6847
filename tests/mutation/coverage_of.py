"""Branch coverage of one module by its own unit tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.mutation.mutants import ROOT
from tests.mutation.run import ARGUMENTS, path_of


def branches_of(module: str, tests: list[str]) -> dict[str, Any]:
    """Return how many lines and branches a module has, and which ones no test goes through."""
    with tempfile.TemporaryDirectory() as folder:
        data, told = f"--data-file={folder}/data", Path(folder) / "told.json"
        coverage = [sys.executable, "-m", "coverage"]
        include = f"--include={path_of(module)}"
        measure = [*coverage, "run", "--branch", include, data, "-m", "pytest", *ARGUMENTS, *tests]
        subprocess.run(measure, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        report = [*coverage, "json", "-q", data, "-o", str(told)]
        subprocess.run(report, cwd=ROOT, check=True)
        (file,) = json.loads(told.read_text())["files"].values()
    summary = file["summary"]
    return {
        "all": summary["num_statements"] + summary["num_branches"],
        "missed": file["missing_lines"] + [f"{a}->{b}" for a, b in file["missing_branches"]],
    }
