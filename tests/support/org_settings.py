"""Settings that reach a simulated org, in this process or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.salesforce.process import OrgProcess
from sandbox.salesforce.server import SalesforceOrg
from stream.config import Role, Settings, load_settings


def settings_for(org: SalesforceOrg | OrgProcess, **overrides: Any) -> Settings:
    """Return checked settings; overrides are field names."""
    values: dict[str, Any] = {
        "salesforce_client_id": org.consumer_key,
        "salesforce_client_secret": org.client_secret,
        "salesforce_username": org.username,
        "salesforce_private_key_path": Path(str(org.private_key_path)),
        "salesforce_login_url": org.url,
        "salesforce_insecure_url": org.url,
    }
    return load_settings(Role.SALESFORCE, env_file=None, **{**values, **overrides})
