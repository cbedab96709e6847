"""Asks an advisory database (OSV) about every package of the lock files.

    python deploy/advisories.py requirements-otel.lock requirements-dev.lock

| exit | means |
|---|---|
| 0 | the database knows nothing against any of them |
| 1 | it does: the lines name package, version and advisory |
| 3 | it could not be asked, or its answer says nothing: not known is not well |

Nothing of ours is sent but names and versions.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

DATABASE = "https://api.osv.dev"
EXIT_FOUND, EXIT_NOT_ASKED = 1, 3
TIMEOUT_SECONDS = 30
MAX_ANSWER_BYTES = 8 * 1024 * 1024
QUERIES = 500  # in one call; the database takes a thousand
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
# Advisory → why it does not concern us, and until when somebody looks again.
ACCEPTED: Mapping[str, str] = {}

Pin = tuple[str, str]


class NotAskedError(Exception):
    """The database could not be asked; the message says why."""


def pins_of(lock: str) -> list[Pin]:
    """Return (name, version) of every package of a lock file."""
    return [(name.lower().replace("_", "-"), version) for name, version in PACKAGE.findall(lock)]


def question(pins: Sequence[Pin]) -> bytes:
    """Return the body that asks about packages."""
    queries = [{"package": {"purl": f"pkg:pypi/{name}@{version}"}} for name, version in pins]
    return json.dumps({"queries": queries}).encode()


def advisories_in(answer: bytes, pins: Sequence[Pin]) -> dict[Pin, list[str]]:
    """Return what an answer knows, by package. Raises NotAskedError for one that says nothing."""
    try:
        results = json.loads(answer)["results"]
        if len(results) != len(pins):
            raise NotAskedError("the answer is about other packages than the question")
        found = {
            pin: sorted({str(item["id"]) for item in result.get("vulns") or ()} - set(ACCEPTED))
            for pin, result in zip(pins, results, strict=True)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAskedError("the answer cannot be read") from None
    return {pin: ids for pin, ids in found.items() if ids}


def ask(database: str, pins: Sequence[Pin]) -> dict[Pin, list[str]]:
    """Return the advisories of packages. Raises NotAskedError."""
    found: dict[Pin, list[str]] = {}
    for at in range(0, len(pins), QUERIES):
        part = pins[at : at + QUERIES]
        found |= advisories_in(_post(f"{database}/v1/querybatch", question(part)), part)
    return found


def _post(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    # The address is of whoever runs this, or the one above.
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - see above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - see above
            raw: bytes = response.read(MAX_ANSWER_BYTES + 1)
            status = response.status
    except (OSError, ValueError) as error:  # URLError, HTTPError and time-outs are OSErrors
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NotAskedError(str(reason)) from None
    if status != HTTPStatus.OK or len(raw) > MAX_ANSWER_BYTES:
        raise NotAskedError(f"it answers {status} with {len(raw)} bytes")
    return raw


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code; see above."""
    parser = argparse.ArgumentParser(description="Asks an advisory database about lock files.")
    parser.add_argument("locks", nargs="+", type=Path, help="requirements*.lock")
    parser.add_argument("--database", default=DATABASE, help="an OSV server")
    options = parser.parse_args(arguments)
    pins = sorted({pin for lock in options.locks for pin in pins_of(lock.read_text("utf-8"))})
    try:
        found = ask(options.database.rstrip("/"), pins)
    except NotAskedError as error:
        sys.stderr.write(f"not asked: {options.database}: {error}\n")
        return EXIT_NOT_ASKED
    for (name, version), ids in found.items():
        sys.stdout.write(f"{name} {version}: {', '.join(ids)}\n")
    if found:
        return EXIT_FOUND
    sys.stdout.write(f"nothing is known against {len(pins)} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
