"""Files of this machine that name a person: found however they are spelled, links not followed."""

from __future__ import annotations

import json
import os

import pytest

from schemas.person import Person
from stream.erasure.local_files import files_naming

WHOLE_BYTES = 40_000
JANE = Person(("jané@example.com",), ("17",))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch) -> None:
    monkeypatch.setattr("stream.erasure.local_files.WHOLE_BYTES", WHOLE_BYTES)
    monkeypatch.setattr("stream.erasure.local_files.PIECE_BYTES", 10_000)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"email": "jané@example.com"}),
        json.dumps({"a": {"customer_id": 17}}, indent=2),
        "id;mail\n1;JANÉ@EXAMPLE.COM\n",
        "x" * (WHOLE_BYTES + 10_000 - 30) + json.dumps({"email": "jané@example.com"}) + "\n",
    ],
    ids=["escaped", "by id", "csv", "where two pieces of a large one meet"],
)
def test_a_file_that_names_the_person_is_found(tmp_path, content) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "export").write_text(content)
    (tmp_path / "other").write_text("bob@example.com, customer 18")
    assert files_naming(JANE, [tmp_path]) == [tmp_path / "deep" / "export"]


def test_a_name_of_a_file_counts_too_and_each_file_once(tmp_path) -> None:
    path = tmp_path / "jané@example.com.json"
    path.write_text("{}")
    assert files_naming(JANE, [tmp_path, path, tmp_path / "none"]) == [path]


def test_links_are_not_followed(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "theirs").write_text("jané@example.com")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "theirs")
    assert files_naming(JANE, [tmp_path / "a"]) == []


def test_a_file_that_cannot_be_read_is_not_proved(tmp_path, monkeypatch) -> None:
    path = tmp_path / "closed"
    path.write_text("x")
    opened = type(path).open

    def refuse(self, *arguments, **named):
        if self == path:
            raise PermissionError
        return opened(self, *arguments, **named)

    monkeypatch.setattr(type(path), "open", refuse)
    assert files_naming(JANE, [tmp_path]) == [path]


def test_a_link_that_is_named_itself_is_looked_into(tmp_path) -> None:
    (tmp_path / "theirs").write_text("jané@example.com")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    assert files_naming(JANE, [tmp_path / "link"]) == [tmp_path / "theirs"]


def test_a_folder_that_cannot_be_listed_is_not_proved(tmp_path, monkeypatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "export").write_text("jané@example.com")
    listed = os.scandir

    def refuse(path):
        if str(path) == str(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert files_naming(JANE, [tmp_path]) == [tmp_path / "closed"]
