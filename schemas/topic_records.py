"""What the records of every topic are: key, value, headers; the source of the JSON Schemas.

Most values are the verified bytes of a webhook, which are the sender's; what orderstream writes
itself has a model here, made of the code that writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.erasure import Erasure
from schemas.operator import Mark, OperatorAction
from schemas.result import Result

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
Text = str


class StoredState(BaseModel):
    """The value of a record in `salesforce.state`; short names, because a million are kept."""

    model_config = ConfigDict(extra="allow")

    v: str = Field(description="version: Magento's `updated_at`")
    d: str = Field(description="digest of the business content; empty while in doubt")
    t: str = Field(description="topic of the event that was written last")
    p: int = Field(description="its partition")
    o: int = Field(description="its offset")
    r: int = Field(0, description="rank of the order's state, for two saves of one second")
    i: dict[str, str] = Field(default_factory=dict, description="Salesforce ids by sObject")
    e: str = Field("", description="Magento's entity id")
    f: int = Field(0, description="first written, unix milliseconds")
    g: str = Field("", description="store view of the order, website of the customer: whose key")
    y: str = Field("", description="version of a newer save that failed and waits")
    l: list[list[str]] = Field(  # noqa: E741 - a name of the record
        default_factory=list,
        description="saves that told only a part, the newest first: version, digests of the fields",
    )
    u: dict[str, Any] | None = Field(
        None, description="the newest whole save beneath the parts, under the same names"
    )


class EventHeaders(BaseModel):
    """The headers of an event; `schemas/headers.py` writes and reads them. All values are text."""

    model_config = ConfigDict(extra="allow")

    event_id: Text = Field(alias="event-id", description="UUIDv7: the event's identity")
    event: Text = Field("", description="the sender's name of the event")
    kind: Literal["order", "customer", "customer_deleted", "subscriber"]
    received_at_ms: Text = Field(alias="received-at-ms", pattern=r"^\d+$")
    sender: Text = Field("", description="who posted it: hmac, module, mageos, …")
    signature_key: Text = Field("", alias="signature-key", description="fingerprint of the key")
    via: Literal["live", "backfill", "replay", "requeue"]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What one kind of record is. `model` is None where the value is the sender's own bytes."""

    name: str
    key: str
    value: str
    model: Any = None
    has_event_headers: bool = False


EVENT = RecordKind(
    "event",
    "the order's number or the customer's e-mail, UTF-8",
    "the verified bytes of the webhook, untouched",
    has_event_headers=True,
)
ERASURE = RecordKind("erasure", "the key to erase", "which key, until when", Erasure, True)
RESULT = RecordKind("result", "the event's key", "one outcome of one event", Result)
STATE = RecordKind(
    "state", "`order:<key>`, `customer:<key>` or `erased:<digest>`", "newest state", StoredState
)
LETTER = RecordKind("dead letter", "the event's key", "the event's bytes", has_event_headers=True)
MARK = RecordKind("resolution", "none", "which letters of this partition are resolved", Mark)
ACTION = RecordKind("operator action", "the job's id", "who did what, and why", OperatorAction)

# Which kinds of records a topic holds, by the topic's role in `stream.topics.Topics`.
RECORDS: dict[str, tuple[RecordKind, ...]] = {
    "orders": (EVENT,),
    "customers": (EVENT,),
    "due": (EVENT, ERASURE),
    "retry": (EVENT,),
    "settle": (EVENT,),
    "dead_letters": (LETTER, MARK),
    "results": (RESULT,),
    "state": (STATE,),
    "operator_audit": (ACTION,),
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of every value that orderstream writes, and of an event's headers."""
    kinds = {kind.name: kind for group in RECORDS.values() for kind in group if kind.model}
    schemas = {
        name: TypeAdapter(kind.model).json_schema(mode="validation") for name, kind in kinds.items()
    }
    schemas["event headers"] = EventHeaders.model_json_schema()
    return {
        name.replace(" ", "-"): {"$schema": JSON_SCHEMA, "title": name, **schema}
        for name, schema in schemas.items()
    }
