"""The demo's closing pages: what arrived, what did not and why, and whether both sides agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from agents.salesforce.errors.fixes import dead_letter_advice
from sandbox.magento.money import cents
from schemas.result import Result

TABLE_ROWS = 12
CLOSING_STATES = {"complete": "Closed Won", "closed": "Closed Lost", "canceled": "Closed Lost"}

Order = Mapping[str, Any]
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One order of which the store and Salesforce say different things."""

    number: str
    what: str


def disagreements(orders: Mapping[str, Order], records: Iterable[Record]) -> list[Disagreement]:
    """Compare the store's newest orders with the Opportunities, order by order, to the cent.

    Deliberately not by the mapping: the demo's judge must not believe what it judges.
    """
    by_number: dict[str, list[Record]] = {}
    for record in records:
        by_number.setdefault(str(record["Magento_Order_ID__c"]), []).append(record)
    found = [
        Disagreement(number, "a record of no order") for number in by_number if number not in orders
    ]
    for number, order in orders.items():
        found += [
            Disagreement(number, what) for what in differences(order, by_number.get(number, []))
        ]
    return found


def differences(order: Order, records: Sequence[Record]) -> list[str]:
    """Return what is wrong with the records of one order, if anything."""
    if len(records) != 1:
        return [f"{len(records)} records instead of one"]
    record = records[0]
    found = []
    if cents(record.get("Amount")) != cents(order["grand_total"]):
        found.append(f"Amount {record.get('Amount')} instead of {order['grand_total']}")
    city = _city(order)
    if record.get("Billing_City__c") != city:
        found.append(f"Billing_City__c {record.get('Billing_City__c')} instead of {city}")
    stage, wanted = record.get("StageName"), CLOSING_STATES.get(order["state"])
    if wanted and stage != wanted:
        found.append(f"StageName {stage} instead of {wanted}")
    if not wanted and str(stage).startswith("Closed"):
        found.append(f"StageName {stage} while the order is {order['state']}")
    return found


def _city(order: Order) -> str:
    """Return the city of the billing address: beside the order, or among its addresses."""
    rows = [order["billing_address"]] if "billing_address" in order else order["addresses"]
    return str(next(row["city"] for row in rows if row.get("address_type", "billing") == "billing"))


def order_table(
    orders: Mapping[str, Order],
    records: Iterable[Record],
    writes: Mapping[str, int],
    deliveries: Mapping[str, int],
) -> Table:
    """Return a dozen orders: what the store says, which record it is, how often it was written."""
    by_number = {record["Magento_Order_ID__c"]: record for record in records}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("order", no_wrap=True)
    table.add_column("buyer, product")
    table.add_column("state")
    for name in ("Salesforce record", "stage"):
        table.add_column(name, no_wrap=True, style="green")
    for name in ("sent", "written"):
        table.add_column(name, justify="right", no_wrap=True)
    for number in varied(orders)[:TABLE_ROWS]:
        order, record = orders[number], by_number.get(number, {})
        table.add_row(
            number,
            kind_of(order),
            order["state"],
            record.get("Id", "none"),
            record.get("StageName", ""),
            str(deliveries.get(number, 0)),
            str(writes.get(number, 0)),
        )
    return table


def varied(orders: Mapping[str, Order]) -> list[str]:
    """Return the order numbers so that the first of each kind come first."""
    seen: set[tuple[str, str]] = set()
    first: list[str] = []
    rest: list[str] = []
    for number, order in orders.items():
        kind = (kind_of(order), order["state"])
        (rest if kind in seen else first).append(number)
        seen.add(kind)
    return sorted(first, key=lambda number: _rarity(orders[number])) + rest


def _rarity(order: Order) -> int:
    return -len({row["product_type"] for row in order["items"]} - {"simple"})


def kind_of(order: Order) -> str:
    """Return 'guest, bundle' and the like: who bought, and the hardest product in it."""
    who = "guest" if order["customer_is_guest"] else "customer"
    types = {row["product_type"] for row in order["items"]}
    hardest = ("bundle", "configurable", "downloadable", "virtual", "simple")
    return f"{who}, {next(name for name in hardest if name in types)}"


def dead_letter_lines(dead: Iterable[Result]) -> list[Text]:
    """Return for each dead letter what it is, what Salesforce said, and what to do."""
    lines = []
    for result in dead:
        advised = dead_letter_advice(
            result.error_code,
            result.error_message,
            status=result.error_status,
            rule=result.error_rule,
        )
        fields = f" [{', '.join(result.error_fields)}]" if result.error_fields else ""
        lines += [
            Text(f"dead letter: order {result.key}, event {result.event_id}", style="bold red"),
            Text(f"  reason: {result.error_code}{fields}: {result.error_message}"),
            Text(f"  fix: {advised.fix}"),
        ]
    return lines
