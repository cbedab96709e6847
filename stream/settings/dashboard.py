"""The web pages."""

from __future__ import annotations

from ipaddress import ip_network
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
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

    dashboard_operator_groups: str = Field(
        "",
        description="Groups of the sign-in provider or the proxy whose members are operators, "
        "separated by commas.",
    )
    dashboard_reader_groups: str = Field(
        "", description="Groups whose members may look; `*`: everybody who is signed in."
    )
    dashboard_oidc_issuer: str = Field(
        "",
        description="Sign-in by OpenID Connect: the provider's issuer, as its discovery document "
        "writes it. Empty: none. Register `<DASHBOARD_PUBLIC_URL>/login/callback` there.",
    )
    dashboard_oidc_client_id: str = Field("", description="The client ID that the provider gave.")
    dashboard_oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Its secret; empty for a public client, which PKCE allows."
    )
    dashboard_oidc_scopes: str = Field(
        "openid profile email", description="What is asked for; some providers want `groups`, too."
    )
    dashboard_oidc_groups_claim: str = Field(
        "groups", description="The claim with the groups (or app roles)."
    )
    dashboard_oidc_name_claim: str = Field(
        "preferred_username",
        description="The claim with the name that goes on record; `sub` where it is missing.",
    )
    dashboard_oidc_insecure_url: str = Field(
        "", description="Allow this one http address as DASHBOARD_OIDC_ISSUER: simulators only."
    )
    dashboard_proxy_addresses: str = Field(
        "",
        description="Addresses or networks of the proxy that signs people in, separated by commas. "
        "Its headers count on connections from there only.",
    )
    dashboard_proxy_user_header: str = Field(
        "", description="Header with the name, e.g. X-Forwarded-User. Empty: no proxy signs in."
    )
    dashboard_proxy_groups_header: str = Field(
        "", description="Header with the groups, separated by commas, e.g. X-Forwarded-Groups."
    )

    @field_validator("dashboard_public_url")
    @classmethod
    def _has_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and not (parts.scheme in ("https", "http") and parts.hostname):
            raise ValueError("must begin with https:// and name the host, as browsers see it")
        return value

    @field_validator("dashboard_proxy_addresses")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in _parts(value):
            try:
                network = ip_network(part)
            except ValueError as error:
                raise ValueError(f"`{part}` is no address or network: {error}") from None
            if network.prefixlen == 0:
                raise ValueError(f"`{part}` is everybody: name the proxy's address")
        return value

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        """From where the headers of a signing-in proxy count."""
        return _parts(self.dashboard_proxy_addresses)

    @property
    def operator_groups(self) -> tuple[str, ...]:
        """Groups whose members may change things."""
        return _parts(self.dashboard_operator_groups)

    @property
    def reader_groups(self) -> tuple[str, ...]:
        """Groups whose members may look."""
        return _parts(self.dashboard_reader_groups)

    @property
    def metrics_urls(self) -> tuple[str, ...]:
        """Where the dashboard reads the metrics of the other processes."""
        return _parts(self.dashboard_metrics_urls)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for raw in text.split(",") if (part := raw.strip()))
