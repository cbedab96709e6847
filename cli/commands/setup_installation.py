"""What the steps of `orderstream setup` work on: the folder, its `.env`, what was answered so far.

A step that is done is written down, so that the next run goes on behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from agents.doctor.setup_steps import QUESTIONS, SetupStep
from cli.commands.setup_questions import Asker, bad_setting, default_of, problem_of
from cli.console.env_file import EnvFile
from stream.config import Role, Settings, load_settings
from stream.errors import StreamError

OWN_DIRECTORY = ".orderstream"
DONE_FILE = "setup.json"


class SetupError(StreamError):
    """A step cannot be done; the message says what to do."""


@dataclass(slots=True)
class Installation:
    """A folder that becomes an installation. `tell` says what a step found."""

    directory: Path
    tell: Callable[[str], None]
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def env_file(self) -> EnvFile:
        return EnvFile(self.directory / ".env")

    @property
    def own_directory(self) -> Path:
        """Where keys, Kafka's data and logs are kept; for its owner only."""
        path = self.directory / OWN_DIRECTORY
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def settings(self, *roles: Role, **overrides: Any) -> Settings:
        """Return the settings as the processes will have them. Raises SettingsError."""
        return load_settings(*roles, env_file=self.env_file.path, **overrides)

    def set(self, **values: str) -> None:
        """Write settings. Raises SetupError for a value that cannot be used, or does not count."""
        for name, value in values.items():
            if value and (problem := bad_setting(name, value)):
                raise SetupError(problem)
        try:
            self.env_file.update(values)
        except ValueError as error:
            raise SetupError(f"{', '.join(values)}: {error}") from None
        in_force = self.settings()
        for name, value in values.items():
            if value and _plain(getattr(in_force, name.lower())) != _plain(_as_read(name, value)):
                raise SetupError(
                    f"{name}: the environment has another value, which counts more than .env: "
                    f"unset {name}, or answer with its value"
                )

    def ask(self, step: SetupStep, asker: Asker) -> None:
        """Ask what the step must know; settings are written at once."""
        for question in step.questions:
            # What an earlier run was told is in the settings.
            known = self.settings()
            told = {q.name: default_of(q, known) for q in QUESTIONS.values() if q.is_setting}
            if not question.is_asked(told | self.answers):
                continue
            given = asker.answer(question, default_of(question, known))
            if problem := problem_of(question, given):
                raise SetupError(problem)
            self.answers[question.name] = given
            if question.is_setting:
                self.set(**{question.name: given})

    def done(self) -> dict[str, str]:
        """Return when each step was done, by its name."""
        try:
            found = orjson.loads((self.own_directory / DONE_FILE).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) else {}

    def mark(self, step: SetupStep) -> None:
        """Write down that a step is done."""
        when = time.strftime("%Y-%m-%d %H:%M")
        draft = self.own_directory / f"{DONE_FILE}.new"
        draft.write_bytes(orjson.dumps(self.done() | {step.name: when}))
        draft.replace(self.own_directory / DONE_FILE)


def _as_read(name: str, value: str) -> Any:
    return getattr(load_settings(env_file=None, **{name.lower(): value}), name.lower())


def _plain(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value
