"""All settings together."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pydantic import ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from stream.settings.dashboard import DashboardSettings
from stream.settings.ingress import IngressSettings
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings
from stream.settings.operations import OperationsSettings
from stream.settings.salesforce import SalesforceSettings
from stream.settings.worker import WorkerSettings

YEAR_SECONDS = 31_536_000.0
QUOTES = "\"'"


class Settings(
    OperationsSettings,
    DashboardSettings,
    WorkerSettings,
    IngressSettings,
    KafkaSettings,
    SalesforceSettings,
    MagentoSettings,
):
    """Every setting; units are in the names. The groups say what each means."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_it_is_meant(cls, value: Any, info: ValidationInfo) -> Any:
        """Take off blanks and line ends, and refuse what only looks like a value.

        `echo secret | base64` puts a line end into a Kubernetes Secret: a client ID with one is
        nobody's, and every event for it would be refused for good.
        """
        if not isinstance(value, str):
            return value
        text = value.strip()
        if text.startswith("tcp://") and str(info.field_name).endswith("port"):
            raise ValueError(
                "is the address of a Service, which Kubernetes sets by itself: write "
                "`enableServiceLinks: false` into the pod, or set the port there"
            )
        if len(text) > 1 and text[0] in QUOTES and text[-1] == text[0]:
            raise ValueError("has quotes around it; `docker run --env-file` keeps them: no quotes")
        return text

    @field_validator("*")
    @classmethod
    def _can_be_waited_for(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what sockets and clocks overflow at: that is found at the first call, and late."""
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("must be a finite number")
        if str(info.field_name).endswith("_seconds") and value > YEAR_SECONDS:
            raise ValueError("is more than a year: it counts seconds")
        return value
