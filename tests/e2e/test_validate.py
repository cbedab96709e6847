"""`orderstream validate` as people run it: one command from nothing to a verdict."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson
import pytest

from sandbox.processes import PROJECT_DIRECTORY, orderstream

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="starts the sandbox's processes"),
]


@pytest.mark.proof
def test_validate_passes_on_the_simulators_with_one_command(tmp_path, bootstrap_servers):
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"PYTHONPATH": str(PROJECT_DIRECTORY), "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}
    (tmp_path / "mapping.yaml").write_bytes(b"target: lead")  # nobody's business here
    done = subprocess.run(
        orderstream("validate", "--json"),
        cwd=tmp_path,
        env=env,
        capture_output=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    report = orjson.loads(done.stdout)
    assert report["is_good"]
    assert [step["outcome"] for step in report["steps"]] == [
        "synced",
        "synced",
        "synced",
        "synced",
        "unchanged",
        "synced",
        "synced",
    ]
    ids = {step["name"]: step["records"]["Opportunity"] for step in report["steps"]}
    assert len(set(ids.values())) == 4
    assert len(report["records"]) == report["deleted"] == 10
    assert report["not_deleted"] == []
