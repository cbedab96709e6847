"""The bill of materials names every package of the lock file, with its hashes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_every_package_of_a_lock_is_in_its_bill_of_materials(lock) -> None:
    command = [sys.executable, "deploy/sbom.py", lock]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    bill = json.loads(made.stdout)
    pinned = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    assert len(pinned) > 10
    assert bill["bomFormat"] == "CycloneDX"
    assert [(c["name"], c["version"]) for c in bill["components"]] == [
        (name.lower().replace("_", "-"), version) for name, version in pinned
    ]
    assert all(component["hashes"] for component in bill["components"])
