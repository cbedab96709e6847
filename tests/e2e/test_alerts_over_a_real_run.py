"""The alert rules over what real processes said: silent while all is well, loud in their stories.

The scrapes of a run are the samples of the series, a minute apart; promtool evaluates the rules.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cli.demo.orders import REFUSAL
from sandbox.magento.sender import Sender
from sandbox.magento.store import Store
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline, worker_name
from sandbox.ports import free_port
from sandbox.processes import PROJECT_DIRECTORY, Processes, answers, orderstream

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.proof,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="starts the sandbox's processes"),
]
RULES = PROJECT_DIRECTORY / "deploy" / "prometheus" / "alerts.yml"
ALERTS = [
    rule["alert"]
    for group in yaml.load(RULES.read_text(), Loader=yaml.CSafeLoader)["groups"]
    for rule in group["rules"]
]
HOUR_MINUTES = 60
WRITES_HELD = 'orderstream_alert_active{alert="writes_held"'
GROWING = 'orderstream_alert_active{alert="dead_letters_growing"'
UNDER_WAY = (
    "kafka_consumergroup_lag_sum",
    "orderstream_retry_depth",
    "orderstream_breaker_state",
    WRITES_HELD,
)
SECONDS = 60
FIRED = re.compile(r'Labels:\{(?:alert="(\w+)", )?alertname="(\w+)"')


@dataclass
class Recording:
    """The samples of every series, one column per round of scrapes; `None`: it was not there."""

    urls: dict[str, str]
    rounds: int = 0
    series: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    async def scrape(self) -> None:
        """Ask every process once."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for job, url in self.urls.items():
                try:
                    async with http.get(f"{url}/metrics") as answer:
                        text = await answer.text()
                except aiohttp.ClientError:
                    continue  # as with Compose: a name that is gone is no target, and has no `up`
                own = {"job": f"orderstream-{job}", "instance": job}
                self._note("up", own, 1.0)
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        self._note(sample.name, sample.labels | own, sample.value)
        self.rounds += 1

    def _note(self, name: str, labels: dict[str, str], value: float) -> None:
        shown = ", ".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
        self.series[f"{name}{{{shown}}}"][self.rounds] = value

    def forget_last(self) -> None:
        self.rounds -= 1
        for samples in self.series.values():
            samples.pop(self.rounds, None)

    def last(self, start: str) -> float:
        """Return the sum of the newest samples of series; -1 when the last round has none."""
        now = self.rounds - 1
        own = (found for key, found in self.series.items() if key.startswith(start))
        found = [samples[now] for samples in own if now in samples]
        return sum(found) if found else -1

    def firing(self, folder: Path, *, minutes: list[int], held: int = 0) -> set[str]:
        """Return the alerts that fire at one of the minutes; the last sample is `held` so long.

        What a process says itself goes by its own name: it is all one rule.
        """
        if (promtool := shutil.which("promtool")) is None:
            pytest.skip("promtool is not installed (Debian: apt install prometheus)")
        found = [
            {"series": series, "values": self._values(samples, held)}
            for series, samples in self.series.items()
        ]
        asked = [
            {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
            for minute in minutes
            for name in ALERTS
        ]
        test = {"interval": "1m", "input_series": found, "alert_rule_test": asked}
        path = folder / f"run-{self.rounds}.yml"
        path.write_text(
            yaml.safe_dump(
                {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
            )
        )
        done = subprocess.run(
            [promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        fired = {own or rule for own, rule in FIRED.findall(said)}
        assert fired or done.returncode == 0, said[-2000:]
        return fired

    def _values(self, samples: dict[int, float], held: int) -> str:
        shown = [f"{samples[n]:g}" if n in samples else "_" for n in range(self.rounds)]
        return " ".join(shown + [shown[-1]] * held)


@pytest.fixture
async def pipe(tmp_path, bootstrap_servers, topic_prefix):
    async with Processes(tmp_path / "run") as processes:
        env = {"KAFKA_TOPIC_PREFIX": topic_prefix, "KAFKA_PARTITIONS": "2", "RETRY_DELAYS": "1s,2s"}
        pipeline = await Pipeline.start(processes, bootstrap_servers=bootstrap_servers, env=env)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        serve = orderstream("lag", "--serve", "--port", str(port))
        await processes.start("lag", *serve, env=pipeline.env, ready=answers(f"{url}/readyz"))
        pipeline.status_urls["lag"] = url
        yield pipeline


def recording(pipeline: Pipeline) -> Recording:
    urls = dict(pipeline.status_urls)
    return Recording(
        {"worker" if name == worker_name(1) else name: url for name, url in urls.items()}
    )


async def traffic(pipeline: Pipeline, orders: int, *, first: int = 1) -> None:
    store = Store(1, first_entity_id=first)
    async with Sender(pipeline.webhook_url, pipeline.secret) as sender:
        receipts = await sender.send_all(list(store.events(orders)))
    assert all(receipt.is_accepted for receipt in receipts)


async def scraped_until(recorded: Recording, is_true: Callable[[], bool]) -> None:
    """Scrape until the series say so: however long that takes, one minute of the recording."""
    deadline = time.monotonic() + SECONDS
    await recorded.scrape()
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.2)
        recorded.forget_last()
        await recorded.scrape()


def is_calm(recorded: Recording) -> bool:
    """Whether nothing is under way: what the last sample says is held for an hour."""
    return all(recorded.last(name) <= 0 for name in UNDER_WAY)  # -1: it was never said


async def test_silent_while_all_is_well_and_loud_in_three_stories(pipe, tmp_path):
    # All is well: before the first event, in traffic, and in the quiet hour after it.
    recorded = recording(pipe)
    for _ in range(3):
        await recorded.scrape()
    await traffic(pipe, 20)
    await scraped_until(
        recorded, lambda: recorded.last("orderstream_outcomes_total") >= 20 and is_calm(recorded)
    )
    assert len(recorded.series) > 300
    minutes = [*range(recorded.rounds), recorded.rounds + HOUR_MINUTES]
    assert recorded.firing(tmp_path, minutes=minutes, held=HOUR_MINUTES) == set()

    # A rule of the org refuses some orders: a first burst of dead letters.
    recorded = recording(pipe)
    await recorded.scrape()
    async with OrgRemote(pipe.salesforce_url) as org:
        rule = await org.arm(REFUSAL | {"external_id_pattern": "[02468]$"})
        await traffic(pipe, 20, first=100)
        await scraped_until(
            recorded,
            lambda: (
                recorded.last("orderstream_dead_letters_open") >= 5
                and recorded.last(GROWING) == 1
                and is_calm(recorded)
            ),
        )
        minutes = [recorded.rounds + 6, recorded.rounds + 32]
        own = {"dead_letter", "dead_letters_growing"}
        fired = recorded.firing(tmp_path, minutes=minutes, held=33)
        assert fired == own | {"OrderstreamDeadLetters", "OrderstreamManyDie"}

        # It refuses every one: nothing dies, the worker holds its writes and says so.
        await org.disarm(rule)
        recorded = recording(pipe)
        await recorded.scrape()
        died = recorded.last("orderstream_dead_letters_open")
        await org.arm(REFUSAL | {"fields": []})
        await traffic(pipe, 20, first=200)
        await scraped_until(recorded, lambda: recorded.last(WRITES_HELD) == 1)
        fired = recorded.firing(tmp_path, minutes=[recorded.rounds + 1], held=2)
        assert "writes_held" in fired
        assert not fired & {"OrderstreamManyDie", "OrderstreamStalled"}
        assert recorded.last("orderstream_dead_letters_open") == died

    # The worker is gone, and with it its target.
    recorded = recording(pipe)
    await recorded.scrape()
    await pipe.processes[worker_name(1)].kill()
    for _ in range(4):
        await recorded.scrape()
    assert "OrderstreamWorkersGone" in recorded.firing(
        tmp_path, minutes=[recorded.rounds + 9], held=10
    )
