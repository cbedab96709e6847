"""Two versions of a mapping over the same events: which fields would differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agents.mapping.mapping import Mapping
from agents.mapping_preview.predict import is_same_value
from schemas.codec import DecodeError, decode
from schemas.event import Envelope
from schemas.identity import PLAIN, Identity
from schemas.salesforce import Row
from stream.errors import MappingError

WHOLE_ROW = "(the record)"  # only one of the two versions writes it


@dataclass(slots=True)
class FieldDifference:
    """A field that differs: in how many events, and the newest of them as an example."""

    sobject: str
    name: str
    key: str
    now: Any
    then: Any
    events: int = 1


@dataclass(slots=True)
class DraftComparison:
    """What another mapping would make of the events. `problems` are by their text."""

    events: int = 0
    same: int = 0
    differences: dict[tuple[str, str], FieldDifference] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)


def compare_mappings(
    now: Mapping, then: Mapping, events: Iterable[Envelope], *, identity: Identity = PLAIN
) -> DraftComparison:
    """Return the differences over events, the newest first. Never raises on any payload."""
    found = DraftComparison()
    for envelope in events:
        found.events += 1
        rows = _mapped(now, envelope, identity), _mapped(then, envelope, identity)
        texts = [answer for answer in rows if isinstance(answer, str)]
        if isinstance(rows[0], str) or isinstance(rows[1], str):
            which = "with both" if len(texts) > 1 else "now" if isinstance(rows[0], str) else "then"
            text = f"{which}: {texts[-1]}"
            found.problems[text] = found.problems.get(text, 0) + 1
            continue
        changed = list(_differences(envelope.key, rows[0], rows[1]))
        found.same += not changed
        for difference in changed:
            known = found.differences.setdefault((difference.sobject, difference.name), difference)
            known.events += known is not difference
    return found


def _mapped(mapping: Mapping, envelope: Envelope, identity: Identity) -> list[Row] | str:
    try:
        document = decode(envelope.value, event=envelope.event, identity=identity)
        if document.is_ignored:
            return []
        return list(mapping.apply(document, received_at_ms=envelope.received_at_ms).rows)
    except (DecodeError, MappingError) as error:
        return str(error)


def _differences(key: str, now: list[Row], then: list[Row]) -> Iterator[FieldDifference]:
    old = {(row.sobject, row.external_id): row for row in now}
    new = {(row.sobject, row.external_id): row for row in then}
    for place in dict.fromkeys((*old, *new)):
        before, after = old.get(place), new.get(place)
        if before is None or after is None:
            ids = (row.external_id if row else None for row in (before, after))
            yield FieldDifference(place[0], WHOLE_ROW, key, next(ids), next(ids))
            continue
        for name in dict.fromkeys((*before.whole, *after.whole)):
            values = before.whole.get(name), after.whole.get(name)
            if not _is_same(*values):
                yield FieldDifference(place[0], name, key, *values)


def _is_same(now: Any, then: Any) -> bool:
    if isinstance(now, dict) or isinstance(then, dict):
        return bool(now == then)  # links to parents
    return is_same_value(now, then)
