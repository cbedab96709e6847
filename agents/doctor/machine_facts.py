"""What this machine has: versions, files and their modes, a state directory one can write to."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agents.mapping.mapping import Mapping as RecordMapping
from stream.config import Settings
from stream.errors import MappingFileError

PACKAGE = "orderstream"
REQUIREMENT = re.compile(r"^([\w.-]+)[^>]*>=([\w.]+)")  # the least version, wherever it stands


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file a setting names. `mode` are its permission bits; `problem` is why it cannot be used.

    `setting` is the variable, or what the file is when no variable names it.
    """

    setting: str
    path: Path
    exists: bool
    mode: int = 0
    problem: str = ""
    is_readable: bool = True
    is_ours: bool = True

    @property
    def is_public(self) -> bool:
        """Whether everybody on the machine may read it."""
        return bool(self.mode & stat.S_IROTH)

    @property
    def is_shared(self) -> bool:
        """Whether its group may read it."""
        return bool(self.mode & stat.S_IRGRP)


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Versions are texts like `3.11.9`; a package that is not installed has none."""

    python: str
    packages: Mapping[str, str]
    minimums: Mapping[str, str]
    python_minimum: str = ""
    secret_files: tuple[FileFact, ...] = ()
    state_problem: str = ""
    mapping_problem: str = ""
    packaging_problem: str = field(default="")


def gather_machine(settings: Settings, *, env_file: Path | None = None) -> MachineFacts:
    """Look at this machine; writes and removes one small file in the state directory."""
    minimums, python_minimum, problem = _requirements()
    return MachineFacts(
        python=".".join(map(str, sys.version_info[:3])),
        packages={name: version for name in minimums if (version := _installed(name))},
        minimums=minimums,
        python_minimum=python_minimum,
        secret_files=tuple(_secret_files(settings, env_file)),
        state_problem=_state_problem(settings.state_directory),
        mapping_problem=_mapping_problem(settings.mapping_file),
        packaging_problem=problem,
    )


def _requirements() -> tuple[dict[str, str], str, str]:
    try:
        package = metadata.metadata(PACKAGE)
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return {}, "", f"{PACKAGE} is not installed as a package"
    found = (REQUIREMENT.match(line) for line in lines if ";" not in line)
    minimums = {match[1]: match[2] for match in found if match}
    return minimums, (package["Requires-Python"] or "").removeprefix(">="), ""


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _secret_files(settings: Settings, env_file: Path | None) -> list[FileFact]:
    files = []
    if settings.salesforce_auth_flow == "jwt" and settings.salesforce_private_key_path:
        path = settings.salesforce_private_key_path
        files.append(_file("SALESFORCE_PRIVATE_KEY_PATH", path, is_key=True))
    if settings.salesforce_auth_flow == "web":
        files.append(_file("SALESFORCE_REFRESH_TOKEN_PATH", settings.salesforce_refresh_token_path))
    if settings.kafka_ssl_key_path:
        files.append(_file("KAFKA_SSL_KEY_PATH", settings.kafka_ssl_key_path))
    if env_file is not None and env_file.is_file():
        files.append(_file(str(env_file), env_file))
    return files


def _file(setting: str, path: Path, *, is_key: bool = False) -> FileFact:
    try:
        found = path.stat()
        mode, is_ours = stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid()
        content = path.read_bytes()
    except FileNotFoundError:
        return FileFact(setting, path, exists=False, problem="no such file")
    except OSError as error:
        problem = error.strerror or str(error)
        return FileFact(setting, path, exists=True, problem=problem, is_readable=False)
    problem = _key_problem(content) if is_key else ""
    return FileFact(setting, path, exists=True, mode=mode, problem=problem, is_ours=is_ours)


def _key_problem(content: bytes) -> str:
    try:
        load_pem_private_key(content, password=None)
    except TypeError:
        return "the key is encrypted; orderstream has no pass phrase for it"
    except ValueError:
        return "is no PEM private key (a certificate, or cut off?)"
    return ""


def _state_problem(directory: Path) -> str:
    """Return why nothing can be written there; a directory that is not there yet is made."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".doctor-", dir=directory)
        os.close(descriptor)
        Path(name).unlink()
    except OSError as error:
        return f"{directory}: {error.strerror}"
    return ""


def _mapping_problem(path: Path | None) -> str:
    try:
        RecordMapping.load(path)
    except MappingFileError as error:
        return str(error)
    return ""
