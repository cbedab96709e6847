"""Judges versions and files of the machine. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from agents.doctor.check import Check, CheckResult, fail, judged, ok, skipped, warn
from agents.doctor.machine_facts import FileFact, MachineFacts

REINSTALL = "install from the lock file: pip install --require-hashes -r requirements.lock"


def check_machine(facts: MachineFacts) -> Iterator[Check]:
    """Yield what is to say about versions, secret files, the state directory and the mapping."""
    yield from _versions(facts)
    yield from _files(facts.secret_files)
    yield judged(
        "state-directory",
        [facts.state_problem] if facts.state_problem else [],
        "can be written to",
        "give the user of the process write permission, or set STATE_DIRECTORY to another folder",
    )
    yield judged(
        "mapping-file",
        [facts.mapping_problem] if facts.mapping_problem else [],
        "can be read",
        "`orderstream map --check` shows the place; docs/mapping.md explains the file",
    )


def _versions(facts: MachineFacts) -> Iterator[Check]:
    old_python = facts.python_minimum and parts(facts.python) < parts(facts.python_minimum)
    yield judged(
        "python-version",
        [f"Python is {facts.python}, needed is {facts.python_minimum}"] if old_python else [],
        facts.python,
        f"make the environment anew with Python {facts.python_minimum} or newer",
    )
    if facts.packaging_problem:
        yield skipped("package-versions", facts.packaging_problem)
        return
    problems = [
        f"{name} is {facts.packages.get(name) or 'missing'}, needed is {minimum}"
        for name, minimum in facts.minimums.items()
        if parts(facts.packages.get(name, "")) < parts(minimum)
    ]
    fine = ", ".join(
        f"{name} {facts.packages[name]}"
        for name in ("faust-streaming", "aiokafka")
        if name in facts.packages
    )
    yield judged("package-versions", problems, fine, REINSTALL)


def parts(version: str) -> tuple[int, ...]:
    """Return (0, 15, 3) for `0.15.3`; what stands behind letters does not count."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", version)[0]))


def _files(files: tuple[FileFact, ...]) -> Iterator[Check]:
    for file in files:
        if not file.exists:
            name = "refresh-token" if "TOKEN" in file.setting else "secret-file"
            fix = "run `orderstream login`" if name == "refresh-token" else "correct the path"
            yield fail(name, f"{file.setting}: no such file: {file.path}", fix)
        elif file.problem:
            fix = "make a key with openssl (README, step 2) and name its .key file"
            if not file.is_readable:
                fix = f"give it to the user that runs this: {_give(file)}"
            yield fail("secret-file", f"{file.setting}: {file.path}: {file.problem}", fix)
        else:
            yield _mode(file)


def _give(file: FileFact) -> str:
    return f"chown {os.geteuid()} {file.path} && chmod 400 {file.path}"


def _mode(file: FileFact) -> Check:
    # Where it is another's, as a file of the host in a container, 600 would shut us out.
    name, fix = "secret-file-mode", f"chmod 600 {file.path}" if file.is_ours else _give(file)
    if file.is_public:
        detail = f"{file.setting}: everybody on this machine may read {file.path}"
        return Check(name, CheckResult.FAIL, detail, fix)
    if file.is_shared:
        return warn(name, f"{file.setting}: its group may read {file.path}", fix)
    return ok(name, f"{file.setting}: readable by its owner only")
