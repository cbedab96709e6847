"""What containers keep and what they are given to read, by both compose files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from support.compose_file import COMPOSE, ROOT, SECRET, interpolate

NEEDED = {
    "ORDERSTREAM_IMAGE": "registry.example.com/orderstream",
    "ORDERSTREAM_VERSION": "1.0.0",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka-0.example.com:9093",
}
FILES = ("docker-compose.yml", "docker-compose.production.yml")


def read(file: str) -> dict[str, Any]:
    text = interpolate((ROOT / file).read_text(), {**SECRET, **NEEDED})
    made: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return made


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return what is mounted, by the path inside."""
    return {v.split(":")[1]: v.split(":")[0] for v in service.get("volumes", []) if ":" in v}


@pytest.mark.parametrize("file", FILES)
def test_a_login_by_browser_outlives_the_container_and_is_one_for_all(file: str) -> None:
    """A new container had no token; and Salesforce may give a new one for the old: all share it."""
    compose = read(file)
    for name in ("worker", "dashboard"):
        service = compose["services"][name]
        folder = service["environment"]["SALESFORCE_REFRESH_TOKEN_PATH"].rpartition("/")[0]
        assert mounts(service).get(folder) == "tokens", name
    assert "tokens" in compose["volumes"]
    assert "> /tokens/refresh_token" in (ROOT / file).read_text()


def test_a_stores_public_key_reaches_the_ingress_and_no_private_key_does() -> None:
    """ADOBE_WEBHOOKS_PUBLIC_KEY_PATH named a file that the container did not have."""
    services = read("docker-compose.yml")["services"]
    public = mounts(services["ingress"])
    assert set(public) == {"/public"}
    assert "ADOBE_WEBHOOKS_PUBLIC_KEY_PATH=/public/" in COMPOSE.read_text()
    assert not set(public.values()) & set(mounts(services["worker"]).values())
