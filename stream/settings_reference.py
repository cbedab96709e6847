"""Settings as documents: the table of docs/settings.md and the sample file `.env.example`.

Both are made from the fields themselves, so they cannot say something else than the code; a test
compares the files with what is made here (`orderstream settings --markdown`, `--env`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from stream.config import Settings
from stream.settings.dashboard import DashboardSettings
from stream.settings.ingress import IngressSettings
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings
from stream.settings.operations import OperationsSettings
from stream.settings.salesforce import SalesforceSettings
from stream.settings.worker import WorkerSettings
from stream.topics import delay_label

# The order is the order of the document.
GROUPS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Magento", MagentoSettings),
    ("Salesforce", SalesforceSettings),
    ("Kafka", KafkaSettings),
    ("Ingress", IngressSettings),
    ("Worker and relay", WorkerSettings),
    ("Dashboard", DashboardSettings),
    ("Operations", OperationsSettings),
)

MARKDOWN_HEAD = """# Settings

Environment variables, or lines of a `.env` file in the working directory; the environment wins.
Every process checks what it needs when it starts and names all missing and bad settings at once.
Secrets have no default, and sample or short ones are refused.

Made by `orderstream settings --markdown`; a test holds that it is up to date.
"""

ENV_HEAD = """# Copy to .env and fill in; docs/settings.md says what each is for.
# Empty means: not set. A line that starts with # shows a default.
# Made by `orderstream settings --env`; a test holds that it is up to date.
"""


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as a document shows it. `default` is '' when there is none."""

    name: str
    group: str
    default: str
    limits: str
    is_secret: bool
    meaning: str


def setting_lines() -> list[SettingLine]:
    """Return every setting, group by group, in the order of the code."""
    return [
        _line(group, name, field)
        for group, settings in GROUPS
        for name, field in settings.model_fields.items()
    ]


def markdown() -> str:
    """Return the text of docs/settings.md."""
    parts = [MARKDOWN_HEAD]
    for group, lines in groupby(setting_lines(), key=lambda line: line.group):
        rows = [f"| `{line.name}` | {_cell(line)} | {line.meaning} |" for line in lines]
        parts.append(
            "\n".join([f"## {group}", "", "| variable | default | meaning |", RULE, *rows])
        )
    return "\n".join([parts[0], "\n\n".join(parts[1:]), ""])


RULE = "|---|---|---|"


def env_example() -> str:
    """Return the text of .env.example: every variable once, defaults commented out."""
    parts = [ENV_HEAD]
    for group, lines in groupby(setting_lines(), key=lambda line: line.group):
        rows = [f"# {group}"]
        for line in lines:
            assigned = f"{line.name}={line.default}"
            rows.append(f"# {assigned}" if line.default else assigned)
        parts.append("\n".join(rows))
    return "\n".join([parts[0], "\n\n".join(parts[1:]), ""])


def effective(settings: Settings) -> dict[str, str]:
    """Return what is in force, by variable name; secrets are masked."""
    return {name.upper(): show(getattr(settings, name)) for name in type(settings).model_fields}


def show(value: Any) -> str:
    """Return a value as one would write it into `.env`; a secret that is set as `***`."""
    match value:
        case SecretStr():
            text = "***" if value.get_secret_value() else ""
        case bool():
            text = "true" if value else "false"
        case tuple():
            text = ",".join(delay_label(seconds) for seconds in value)
        case float() if value.is_integer():
            text = str(int(value))
        case _:
            text = "" if value is None else str(value)
    return text


def _line(group: str, name: str, field: FieldInfo) -> SettingLine:
    factory: Callable[..., Any] | None = field.default_factory
    return SettingLine(
        name=name.upper(),
        group=group,
        default="" if factory is not None else show(field.default),
        limits=_limits(field),
        is_secret=field.annotation is SecretStr,
        meaning=(field.description or "") + (" Default: the host name." if factory else ""),
    )


def _limits(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(field.annotation))
    signs = {
        annotated_types.Gt: (">", "gt"),
        annotated_types.Ge: ("≥", "ge"),
        annotated_types.Lt: ("<", "lt"),
        annotated_types.Le: ("≤", "le"),
    }
    found = []
    for item in field.metadata:
        if type(item) in signs:
            sign, attribute = signs[type(item)]
            found.append(f"{sign} {show(getattr(item, attribute))}")
    return ", ".join(found)


def _cell(line: SettingLine) -> str:
    default = f"`{line.default}`" if line.default else "secret" if line.is_secret else ""
    limits = f"({line.limits})" if line.limits else ""
    return " ".join(part for part in (default, limits) if part)
