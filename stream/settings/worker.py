"""Worker and relay."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class WorkerSettings(BaseSettings):
    """Worker and relay."""

    worker_id: str = Field(
        default_factory=socket.gethostname, description="Name in results, logs and metrics."
    )
    worker_count: int = Field(
        1, ge=1, description="How many workers share the Salesforce limits of this org."
    )
    worker_batch_max_events: int = Field(
        1000, ge=1, description="Most events of one batch; more than 6,000 make Bulk jobs possible."
    )
    worker_window_events: int = Field(
        0,
        ge=0,
        description="Most events in hand, from being taken to being acknowledged; 0 = 400 for each "
        "call in flight, and 2,000 at least.",
    )
    worker_window_bytes: int = Field(
        64_000_000, ge=1, description="Most bytes in hand; a single larger event is taken alone."
    )
    worker_linger_seconds: float = Field(
        0.2,
        gt=0,
        description="How long a batch of a backlog for Bulk jobs waits to fill; no other waits.",
    )
    worker_linger_max_seconds: float = Field(
        10.0, gt=0, description="Calls are at most so far apart as the daily API budget shrinks."
    )
    worker_stop_deadline_seconds: float = Field(
        25.0, gt=0, description="SIGTERM ends the worker within this time, whatever it is doing."
    )
    worker_stall_seconds: float = Field(
        300.0,
        gt=0,
        description="No progress for this long while there is lag: the watchdog ends "
        "the worker so that its supervisor restarts it.",
    )
    dead_letter_limit_events: int = Field(
        500,
        ge=0,
        description="When this many events died of one cause within the window, and they are "
        "DEAD_LETTER_LIMIT_SHARE of all that ended, further ones wait; per worker, 0 = never.",
    )
    dead_letter_limit_share: float = Field(
        0.5, gt=0, le=1, description="The share of DEAD_LETTER_LIMIT_EVENTS."
    )
    dead_letter_limit_window_seconds: float = Field(
        600.0, gt=0, description="The window of DEAD_LETTER_LIMIT_EVENTS."
    )
    status_host: str = Field("127.0.0.1", description="Address of /livez, /readyz and /metrics.")
    status_port: int = Field(0, ge=0, le=65535, description="Worker and relay; 0 = any free port.")
    state_directory: Path = Field(
        Path(".orderstream"), description="Local files: caches and job cursors; safe to delete."
    )
    mapping_file: Path | None = Field(
        None, description="Your mapping.yaml; the shipped default when empty."
    )
    debounce_seconds: float = Field(
        0.0, ge=0, description="Wait this long for an order to settle; 0 = off, 2 is a good value."
    )
    debounce_max_seconds: float = Field(
        10.0, ge=0, description="A debounced order is never delayed longer than this."
    )
