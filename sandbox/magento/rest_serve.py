"""`python -m sandbox.magento.rest_serve`: a store with many orders, to read by REST.

Prints the settings that orderstream needs for it as lines of a `.env` file.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Annotated

import typer

from sandbox.magento.numbered import STARTS_AT, numbered_order
from sandbox.magento.orders import stamp
from sandbox.magento.rest import RestStore
from sandbox.magento.rest_index import Document, Rows

ORDERS_PER_SECOND = 3  # several orders of one second: the time alone is no key


def second_of(n: int) -> str:
    """Return when generated order `n` was saved last."""
    return stamp(STARTS_AT + timedelta(seconds=n // ORDERS_PER_SECOND))


def generated_order(n: int) -> Document:
    """Return generated order `n`: version 1 of a numbered order, saved at its own second."""
    return numbered_order(n, 1) | {"updated_at": second_of(n), "created_at": second_of(n)}


def generated_rows(count: int) -> Rows:
    """Return so many orders, made when they are asked for."""
    return Rows.generated(count, generated_order, second_of)


def main(
    *,
    orders: Annotated[int, typer.Option(min=0, help="How many orders the store has.")] = 1000,
    port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    max_page_size: Annotated[int, typer.Option(min=1, help="The store's input limit.")] = 300,
) -> None:
    """Serve until stopped."""
    asyncio.run(_serve(orders, port, max_page_size))


async def _serve(orders: int, port: int, max_page_size: int) -> None:
    store = RestStore(orders=generated_rows(orders), max_page_size=max_page_size)
    async with store.serve(port):
        for name, value in store.env.items():
            sys.stdout.write(f"{name}={value}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    typer.run(main)
