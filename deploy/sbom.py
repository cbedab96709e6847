"""Writes the bill of materials of the image, as CycloneDX JSON, from its lock file.

The lock names every package with the hashes of all its files, so nothing needs to be installed:

    python deploy/sbom.py requirements-otel.lock > sbom.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, object]]:
    """Return one component per package of a lock file, with the hashes of its files."""
    found: list[dict[str, object]] = []
    hashes: list[dict[str, str]] = []
    for line in lock.splitlines():
        if package := PACKAGE.match(line):
            name, version = package[1].lower().replace("_", "-"), package[2]
            purl = f"pkg:pypi/{name}@{version}"
            hashes = []
            found.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": name,
                    "version": version,
                    "purl": purl,
                    "hashes": hashes,
                }
            )
        hashes += [{"alg": "SHA-256", "content": digest} for digest in HASH.findall(line)]
    return found


def document(lock: str) -> dict[str, object]:
    """Return the bill of materials of a lock file."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "orderstream"}},
        "components": components(lock),
    }


if __name__ == "__main__":
    json.dump(document(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.stdout, indent=1)
