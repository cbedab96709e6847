"""Topics as documents: docs/topics.md, JSON Schemas and an AsyncAPI document, made of the code.

`orderstream topics docs` writes them; a test compares the files with what is made here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from schemas.topic_records import RECORDS, RecordKind, json_schemas
from stream.kafka.access import markdown as access_table
from stream.topics import DAY_MS, Topics, TopicSpec

# Who writes and who reads, by role.
TRAFFIC = {
    "orders": ("ingress, backfill", "worker, audit, trace, replay"),
    "customers": ("ingress, backfill", "worker, audit, trace, replay"),
    "due": ("relay, requeue, replay, erase", "worker"),
    "retry": ("worker", "relay"),
    "settle": ("worker", "relay"),
    "dead_letters": ("worker, dlq commands", "dlq commands, dashboard, audit"),
    "results": ("worker", "audit, trace, dashboard"),
    "state": ("worker", "worker, trace"),
    "operator_audit": ("commands, dashboard", "jobs, trace, dashboard"),
}
HEAD = """# Topics

Every topic has the same partition count, and whoever publishes an event again keeps its partition
number. A prefix (`KAFKA_TOPIC_PREFIX`) stands before every name. Values that orderstream writes
itself have a JSON Schema in `schemas/json/`, with an AsyncAPI document of all of them.

Made by `orderstream topics docs`; a test holds that it is up to date.
"""


USERS = """One Kafka user per process: R reads, W writes, D describes. `orderstream topics acls`
prints it with its groups, for kafka-acls.sh and for Strimzi ([kafka.md](kafka.md))."""


def role_of(spec: TopicSpec, topics: Topics) -> str:
    """Return the role of a topic: the name of its property of `Topics`, or `retry`."""
    if spec.name in topics.retry_tiers:
        return "retry"
    return next(role for role in RECORDS if getattr(topics, role, None) == spec.name)


def files() -> dict[str, str]:
    """Return every generated file by its path from the project's root."""
    schemas = json_schemas()
    made = {f"schemas/json/{name}.schema.json": _json(schema) for name, schema in schemas.items()}
    return {
        "docs/topics.md": markdown(),
        "schemas/json/asyncapi.json": _json(asyncapi()),
        **made,
    }


def write_files(root: Path) -> list[str]:
    """Write the generated files below a folder; return their paths."""
    for path, text in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return list(files())


def markdown() -> str:
    """Return docs/topics.md."""
    topics = Topics()
    users = f"## Who may do what\n\n{USERS}\n\n{access_table()}\n"
    return "\n".join(
        [HEAD, users, *(_section(spec, role_of(spec, topics)) for spec in topics.specs())]
    )


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of all topics."""
    topics = Topics()
    roles = {spec.name: role_of(spec, topics) for spec in topics.specs()}
    kinds = {kind.name: kind for group in RECORDS.values() for kind in group}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "orderstream", "version": "1", "description": "Topics of the pipe."},
        "channels": {
            name: {
                "address": name,
                "messages": {
                    _id(kind.name): {"$ref": f"#/components/messages/{_id(kind.name)}"}
                    for kind in RECORDS[role]
                },
            }
            for name, role in roles.items()
        },
        "components": {"messages": {_id(name): _message(kind) for name, kind in kinds.items()}},
    }


def _message(kind: RecordKind) -> dict[str, Any]:
    message: dict[str, Any] = {"title": kind.name, "summary": kind.value}
    if kind.model is not None:
        message["payload"] = {"$ref": f"./{_id(kind.name)}.schema.json"}
    if kind.has_event_headers:
        message["headers"] = {"$ref": "./event-headers.schema.json"}
    return message


def _section(spec: TopicSpec, role: str) -> str:
    writers, readers = TRAFFIC[role]
    purpose = spec.purpose[0].upper() + spec.purpose[1:]
    lines = [
        f"## {spec.name}",
        "",
        f"{purpose}. Written by {writers}; read by {readers}. {_kept(spec.config)}",
    ]
    for kind in RECORDS[role]:
        lines += ["", f"**{kind.name}**: key: {kind.key}; value: {kind.value}.", ""]
        if kind.has_event_headers:
            lines += ["Headers: [event headers](../schemas/json/event-headers.schema.json).", ""]
        lines += _fields(kind)
    return "\n".join(lines).rstrip() + "\n"


def _fields(kind: RecordKind) -> list[str]:
    if kind.model is None:
        return []
    schema = json_schemas()[_id(kind.name)]
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {_type(field)} | {'always' if name in required else ''} "
        f"| {field.get('description', '')} |"
        for name, field in schema["properties"].items()
    ]
    return ["| field | type | | meaning |", "|---|---|---|---|", *rows]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    return str(field.get("type", "any"))


def _kept(config: dict[str, str]) -> str:
    if config.get("cleanup.policy") == "compact":
        return "Compacted."
    return f"Kept {int(config['retention.ms']) // DAY_MS} days."


def _id(name: str) -> str:
    return name.replace(" ", "-")


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"
