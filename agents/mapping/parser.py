"""The file's tree → the rulebook. Everything that is wrong is said with its line and its fix."""

from __future__ import annotations

import re
from typing import Any

from agents.mapping.amount_parser import read_amount, read_currencies
from agents.mapping.fields.coerce import RECORD_ID
from agents.mapping.fields.field_types import KINDS, FieldType, parse_type
from agents.mapping.model import (
    Condition,
    EachRule,
    FieldRule,
    KindRules,
    LineChoice,
    ParentRule,
    RowRule,
    Rulebook,
    TargetRule,
    ValueRule,
    When,
    known_type,
)
from agents.mapping.yaml_source import Entry, parse
from schemas.event import Kind

TARGETS = ("opportunity", "lead")
LINE_USES = ("off", "opportunity", "order")
TOP_KEYS = ("target", "amount", "line_items", *(kind.value for kind in Kind))
ORIGINS = ("from", "one_of", "value", "template", "map_by", "each")
EACH_KEYS = ("values", "join")
VALUE_KEYS = (*ORIGINS, *EACH_KEYS, "python", "transforms", "map", "or_else", "default")
FIELD_KEYS = (*VALUE_KEYS, "type", "insert_only", "skip_blank", "required")
PARENT_KEYS = (*VALUE_KEYS, "field", "insert_only")
ROW_KEYS = (
    "sobject",
    "external_id",
    "target",
    "when",
    "insert_only",
    "skip_blank",
    "fields",
    "parents",
    "version",
    "python",
    "adopt",
)
API_NAME = re.compile(r"[A-Za-z]\w*")
VALUE_NAME = re.compile(r"[A-Za-z_]\w*")
COMPARISON = re.compile(r"(>=|<=|!=|>|<)\s*(.+)")
NUMERIC_OPERATORS = (">", ">=", "<", "<=")


def read_rulebook(text: str, file: str) -> Rulebook:
    """Return the rules of a mapping file's text; raises MappingFileError."""
    root = parse(text, file)
    top = root.mapping(TOP_KEYS)
    if "order" not in top:
        raise root.error("`order:` is missing; it says what an order becomes")
    return Rulebook(
        file=file,
        targets=_targets(top.get("target")),
        amount=read_amount(top.get("amount")),
        kinds={kind: _kind(top[kind.value]) for kind in Kind if kind.value in top},
        lines=_lines(top.get("line_items")),
        currencies=read_currencies(top.get("amount")),
    )


def read_rows(entry: Entry) -> tuple[RowRule, ...]:
    """Return the row rules of a list; raises MappingFileError."""
    return tuple(_row(item) for item in entry.list())


def _lines(entry: Entry | None) -> LineChoice:
    if entry is None:
        return LineChoice()
    pairs = {"as": entry} if entry.pairs is None else entry.mapping(("as", "pricebook", "fields"))
    if "as" not in pairs:
        raise entry.error(f"`as:` is missing; one of {', '.join(LINE_USES)}")
    use = pairs["as"].one_of(LINE_USES)
    pricebook = pairs["pricebook"].scalar() if "pricebook" in pairs else ""
    if pricebook and not (RECORD_ID.fullmatch(pricebook) and pricebook.startswith("01s")):
        raise pairs["pricebook"].error(f"`{pricebook}` is no price book id (01s…, 15 or 18 long)")
    sobject = "OrderItem" if use == "order" else "OpportunityLineItem"
    more = pairs["fields"].mapping() if "fields" in pairs else {}
    fields = tuple(_field(item, name, sobject, True) for name, item in more.items())
    return LineChoice("" if use == "off" else use, pricebook, fields)


def _targets(entry: Entry | None) -> tuple[TargetRule, ...]:
    if entry is None or entry.items is None:
        return (TargetRule(entry.one_of(TARGETS) if entry else "opportunity", ()),)
    rules = []
    for item in entry.items:
        pairs = item.mapping(("use", "when"))
        if "use" not in pairs:
            raise item.error(f"`use:` is missing; one of {', '.join(TARGETS)}")
        rules.append(TargetRule(pairs["use"].one_of(TARGETS), _when(pairs.get("when"))))
    if not rules or rules[-1].when:
        raise entry.error("the last entry must have no `when:`, so that every order has a target")
    return tuple(rules)


