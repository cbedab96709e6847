"""What a mapping file says, as data: read by the compiler and by the schema check.

Every rule keeps its `entry`, so that whoever finds fault with it can name the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.mapping.fields.field_types import FieldType, parse_type
from agents.mapping.standard_fields import STANDARD_FIELDS
from agents.mapping.yaml_source import Entry
from schemas.event import Kind

UNKNOWN_FIELD = "text(255)"


@dataclass(frozen=True, slots=True)
class ValueRule:
    """Where a value comes from and what is done to it, in the order of the attributes."""

    entry: Entry
    sources: tuple[str, ...] = ()
    is_one_fact: bool = False  # the sources are spellings of one thing, none instead of another
    constant: str | None = None
    template: str | None = None
    map_by: tuple[str, ...] = ()
    each: EachRule | None = None
    python: str = ""
    transforms: tuple[str, ...] = ()
    table: dict[str, str | None] | None = None
    or_else: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class EachRule:
    """One text out of a list: the template per entry, joined."""

    path: str
    values: dict[str, ValueRule]
    template: str
    join: str


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One Salesforce field. `type` is what the file says or the table of standard fields knows."""

    entry: Entry
    name: str
    value: ValueRule
    type: FieldType
    is_insert_only: bool | None  # None: when the document does not say the value
    skips_blank: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class ParentRule:
    """A link: `{relationship: {field: value}}` in the row."""

    entry: Entry
    relationship: str
    field: str
    value: ValueRule
    is_insert_only: bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """`path` is compared by `operator` with any of `texts`."""

    entry: Entry
    path: str
    operator: str
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path} {self.operator} {' or '.join(self.texts)}".strip()


# Any of these sets of conditions, every condition of the set.
When = tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True, slots=True)
class RowRule:
    """One record to upsert. `target` names the choice it belongs to, '' = always."""

    entry: Entry
    sobject: str
    external_id: str
    target: str
    when: When
    is_insert_only: bool
    fields: tuple[FieldRule, ...]
    parents: tuple[ParentRule, ...]
    version: str
    python: str
    adopt_by: str = ""


@dataclass(frozen=True, slots=True)
class TargetRule:
    """`use` when the conditions hold; the first that does counts."""

    use: str
    when: When


@dataclass(frozen=True, slots=True)
class LineChoice:
    """What becomes of an order's lines: `use` is opportunity, order or '' (off).

    `pricebook` is the id of a price book of yours, '' for the standard one; `fields` are further
    fields of a line.
    """

    use: str = ""
    pricebook: str = ""
    fields: tuple[FieldRule, ...] = ()


@dataclass(frozen=True, slots=True)
class KindRules:
    """The rules for one kind of event."""

    values: dict[str, ValueRule] = field(default_factory=dict)
    rows: tuple[RowRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The whole file. `amount` is (policy, currency); `kinds` has those the file has rules for.

    `currencies` are those the store sells in, as far as the file says.
    """

    file: str
    targets: tuple[TargetRule, ...]
    amount: tuple[str, str]
    kinds: dict[Kind, KindRules]
    lines: LineChoice = LineChoice()
    line_rules: tuple[RowRule, ...] = ()
    currencies: tuple[str, ...] = ()

    @property
    def order(self) -> KindRules:
        return self.kinds[Kind.ORDER]

    @property
    def customer(self) -> KindRules:
        """The rules for customers; without any when the file leaves them out."""
        return self.kinds.get(Kind.CUSTOMER, KindRules())

    def active_rows(self) -> Iterator[RowRule]:
        """Yield the rows some document can reach with the file's `target`, parents first."""
        names = {"", *(rule.use for rule in self.targets)}
        for rules in self.kinds.values():
            yield from (row for row in rules.rows if row.target in names)
        yield from self.line_rules


def known_type(sobject: str, name: str) -> FieldType:
    """Return the type of a standard field; text(255) for one nobody has heard of."""
    spelled = STANDARD_FIELDS.get(sobject, {}).get(name, UNKNOWN_FIELD)
    found = parse_type(spelled)
    assert found is not None, spelled
    return found
