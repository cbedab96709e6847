"""The org: login, limits, and what is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class SalesforceSettings(BaseSettings):
    """The org: login, limits, and what is sent."""

    salesforce_client_id: SecretStr = Field(SecretStr(""), description="Consumer key of the app.")
    salesforce_client_secret: SecretStr = Field(
        SecretStr(""), description="Consumer secret: web-server and client-credentials flows only."
    )
    salesforce_username: str = Field("", description="User that the JWT flow acts as.")
    salesforce_private_key_path: Path | None = Field(
        None, description="PEM file of the private key that signs the JWT assertion."
    )
    salesforce_login_url: str = Field(
        "https://login.salesforce.com",
        description="Token host: login.salesforce.com, test.salesforce.com or your My Domain.",
    )
    salesforce_api_version: str = Field("v58.0", description="REST API version, e.g. v58.0.")
    salesforce_auth_flow: Literal["jwt", "web", "client_credentials"] = Field(
        "jwt",
        description="jwt (default), web (refresh token of `orderstream login`) or "
        "client_credentials.",
    )
    salesforce_refresh_token_path: Path = Field(
        Path(".orderstream/refresh_token"), description="Where `orderstream login` keeps its token."
    )
    salesforce_insecure_url: str = Field(
        "",
        description="Allow this http address as login and instance URL: simulators only; two, "
        "separated by a comma, for one that moves.",
    )
    salesforce_calls_per_second: float = Field(
        10.0, gt=0, description="Calls per second of the whole org share; divided over workers."
    )
    salesforce_concurrency: int = Field(
        5, ge=1, le=25, description="Most calls in flight per worker; adapts downwards."
    )
    salesforce_concurrency_min: int = Field(
        1, ge=1, le=25, description="Least calls in flight per worker, however slow Salesforce is."
    )
    salesforce_timeout_seconds: float = Field(
        60.0, gt=0, description="Deadline of one Salesforce call."
    )
    salesforce_latency_target_seconds: float = Field(
        1.0,
        gt=0,
        description="How long a call should take while calls are plenty; less: smaller calls.",
    )
    salesforce_daily_share: float = Field(
        0.8, gt=0, le=1, description="Share of the org's daily API calls that orderstream may use."
    )
    salesforce_auth_probe_seconds: float = Field(
        60.0,
        gt=0,
        description="Pause between logins while Salesforce refuses them, jittered; grows to five "
        "times this.",
    )
    salesforce_compress_requests: bool = Field(
        False, description="Send request bodies gzipped: less traffic for more CPU."
    )
    salesforce_allow_duplicates: bool = Field(
        False,
        description="Send Sforce-Duplicate-Rule-Header: allowSave=true, so that duplicate rules "
        "whose action is Alert let records pass.",
    )
    salesforce_bulk_threshold_events: int = Field(
        50_000, ge=0, description="Backlog from which Bulk API 2.0 is used; 0 = never."
    )
    salesforce_stale_guard: Literal["auto", "on", "off"] = Field(
        "auto", description="Send Magento_Updated_At__c: auto = when describe shows the field."
    )
    breaker_failures: int = Field(
        5, ge=1, description="Consecutive system failures that open the circuit breaker."
    )
    breaker_probe_seconds: float = Field(
        15.0, gt=0, description="Pause before a half-open probe, jittered."
    )
    breaker_dead_letter_after_seconds: float = Field(
        0.0,
        ge=0,
        description="Move events to the DLQ when the breaker was open this long; "
        "0 = never (lag grows instead).",
    )

    @field_validator("salesforce_api_version")
    @classmethod
    def _version(cls, value: str) -> str:
        if not re.fullmatch(r"v\d+\.0", value):
            raise ValueError("write it like v58.0")
        return value
