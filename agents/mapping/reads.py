"""What a mapping reads of a document: by it an event is an announcement, or lacks a part. Pure.

Adobe documents order events of ids, dates and `items[].item_id`; its starter kit sends four fields.
Whether such an event is worth writing depends on what the file in use would have read of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.mapping.fields.values import is_blank
from agents.mapping.lines import are_priced
from agents.mapping.model import KindRules, RowRule, ValueRule, When
from schemas.document_parts import PARTS, says
from schemas.event import Kind

PLACEHOLDER = re.compile(r"\{([^{}|]+)")
FIRST = re.compile(r"[\w$-]+")
BUILT_IN_READS = {
    "$amount": ("grand_total", "base_grand_total"),
    "$currency": ("order_currency_code", "base_currency_code"),
    "$default_address": ("addresses",),
    "$visible_items": ("items",),
}
# Whose event it is and when, nothing of what it is about.
IDENTITY = frozenset(
    ("id", "entity_id", "increment_id", "real_order_id", "store_id", "created_at", "updated_at")
) | {"email"}


@dataclass(frozen=True, slots=True)
class Reads:
    """The keys a mapping reads of a document, and of the rows among its items.

    `priced` is the mapping's (policy, currency) where rows become lines, and need what they cost.
    """

    names: frozenset[str]
    item_names: frozenset[str]
    has_hooks: bool = False  # nobody knows what they read
    priced: tuple[str, str] | None = None
    content: frozenset[str] = field(init=False)  # asked for with every order

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", self.names - IDENTITY)

    def says_nothing(self, entity: Mapping[str, Any]) -> bool:
        """Whether a document has nothing of what the mapping reads, its identity aside."""
        if not self.content or IDENTITY.isdisjoint(entity):
            return False
        names = entity.keys() - IDENTITY if self.has_hooks else self.content
        for name in names:
            if not is_blank(entity.get(name)) and self._has_rows(entity, (name,)):
                return False
        return True

    def lacks_a_part(self, kind: Kind, entity: Mapping[str, Any]) -> bool:
        """Whether a part is missing that every whole document has and the mapping reads."""
        has_rows = isinstance(entity.get("items"), list)
        if self.priced and has_rows and not are_priced(dict(entity), self.priced):
            return True
        return any(
            not says(entity, part) or not self._has_rows(entity, part)
            for part in PARTS.get(kind, ())
            if self.names.intersection(part)
        )

    def _has_rows(self, entity: Mapping[str, Any], part: tuple[str, ...]) -> bool:
        """Whether rows of items say something that is read of rows; other parts always do."""
        rows = entity.get("items")
        if "items" not in part or not self.item_names or not isinstance(rows, list) or not rows:
            return True
        return any(isinstance(row, dict) and self.item_names & row.keys() for row in rows)


def reads_of(rules: KindRules, rows: Sequence[RowRule]) -> Reads:
    """Return what these rows read, by way of the kind's named values too."""
    names: set[str] = set()
    items: set[str] = set()
    for rule in _values(rules, rows):
        names.update(paths_of(rule))
        if rule.each is not None:
            inner = {path for value in rule.each.values.values() for path in paths_of(value)}
            inner.update(PLACEHOLDER.findall(rule.each.template))
            items |= {_first(path) for path in inner} - rule.each.values.keys()
    for row in rows:
        names.update(_conditions(row.when))
    firsts = {_first(name) for name in names} - rules.values.keys()
    known = {read for name in firsts for read in BUILT_IN_READS.get(name, (name,))}
    hooks = [row.python for row in rows] + [rule.python for rule in _values(rules, rows)]
    plain = frozenset(name for name in known if not name.startswith("$"))
    return Reads(plain, frozenset(items), any(hooks))


def _values(rules: KindRules, rows: Iterable[RowRule]) -> Iterator[ValueRule]:
    yield from rules.values.values()
    for row in rows:
        yield from (field.value for field in row.fields)
        yield from (parent.value for parent in row.parents)


def paths_of(rule: ValueRule) -> Iterator[str]:
    """Yield what of a document a value is made of, by every way it may take."""
    yield from (*rule.sources, *rule.map_by, *rule.or_else)
    if rule.template is not None:
        yield from PLACEHOLDER.findall(rule.template)
    if rule.each is not None:
        yield rule.each.path


def _conditions(when: When) -> Iterator[str]:
    yield from (condition.path for conditions in when for condition in conditions)


def _first(path: str) -> str:
    match = FIRST.match(path.strip())
    return match[0] if match else ""
