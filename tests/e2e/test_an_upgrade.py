"""The last release's processes beside this one's, on one broker: an upgrade, and the way back.

The code of the last release comes out of the repository's history; a clone without it skips.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.release_records import dump, load
from support.worker_rig import WorkerRig

from chaos.org_view import memory_of
from chaos.verdict import OrgMemory, stale_writes
from cli.demo.orders import REFUSAL
from sandbox.magento.numbered import numbered_webhook, order_number
from sandbox.magento.sender import Sender
from sandbox.org_remote import OrgRemote
from sandbox.ports import free_port
from sandbox.processes import PROJECT_DIRECTORY, answers, orderstream
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="starts the sandbox's processes"),
]
LAST = max((PROJECT_DIRECTORY / "tests" / "releases").glob("*/COMMIT"))
SECRET = "3f9c1be27a60d84e95b1c7d2408f6ae3"
ORDERS = 12
LOCKED, REFUSED = "00[012]$", "00[34]$"


@pytest.fixture
async def rig(make_settings, salesforce_process, tmp_path):
    settings = make_settings(retry_delays=[8, 9, 10, 11, 12, 13])
    async with WorkerRig(settings, salesforce_process, tmp_path / "run", {}) as rig:
        yield rig


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    commit = LAST.read_text().strip()
    packed = subprocess.run(
        ["git", "archive", commit], cwd=PROJECT_DIRECTORY, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"this clone has no history: {LAST.parent.name} cannot be had")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    which = [sys.executable, "-c", "import cli; print(cli.__file__)"]
    env = {"PYTHONPATH": str(tmp_path / "old")}
    found = subprocess.run(which, env=env, cwd=tmp_path, capture_output=True, check=True)
    assert found.stdout.decode().startswith(str(tmp_path / "old"))
    return tmp_path / "old"


class Installation:
    """Processes of both releases; a name that starts with `old` is one of the last release."""

    def __init__(self, rig: WorkerRig, old_code: Path) -> None:
        self.rig = rig
        self.old = {"PYTHONPATH": str(old_code)}
        self.ports: dict[str, int] = {}

    async def start(self, name: str) -> None:
        release, role = name.split("-")
        port = self.ports[name] = free_port()
        env = self.rig.env | (self.old if release == "old" else {})
        env |= {
            "INGRESS_PORT" if role == "ingress" else "STATUS_PORT": str(port),
            "MAGENTO_WEBHOOK_SECRET": SECRET,
            "STATE_DIRECTORY": str(self.rig.processes.directory / name),
            "WORKER_ID": name,
        }
        url = f"http://127.0.0.1:{port}/readyz"
        await self.rig.processes.start(name, *orderstream(role), env=env, ready=answers(url))

    async def stop(self, *names: str) -> None:
        for name in names:
            assert await self.rig.processes[name].stop() == 0, name

    async def send(self, ingress: str, events: list[tuple[int, int]]) -> None:
        url = f"http://127.0.0.1:{self.ports[ingress]}/magento/webhook"
        async with Sender(url, SECRET) as sender:
            receipts = await sender.send_all([numbered_webhook(n, v) for n, v in events])
        assert all(receipt.is_accepted for receipt in receipts), receipts

    async def run(self, release: str, *words: str) -> None:
        env = self.rig.env | (self.old if release == "old" else {})
        name = f"{release}-{words[0]}-{words[1]}"
        command = self.rig.processes.spawn(name, *orderstream(*words), env=env)
        command.is_stopping = True
        assert await command.wait(timeout_seconds=60) == 0, command.output


@pytest.mark.proof
async def test_both_run_side_by_side_and_either_goes_on_alone(rig, old_code):
    both = Installation(rig, old_code)
    await both.run("old", "topics", "apply")
    for name in ("old-ingress", "old-worker", "old-relay"):
        await both.start(name)
    rig.org.fault("row_error", external_id_pattern=LOCKED, code="UNABLE_TO_LOCK_ROW")
    refusal = {name: value for name, value in REFUSAL.items() if name != "kind"}
    rig.org.fault("row_error", external_id_pattern=REFUSED, **refusal)
    await both.send("old-ingress", [(n, 1) for n in range(ORDERS)])

    async def has_written() -> bool:
        total = (await rig.audit()).total
        return total.accepted == ORDERS and total.dead == 2 and total.pending == 3

    await rig.until(has_written, timeout_seconds=60)
    await both.run("old", "dlq", "requeue", "--all", "--why", "once more", "--yes")
    await rig.until(has_written, timeout_seconds=60)
    if path := os.environ.get("RECORD_RELEASE"):
        await dump(rig.settings, Path(path))

    # The upgrade, in the order of docs/operations.md: both releases, side by side.
    await both.run("new", "topics", "apply")
    for name in ("new-ingress", "new-relay", "new-worker"):
        await both.start(name)
    rig.org.clear_faults()

    async def both_have_partitions() -> bool:
        return len(set((await rig.owners()).values())) == 2

    await rig.until(both_have_partitions)
    await both.send("old-ingress", [(n, 2) for n in range(0, ORDERS, 2)])
    await both.send("new-ingress", [(n, 2) for n in range(1, ORDERS, 2)])
    await rig.settled(2 * ORDERS)
    await both.run("new", "dlq", "requeue", "--all", "--why", "upgraded", "--yes")
    await both.stop("old-ingress", "old-worker", "old-relay")
    await both.send("new-ingress", [(n, 3) for n in range(ORDERS)])
    await rig.settled(3 * ORDERS)

    # The way back: what this release wrote is read by the last one.
    await both.send("new-ingress", [(n, 4) for n in range(ORDERS)])
    for name in ("old-ingress", "old-worker", "old-relay"):
        await both.start(name)
    await both.stop("new-ingress", "new-worker", "new-relay")
    await both.send("old-ingress", [(n, 5) for n in range(0, ORDERS, 2)])
    await rig.settled(4 * ORDERS + ORDERS // 2)

    newest = {order_number(n): 4 + (n % 2 == 0) for n in range(ORDERS)}
    assert rig.versions() == newest
    memory = await org_memory(rig.org.url)
    assert stale_writes(memory.writes) == memory.duplicates == 0


async def test_what_the_last_release_wrote_is_read(rig):
    """Recorded by the story above, with RECORD_RELEASE=tests/releases/<version>/records.jsonl."""
    async with TopicAdmin(rig.settings) as admin:
        await admin.create(rig.settings.topics.specs())
    await load(rig.settings, LAST.with_name("records.jsonl"))
    before = (await rig.audit()).total
    assert (before.accepted, before.dead, before.pending) == (ORDERS, 2, 3)
    assert before.is_balanced
    # The org is empty: what the state says is there is not written again, what waits is.
    await rig.worker()
    await rig.relay()
    after = (await rig.settled(ORDERS)).total
    assert (after.accepted, after.dead) == (ORDERS, 2)
    assert rig.versions() == {order_number(n): 1 for n in range(3)}


async def org_memory(url: str) -> OrgMemory:
    async with OrgRemote(url) as org:
        return await memory_of(org)
