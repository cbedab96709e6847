"""The process that takes webhooks."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from stream.sender_names import Extra, Sender, checked_names, names_in


class IngressSettings(BaseSettings):
    """The process that takes webhooks."""

    ingress_senders: str = Field(
        Sender.HMAC.value,
        description="Who may post, separated by commas: hmac, module, mageos, adobe_webhooks, "
        "adobe_events. Each needs its secret or key, see docs/senders.md.",
    )
    ingress_replay_window_seconds: float = Field(
        300.0,
        gt=0,
        description="A time in a signature (module) may be this far off our clock, either way.",
    )
    ingress_also_take: str = Field(
        "",
        description="Events that are ignored otherwise, separated by commas: customer_deleted, "
        "subscriber. Your mapping file needs rules for them.",
    )
    ingress_host: str = Field("127.0.0.1", description="Address the ingress listens on.")
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Where a platform sets it: the port of the ingress, unless INGRESS_PORT is "
        "set.",
    )
    ingress_port: int = Field(8080, ge=0, le=65535, description="0 = any free port.")
    ingress_max_body_bytes: int = Field(5 * 1024 * 1024, gt=0, description="Over it: 413.")
    ingress_request_timeout_seconds: float = Field(
        10.0, gt=0, description="Deadline of a whole request, slow senders included."
    )
    ingress_publish_timeout_seconds: float = Field(
        5.0, gt=0, description="Without a broker ack within it: 503 with Retry-After."
    )
    ingress_keepalive_seconds: float = Field(
        75.0, gt=0, description="An idle connection is kept this long; more than your proxy's."
    )
    ingress_max_in_flight: int = Field(
        1000, ge=1, description="Most publishes awaiting an ack, per process. Over it: 503."
    )
    ingress_max_held_bytes: int = Field(
        128 * 1024 * 1024,
        gt=0,
        description="Most body bytes in memory, per process. Over it: 503.",
    )
    ingress_max_connections: int = Field(
        2000,
        ge=1,
        description="Most connections, per process. Over it the one that has waited longest "
        "without a complete request is cut.",
    )
    ingress_drain_notice_seconds: float = Field(
        0.0,
        ge=0,
        description="On SIGTERM /readyz says 503 this long before the port closes, "
        "for load balancers that need notice.",
    )

    @model_validator(mode="after")
    def _platform_port(self) -> Self:
        if self.port is not None and "ingress_port" not in self.model_fields_set:
            self.ingress_port = self.port
        return self

    @field_validator("ingress_senders")
    @classmethod
    def _senders(cls, value: str) -> str:
        if not names_in(value):
            raise ValueError(f"names no sender; known are {', '.join(Sender)}")
        return checked_names(value, Sender)

    @field_validator("ingress_also_take")
    @classmethod
    def _extras(cls, value: str) -> str:
        return checked_names(value, Extra)

    @property
    def senders(self) -> tuple[Sender, ...]:
        """Who may post events."""
        return tuple(Sender(name) for name in names_in(self.ingress_senders))

    @property
    def also_taken(self) -> tuple[Extra, ...]:
        """The events that are taken beside orders and customers."""
        return tuple(Extra(name) for name in names_in(self.ingress_also_take))
