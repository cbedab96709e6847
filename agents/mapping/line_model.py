"""What an order's lines need besides their rows: products before them, and a look for old lines.

Read by `agents.delivery.line_items`; the other parts of the worker only hand it on.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.salesforce import Row


@dataclass(frozen=True, slots=True)
class LineModel:
    """A product and its prices, to be there before a line names them. `name` is its identity."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one order.

    `carrier` (Opportunity or Order) holds them; `link` is the line's field with the carrier's id;
    `keep` are the external ids (case-folded) of the lines it has now: others of ours are removed.
    """

    products: tuple[LineModel, ...]
    carrier: str
    link: str
    sobject: str
    external_id_field: str
    keep: frozenset[str]
