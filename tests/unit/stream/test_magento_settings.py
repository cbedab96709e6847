"""The store's REST settings: https or a named simulator, and all four keys, or none is used."""

from __future__ import annotations

import pytest

from stream.config import Role, load_settings
from stream.errors import SettingsError

KEYS = dict.fromkeys(
    (
        "magento_consumer_key",
        "magento_consumer_secret",
        "magento_access_token",
        "magento_access_token_secret",
    ),
    "k" * 32,
)
URL = "https://shop.example"


def problems(*roles, **given):
    with pytest.raises(SettingsError) as found:
        load_settings(*roles, env_file=None, **given)
    return [line.partition(":")[0] for line in found.value.problems]


def test_complete_settings_need_no_broker():
    assert load_settings(Role.MAGENTO, env_file=None, magento_base_url=URL, **KEYS)


def test_all_that_is_missing_is_named_at_once():
    assert set(problems(Role.MAGENTO)) == {"MAGENTO_BASE_URL", *(name.upper() for name in KEYS)}


def test_a_bearer_needs_the_token_alone():
    given = {"magento_base_url": URL, "magento_auth": "bearer"}
    assert problems(Role.MAGENTO, **given) == ["MAGENTO_ACCESS_TOKEN"]


def test_http_is_for_a_simulator_that_is_named_twice():
    http = "http://127.0.0.1:9"
    assert problems(Role.MAGENTO, magento_base_url=http, **KEYS) == ["MAGENTO_BASE_URL"]
    other = "http://127.0.0.1:8"
    assert problems(Role.MAGENTO, magento_base_url=http, magento_insecure_url=other, **KEYS) == [
        "MAGENTO_BASE_URL"
    ]
    assert load_settings(
        Role.MAGENTO,
        env_file=None,
        magento_base_url=http,
        magento_insecure_url=http + "/",
        **KEYS,
    )


def test_a_worker_needs_them_only_to_enrich():
    needed = problems(Role.WORKER, magento_enrich="on")
    assert "MAGENTO_ACCESS_TOKEN" in needed
    assert "MAGENTO_ACCESS_TOKEN" not in problems(Role.WORKER)
