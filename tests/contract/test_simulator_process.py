"""The simulator as a program: one line when ready, its options, its page, and a clean end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox.salesforce.process import OrgProcess, running_org

ROOT = Path(__file__).resolve().parents[2]


def test_it_says_where_it_is_keeps_its_key_and_ends_on_sigterm(tmp_path):
    command = [sys.executable, "-m", "sandbox.salesforce", "--generate-key", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        assert ready["url"].startswith("http://127.0.0.1:")
        key = Path(ready["private_key_path"])
        assert key.parent == tmp_path
        assert key.stat().st_mode & 0o077 == 0
        before = key.read_bytes()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with running_org("--generate-key", str(tmp_path)):
        assert key.read_bytes() == before


def test_its_options_reach_the_org():
    arguments = ("--daily-limit", "7", "--no-version-field", "--set", "limit_info_form=bursts")
    with running_org(*arguments, "--set", "latency_jitter_ms=2.5") as org:
        settings = org.settings()
        assert settings["daily_limit"] == 7
        assert settings["limit_info_form"] == "bursts"
        assert settings["latency_jitter_ms"] == 2.5
        assert org.records("Account") == {"total": 0, "records": []}


def test_a_setting_that_does_not_exist_ends_it_with_the_known_ones():
    command = [sys.executable, "-m", "sandbox.salesforce", "--set", "latency=1"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "unknown setting 'latency'" in ended.stderr
    assert "latency_ms" in ended.stderr
    with pytest.raises(RuntimeError, match="did not start"), running_org("--set", "latency=1"):
        pass


def test_its_back_door_names_mistakes(salesforce_process: OrgProcess):
    with pytest.raises(ValueError, match="unknown fault kind 'nonsense'"):
        salesforce_process.fault("nonsense")
    assert salesforce_process.fault("latency", latency_ms=1)[0]["kind"] == "latency"
    salesforce_process.clear_faults()
    assert salesforce_process.ask("GET", "/faults") == []


def test_its_page_needs_no_other_host(salesforce_process: OrgProcess):
    page = requests.get(salesforce_process.url, timeout=10).text
    assert "<title>Simulated Salesforce org</title>" in page
    assert "http://" not in page
    assert "https://" not in page
