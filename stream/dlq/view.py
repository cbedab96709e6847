"""A dead letter as people see it: its envelope and its payload, masked unless asked otherwise."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import orjson

from schemas.event import Envelope
from stream.ops.masking import mask_document, mask_record


def readable(value: bytes) -> str:
    """Return a payload as people edit it: indented JSON, or the text it is."""
    try:
        return indented(orjson.loads(value))
    except orjson.JSONDecodeError:
        return value.decode(errors="replace")


def indented(payload: Any) -> str:
    """Return data as indented JSON; orjson writes 254 levels only, and reads 1,024."""
    try:
        return orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:
        return json.dumps(payload, ensure_ascii=False)


def story_of(envelope: Envelope, *, is_masked: bool) -> dict[str, Any]:
    """Return everything an envelope says besides its payload."""
    read = {name: value for name, value in asdict(envelope).items() if name != "value"}
    masked: dict[str, Any] = mask_record(read) if is_masked else read
    return {name: value for name, value in masked.items() if value not in (None, "", False)}


def payload_of(envelope: Envelope, *, is_masked: bool) -> Any:
    """Return the payload as data; text where it is no JSON, and then only unmasked."""
    try:
        body = orjson.loads(envelope.value)
    except orjson.JSONDecodeError:
        if is_masked:
            return f"{len(envelope.value)} bytes that are no JSON; --unmask shows them"
        return envelope.value.decode(errors="replace")
    return mask_document(body) if is_masked else body
