"""Line items: the choice in the mapping file, the rules behind it, the rows of an order's lines.

The rules are data of the mapping file's own syntax (`line_items.yaml`), so the schema check, the
org's own lengths and the fitting to types hold for lines as for everything else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from agents.mapping.build_row import build_row
from agents.mapping.compiled import CompiledRow, Types, compile_row
from agents.mapping.fields.currencies import CURRENCY_FIELD
from agents.mapping.fields.values import Thousandths
from agents.mapping.line_model import LineModel, Lines
from agents.mapping.lines import THOUSANDTH, Line, are_priced, order_lines
from agents.mapping.model import LineChoice, RowRule, Rulebook
from agents.mapping.order_document import currency_of
from agents.mapping.parser import read_rows
from agents.mapping.scope import Facts, Scope
from agents.mapping.yaml_source import parse
from schemas.salesforce import Row

RULES_FILE = "line_items.yaml"
# What carries the lines, and the field by which a line names it.
CARRIERS = {"opportunity": ("Opportunity", "OpportunityId"), "order": ("Order", "OrderId")}


@dataclass(frozen=True, slots=True)
class LineRules:
    """Compiled rules of one choice. `standard_pricebook` is its id, '' before the org was asked."""

    choice: LineChoice
    amount: tuple[str, str]
    catalogue: tuple[CompiledRow, ...]
    header: tuple[CompiledRow, ...]
    line: CompiledRow
    standard_pricebook: str
    is_multi_currency: bool

    def add(self, facts: Facts, rows: list[Row]) -> Lines | None:
        """Add the rows of an order's lines to its other rows; None when it gets no lines."""
        place = next((i for i, row in enumerate(rows) if row.sobject == "Opportunity"), None)
        if place is None:
            return None  # a lead has no products
        document = facts.document
        items = document.entity.get("items")
        if not items or not isinstance(items, list | dict):  # `[]`: not loaded, no order is empty
            facts.notes.append("lines: left as they are, the event has no items")
            return None
        if not are_priced(document.entity, self.amount):
            facts.notes.append(
                "lines: left as they are, a row of items says neither row_total nor price and "
                "qty_ordered: let the sender send them"
            )
            return None
        lines = order_lines(document.entity, document.key, self.amount, facts.notes)
        if not lines:
            return None
        currency = currency_of(document.entity, *self.amount) if self.is_multi_currency else ""
        roots = [self._root(line, facts, currency) for line in lines]
        if self.choice.use == "opportunity":
            rows[place] = self._without_amount(rows[place], currency)
        elif not self._add_header(facts, rows, rows[place]):
            facts.notes.append("lines: left out, an Order needs an Account and there is none")
            return None
        rows += (row for root in roots for row in self._rows((self.line,), facts, root))
        products: dict[str, LineModel] = {}
        for line, root in zip(lines, roots, strict=True):
            name = f"{line.sku} {currency}".casefold()
            if name not in products:
                made = self._rows(self.catalogue, facts, root)
                products[name] = LineModel(name, tuple(made))
        carrier, link = CARRIERS[self.choice.use]
        return Lines(
            products=tuple(products.values()),
            carrier=carrier,
            link=link,
            sobject=self.line.rule.sobject,
            external_id_field=self.line.rule.external_id,
            keep=frozenset(line.id.casefold() for line in lines),
        )

    def _without_amount(self, row: Row, currency: str) -> Row:
        """With products the Amount is their sum, and a written one is ignored without a word."""
        fields = {name: value for name, value in row.fields.items() if name != "Amount"}
        if pricebook := self.choice.pricebook or self.standard_pricebook:
            fields["Pricebook2Id"] = pricebook
        if currency:
            fields.setdefault(CURRENCY_FIELD, currency)
        return dataclasses.replace(row, fields=fields)

    def _add_header(self, facts: Facts, rows: list[Row], owner: Row) -> bool:
        link = owner.fields.get("Account") or owner.insert_fields.get("Account")
        if not isinstance(link, dict) or not link:
            return False
        root = {
            "order": facts.document.entity,
            "order_id": facts.document.key,
            "account": next(iter(link.values())),
            "pricebook": self.choice.pricebook or self.standard_pricebook,
        }
        rows += self._rows(self.header, facts, root)
        return True

    def _rows(
        self, rules: tuple[CompiledRow, ...], facts: Facts, root: dict[str, Any]
    ) -> Iterator[Row]:
        for compiled in rules:
            scope = Scope(facts, root, 0)
            if compiled.applies is not None and not compiled.applies(scope):
                continue
            row = build_row(compiled, scope)
            if row is not None:
                yield row

    def _root(self, line: Line, facts: Facts, currency: str) -> dict[str, Any]:
        standard = f"{currency} {line.sku}" if currency else line.sku
        custom = f"{self.choice.pricebook} {standard}" if self.choice.pricebook else ""
        return {
            "id": line.id,
            "order_id": facts.document.key,
            "order": facts.document.entity,
            "item": line.item,
            "sku": line.sku,
            "name": line.name,
            "quantity": float(line.quantity),
            "unit_price": _as_money(line.unit_price),
            "list_price": _as_money(max(Decimal(0), line.unit_price)) if line.item else 0.0,
            "description": line.description,
            "standard_key": standard,
            "custom_key": custom,
            "entry_key": custom or standard,
            "standard_pricebook": self.standard_pricebook,
            "custom_pricebook": self.choice.pricebook,
        }


def _as_money(price: Decimal) -> float:
    """Return a price, marked if its currency has three decimals."""
    is_fine = price.as_tuple().exponent == THOUSANDTH.as_tuple().exponent
    return Thousandths(price) if is_fine else float(price)


@cache
def _shipped() -> dict[str, tuple[RowRule, ...]]:
    text = (files("agents.mapping") / RULES_FILE).read_text(encoding="utf-8")
    return {name: read_rows(entry) for name, entry in parse(text, RULES_FILE).mapping().items()}


def rules_of(choice: LineChoice) -> tuple[RowRule, ...]:
    """Return the row rules a choice uses, parents first; none when line items are off."""
    if not choice.use:
        return ()
    shipped = _shipped()
    header = shipped["order_header"] if choice.use == "order" else ()
    (line,) = shipped[choice.use]
    line = dataclasses.replace(line, fields=(*line.fields, *choice.fields))
    catalogue = shipped["catalogue"]
    if not choice.pricebook:
        catalogue = tuple(row for row in catalogue if not row.when)
    return (*catalogue, *header, line)


def compile_lines(book: Rulebook, types: Types, standard_pricebook: str) -> LineRules | None:
    """Return the compiled rules of the file's choice, None when line items are off."""
    rules = [compile_row(rule, {}, types, None) for rule in book.line_rules]
    if not rules:
        return None
    return LineRules(
        choice=book.lines,
        amount=book.amount,
        catalogue=tuple(row for row in rules if row.rule.sobject in _CATALOGUE),
        header=tuple(row for row in rules if row.rule.sobject == "Order"),
        line=rules[-1],
        standard_pricebook=standard_pricebook,
        is_multi_currency=("PricebookEntry", CURRENCY_FIELD) in types,
    )


_CATALOGUE = ("Product2", "PricebookEntry")
