"""The refresh token is written into a file of our own making, never through somebody's link."""

from __future__ import annotations

import os
import stat

import pytest

from agents.salesforce.auth.refresh_token import RefreshTokenFile


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


def test_a_link_in_place_of_the_lock_is_refused(tmp_path) -> None:
    path = tmp_path / "refresh"
    (tmp_path / ".refresh.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), RefreshTokenFile(path).locked():
        pass
    assert not (tmp_path / "elsewhere").exists()
