"""Rows per second and API calls: our dispatcher against the obvious sender, on one simulated org.

    python -m bench.salesforce [--orders 24000] [--naive-orders 40] [--latency-ms 300] [--runs 3]

| load | rows of an order |
|---|---|
| new | Account, Contact and Opportunity of a new customer: up to 600 rows a call |
| changed | the Opportunity alone, its customer is known: 200 rows a call |

Both senders have the same org (a process of its own), the same latency per call and the same number
of calls in flight. The naive sender does what the obvious script does: for each of an order's
records, query for it, then create or update it. The physical bound is calls in flight x rows per
call / latency: nobody who keeps to it can be faster. It is judged on the load `changed`: at 600
rows a call it is 20,000 rows/s, more than org and sender can compute on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.line_items import LineDispatcher
from agents.delivery.types import WriteSet, Written
from agents.salesforce.api.wiring import build_client
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from bench.command import run
from bench.figures import Section
from sandbox.salesforce.process import OrgProcess, running_org
from schemas.salesforce import Row
from stream.config import Role, Settings, load_settings
from stream.ops.alerts import Alerts
from stream.ops.gc_tuning import settle_garbage_collector

CUSTOMER = "Magento_Customer_Key__c"
ORDER = "Magento_Order_ID__c"
IN_FLIGHT = 10
LEAST_SHARE_OF_BOUND = 0.9
LEAST_ROWS_PER_CALL_FACTOR = 100
MOST_CALLS_PER_THOUSAND = 5.5


@dataclass(frozen=True, slots=True)
class Result:
    """What one sender achieved; `rows_per_call` counts the calls that the org counted."""

    name: str
    orders: int
    rows: int
    calls: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    @property
    def rows_per_call(self) -> float:
        return self.rows / self.calls

    @property
    def calls_per_thousand_orders(self) -> float:
        return self.calls * 1000 / self.orders

    def bound(self, latency_seconds: float) -> float:
        """Return the rows per second that no sender with so many rows per call can pass."""
        return IN_FLIGHT * self.rows_per_call / latency_seconds

    def share_of_bound(self, latency_ms: float) -> float:
        return self.rows_per_second / self.bound(latency_ms / 1000)


def records_of(number: int, amount: float) -> list[tuple[str, str, str, dict[str, object]]]:
    """Return (sObject, external-ID field, external id, fields) of an order's records."""
    who = f"customer{number}@example.com"
    link = {"Account": {CUSTOMER: who}}
    opportunity = {
        "Name": f"Order {number}",
        "StageName": "Prospecting",
        "CloseDate": "2026-02-01",
        "Amount": amount,
    }
    return [
        ("Account", CUSTOMER, who, {"Name": f"Customer {number}"}),
        ("Contact", CUSTOMER, who, {"LastName": f"Customer {number}", **link}),
        ("Opportunity", ORDER, f"{number:09d}", {**opportunity, **link}),
    ]


def bundle_of(number: int, amount: float) -> WriteSet:
    """Return an order as the shipped mapping makes it."""
    account, contact, opportunity = records_of(number, amount)
    rows = (
        Row(*account[:3], insert_fields=account[3]),
        Row(*contact[:3], insert_fields=contact[3]),
        Row(*opportunity[:3], fields=opportunity[3]),
    )
    return WriteSet(f"{number:09d}", rows, lock_key=account[2])


async def counted(
    name: str, org: OrgProcess, orders: int, send: Callable[[], Awaitable[None]]
) -> Result:
    """Let a sender write orders and count what the org saw."""
    before = await asyncio.to_thread(org.summary)
    started = time.perf_counter()
    await send()
    seconds = time.perf_counter() - started
    after = await asyncio.to_thread(org.summary)
    if after["duplicates"]:
        raise SystemExit(f"{name} wrote records twice")
    calls = after["calls_used"] - before["calls_used"]
    return Result(name, orders, after["writes"] - before["writes"], calls, seconds)


