"""The store: its REST API and the keys of its webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from schemas.identity import CustomerKey, Identity, OrderKey


class MagentoSettings(BaseSettings):
    """The store: its REST API and the keys of its webhooks."""

    magento_base_url: str = Field("", description="Base URL of the store, for its REST API.")
    magento_consumer_key: SecretStr = Field(SecretStr(""), description="Integration: consumer key.")
    magento_consumer_secret: SecretStr = Field(
        SecretStr(""), description="Integration: consumer secret."
    )
    magento_access_token: SecretStr = Field(SecretStr(""), description="Integration: access token.")
    magento_access_token_secret: SecretStr = Field(
        SecretStr(""), description="Integration: access token secret."
    )
    magento_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="HMAC key of the webhooks. Several, separated by commas, are all accepted: "
        "add the new one, switch the store, remove the old one.",
    )
    mageos_verification_token: SecretStr = Field(
        SecretStr(""),
        description="HMAC key of mage-os async events, as MAGENTO_WEBHOOK_SECRET; the token that "
        "`orderstream magento subscribe` puts into its subscriptions.",
    )
    adobe_webhooks_public_key_path: Path | None = Field(
        None,
        description="PEM file of the store's public key for Adobe Commerce Webhooks; two in one "
        "file are both accepted.",
    )
    adobe_events_client_id: str = Field(
        "", description="Client ID of the project in Adobe's console that I/O Events are for."
    )
    magento_instance: str = Field(
        "",
        description="Prefix of order keys (`<instance>:<increment_id>`) where several Magentos "
        "share an org; neither `id` nor `number`.",
    )
    magento_order_key: OrderKey = Field(
        OrderKey.NUMBER,
        description="What makes an order's number unique: number (alone), store "
        "(`<store_id>:<number>`) or website. Magento promises it per store view only. Change it "
        "before the first order, or import anew: it is the external ID.",
    )
    magento_customer_key: CustomerKey = Field(
        CustomerKey.EMAIL,
        description="What makes a customer's e-mail unique: email (alone) or website "
        "(`<website_id>:<email>`), for stores whose websites do not share customers.",
    )
    magento_store_websites: str = Field(
        "",
        description="The website of each store view, `<store_id>=<website_id>,…`: orders say only "
        "their store view. For the two settings above.",
    )

    magento_auth: Literal["oauth", "bearer"] = Field(
        "oauth",
        description="oauth: every call is signed (OAuth 1.0a). bearer: the access token alone, "
        "which the store allows only with oauth/consumer/enable_integration_as_bearer.",
    )
    magento_rest_path: str = Field(
        "/rest/all/V1", description="Where REST begins below the base URL; Adobe's SaaS: /V1."
    )
    magento_insecure_url: str = Field(
        "", description="Allow this one http address as MAGENTO_BASE_URL: simulators only."
    )
    magento_calls_per_second: float = Field(
        4.0, gt=0, description="Calls per second to the store's REST API, per process."
    )
    magento_page_size: int = Field(
        100, ge=1, le=300, description="Orders or customers of one REST call."
    )
    magento_timeout_seconds: float = Field(
        30.0, gt=0, description="Deadline of one call to the store's REST API."
    )
    magento_overlap_seconds: float = Field(
        300.0,
        ge=0,
        description="How long a checkout's transaction may take: a read of recent changes looks "
        "at this much again, because what commits late is older than what was read.",
    )
    magento_clock_tolerance_seconds: float = Field(
        300.0,
        ge=0,
        description="How far a store's updated_at may be ahead of its receipt and still be "
        "believed; what is further ahead is bounded, counted and noted (decision 0018).",
    )
    magento_enrich: bool = Field(
        False,
        description="Complete events that carry only an id, or that were sent before the store's "
        "commit, by its REST API; on or off.",
    )

    @property
    def identity(self) -> Identity:
        """The rule that keys of orders and customers are made by."""
        pairs = (pair.partition("=") for pair in self.magento_store_websites.split(",") if pair)
        return Identity(
            self.magento_instance,
            self.magento_order_key,
            self.magento_customer_key,
            {store.strip(): website.strip() for store, _, website in pairs},
        )

    @field_validator("magento_instance")
    @classmethod
    def _reaches_no_id(cls, value: str) -> str:
        if value.strip().lower() in ("id", "number"):
            raise ValueError("`id` and `number` are spaces of keys already, choose another name")
        return value

    @field_validator("magento_store_websites")
    @classmethod
    def _pairs_of_ids(cls, value: str) -> str:
        if value and not re.fullmatch(r"\s*\d+\s*=\s*\d+\s*(,\s*\d+\s*=\s*\d+\s*)*", value):
            raise ValueError("write `<store_id>=<website_id>`, several separated by commas")
        return value

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The active webhook secrets, in the order they are written."""
        return _parts(self.magento_webhook_secret)

    @property
    def mageos_tokens(self) -> tuple[str, ...]:
        """The active verification tokens of mage-os subscriptions."""
        return _parts(self.mageos_verification_token)


def _parts(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in secret.get_secret_value().split(",") if part.strip())
