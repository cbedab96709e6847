"""Preview: what a requeue or a replay would do, before anything is sent.

Two questions. Would the event map now (against the org's schema, when it was asked)? And what
would change in Salesforce, field by field? Neither writes anything.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from html import unescape
from typing import Any

from agents.mapping.apply import Mapped
from agents.mapping.fields.dates import parse_datetime
from agents.mapping.fields.rich_text import RichText
from agents.mapping.mapping import Mapping
from agents.mapping.schema_check import VERSION_FIELD
from agents.salesforce.api.client import OrgClient
from schemas.codec import DecodeError, decode
from schemas.email import why_not
from schemas.event import Envelope
from schemas.identity import PLAIN, Identity
from schemas.salesforce import Row
from stream.errors import MappingError

LONG_ID = 18
# Which of five characters are capitals, told by one character more.
CHECK_PARTS = (slice(0, 5), slice(5, 10), slice(10, 15))
CHECK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Forecast(StrEnum):
    """What mapping a dead letter now foretells."""

    MAPS_ANEW = "maps with a mapping that has changed since it failed"
    SAME_MAPPING = "maps as it did when it failed: it may fail again"
    REFUSED = "does not map"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The forecast for one event; `reason` says why it does not map."""

    forecast: Forecast
    reason: str = ""
    sobjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what Salesforce has now, and what would be written."""

    name: str
    now: Any
    then: Any


@dataclass(frozen=True, slots=True)
class RowChange:
    """What would become of one record. `is_new`: Salesforce has none with this external id.

    `is_stale`: Salesforce has a newer state; the event would end as superseded.
    """

    sobject: str
    external_id: str
    is_new: bool
    is_stale: bool = False
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class EventChange:
    """What would become of an event's records; `problem` is set when it does not map."""

    event_id: str
    key: str
    rows: tuple[RowChange, ...] = field(default=())
    problem: str = ""

    @property
    def is_unchanged(self) -> bool:
        """Whether Salesforce has everything already."""
        return not self.problem and not any(row.is_new or row.changes for row in self.rows)

    @property
    def is_superseded(self) -> bool:
        """Whether Salesforce has a newer state of the order, which an old event never replaces."""
        return any(row.is_stale for row in self.rows)


def predict(mapping: Mapping, envelope: Envelope, *, identity: Identity = PLAIN) -> Prediction:
    """Return the forecast for an event that failed. Never raises on any payload."""
    try:
        mapped = _mapped(mapping, envelope, identity)
    except (DecodeError, MappingError) as error:
        return Prediction(Forecast.REFUSED, str(error))
    sobjects = tuple(dict.fromkeys(row.sobject for row in mapped.rows))
    is_same = envelope.mapping_version == mapping.version
    return Prediction(Forecast.SAME_MAPPING if is_same else Forecast.MAPS_ANEW, "", sobjects)


async def compare(
    mapping: Mapping, records: OrgClient, envelope: Envelope, *, identity: Identity = PLAIN
) -> EventChange:
    """Return what writing an event would change. Raises SalesforceError."""
    try:
        mapped = _mapped(mapping, envelope, identity)
    except (DecodeError, MappingError) as error:
        return EventChange(envelope.event_id, envelope.key, problem=str(error))
    changes = []
    for row in mapped.rows:
        now = await records.retrieve(row.sobject, row.external_id_field, row.external_id)
        changes.append(row_change(row, now))
    return EventChange(envelope.event_id, envelope.key, tuple(changes))


def _mapped(mapping: Mapping, envelope: Envelope, identity: Identity) -> Mapped:
    document = decode(envelope.value, event=envelope.event, identity=identity)
    return mapping.apply(document, received_at_ms=envelope.received_at_ms)


def row_change(row: Row, now: MappingOf[str, Any] | None) -> RowChange:
    """Return what a row would change in a record, or all of it when there is none.

    Links to parents are left out: Salesforce stores the parent's id, the row names its external id.
    """
    wanted = row.fields if now is not None else row.whole
    have: MappingOf[str, Any] = now or {}
    changes = tuple(
        FieldChange(name, have.get(name), then)
        for name, then in wanted.items()
        if not isinstance(then, dict) and not is_same_value(have.get(name), then)
    )
    return RowChange(
        row.sobject,
        row.external_id,
        is_new=now is None,
        is_stale=_is_newer(have.get(VERSION_FIELD), row.version),
        changes=changes,
    )


def is_same_value(now: Any, then: Any) -> bool:
    """Whether two values are one to Salesforce: blank is null, 10 is 10.00, times have zones."""
    if now in (None, "") or then in (None, ""):
        return now in (None, "") and then in (None, "")
    if isinstance(now, bool) or isinstance(then, bool):
        return bool(now == then)
    if isinstance(then, RichText) and not isinstance(now, RichText):  # the org keeps it as HTML
        now, then = unescape(str(now)), unescape(then)
    if str(now) == str(then) or _is_same_text(str(now), str(then)):
        return True
    if isinstance(now, (int, float)) or isinstance(then, (int, float, Decimal)):
        try:
            return Decimal(str(now)) == Decimal(str(then))
        except InvalidOperation:
            return False
    moments = parse_datetime(now), parse_datetime(then)
    return moments[0] is not None and moments[0] == moments[1]


def _is_same_text(now: str, then: str) -> bool:
    """Whether one text is what Salesforce makes of the other, whatever field they are of.

    It keeps e-mail addresses in small letters, what is picked of a list in the list's own order
    (article 000231088) and ids with their checksum; a page that somebody saved in ends lines as
    browsers do. Told apart, such fields differed for ever, however often they were written.
    """
    if now.replace("\r\n", "\n") == then.replace("\r\n", "\n"):
        return True
    if now.lower() == then.lower():
        return not why_not(then)
    if ";" in then:
        return set(now.split(";")) == set(then.split(";"))
    return _long_id(now) == _long_id(then) != ""


def _long_id(text: str) -> str:
    """Return a record id of 15 characters with its checksum; one of 18 as it is, '' for others."""
    if len(text) == LONG_ID:
        return text
    if len(text) != LONG_ID - len(CHECK_PARTS) or not text.isalnum() or not text.isascii():
        return ""
    sums = (sum(c.isupper() << i for i, c in enumerate(text[part])) for part in CHECK_PARTS)
    return text + "".join(CHECK_CHARACTERS[one] for one in sums)


def _is_newer(stored: Any, version: str) -> bool:
    have, then = parse_datetime(stored), parse_datetime(version)
    return have is not None and then is not None and have > then
