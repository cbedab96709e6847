"""`python -m sandbox.magento`: a store that places orders and sends signed webhooks."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from sandbox.magento.sender import Receipt, Sender, disturbed, latency_percentile, statuses
from sandbox.magento.shapes import Shape
from sandbox.magento.store import Store, Webhook


def main(
    *,
    url: Annotated[str, typer.Option(help="Webhook URL of the ingress.")],
    secret: Annotated[
        str, typer.Option(envvar="MAGENTO_WEBHOOK_SECRET", help="HMAC key; better by environment.")
    ],
    orders: Annotated[int, typer.Option(min=1, help="How many orders live their lives.")] = 100,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Webhooks per second, open loop; else flat out.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Requests in flight.")] = 16,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share sent twice.")] = 0.05,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share delivered out of order.")] = 0.05,
    shape: Annotated[Shape, typer.Option(help="Whose bodies: see shapes.py.")] = Shape.BLUEPRINT,
    seed: Annotated[int, typer.Option(help="The same seed is the same store.")] = 1,
    first: Annotated[int, typer.Option(min=1, help="Entity id of the first order.")] = 1,
) -> None:
    """Place orders, move them on, and send every save as a signed webhook."""
    store = Store(seed, shape=shape, first_entity_id=first)
    webhooks = disturbed(
        store.events(orders), seed=seed, duplicate_share=duplicates, late_share=late
    )
    receipts = asyncio.run(_send(webhooks, url, secret, concurrency=concurrency, rate=rate))
    refused = [receipt for receipt in receipts if not receipt.is_accepted]
    console = Console()
    console.print(
        f"{len(receipts)} webhooks of {len(store.orders)} orders and {len(store.customers)} "
        f"customers: {len(receipts) - len(refused)} accepted, {len(refused)} not"
    )
    console.print(
        f"answers {dict(statuses(receipts))}, "
        f"p50 {latency_percentile(receipts, 50) * 1000:.1f} ms, "
        f"p99 {latency_percentile(receipts, 99) * 1000:.1f} ms"
    )
    if refused:
        last = refused[-1]
        console.print(f"last refusal: {last.status} {last.answer or last.error}", style="red")
        raise typer.Exit(1)


async def _send(
    webhooks: list[Webhook], url: str, secret: str, *, concurrency: int, rate: float | None
) -> list[Receipt]:
    async with Sender(url, secret, concurrency=concurrency) as sender:
        return await sender.send_all(webhooks, rate_per_second=rate)


if __name__ == "__main__":
    typer.run(main)
