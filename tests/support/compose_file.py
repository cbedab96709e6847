"""docker-compose.yml as Compose reads it: merged, with variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stream.config import Settings, secret_fields

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SECRET = {"MAGENTO_WEBHOOK_SECRET": "3f9c1be27a60d84e95b1c7d2408f6ae3"}
# Read by Compose itself or by this file only, never by a process of ours.
COMPOSE_VARIABLES = {
    "ALERTMANAGER_HOST_PORT",
    "COMPOSE_PROFILES",
    "GRAFANA_ADMIN_PASSWORD",
    "GRAFANA_HOST_PORT",
    "INGRESS_PUBLISH",
    "INGRESS_WORKERS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_HOST_PORT",
    "ORDERSTREAM_CONFIG",
    "ORDERSTREAM_ENV_FILE",
    "ORDERSTREAM_PUBLIC",
    "ORDERSTREAM_VERSION",
    "PROMETHEUS_HOST_PORT",
    "DASHBOARD_HOST_PORT",
    "SIMULATOR_HOST_PORT",
}
SETTING_NAMES = {name.upper() for name in Settings.model_fields}
# The second name of every secret.
SETTING_NAMES |= {f"{name.upper()}_FILE" for name in secret_fields()}
# A word may have a variable in it, and that one a variable in its own.
PLAIN = r"\$\{\w+(?:(?::?[-?])[^{}]*)?\}"
NESTED = rf"\$\{{\w+(?:(?::?[-?])(?:{PLAIN}|[^{{}}])*)?\}}"
VARIABLE = re.compile(rf"\$\{{(\w+)(?:(:?[-?])((?:{NESTED}|[^{{}}])*))?\}}")


def compose_text() -> str:
    return COMPOSE.read_text()


def load_compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with `environment` put in; raises KeyError for a required variable."""
    return yaml.load(interpolate(compose_text(), environment), Loader=yaml.CSafeLoader)


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Put variables in, also one within the other's default, which is read only where it counts."""

    def value(name: str, operator: str, word: str) -> str:
        if environment.get(name) or (name in environment and operator == "-"):
            return environment[name]
        if operator == ":?":
            raise KeyError(f"{name}: {word}")
        return interpolate(word, environment)

    return VARIABLE.sub(lambda m: value(m[1], m[2] or "", m[3] or ""), text)


def variables() -> set[str]:
    """Return the names of all variables in the file."""
    return set(re.findall(r"\$\{(\w+)", compose_text()))


def read_env(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def seconds(duration: str) -> float:
    """Return 35.0 for `35s`, 90.0 for `1m30s`."""
    parts = re.findall(r"(\d+)(s|m|h)", duration)
    assert "".join(number + unit for number, unit in parts) == duration
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in parts)
