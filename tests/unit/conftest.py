"""Unit tests open no sockets. (Event loops need a pair of Unix sockets for themselves.)"""

from __future__ import annotations

import pytest
from pytest_socket import disable_socket


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    disable_socket(allow_unix_socket=True)