class NaiveSender:
    """Queries for each record, then creates or updates it: one record at a time, orders at once."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession, token: str) -> None:
        self._base = f"{settings.salesforce_login_url}/services/data/v60.0"
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, numbers: Sequence[int]) -> None:
        slots = asyncio.Semaphore(IN_FLIGHT)

        async def one(number: int) -> None:
            async with slots:
                for record in records_of(number, 99.5):
                    await self._save(*record)

        await asyncio.gather(*(one(number) for number in numbers))

    async def _save(self, sobject: str, key: str, value: str, fields: dict[str, object]) -> None:
        query = f"SELECT Id FROM {sobject} WHERE {key} = '{value}'"  # noqa: S608 - our own values
        found = await self._ask("GET", "/query", params={"q": query})
        body = {key: value, **fields}
        if found["records"]:
            await self._ask("PATCH", f"/sobjects/{sobject}/{found['records'][0]['Id']}", json=body)
        else:
            await self._ask("POST", f"/sobjects/{sobject}", json=body)

    async def _ask(self, method: str, path: str, **more: object) -> dict[str, list[dict[str, str]]]:
        url = self._base + path
        async with self._http.request(method, url, headers=self._headers, **more) as answer:  # type: ignore[arg-type]  # checked by what calls it
            answer.raise_for_status()
            return await answer.json() if answer.content_length else {}


def settings_for(org: OrgProcess) -> Settings:
    """Return settings whose only limit is the number of calls in flight."""
    return load_settings(
        Role.SALESFORCE,
        env_file=None,
        salesforce_client_id=org.consumer_key,
        salesforce_client_secret=org.client_secret,
        salesforce_auth_flow="client_credentials",
        salesforce_login_url=org.url,
        salesforce_insecure_url=org.url,
        salesforce_concurrency=IN_FLIGHT,
        salesforce_calls_per_second=10_000,
        salesforce_daily_share=1.0,
    )


async def measure_ours(org: OrgProcess, settings: Settings, orders: int) -> list[Result]:
    """Send orders, then the same orders with another amount, by dispatcher and real client."""
    dispatchers: list[LineDispatcher] = []

    def note(usage: Usage) -> None:
        dispatchers[0].gate.note_usage(usage)

    async def send(bundles: Sequence[WriteSet]) -> None:
        outcomes = await dispatchers[0].send(bundles)
        if not all(isinstance(outcome, Written) for outcome in outcomes):
            raise SystemExit("not every order was written")

    client = build_client(settings, alerts=Alerts(), on_usage=note)
    dispatchers.append(build_dispatcher(settings, client, Alerts(), Interrupt()))
    fresh = [bundle_of(number, 99.5) for number in range(orders)]
    edited = [bundle_of(number, 88.5) for number in range(orders)]
    try:
        await client.guard(["Account", "Contact", "Opportunity"])
        new = await counted("ours, new", org, orders, lambda: send(fresh))
        changed = await counted("ours, changed", org, orders, lambda: send(edited))
    finally:
        client.close()
    return [new, changed]


async def measure_naive(org: OrgProcess, settings: Settings, orders: int) -> Result:
    """Send orders by the naive sender, to the same org, after ours."""
    async with aiohttp.ClientSession() as http:
        form = {
            "grant_type": "client_credentials",
            "client_id": org.consumer_key,
            "client_secret": org.client_secret,
        }
        async with http.post(f"{org.url}/services/oauth2/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        naive = NaiveSender(settings, http, token)
        numbers = range(10**6, 10**6 + orders)
        return await counted("naive, new", org, orders, lambda: naive.send(numbers))


async def compare(*, orders: int, naive_orders: int, latency_ms: float) -> list[Result]:
    """Return what ours (new, changed) and the naive sender achieved on one fresh org."""
    with running_org() as org:
        org.settings(latency_ms=latency_ms, daily_limit=10**9, history_limit=0)
        settings = settings_for(org)
        ours = await measure_ours(org, settings, orders)
        return [*ours, await measure_naive(org, settings, naive_orders)]


def section(runs: Sequence[Sequence[Result]], latency_ms: float) -> Section:
    """Return the runs, each with its results, as a part of docs/benchmarks.md."""
    text = (
        f"Our dispatcher and real client against the obvious sender (query, then create or update, "
        f"record by record), both with {IN_FLIGHT} calls in flight and {latency_ms:.0f} ms a call. "
        "New orders have three records, changed ones send the Opportunity alone."
    )
    part = Section("salesforce", "Writing to Salesforce", text)
    for results in zip(*runs, strict=True):
        name = results[0].name
        part.add(f"{name}: rate", "rows/s", [each.rows_per_second for each in results])
        part.add(f"{name}: rows in a call", "rows", [each.rows_per_call for each in results])
    shares = [100 * changed.share_of_bound(latency_ms) for _, changed, _ in runs]
    factors = [
        min(new.rows_per_call, changed.rows_per_call) / naive.rows_per_call
        for new, changed, naive in runs
    ]
    calls = [new.calls_per_thousand_orders for new, _, _ in runs]
    least = 100 * LEAST_SHARE_OF_BOUND
    part.add("of the bound: calls in flight x rows / latency", "%", shares, least=least)
    part.add("rows per call, naive = 1", "x", factors, least=LEAST_ROWS_PER_CALL_FACTOR)
    part.add("calls for 1,000 new orders", "", calls, most=MOST_CALLS_PER_THOUSAND)
    return part


async def measure(options: argparse.Namespace) -> Section:
    """Let both senders write to a fresh org in each run."""
    settle_garbage_collector()  # as a worker does
    runs = [
        await compare(
            orders=options.orders,
            naive_orders=options.naive_orders,
            latency_ms=options.latency_ms,
        )
        for _ in range(options.runs)
    ]
    return section(runs, options.latency_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=24_000)
    parser.add_argument("--naive-orders", type=int, default=40)
    parser.add_argument("--latency-ms", type=float, default=300.0)
    parser.add_argument("--runs", type=int, default=3, help="each on a fresh org")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    run(measure, parser)


if __name__ == "__main__":
    main()
