from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.proof
def test_the_short_benchmark_shows_the_calls_saved():
    """Throughput is judged by the long form on a quiet machine; counts hold on any."""
    command = [
        sys.executable,
        "-m",
        "bench.salesforce",
        "--json",
        "--orders",
        "1000",
        "--runs",
        "1",
    ]
    run = subprocess.run(
        [*command, "--naive-orders", "3", "--latency-ms", "50"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    figures = {each["what"]: each for each in orjson.loads(run.stdout)["figures"]}
    calls = figures["calls for 1,000 new orders"]
    assert (calls["median"], calls["is_met"]) == (5.0, True)
    rows = figures["rows per call, naive = 1"]
    assert (round(rows["median"]), rows["is_met"]) == (400, True)
    assert "of the bound: calls in flight x rows / latency" in figures
