"""`orderstream worker`: map events and write them to Salesforce."""

from __future__ import annotations

import typer

from stream.config import Role, load_settings
from stream.ops.logs import configure_logs
from stream.ops.tracing import configure_tracing


def worker(
    worker_id: str = typer.Option("", help="Name in results and logs; WORKER_ID when empty."),
) -> None:
    """Run one worker; start more of them for more throughput.

    Stops within WORKER_STOP_DEADLINE_SECONDS on SIGTERM, at once on a second one. Exit code 70 or
    75: it ended itself without committing, start it again.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 orderstream worker --worker-id w1
    """
    overrides = {"worker_id": worker_id} if worker_id else {}
    settings = load_settings(Role.WORKER, **overrides)
    configure_logs(
        level=settings.log_level,
        style=settings.log_format,
        process=f"worker/{settings.worker_id}",
    )
    configure_tracing(settings, process=f"worker/{settings.worker_id}")

    import uvloop

    from agents.worker.process import run_worker

    uvloop.run(run_worker(settings))
