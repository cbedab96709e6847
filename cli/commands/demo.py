"""`orderstream demo`: the main job end to end, in front of you, on this machine alone."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.console.simulators import need_sandbox
from cli.console.terminal import EXIT_INTERRUPTED, EXIT_NO, fail


def demo(  # noqa: PLR0917 - each is an option
    orders: Annotated[int, typer.Option(min=10, max=5000, help="How many orders live.")] = 120,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Worker processes.")] = 1,
    brokers: Annotated[
        int, typer.Option(min=1, max=5, help="Kafka brokers; 3 is replication 3, min.insync 2.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="The same seed is the same store.")] = 1,
    profile: Annotated[
        str, typer.Option(help="Kind of org: plain, or awkward (large, old, not English).")
    ] = "plain",
    store: Annotated[
        str, typer.Option(help="Kind of store: plain, or real-world (every known shape of body).")
    ] = "plain",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything up until Ctrl-C, and say where.")
    ] = False,
) -> None:
    """Run everything here: Kafka, a simulated Salesforce and store, ingress, workers, relay.

    The store places and updates orders and sends signed webhooks: some twice, some late, one that
    Salesforce refuses. Exit 0: the balance holds and Salesforce has the newest state of every
    order. 1: it does not, or a process died. Your settings and .env are not used, except
    KAFKA_BOOTSTRAP_SERVERS, and with several brokers not that either.

    Example: orderstream demo --orders 300 --keep
    """
    need_sandbox("the demo")
    from cli.demo.orders import STORES
    from cli.demo.run import Demo

    if store not in STORES:
        fail(f"--store: there are {', '.join(STORES)}")
    demo_run = Demo(
        orders=orders,
        workers=workers,
        brokers=brokers,
        seed=seed,
        keep=keep,
        org_profile=profile,
        store=store,
    )
    try:
        is_good = asyncio.run(demo_run.run())
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if not is_good:
        raise typer.Exit(EXIT_NO)
