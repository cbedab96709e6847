"""The web pages."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class DashboardSettings(BaseSettings):
    """The web pages."""

    dashboard_host: str = Field("127.0.0.1", description="Address the dashboard listens on.")
    dashboard_port: int = Field(8081, ge=0, le=65535, description="0 = any free port.")
    dashboard_public_url: str = Field(
        "",
        description="How browsers reach it behind a proxy, e.g. https://orderstream.example.com: "
        "forms must come from there, and with https the session cookie is Secure. Empty: as asked.",
    )
    dashboard_operator_password: SecretStr = Field(
        SecretStr(""), description="Lets people in who may requeue, replay, edit, drop and unmask."
    )
    dashboard_reader_password: SecretStr = Field(
        SecretStr(""), description="Lets people in who may look. Empty: nobody may only look."
    )
    dashboard_session_hours: float = Field(
        12.0, gt=0, le=168, description="A login ends after this long."
    )
    dashboard_metrics_urls: str = Field(
        "",
        description="`/metrics` of workers, relay and ingress, separated by commas: breaker, "
        "concurrency, API budget and alerts are read there.",
    )
    dashboard_window_days: float = Field(
        7.0,
        gt=0,
        description="The dashboard's balance counts the events of this many days, one byte each.",
    )

    @property
    def metrics_urls(self) -> tuple[str, ...]:
        """Where the dashboard reads the metrics of the other processes."""
        return tuple(
            url for part in self.dashboard_metrics_urls.split(",") if (url := part.strip())
        )
