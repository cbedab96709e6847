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

    @field_validator("*")
    @classmethod
    def _can_be_waited_for(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what sockets and clocks overflow at: that is found at the first call, and late."""
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("must be a finite number")
        if str(info.field_name).endswith("_seconds") and value > YEAR_SECONDS:
            raise ValueError("is more than a year: it counts seconds")
        return value
