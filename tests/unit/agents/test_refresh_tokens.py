"""A refresh token in a file: kept, rotated, shared by workers, never used twice."""

from __future__ import annotations

import stat
import threading

import pytest
from support.fakes import a_token

from agents.salesforce.auth.oauth_flows import RefreshTokenFlow, Token
from agents.salesforce.auth.refresh_token import RefreshTokenFile
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError


def test_a_refresh_token_is_kept_for_its_owner_only(tmp_path):
    file = RefreshTokenFile(tmp_path / "deep" / "token")
    file.write("one")
    file.write("two")
    assert file.read() == "two"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_missing_refresh_token_says_how_to_get_one(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(LoginError, match="orderstream login"):
        RefreshTokenFile(path).read()


def test_a_crash_while_writing_leaves_the_old_token(tmp_path, monkeypatch):
    file = RefreshTokenFile(tmp_path / "token")
    file.write("old")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("agents.salesforce.auth.refresh_token.os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        file.write("new")
    assert file.read() == "old"


def test_a_taken_lock_is_waited_for_then_reported(tmp_path):
    first = RefreshTokenFile(tmp_path / "token")
    second = RefreshTokenFile(tmp_path / "token", lock_timeout_seconds=0.1)
    with (
        first.locked(),
        pytest.raises(LoginError, match="another process") as caught,
        second.locked(),
    ):
        pass
    assert caught.value.kind is ErrorKind.TRANSIENT
    with second.locked():
        pass


class RotatingEndpoint:
    """Accepts each refresh token once, as an org with rotation does."""

    login_url = "https://login.salesforce.com"

    def __init__(self, first: str, *, is_rotating: bool = True) -> None:
        self.valid = first
        self.is_rotating = is_rotating
        self.uses = 0
        self._lock = threading.Lock()

    def post(self, form, *, flow, username=""):
        with self._lock:
            assert form["refresh_token"] == self.valid
            self.uses += 1
            if not self.is_rotating:
                return a_token(f"access{self.uses}")
            self.valid = f"r{self.uses}"
            return Token(f"access{self.uses}", "https://x", self.valid)


def test_each_refresh_stores_the_new_refresh_token(tmp_path):
    store = RefreshTokenFile(tmp_path / "token")
    store.write("r0")
    flow = RefreshTokenFlow(RotatingEndpoint("r0"), store, "app", "secret")
    flow.fetch()
    assert store.read() == "r1"
    flow.fetch()
    assert store.read() == "r2"


def test_without_rotation_the_stored_token_stays(tmp_path):
    store = RefreshTokenFile(tmp_path / "token")
    store.write("r0")
    flow = RefreshTokenFlow(RotatingEndpoint("r0", is_rotating=False), store, "app", "")
    flow.fetch()
    flow.fetch()
    assert store.read() == "r0"


def test_workers_that_share_a_file_never_use_a_token_twice(tmp_path):
    store = RefreshTokenFile(tmp_path / "token")
    store.write("r0")
    endpoint = RotatingEndpoint("r0")
    flows = [
        RefreshTokenFlow(endpoint, RefreshTokenFile(store.path), "app", "secret") for _ in range(8)
    ]
    threads = [threading.Thread(target=flow.fetch) for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endpoint.uses == 8
    assert store.read() == "r8"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = RefreshTokenFile(tmp_path / "file" / "token")
    flow = RefreshTokenFlow(RotatingEndpoint("r0"), store, "app", "secret")
    with pytest.raises(LoginError, match="writable") as caught:
        flow.fetch()
    assert caught.value.kind is ErrorKind.AUTH
