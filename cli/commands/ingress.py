"""`orderstream ingress`: take webhooks and put them into Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console.terminal import fail
from stream.config import Role, Settings, load_settings
from stream.ops.logs import configure_logs
from stream.ops.tracing import configure_tracing
from stream.settings.ingress import IngressSettings


def ingress(
    host: Annotated[str | None, typer.Option(help="INGRESS_HOST when not given.")] = None,
    port: Annotated[
        int | None, typer.Option(help="INGRESS_PORT when not given; 0 = any free port.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this port.")] = 1,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the line of stdout here too, once it listens.")
    ] = None,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Take signed webhooks, put them into Kafka, answer with a receipt.

    Prints one JSON line when it listens: {"listening": "http://127.0.0.1:8080", "pids": [...]}.
    SIGTERM ends it after the requests that have begun are answered. With several workers, one that
    dies is restarted.

    Example: orderstream ingress --port 8080 --workers 2
    """
    given = {"ingress_host": host, "ingress_port": port}
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(Role.INGRESS, **overrides)
    configure_logs(level=settings.log_level, style=settings.log_format, process="ingress")
    configure_tracing(settings, process="ingress")
    announce = _announcer(ready_file)
    try:
        if workers > 1:
            code = _run_workers(settings, workers, announce)
        else:
            code = _run_one(settings, announce, supervised=supervised)
    except OSError as error:
        address = f"{settings.ingress_host}:{settings.ingress_port}"
        fail(f"INGRESS_HOST, INGRESS_PORT: cannot listen on {address}: {error.strerror or error}")
    raise typer.Exit(code)


def _run_one(
    settings: Settings, announce: Callable[[str, list[int]], None], *, supervised: bool
) -> int:
    import uvloop

    from stream.ingress.process import run_ingress

    uvloop.run(
        run_ingress(
            settings,
            on_listening=lambda url: announce(url, [os.getpid()]),
            reuse_port=supervised,
            ends_with_stdin=supervised,
        )
    )
    return 0


def _run_workers(
    settings: IngressSettings, count: int, announce: Callable[[str, list[int]], None]
) -> int:
    from stream.ingress.prefork import run_ingress_workers

    def command_for(port: int) -> list[str]:
        address = ["--host", settings.ingress_host, "--port", str(port)]
        return [sys.executable, "-m", "cli", "ingress", "--supervised", *address]

    return asyncio.run(
        run_ingress_workers(settings, count=count, command_for=command_for, on_listening=announce)
    )


def _announcer(ready_file: Path | None) -> Callable[[str, list[int]], None]:
    import structlog

    def announce(url: str, pids: list[int]) -> None:
        line = json.dumps({"listening": url, "pids": pids})
        if ready_file is not None:  # first: who reads the line may look for the file
            _write_whole(ready_file, line + "\n")
        with suppress(BrokenPipeError):  # webhooks come, whether or not somebody reads where
            # One write with its end: the supervised processes log to the same place meanwhile.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        structlog.get_logger().info("ingress_listening", url=url, pids=pids)

    return announce


def _write_whole(path: Path, text: str) -> None:
    try:
        partial = path.with_name(path.name + ".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        fail(f"--ready-file: cannot write {path}: {error.strerror}")
