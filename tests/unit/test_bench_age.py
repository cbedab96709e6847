"""Figures say when they are older than the code they measure."""

from __future__ import annotations

import subprocess

import orjson
import pytest

from bench.__main__ import DATA, PAGE
from bench.age import MEASURED, ROOT, changed_since, older_parts, sentence


def sections(**commits: str) -> list[dict]:
    return [{"name": name, "conditions": {"commit": commit}} for name, commit in commits.items()]


def test_every_part_says_what_it_measures() -> None:
    assert [part for part in MEASURED if not (ROOT / "bench" / f"{part}.py").is_file()] == []
    paths = {path for each in MEASURED.values() for path in each}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_a_part_is_older_when_its_own_folders_changed() -> None:
    measured = sections(**dict.fromkeys(MEASURED, "abc1234"))
    changed = {"dashboard"}
    assert older_parts(measured, lambda _, paths: bool(changed & set(paths))) == ["dashboard"]


@pytest.mark.parametrize("commit", ["", "abc1234 or older"])
def test_a_part_without_a_commit_of_its_own_counts_as_older(commit) -> None:
    measured = sections(**(dict.fromkeys(MEASURED, "abc1234") | {"state": commit}))
    assert older_parts(measured, lambda *_: False) == ["state"]
    assert older_parts([], lambda *_: False) == list(MEASURED)


def test_the_page_says_what_git_says() -> None:
    measured = orjson.loads(DATA.read_bytes())["sections"]
    commits = {each["conditions"].get("commit", "") for each in measured}
    for commit in filter(str.isalnum, commits):
        known = ["git", "cat-file", "-e", commit]
        if subprocess.run(known, cwd=ROOT, capture_output=True, check=False).returncode:
            pytest.skip("the history of the figures is not in this clone")
    said = sentence(older_parts(measured, changed_since))
    assert said in PAGE.read_text(encoding="utf-8"), "make docs writes it again"
