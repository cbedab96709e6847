"""What one slow record, call or customer costs everybody else.

    python -m bench.slow_neighbours [--seconds 20] [--runs 3] [--json]

The worker's own part against an org that is a clock (see `bench.org_latency`): 20 orders/s in any
number of calls, 80 ms a call and 12 ms a row. Each neighbour is measured in turn with the same load
without it. Judged are the orders that are not the neighbour's.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.pacing.sizing import Org, percentile
from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import NoAnswerError
from bench.command import options_of, run
from bench.figures import Section
from bench.orders import Template
from bench.org_latency import UNLIMITED, Case, ClockOrg, latencies_of
from schemas.salesforce import Row, RowError, RowResult

CASE = Case(Org(5, UNLIMITED, 0.012), 20)
MOST_MORE_MS = 100.0
NEIGHBOUR = 900_000  # far from the numbers of the others
LOCK_WAIT_SECONDS = 10.0  # Salesforce waits so long for a lock before it refuses the row
HANGS_SECONDS = 30.0
LOCKED = RowResult(False, errors=(RowError("UNABLE_TO_LOCK_ROW", "unable to obtain lock"),))


@dataclass(slots=True)
class LockedRecordOrg(ClockOrg):
    """Holds each call that has the neighbour's row, and refuses that row."""

    number: str = field(default_factory=lambda: str(Template.make().first + NEIGHBOUR))

    def is_neighbour(self, row: Row) -> bool:
        return self.number in row.external_id

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        answers = await ClockOrg.composite(self, collections)
        if not any(self.is_neighbour(row) for each in collections for row in each.rows):
            return answers
        await asyncio.sleep(LOCK_WAIT_SECONDS)
        return [
            CollectionAnswer(
                results=tuple(
                    LOCKED if self.is_neighbour(row) else RowResult(True, "001", True)
                    for row in each.rows
                )
            )
            for each in collections
        ]


@dataclass(slots=True)
class HangingCallOrg(LockedRecordOrg):
    """Never answers the first call that has the neighbour's row: its deadline ends it."""

    hung: int = 0

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        rows = [row for each in collections for row in each.rows]
        if not self.hung and any(self.is_neighbour(row) for row in rows):
            self.hung += 1
            await asyncio.sleep(HANGS_SECONDS)
            raise NoAnswerError("no answer", kind=ErrorKind.TRANSIENT, is_outcome_unknown=True)
        return await ClockOrg.composite(self, collections)


def same_order(count: int) -> list[bytes]:
    """Return saves of the neighbour's order."""
    template = Template.make()
    return [template.order(NEIGHBOUR, version) for version in range(1, count + 1)]


def same_customer(count: int) -> list[bytes]:
    """Return so many orders of one customer."""
    template = Template.make()
    buyer = template.first + NEIGHBOUR
    return [template.order(NEIGHBOUR + 3 * number, 1, buyer) for number in range(count)]


NEIGHBOURS: dict[str, tuple[type[ClockOrg], Sequence[bytes]]] = {
    "one record that stays locked": (LockedRecordOrg, same_order(20)),
    "one call that hangs to its deadline": (HangingCallOrg, same_order(1)),
    "one customer with 5,000 orders": (ClockOrg, same_customer(5000)),
}


async def measure(options: argparse.Namespace) -> Section:
    """Measure the load without and with each neighbour, in turn."""
    section = Section("slow_neighbours", "Slow neighbours", TEXT)
    template = Template.make()
    orders = [template.order(number, 1) for number in range(int(CASE.rate * options.seconds))]
    for name, (org, beside) in NEIGHBOURS.items():
        alone: list[float] = []
        together: list[float] = []
        more: list[float] = []
        for _ in range(options.runs):
            for found, neighbours in ((alone, ()), (together, beside)):
                client = (org if neighbours else ClockOrg)(CASE.org)
                latencies = await latencies_of(CASE, client, orders, neighbours)
                found.append(1000 * percentile(latencies, 0.99))
            more.append(together[-1] - alone[-1])
        section.add(f"p99 of the others without {name}", "ms", alone)
        section.add(f"p99 of the others with {name}", "ms", together)
        section.add(f"p99 of the others rises by, with {name}", "ms", more, most=MOST_MORE_MS)
    return section


TEXT = (
    "20 orders/s of new customers on 5 slots, 80 ms a call and 12 ms a row, in the worker's own "
    "part, with and without a neighbour that is slow. Locked: each call with that record "
    "takes 10 s more and refuses its row; it is saved once a second. Hanging: one call of that "
    "record takes 30 s and brings no answer. A customer with 5,000 orders is one lock: how fast "
    "those are written is bounded by Salesforce, where an Account has one writer at a time."
)


def main() -> None:
    run(measure, options_of(__doc__, seconds=20, runs=3))


if __name__ == "__main__":
    main()
