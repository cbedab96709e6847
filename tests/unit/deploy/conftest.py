"""The compose file as the tests of this folder look at it."""

from __future__ import annotations

import pytest
from support.compose_file import SECRET, load_compose


@pytest.fixture(scope="module")
def compose():
    return load_compose(SECRET)


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="module")
def ours(services):
    return {
        name: service
        for name, service in services.items()
        if service["image"].startswith("orderstream:")
    }
