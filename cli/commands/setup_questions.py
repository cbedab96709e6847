"""Where `orderstream setup` has its answers from: a person, or a file that was written before.

The file is YAML, one answer a line: `kafka: start`. A name in capitals is a setting and goes into
`.env`, also one that no step asks for. What the file leaves out is taken from the environment and
`.env`, then from the question's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import typer
from pydantic import SecretStr

from agents.doctor.setup_steps import QUESTIONS, SetupQuestion, SetupStep
from agents.mapping.yaml_source import FLAGS, parse
from stream.config import Settings, load_settings
from stream.errors import MappingFileError, SettingsError

MAX_ANSWERS_BYTES = 64 * 1024
# What a person may type before a step; any other word is asked again, a long one is no wish.
WISHES = {
    "": "do",
    "y": "do",
    "yes": "do",
    "s": "skip",
    "skip": "skip",
    "q": "stop",
    "quit": "stop",
}


class Asker(Protocol):
    """Who answers."""

    def answer(self, question: SetupQuestion, default: str) -> str:
        """Return the answer; '' when there is none."""
        ...

    def goes_on(self, step: SetupStep) -> bool:
        """Return whether a step shall be done now; raises typer.Abort to stop for today."""
        ...


class FromFile:
    """Answers that were written before; nobody is asked."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def answer(self, question: SetupQuestion, default: str) -> str:
        return self._answers.get(question.name, default)

    def goes_on(self, _step: SetupStep) -> bool:
        return True


class FromTerminal:
    """A person is asked; Enter takes what is there already."""

    def answer(self, question: SetupQuestion, default: str) -> str:
        choices = f" [{'/'.join(question.choices)}]" if question.choices else ""
        kept = " (Enter: as it is)" if question.is_secret and default else ""
        while True:
            given: str = typer.prompt(
                f"  {question.text}{choices}{kept}",
                default=default,
                show_default=bool(default) and not question.is_secret,
                hide_input=question.is_secret,
                err=True,
            ).strip()
            problem = problem_of(question, given)
            if not problem:
                return given
            typer.echo(f"  {problem}", err=True)

    def goes_on(self, step: SetupStep) -> bool:
        typer.echo(f"  {step.why}", err=True)
        while True:
            given: str = typer.prompt(
                "  do it, skip it, or stop here? [Enter/s/q]",
                default="",
                show_default=False,
                err=True,
            )
            wish = WISHES.get(given.strip().lower())
            if wish == "stop":
                raise typer.Abort
            if wish:
                return wish == "do"
            typer.echo("  Enter does it, s skips it, q stops here", err=True)


def problem_of(question: SetupQuestion, given: str) -> str:
    """Return what is wrong with an answer, or ''."""
    if question.choices and given not in question.choices:
        return f"{question.name}: {given or 'nothing'} is none of {', '.join(question.choices)}"
    if not given and not question.default:
        return f"{question.name}: needs an answer ({question.text})"
    return bad_setting(question.name, given) if question.is_setting else ""


def bad_setting(name: str, value: str) -> str:
    """Return what is wrong with one setting's value, or ''."""
    try:
        load_settings(env_file=None, **{name.lower(): value})
    except SettingsError as error:
        own = [line for line in error.problems if line.startswith(f"{name}:")]
        return own[0] if own else ""
    return ""


def read_answers(path: Path) -> dict[str, str]:
    """Return the answers in a file. Raises ValueError that names the line that is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_ANSWERS_BYTES + 1)
        if len(raw) > MAX_ANSWERS_BYTES:
            raise ValueError(f"{path}: is larger than {MAX_ANSWERS_BYTES} bytes")
        root = parse(raw.decode(), str(path))
        if root.pairs is None:
            raise ValueError(f"{path}: is no list of `name: answer` lines")
        found = {
            name: "" if entry.is_null else entry.scalar() for name, entry in root.pairs.items()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    except MappingFileError as error:
        raise ValueError(str(error)) from None
    answers = {}
    for name, text in found.items():
        if name not in QUESTIONS and name.lower() not in Settings.model_fields:
            raise ValueError(f"{path}: {name} is no question and no setting")
        is_yes = FLAGS.get(text.lower())  # YAML's own words
        given = answers[name] = text if is_yes is None else "yes" if is_yes else "no"
        question = QUESTIONS.get(name)
        problem = problem_of(question, given) if question else bad_setting(name, given)
        if problem:
            raise ValueError(f"{path}: {problem}")
    return answers


def default_of(question: SetupQuestion, known: Settings) -> str:
    """Return what is set already, else the question's default."""
    if question.known_by and getattr(known, question.known_by.lower()):
        return question.known_as
    field = question.name.lower()
    if not question.is_setting or field not in known.model_fields_set:
        return question.default
    value = getattr(known, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
