"""All settings together."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from stream.settings.dashboard import DashboardSettings
from stream.settings.ingress import IngressSettings
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings
from stream.settings.operations import OperationsSettings
from stream.settings.salesforce import SalesforceSettings
from stream.settings.worker import WorkerSettings


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
