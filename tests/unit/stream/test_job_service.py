"""One run of a job per machine, and one table of kinds for commands and pages alike."""

from __future__ import annotations

import pytest

from stream.errors import JobError
from stream.job_service import COMMANDS, job_lock, kind_of, resume_command
from stream.jobs.spec import JobKind, new_job_id


def test_a_second_run_of_a_job_is_refused_and_a_later_one_is_not(tmp_path):
    with job_lock(tmp_path / "jobs", "replay-1"):
        with job_lock(tmp_path / "jobs", "replay-2"):
            pass
        with (
            pytest.raises(JobError, match="running already"),
            job_lock(tmp_path / "jobs", "replay-1"),
        ):
            pass
    with job_lock(tmp_path / "jobs", "replay-1"):
        pass


def test_a_lock_file_of_a_killed_run_is_no_obstacle(tmp_path):
    (tmp_path / "replay-1.lock").touch()
    with job_lock(tmp_path, "replay-1"):
        pass


@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_of_job_has_a_command_that_goes_on_with_it(kind):
    job_id = new_job_id(kind)
    assert kind_of(job_id) is kind
    assert resume_command(job_id) == ("orderstream", *COMMANDS[kind], "--resume", job_id)


def test_what_is_no_job_is_named():
    with pytest.raises(JobError, match="one begins with requeue, replay, backfill"):
        kind_of("erase-1")
