"""The fixtures of a simulated Salesforce org, for every contract test."""

from __future__ import annotations

from support.salesforce_fixtures import org_keys, plain_client, salesforce_org, salesforce_process

__all__ = ["org_keys", "plain_client", "salesforce_org", "salesforce_process"]
