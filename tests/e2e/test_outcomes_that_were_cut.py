"""Outcomes and states are in no log any more: audit names the command that closes its books.

As after an unclean election of the partition that leads both (docs/decisions/0025): events are done
and committed, the org is right, and nobody would ever say so.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess

import pytest

from sandbox.magento.numbered import order_number
from sandbox.processes import PROJECT_DIRECTORY, orderstream
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

ORDERS, VERSIONS = range(1, 9), (1, 2, 3)


async def command(rig, *arguments: str) -> tuple[int, str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = await asyncio.to_thread(
        subprocess.run,
        orderstream(*arguments),
        env=env | {"PYTHONPATH": str(PROJECT_DIRECTORY), **rig.env},
        cwd=rig.processes.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode()


async def test_the_command_that_audit_names_closes_its_books_and_writes_nothing_old(make_rig):
    rig = await make_rig()
    worker = await rig.worker()
    await rig.publish([(n, version) for version in VERSIONS for n in ORDERS])
    count = len(ORDERS) * len(VERSIONS)
    await rig.settled(count)
    assert await worker.stop() == 0
    topics = rig.settings.topics
    async with TopicAdmin(rig.settings) as admin:
        lost = [topics.results, topics.state]
        await admin.delete(lost)
        while await admin.existing(lost):
            await asyncio.sleep(0.1)
        await admin.create([spec for spec in topics.specs() if spec.name in lost])

    code, said = await command(rig, "audit")
    assert code == 1
    assert f"{count} events are in nobody's hands" in said
    (line,) = re.findall(r"orderstream (replay --missing .*)", said)
    words = shlex.split(line.replace("…", "outcomes were cut"))
    code, dry = await command(rig, *words[: words.index("--run")])
    assert (code, f"{count} events would be published" in dry) == (0, True), dry
    code, ran = await command(rig, *words)
    assert code == 0, ran

    await rig.worker("w2")
    report = await rig.settled(count)
    assert (report.is_ok, report.missing) == (True, {})
    assert rig.versions() == {order_number(n): float(max(VERSIONS)) for n in ORDERS}
    assert (await command(rig, "audit"))[0] == 0
    code, none = await command(rig, *words)
    assert (code, "is in nobody's hands" in none) == (1, True)
