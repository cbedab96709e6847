"""The demo's books: three witnesses, one verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.demo.orders import DemoOrders
from cli.demo.outcomes import Outcomes
from cli.demo.report import Disagreement, dead_letter_lines, disagreements, order_table
from sandbox.magento.sender import Receipt
from sandbox.org_remote import OrgRemote
from schemas.event import Kind
from stream.audit.audit import run_audit
from stream.audit.outcome_bitmap import Balance
from stream.config import Settings

SHOWN_TROUBLES = 10


@dataclass(frozen=True, slots=True)
class ReportData:
    """What is known when all is quiet, from the store's, Salesforce's and Kafka's side."""

    story: DemoOrders
    receipts: list[Receipt]
    outcomes: Outcomes
    records: list[dict[str, Any]]
    writes: dict[str, int]
    summary: dict[str, Any]
    balance: Balance

    @classmethod
    async def open(
        cls,
        story: DemoOrders,
        receipts: list[Receipt],
        outcomes: Outcomes,
        org: OrgRemote,
        settings: Settings,
    ) -> ReportData:
        digests = await org.digests("Opportunity")
        audit = await run_audit(settings, grace_seconds=0)
        return cls(
            story=story,
            receipts=receipts,
            outcomes=outcomes,
            records=await org.records("Opportunity"),
            writes={item["key"]: item["writes"] for item in digests},
            summary=await org.summary(),
            balance=audit.total,
        )

    @property
    def refused(self) -> list[Receipt]:
        """The webhooks that the ingress did not take."""
        return [receipt for receipt in self.receipts if not receipt.is_accepted]

    @property
    def disagreements(self) -> list[Disagreement]:
        """Where store and Salesforce differ, the order of the dead letter aside."""
        left_out = self.story.refused
        orders = self.story.store.orders
        return disagreements(
            {number: order for number, order in orders.items() if number != left_out},
            [item for item in self.records if item["Magento_Order_ID__c"] != left_out],
        )

    @property
    def is_good(self) -> bool:
        """Whether everything is accounted for, and Salesforce has the newest of everything."""
        balance = self.balance
        return all(
            (
                balance.is_balanced and not balance.pending,
                balance.accepted == len(self.receipts) - len(self.refused),
                not self.refused,
                not self.disagreements,
                not self.summary["stale_writes"],
                not self.summary["duplicates"],
            )
        )

    def show(self, console: Console) -> None:
        """Print the table, the dead letters, both sides' agreement, and the balance line last."""
        orders, summary = self.story.store.orders, self.summary
        webhooks = Counter(r.webhook.key for r in self.receipts if r.webhook.kind is Kind.ORDER)
        console.print(order_table(orders, self.records, self.writes, webhooks))
        for line in dead_letter_lines(self.outcomes.dead):
            console.print(line)
        console.print(
            f"Salesforce: {summary['calls']:,} calls for {summary['rows']:,} rows, "
            f"{len(self.outcomes.retried)} events retried, {summary['stale_writes']} stale "
            f"writes, {len(summary['duplicates'])} duplicate records"
        )
        self._show_trouble(console)
        console.print(Text(self.balance.line, style="bold green" if self.is_good else "bold red"))

    def _show_trouble(self, console: Console) -> None:
        for receipt in self.refused[:SHOWN_TROUBLES]:
            line = f"not accepted: {receipt.status} {receipt.answer or receipt.error}"
            console.print(Text(line, style="red"))
        different = self.disagreements
        for item in different[:SHOWN_TROUBLES]:
            console.print(Text(f"order {item.number}: {item.what}", style="red"))
        if not different:
            count = len(self.story.store.orders) - 1
            console.print(f"store and Salesforce agree on all {count} other orders, to the cent")
