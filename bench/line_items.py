"""API calls per 1,000 orders with line items: new orders, then the same orders changed.

    python -m bench.line_items [--orders 2000] [--json]

Orders are those of the simulated store (1 to 5 items, and lines for shipping, tax and discount),
mapped by the shipped file with `line_items: opportunity`, in batches of 1,000. "new" includes the
products, which a worker writes once. "changed" is what an update costs the worker that wrote the
orders: their lines again, and the look for lines that are no more.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.line_items import LineDispatcher
from agents.delivery.types import WriteSet, Written
from agents.mapping.mapping import Mapping, default_text
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from agents.worker.org_schema import standard_pricebook
from bench.command import run
from bench.figures import Section
from sandbox.magento.store import Store
from sandbox.salesforce.process import OrgProcess, running_org
from schemas.codec import decode
from schemas.event import Kind
from stream.config import Role, load_settings
from stream.ops.alerts import Alerts

BATCH = 1000
# reference: 3 Collections calls per 200 rows; 1,000 orders have about 5,100 rows of lines
MOST_CALLS_PER_THOUSAND = 20.0


def orders_of(count: int) -> Iterator[Any]:
    """Yield the decoded newest webhook of each order."""
    store = Store(seed=3)
    for _ in range(count):
        _, hooks = store.place()
        newest = [hook for hook in hooks if hook.kind is Kind.ORDER][-1]
        yield decode(newest.body, event=newest.event)


async def send_all(org: OrgProcess, count: int) -> list[tuple[str, int, int, float]]:
    """Return (load, rows of lines, calls, seconds) of both loads."""
    settings = load_settings(
        Role.SALESFORCE,
        env_file=None,
        salesforce_client_id=org.consumer_key,
        salesforce_client_secret=org.client_secret,
        salesforce_auth_flow="client_credentials",
        salesforce_login_url=org.url,
        salesforce_insecure_url=org.url,
        salesforce_calls_per_second=1000.0,
    )
    client = build_client(settings, alerts=Alerts())
    dispatcher = build_dispatcher(settings, client, Alerts(), Interrupt())
    plain = Mapping.parse(default_text().replace("line_items: off", "line_items: opportunity"))
    describes = {name: await client.describe(name) for name in plain.sobjects}
    client.guard_from(describes)
    book = await standard_pricebook(client, plain)
    mapping = plain.refined(describes, standard_pricebook=book)
    bundles = []
    for document in orders_of(count):
        mapped = mapping.apply(document)
        bundles.append(WriteSet(document.key, mapped.rows, mapped.lock_key, lines=mapped.lines))
    lines = sum(len(bundle.lines.keep) for bundle in bundles if bundle.lines)
    try:
        return [await _send(org, dispatcher, name, bundles, lines) for name in ("new", "changed")]
    finally:
        client.close()


async def _send(
    org: OrgProcess, dispatcher: LineDispatcher, name: str, bundles: list[WriteSet], lines: int
) -> tuple[str, int, int, float]:
    ask: Callable[[], Any] = org.summary
    before = (await asyncio.to_thread(ask))["calls_used"]
    began = time.perf_counter()
    for start in range(0, len(bundles), BATCH):
        batch = bundles[start : start + BATCH]
        outcomes = await dispatcher.send(batch)
        if not all(isinstance(outcome, Written) for outcome in outcomes):
            raise SystemExit(
                f"not written: {next(o for o in outcomes if not isinstance(o, Written))}"
            )
    seconds = time.perf_counter() - began
    return name, lines, (await asyncio.to_thread(ask))["calls_used"] - before, seconds


async def measure(options: argparse.Namespace) -> Section:
    """Send the orders, then the same orders changed."""
    section = Section("line_items", "Line items", TEXT)
    with running_org() as org:
        org.settings(daily_limit=10**9, history_limit=0)
        for name, lines, calls, seconds in await send_all(org, options.orders):
            per_thousand = calls * 1000 / options.orders
            most = {"most": MOST_CALLS_PER_THOUSAND}
            section.add(f"lines of an order, {name}", "", [lines / options.orders])
            section.add(f"API calls for 1,000 orders, {name}", "", [per_thousand], **most)
            section.add(f"rate, {name}", "orders/s", [options.orders / seconds])
    return section


TEXT = (
    "Orders of the simulated store, written with their lines in batches of 1,000 by dispatcher and "
    "real client; `changed` are the same orders again, which looks for lines that are no more."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    run(measure, parser)


if __name__ == "__main__":
    main()
