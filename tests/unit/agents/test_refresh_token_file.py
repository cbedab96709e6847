"""The refresh token is written into a file of our own making, never through somebody's link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents.salesforce.auth.oauth_flows import private_key
from agents.salesforce.auth.refresh_token import RefreshTokenFile
from agents.salesforce.errors.errors import LoginError
from sandbox.salesforce.keys import make_key_pair


def test_a_link_in_its_place_is_not_followed(tmp_path) -> None:
    target = tmp_path / "theirs"
    target.write_text("theirs")
    target.chmod(0o644)
    path = tmp_path / "tokens" / "refresh"
    path.parent.mkdir()
    (path.parent / f".{path.name}.{os.getpid()}").symlink_to(target)
    RefreshTokenFile(path).write("the-token")
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("theirs", 0o644)
    assert (path.read_text(), path.is_symlink()) == ("the-token\n", False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_that_comes_in_between_is_refused(tmp_path, monkeypatch) -> None:
    """Somebody places it again after ours was cleared away: made anew or not at all."""
    target, path = tmp_path / "theirs", tmp_path / "refresh"
    target.write_text("theirs")
    monkeypatch.setattr(Path, "unlink", lambda place, **_more: place.symlink_to(target))
    with pytest.raises(FileExistsError):
        RefreshTokenFile(path).write("the-token")
    assert target.read_text() == "theirs"


def test_a_link_in_place_of_the_lock_is_refused(tmp_path) -> None:
    path = tmp_path / "refresh"
    (tmp_path / ".refresh.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), RefreshTokenFile(path).locked():
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_token_that_others_may_write_is_refused(tmp_path, mode) -> None:
    path = tmp_path / "refresh"
    RefreshTokenFile(path).write("the-token")
    path.chmod(mode)
    with pytest.raises(LoginError, match="others may write it"):
        RefreshTokenFile(path).read()


def test_a_token_that_others_may_read_is_said_once(tmp_path) -> None:
    path = tmp_path / "refresh"
    RefreshTokenFile(path).write("the-token")
    path.chmod(0o644)
    with capture_logs() as lines:
        assert [RefreshTokenFile(path).read() for _ in range(3)] == ["the-token"] * 3
    assert [line["event"] for line in lines] == ["secret_file_readable_by_others"]
    assert "the-token" not in str(lines)


def test_a_key_that_others_may_write_signs_nothing(tmp_path) -> None:
    path, _ = make_key_pair(tmp_path)
    assert private_key(path)
    path.chmod(0o660)
    with pytest.raises(LoginError, match="others may write it"):
        private_key(path)
