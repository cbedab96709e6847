"""Canaries in every secret and in every personal field; the pipe works and fails, and nothing of
them is in any log, metric, error body, alert, trace or masked command.

There is no list of exceptions.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from pydantic import SecretStr
from support.canary_story import SECRET, Collector, alerts, collector

from sandbox.magento.numbered import numbered_order, order_number
from sandbox.magento.sender import sign
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import CUSTOMER_SAVED, ORDER_SAVED
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline
from sandbox.processes import Processes, orderstream
from schemas.event import Kind
from stream.config import Settings

__all__ = ["alerts", "collector"]

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]
FIRST, LAST, STREET, HOUSE = "Zqfirst", "Zqlast-O'Dowd", "Zqstreetname", "Zqbackhouse"
MAIL, PHONE, PROTECT, IP = (
    "zqmail.person@zq.example",
    "+49 30 90182-7731",
    "zqprotect7",
    "203.0.113.77",
)


PERSONAL = (
    *(FIRST, LAST, STREET, HOUSE, PHONE, PROTECT, IP),
    *("zqmail", "Zqcompany", "ZQ97ZZ", "Zqcity", "zqnote", "Zqlong"),
)


QUOTE = f"{FIRST} {LAST} ({MAIL}, {PHONE}) of {STREET} 7, {HOUSE}, Zqcity may not buy"
ACCESS_TOKEN = re.compile(r"00D\w{12,}!\S{8,}")
REFUSED, LOCKED, POISONED, STRANGE, LAST_ORDER, GOOD = range(1, 7)


def an_order(n: int, **more: Any) -> dict[str, Any]:
    address = {
        "address_type": "billing",
        "firstname": FIRST,
        "lastname": LAST,
        "company": "Zqcompany",
        "street": [f"{STREET} 7", HOUSE],
        "city": "Zqcity",
        "region": "Ohio",
        "postcode": "ZQ97ZZ",
        "country_id": "US",
        "telephone": PHONE,
        "email": MAIL,
    }
    person = {
        "customer_email": MAIL,
        "customer_firstname": FIRST,
        "customer_lastname": LAST,
        "customer_note": "zqnote: leave it at the door",
        "protect_code": PROTECT,
        "remote_ip": IP,
        "x_forwarded_for": IP,
        "billing_address": address,
        "extension_attributes": {
            "shipping_assignments": [
                {"shipping": {"address": address | {"address_type": "shipping"}}}
            ]
        },
    }
    return numbered_order(n, 1) | person | more


def secrets() -> dict[str, str]:
    """Return a canary for every secret setting."""
    names = [n for n, f in Settings.model_fields.items() if f.annotation is SecretStr]
    assert len(names) >= 10
    return {name.upper(): SECRET.format(name) for name in names}


class Story:
    """One run of the pipe; `seen` is all it showed anybody, by where."""

    def __init__(self, pipeline: Pipeline, secret: str) -> None:
        self.pipeline = pipeline
        self.secret = secret
        self.seen: dict[str, str] = {}

    async def post(self, what: str, body: bytes, *, signature: str | None = None) -> int:
        headers = {"X-Magento-Signature": signature or sign(body, self.secret)}
        return await self.ask(what, "POST", self.pipeline.webhook_url, data=body, headers=headers)

    async def ask(self, what: str, method: str, url: str, **options: Any) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, **options) as answer,
        ):
            self.seen[f"answer: {what}"] = f"{answer.headers} {await answer.text()}"
            return answer.status

    async def command(self, *arguments: str) -> None:
        process = self.pipeline.processes.spawn(
            f"command {' '.join(arguments)}", *orderstream(*arguments), env=self.pipeline.env
        )
        process.is_stopping = True
        await process.wait(timeout_seconds=60)

    def lines(self, name: str) -> list[dict[str, Any]]:
        log = self.pipeline.processes[name].output
        return [orjson.loads(line) for line in log.splitlines() if line]


async def until(condition: Any, what: str) -> None:
    try:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"never: {what}")


async def refusals(story: Story) -> None:
    """Make the ingress refuse whatever can be refused."""
    good = webhook_body(an_order(GOOD), Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT)
    person = {"customer_firstname": FIRST, "customer_email": MAIL}
    assert await story.post("bad signature", good, signature=f"sha256={'0' * 64}") == 401
    assert await story.post("old signature kind", good, signature=story.secret) in (400, 401)
    assert await story.post("no JSON", good[:-40]) == 400
    assert await story.post("no id", orjson.dumps({"event": ORDER_SAVED, "order": person})) == 400
    url = f"{story.pipeline.ingress_url}/{LAST}?email={MAIL}"
    assert await story.ask("no such page", "GET", url) == 404


async def failures(story: Story, org: OrgRemote) -> None:
    """Make Salesforce refuse rows, calls and the login, quoting the customer wherever it can."""
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    for n, kind, more in (
        (REFUSED, "row_error", {"code": code, "message": QUOTE}),
        (LOCKED, "row_error", {"code": "UNABLE_TO_LOCK_ROW", "message": QUOTE}),
        (POISONED, "poison", {"status": 400, "code": "JSON_PARSER_ERROR", "message": QUOTE}),
    ):
        await org.arm(
            {"kind": kind, "external_id": order_number(n), "sobject": "Opportunity", **more}
        )
    person = {"customer_lastname": "Zqlongname" * 40, "customer_email": "zqmail.bad at home"}
    strange = an_order(STRANGE, **person)
    strange["billing_address"] |= {"street": [f"{STREET} " * 60], "country_id": "Zqland"}
    for order in (*map(an_order, (REFUSED, LOCKED, POISONED, GOOD)), strange):
        n = order["entity_id"]
        body = webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT)
        assert await story.post(f"order {n}", body) == 200
    customer = {"id": 7, "email": MAIL, "firstname": FIRST, "lastname": LAST}
    body = orjson.dumps(
        {"event": CUSTOMER_SAVED, "customer": customer | {"updated_at": "2026-01-01 10:00:00"}}
    )
    assert await story.post("customer", body) == 200


def failed(story: Story, n: int, outcome: str) -> list[dict[str, Any]]:
    return [
        line
        for line in story.lines("worker-1")
        if line["event"] == "record_failed"
        and line["key"] == order_number(n)
        and line["outcome"] == outcome
    ]


async def test_no_canary_is_in_anything_the_pipe_says(
    bootstrap_servers: str,
    topic_prefix: str,
    tmp_path: Path,
    alerts: tuple[str, list[str]],
    collector: Collector,
) -> None:
    url, texts = alerts
    planted = secrets()
    secret = planted["MAGENTO_WEBHOOK_SECRET"]
    del planted["SALESFORCE_CLIENT_ID"]  # the simulator's own, checked below
    env = planted | {
        "KAFKA_TOPIC_PREFIX": topic_prefix,
        "KAFKA_PARTITIONS": "2",
        "ALERT_WEBHOOK_URL": url,
        "ALERT_DEAD_LETTERS": "1",
        "RETRY_DELAYS": "1s,2s",
        "SALESFORCE_AUTH_PROBE_SECONDS": "0.5",
        "LOG_LEVEL": "debug",
        "TRACING_OTLP_ENDPOINT": collector.url,
    }
    async with Processes(tmp_path / "run") as processes:
        pipeline = await Pipeline.start(processes, bootstrap_servers=bootstrap_servers, env=env)
        story = Story(pipeline, secret)
        async with OrgRemote(pipeline.salesforce_url) as org:
            await refusals(story)
            await failures(story, org)
            for n in (REFUSED, POISONED, LOCKED):
                await until(lambda n=n: failed(story, n, "dead"), f"order {n} is dead")
            assert failed(story, LOCKED, "retry")
            reached = await org.records("Contact")
            assert LAST in str(reached)  # the canaries did travel
            await org.arm({"kind": "auth_refused"})
            await org.arm({"kind": "expire_tokens"})
            body = webhook_body(an_order(LAST_ORDER), Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT)
            assert await story.post("order without login", body) == 200
            await until(lambda: any("auth_broken" in text for text in texts), "an alert")
            await until(lambda: any("dead_letters" in text for text in texts), "dead letters alert")
        for name, base in pipeline.status_urls.items():
            await story.ask(f"metrics of {name}", "GET", f"{base}/metrics")
            await story.ask(f"readyz of {name}", "GET", f"{base}/readyz")
        await asyncio.gather(
            story.command("dlq", "list", "--json"),
            story.command("dlq", "list", "--letters"),
            story.command("trace", order_number(REFUSED)),
            story.command("trace", order_number(STRANGE), "--json"),
            story.command("doctor", "--live", "--all"),
        )
        await processes.stop_all()
        for name in ("worker-1", "relay", "ingress"):
            assert all("event" in line or "listening" in line for line in story.lines(name)), name
    check_failed_lines(story)
    check_traces(collector)
    story.seen["traces"] = collector.text
    story.seen |= {path.name: path.read_text() for path in (tmp_path / "run").glob("*.log")}
    story.seen["alerts"] = "\n".join(texts)
    key = (tmp_path / "run" / "server.key").read_text().splitlines()[2]
    leaks = [
        f"{where}: {canary}: {text[max(0, at - 120) : at + 60]!r}"
        for where, text in story.seen.items()
        for canary in (*PERSONAL, "zqsecret", key)
        if (at := text.casefold().find(canary.casefold())) >= 0
    ]
    leaks += [where for where, text in story.seen.items() if ACCESS_TOKEN.search(text)]
    assert not leaks, "\n".join(leaks)


def check_traces(collector: Collector) -> None:
    """A trace leads from the webhook through Kafka to the call that wrote the order."""
    accepts = {span.span_id: span.trace_id for span in collector.spans["accept"]}
    assert len(accepts) >= 7
    batches = {span.span_id: span for span in collector.spans["batch"]}
    linked = {link.span_id for span in batches.values() for link in span.links}
    assert set(accepts) <= linked
    calls = collector.spans["salesforce composite"]
    assert all(call.parent_span_id in batches for call in calls)
    synced = collector.spans["event synced"]
    assert {span.trace_id for span in synced} <= set(accepts.values())


def check_failed_lines(story: Story) -> None:
    """The wide lines say what the person on call needs."""
    line = failed(story, REFUSED, "dead")[0]
    assert line["code"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert "may not buy" in line["message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", line["event_id"])
    assert line["tier"].endswith("salesforce.dlq")
    assert failed(story, LOCKED, "retry")[0]["tier"].endswith("salesforce.retry.1s")
    batches = [line for line in story.lines("worker-1") if line["event"] == "batch"]
    assert sum(line["events"] for line in batches) >= 7
    assert all({"seconds", "offsets", "orders", "oldest_seconds"} <= set(line) for line in batches)
