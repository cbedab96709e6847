"""`orderstream setup`: from an empty folder to a validated order, one step after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console.simulators import NoSandboxError
from cli.console.terminal import EXIT_INTERRUPTED, EXIT_NO, fail, stderr, stdout
from stream.errors import StreamError
from stream.ops.logs import configure_logs

if TYPE_CHECKING:
    from agents.doctor.setup_steps import SetupStep
    from cli.commands.setup_installation import Installation
    from cli.commands.setup_questions import Asker

LAST_WORDS = """
Run these three in this folder, under a supervisor that restarts them:
  orderstream ingress
  orderstream worker
  orderstream relay
{env} has their settings, for you only; `orderstream dashboard` shows them at work, with
DASHBOARD_OPERATOR_PASSWORD of it. In containers paths are others: the heads of
docker-compose.production.yml and deploy/helm/orderstream/values.yaml say where the key goes.
`orderstream validate --wait` follows the next order of your store to its record."""


def setup(
    *,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="YAML file with the answers: no questions.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Do this step only, again if done.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", help="Leave this step out; may be repeated.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Do steps again that are done.")] = False,
) -> None:
    """Set orderstream up in this folder: machine, Kafka, org, store, sender, a validated order.

    Every step says what it found. One that is done is not done again, so after a failure the next
    run goes on there. Writes .env, readable by you only, and .orderstream/. Steps: machine, kafka,
    topics, secrets, app, login, package, mapping, store, sender, validate.

    Exit 0: all done; 1: a step could not be done; 2: an option or the file of answers is wrong.

    Example: orderstream setup --answers answers.yaml
    """
    from agents.doctor.setup_steps import SETUP_STEPS, STEP_NAMES
    from cli.commands.setup_installation import Installation
    from cli.commands.setup_questions import FromFile, FromTerminal, read_answers

    for name in (*(only or ()), *(skip or ())):
        if name not in STEP_NAMES:
            fail(f"{name}: no such step; there are {', '.join(STEP_NAMES)}")
    configure_logs(level="critical", style="console", process="setup")
    place = Installation(Path.cwd(), _tell)
    asker: Asker = FromTerminal()
    if answers is not None:
        try:
            given = read_answers(answers)
        except ValueError as error:
            fail(f"--answers: {error}")
        place.set(**{name: value for name, value in given.items() if name.isupper()})
        asker = FromFile(given)
    steps = [s for s in SETUP_STEPS if (not only or s.name in only) and s.name not in (skip or ())]
    try:
        _run(place, asker, steps, is_again=again or bool(only))
    except (typer.Abort, KeyboardInterrupt):
        stderr.print("stopped; `orderstream setup` goes on here")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    left = [name for name in STEP_NAMES if name not in place.done()]
    if left:
        _tell(f"left to do: {', '.join(left)}")
    else:
        stdout.print(LAST_WORDS.format(env=place.env_file.path), highlight=False, soft_wrap=True)


def _run(place: Installation, asker: Asker, steps: Sequence[SetupStep], *, is_again: bool) -> None:
    from agents.doctor.setup_steps import SETUP_STEPS
    from agents.salesforce.errors.errors import SalesforceError
    from cli.commands.setup_actions import ACTIONS

    for step in steps:
        number = SETUP_STEPS.index(step) + 1
        stdout.print(f"{number:>2} of {len(SETUP_STEPS)}  {step.title}", highlight=False)
        if not is_again and (when := place.done().get(step.name)):
            _tell(f"done {when}; again: orderstream setup --only {step.name}")
            continue
        if not asker.goes_on(step):
            _tell("skipped")
            continue
        try:
            place.ask(step, asker)
            ACTIONS[step.name](place)
        except NoSandboxError as missing:
            _tell(f"{missing}. Or start the three, then `orderstream validate --webhook-url …`")
            continue
        except (StreamError, SalesforceError, OSError) as error:
            stderr.print(f"      ✗ {error}", highlight=False, soft_wrap=True)
            stderr.print(
                f"      put it right and run `orderstream setup` again: {step.name} is next"
            )
            raise typer.Exit(EXIT_NO) from None
        place.mark(step)


def _tell(text: str) -> None:
    for place, line in enumerate(text.splitlines()):
        stdout.print(f"      {'·' if place == 0 else ' '} {line}", highlight=False, soft_wrap=True)
