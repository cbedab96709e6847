"""The demo that is left up gives a shell the settings that commands need."""

from __future__ import annotations

import stat
import subprocess

from cli.demo.environment import command_line, write_environment


def test_a_shell_reads_what_the_processes_were_given(tmp_path):
    env = {"KAFKA_TOPIC_PREFIX": "demo-1.", "KAFKA_SASL_PASSWORD": "it's $HOME \\ `x`"}
    path = write_environment(tmp_path, env)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'. {path} && sh -c \'printf "%s|%s" "$KAFKA_TOPIC_PREFIX" "$KAFKA_SASL_PASSWORD"\'',
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout == "|".join(env.values())


def test_the_line_runs_a_command_with_them(tmp_path):
    path = write_environment(tmp_path, {"KAFKA_PARTITIONS": "four"})
    line = command_line(path, "settings")
    told = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=False, text=True)
    assert "KAFKA_PARTITIONS" in told.stderr, "and no other setting: it is told what is wrong there"
