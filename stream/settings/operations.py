"""Logs, traces, alerts."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class OperationsSettings(BaseSettings):
    """Logs, traces, alerts."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="json, or console to read.")
    tracing_otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry collector (OTLP over HTTP), e.g. http://127.0.0.1:4318: traces "
        "from webhook to Salesforce call. Needs the extra: pip install 'orderstream[otel]'.",
    )
    tracing_sample_ratio: float = Field(
        1.0, gt=0, le=1, description="This part of the webhooks is traced, each of them whole."
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""), description="Slack-compatible webhook for alerts."
    )
    alert_repeat_seconds: float = Field(
        14_400.0, gt=0, description="The webhook is told again of an alert that is still active."
    )
    log_synced: bool = Field(
        False,
        description="Log every success with its record ids, one line per event; results "
        "have them always (`orderstream trace`).",
    )
    alert_dead_letters: int = Field(
        10, ge=1, description="This many new dead letters within the window are an alert."
    )
    alert_dead_letters_window_seconds: float = Field(
        600.0, gt=0, description="The window of ALERT_DEAD_LETTERS."
    )
    audit_grace_seconds: float = Field(
        900.0, ge=0, description="Events without outcome older than this fail the audit."
    )

    @field_validator("alert_webhook_url")
    @classmethod
    def _can_be_posted_to(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(url := value.get_secret_value())
        if url and not (parts.scheme in ("https", "http") and parts.hostname):
            raise ValueError("must begin with https:// and name the host")
        return value