def _kind(entry: Entry) -> KindRules:
    pairs = entry.mapping(("values", "rows"))
    if "rows" not in pairs:
        raise entry.error("`rows:` is missing; a list of `- sobject: …`")
    values = _values(pairs["values"]) if "values" in pairs else {}
    return KindRules(values, read_rows(pairs["rows"]))


def _values(entry: Entry) -> dict[str, ValueRule]:
    for name, item in entry.mapping().items():
        if not VALUE_NAME.fullmatch(name):
            raise item.error(f"`{name}` is no name; use letters, digits and _")
    return {name: _value(item) for name, item in entry.mapping().items()}


def _row(entry: Entry) -> RowRule:
    pairs = entry.mapping(ROW_KEYS)
    for key in ("sobject", "external_id", "fields"):
        if key not in pairs:
            raise entry.error(f"`{key}:` is missing")
    sobject = _api_name(pairs["sobject"])
    insert_only = _flag(pairs, "insert_only", default=False)
    skips = _flag(pairs, "skip_blank", default=True)
    fields = tuple(
        _field(item, name, sobject, skips) for name, item in pairs["fields"].mapping().items()
    )
    external_id = _api_name(pairs["external_id"])
    if external_id not in {field.name for field in fields}:
        raise pairs["external_id"].error(f"`{external_id}` must be among the `fields:` as well")
    return RowRule(
        entry=entry,
        sobject=sobject,
        external_id=external_id,
        target=pairs["target"].one_of(TARGETS) if "target" in pairs else "",
        when=_when(pairs.get("when")),
        is_insert_only=insert_only,
        fields=fields,
        parents=_parents(pairs.get("parents")),
        version=pairs["version"].scalar() if "version" in pairs else "updated_at",
        python=pairs["python"].scalar() if "python" in pairs else "",
        adopt_by=_adopt(pairs.get("adopt"), fields),
    )


def _adopt(entry: Entry | None, fields: tuple[FieldRule, ...]) -> str:
    if entry is None or (by := entry.mapping(("by",)).get("by")) is None:
        return ""
    if by.scalar() not in {field.name for field in fields}:
        raise by.error(f"`{by.text}` must be among the `fields:`: its value is looked for")
    return by.scalar()


def _api_name(entry: Entry) -> str:
    name = entry.scalar()
    if not API_NAME.fullmatch(name):
        raise entry.error(f"`{name}` is no API name; write it as Setup shows it, e.g. `Account`")
    return name


def _flag(pairs: dict[str, Entry], key: str, *, default: bool) -> bool:
    return pairs[key].flag() if key in pairs else default


def _field(entry: Entry, name: str, sobject: str, skips: bool) -> FieldRule:
    if not API_NAME.fullmatch(name):
        raise entry.error(f"`{name}` is no API name; write it as Setup shows it, e.g. `Phone`")
    pairs = entry.mapping(FIELD_KEYS) if entry.pairs is not None else {}
    field_type = _type(pairs["type"]) if "type" in pairs else known_type(sobject, name)
    return FieldRule(
        entry=entry,
        name=name,
        value=_value(entry, FIELD_KEYS),
        type=field_type,
        is_insert_only=pairs["insert_only"].flag() if "insert_only" in pairs else None,
        skips_blank=_flag(pairs, "skip_blank", default=skips),
        is_required=_flag(pairs, "required", default=field_type.is_required),
    )


def _type(entry: Entry) -> FieldType:
    found = parse_type(entry.scalar())
    if found is None:
        kinds = ", ".join(KINDS)
        raise entry.error(
            f"`{entry.text}` is no type; write e.g. text(80) or number(18,2); there are {kinds}"
        )
    return found


def _parents(entry: Entry | None) -> tuple[ParentRule, ...]:
    return tuple(_parent(item, name) for name, item in (entry.mapping() if entry else {}).items())


