"""One run of a job per machine, and the lock never outlives it."""

from __future__ import annotations

import pytest
import typer

from cli.console.job_progress import job_lock


def test_a_second_run_of_a_job_is_refused_and_a_later_one_is_not(tmp_path, capsys):
    with job_lock(tmp_path / "jobs", "replay-1"):
        with job_lock(tmp_path / "jobs", "replay-2"):
            pass
        with pytest.raises(typer.Exit) as refused, job_lock(tmp_path / "jobs", "replay-1"):
            pass
    assert refused.value.exit_code == 2
    with job_lock(tmp_path / "jobs", "replay-1"):
        pass
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_lock_file_of_a_killed_run_is_no_obstacle(tmp_path):
    (tmp_path / "replay-1.lock").touch()
    with job_lock(tmp_path, "replay-1"):
        pass
