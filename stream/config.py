"""Settings: the only reader of the environment.

The blueprint's names are kept exactly (`MAGENTO_BASE_URL` … `SALESFORCE_API_VERSION`); everything
else is ours. `.env.example` and the table in docs/settings.md are checked against this file by a
test. There is no default secret: a missing, sample or short one stops the process, and all
problems are reported together.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.errors import SettingsError
from stream.settings.every import Settings
from stream.settings.required import Role, missing_settings, secret_problems
from stream.settings.secret_files import SUFFIX, secrets_from_files

__all__ = ["Role", "Settings", "load_settings", "secret_problems", "settings_and_problems"]


def load_settings(*roles: Role, env_file: str | Path | None = ".env", **overrides: Any) -> Settings:
    """Return checked settings for the given roles.

    `overrides` (field names) win over the environment. Raises SettingsError naming every missing
    or bad setting at once.
    """
    settings, problems = settings_and_problems(*roles, env_file=env_file, **overrides)
    if problems:
        raise SettingsError(problems)
    return settings


def settings_and_problems(
    *roles: Role, env_file: str | Path | None, **overrides: Any
) -> tuple[Settings, list[str]]:
    """Return the settings, with defaults for what cannot be used, and what is wrong with them.

    Raises SettingsError for a `.env` file that cannot be read.
    """
    variables = {**_lines_of(env_file), **os.environ}
    from_files, problems = secrets_from_files(secret_fields(), variables)
    overrides = {**from_files, **overrides}
    try:
        settings = Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        problems += [_bad(item) for item in error.errors()]
        # What is missing is named beside what is bad, so go on with the defaults of the bad ones.
        bad = {str(item["loc"][0]).lower() for item in error.errors()}
        fields = {name: field for name, field in Settings.model_fields.items() if name in bad}
        defaults = {
            name: field.get_default(call_default_factory=True) for name, field in fields.items()
        }
        settings = Settings(_env_file=env_file, **{**overrides, **defaults})
    named = {line.partition(":")[0].removesuffix(SUFFIX) for line in problems}
    for role in roles:
        missing = [line for line in missing_settings(settings, role) if line not in problems]
        problems += [line for line in missing if line.partition(":")[0] not in named]
    return settings, problems


class _Lines(BaseSettings):
    """Every line of a `.env` file, also those that are no setting: `<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="allow")


def _lines_of(env_file: str | Path | None) -> dict[str, str]:
    """Return the lines of a `.env` file; raises SettingsError for one that cannot be read."""
    try:
        lines = _Lines(_env_file=env_file).model_extra or {}
    except UnicodeDecodeError:  # PowerShell's `>` writes UTF-16
        raise SettingsError([f"{env_file}: is not UTF-8; save it again as UTF-8"]) from None
    except OSError as error:
        raise SettingsError([f"{env_file}: cannot be read: {error.strerror}"]) from None
    return {name.upper(): str(value) for name, value in lines.items() if value}


def secret_fields() -> list[str]:
    """Return the names of the settings that are secrets: each may come by file."""
    return [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]


def _bad(item: ErrorDetails) -> str:
    name = ".".join(str(part) for part in item["loc"]).upper()
    return f"{name}: {item['msg'].removeprefix('Value error, ')}"
