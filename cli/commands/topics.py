"""`orderstream topics …`: make topics and their users what this installation needs."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.commands.topics_acls import acls
from cli.console.terminal import EXIT_NO, print_json, progress_bar, run_async, stdout
from stream.config import Role, Settings, load_settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.publisher import KafkaPublisher
from stream.kafka.state_migration import StateMigration
from stream.kafka.state_migration import copy_state as copy
from stream.kafka.topic_admin import TopicAdmin
from stream.kafka.topic_plan import TopicAction, TopicPlan
from stream.ops.alerts import Alerts
from stream.settings.kafka import KafkaSettings
from stream.topic_reference import write_files

app = typer.Typer(
    name="topics",
    help="Compare or create the Kafka topics. Exit 0: fine; 1: a person must decide something; "
    "2: settings are wrong or Kafka is away.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(acls)
AS_JSON = typer.Option(False, "--json", help="Print JSON instead of a table.")


@app.command()
def plan(as_json: bool = AS_JSON) -> None:
    """Show what `apply` would do: create, change, ok, and what needs a person.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 orderstream topics plan
    """
    settings = _settings()
    _finish(settings, run_async(_plan(settings)), as_json=as_json, is_done=False)


@app.command()
def apply(as_json: bool = AS_JSON) -> None:
    """Create missing topics and correct settings; may be repeated, never deletes anything.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 orderstream topics apply --json
    """
    settings = _settings()
    _finish(settings, run_async(apply_topics(settings)), as_json=as_json, is_done=True)


@app.command()
def docs(
    folder: Annotated[Path, typer.Argument(help="The project's root.")] = Path(),
) -> None:
    """Write docs/topics.md, the JSON Schemas and the AsyncAPI document; needs no Kafka.

    Example: orderstream topics docs
    """
    for path in write_files(folder):
        stdout.print(path, highlight=False)


@app.command("copy-state")
def copy_state(
    from_prefix: str = typer.Option(..., help="KAFKA_TOPIC_PREFIX of the old topics; '' for none."),
    as_json: bool = AS_JSON,
) -> None:
    """Copy the order state of old topics to new ones with another partition count.

    One step of changing the count (docs/operations.md); your settings are those of the new topics.
    May be repeated until workers have begun on the new topics.

    Example: KAFKA_TOPIC_PREFIX=v2. orderstream topics copy-state --from-prefix ''
    """
    settings = _settings()
    old = settings.model_copy(update={"kafka_topic_prefix": from_prefix})
    copied = run_async(_copy_state(old, settings))
    if as_json:
        print_json(asdict(copied))
    else:
        target = f"{settings.topics.state} ({settings.kafka_partitions} partitions)"
        stdout.print(f"{copied.keys:,} keys copied to {target}", highlight=False)


async def _copy_state(old: Settings, new: Settings) -> StateMigration:
    publisher = KafkaPublisher(new)
    await publisher.start()
    try:
        with progress_bar("reading the state") as update:
            return await copy(
                old, new, BlockingPublish(publisher, alerts=Alerts()), progress=update
            )
    finally:
        await publisher.stop()


def _settings() -> Settings:
    # The client's own complaints say again, and less clearly, what the command says at its end.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return load_settings(Role.OPERATOR)


async def _plan(settings: Settings) -> list[TopicPlan]:
    async with TopicAdmin(settings) as admin:
        return await admin.plan(settings.topics.specs())


async def apply_topics(settings: Settings) -> list[TopicPlan]:
    async with TopicAdmin(settings) as admin:
        return await admin.apply(settings.topics.specs())


def _finish(
    settings: KafkaSettings, plans: list[TopicPlan], *, as_json: bool, is_done: bool
) -> None:
    if as_json:
        print_json(report(plans, settings, is_done=is_done))
    else:
        _print_table(plans, settings, is_done=is_done)
    if any(topic.problems for topic in plans):
        raise typer.Exit(EXIT_NO)


def report(plans: list[TopicPlan], settings: KafkaSettings, *, is_done: bool) -> dict[str, Any]:
    """Return the JSON form: one object per topic, `applied` says whether it was carried out."""
    return {
        "applied": is_done,
        "partitions": settings.kafka_partitions,
        "replication_factor": settings.kafka_replication_factor,
        "topics": [
            {
                "name": topic.name,
                "purpose": topic.purpose,
                "action": topic.action.value,
                "changes": {
                    name: {"now": now, "wanted": wanted}
                    for name, (now, wanted) in topic.changes.items()
                },
                "problems": list(topic.problems),
            }
            for topic in plans
        ],
    }


def _print_table(plans: list[TopicPlan], settings: KafkaSettings, *, is_done: bool) -> None:
    title = (
        f"{settings.kafka_bootstrap_servers}: {settings.kafka_partitions} partitions, "
        f"replication {settings.kafka_replication_factor}"
    )
    table = Table(title=title, title_justify="left", box=None)
    for column in ("topic", "result" if is_done else "action", "detail"):
        table.add_column(column, overflow="fold")
    words = {TopicAction.CREATE: "created", TopicAction.CHANGE: "changed", TopicAction.OK: "ok"}
    for topic in plans:
        word = words[topic.action] if is_done else topic.action.value
        table.add_row(topic.name, word, _detail(topic))
    stdout.print(table)


def _detail(topic: TopicPlan) -> str:
    changes = [f"{name}: {now} → {wanted}" for name, (now, wanted) in topic.changes.items()]
    return "\n".join([*changes, *(f"needs a person: {text}" for text in topic.problems)])