def _parent(entry: Entry, relationship: str) -> ParentRule:
    pairs = entry.mapping(PARENT_KEYS)
    if "field" not in pairs:
        raise entry.error("`field:` is missing; the external ID of the parent, e.g. `Ext__c`")
    return ParentRule(
        entry=entry,
        relationship=relationship,
        field=_api_name(pairs["field"]),
        value=_value(entry, PARENT_KEYS),
        is_insert_only=pairs["insert_only"].flag() if "insert_only" in pairs else None,
    )


def _value(entry: Entry, allowed: tuple[str, ...] = VALUE_KEYS) -> ValueRule:
    if entry.pairs is None:
        return ValueRule(entry=entry, sources=entry.texts())
    pairs = entry.mapping(allowed)
    origins = [key for key in ORIGINS if key in pairs]
    if len(origins) > 1 and origins != ["template", "each"]:
        raise entry.error(f"`{origins[0]}` and `{origins[1]}` exclude each other; keep one")
    if not origins and "python" not in pairs:
        raise entry.error(f"no source; give one of {', '.join(ORIGINS)}, python")
    if ("map_by" in pairs) > ("map" in pairs):
        raise entry.error("`map_by:` needs a `map:`")
    each = _each(entry, pairs)
    return ValueRule(
        entry=entry,
        sources=_texts(pairs, "from") or _texts(pairs, "one_of"),
        is_one_fact="one_of" in pairs,
        constant=_text(pairs, "value"),
        template=None if each else _text(pairs, "template"),
        map_by=_texts(pairs, "map_by"),
        each=each,
        python=_text(pairs, "python") or "",
        transforms=_texts(pairs, "transforms"),
        table=_table(pairs["map"]) if "map" in pairs else None,
        or_else=_texts(pairs, "or_else"),
        default=_text(pairs, "default"),
    )


def _each(entry: Entry, pairs: dict[str, Entry]) -> EachRule | None:
    if "each" not in pairs:
        for key in EACH_KEYS:
            if key in pairs:
                raise pairs[key].error(f"`{key}:` belongs to `each:`, and there is none")
        return None
    if "template" not in pairs:
        raise entry.error("`each:` needs a `template:`, the text of one entry")
    return EachRule(
        path=pairs["each"].scalar(),
        values=_values(pairs["values"]) if "values" in pairs else {},
        template=pairs["template"].scalar(),
        join=_text(pairs, "join") if "join" in pairs else "\n",  # type: ignore[arg-type]  # `join` is there, so it is a text
    )


def _table(entry: Entry) -> dict[str, str | None]:
    """Return the value map, keys in lower case: Magento's states and codes are."""
    table: dict[str, str | None] = {}
    for key, item in entry.mapping().items():
        folded = key.strip().lower()
        if folded in table:
            raise item.error(f"`{key}` is there twice (case does not count)")
        table[folded] = None if item.is_null else item.scalar()
    return table


def _text(pairs: dict[str, Entry], key: str) -> str | None:
    return pairs[key].scalar() if key in pairs else None


def _texts(pairs: dict[str, Entry], key: str) -> tuple[str, ...]:
    return pairs[key].texts() if key in pairs else ()


def _when(entry: Entry | None) -> When:
    if entry is None:
        return ()
    sets = entry.items if entry.items is not None else (entry,)
    return tuple(
        tuple(_condition(item, path) for path, item in one.mapping().items()) for one in sets
    )


def _condition(entry: Entry, path: str) -> Condition:
    if entry.items is not None:
        return Condition(entry, path, "=", entry.texts())
    text = entry.scalar()
    if text in ("present", "absent"):
        return Condition(entry, path, text)
    match = COMPARISON.fullmatch(text)
    if match is None:
        return Condition(entry, path, "=", (text,))
    operator, operand = match[1], match[2].strip()
    if operator in NUMERIC_OPERATORS and not _is_number(operand):
        raise entry.error(f"`{operator}` compares numbers, `{operand}` is none")
    return Condition(entry, path, operator, (operand,))


def _is_number(text: Any) -> bool:
    return re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", text) is not None
