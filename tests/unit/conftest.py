"""Unit tests open no sockets. (Event loops need a pair of Unix sockets for themselves.)"""

from __future__ import annotations

import pytest
from pytest_socket import disable_socket


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    disable_socket(allow_unix_socket=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A property that hangs ends its process: Hypothesis takes the time-out for a failure of the
    example, and runs it again, without a time-out."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.timeout(method="thread"))
