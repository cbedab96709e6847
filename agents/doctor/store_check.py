"""Does Magento's REST API let us in? One order of the store is asked for, and not looked at."""

from __future__ import annotations

from agents.doctor.check import Check, fail, ok, skipped
from stream.config import Role, Settings, load_settings
from stream.errors import MagentoError, SettingsError
from stream.magento.client import Patience, open_magento
from stream.magento.criteria import Resource, Search
from stream.settings.magento import MagentoSettings

NAME = "magento-rest"


def settings_check(settings: MagentoSettings, problems: list[str]) -> Check:
    """Return whether the settings suffice; a store that is not set up is none of our business."""
    if not settings.magento_base_url:
        return skipped(NAME, "MAGENTO_BASE_URL is not set: no backfill, no reconcile, no enriching")
    if problems:
        return fail(NAME, "; ".join(problems), "System > Integrations in the store's admin")
    return ok(NAME, "settings are complete")


async def live_check(settings: MagentoSettings) -> Check:
    """Ask for one order and one customer."""
    try:
        async with open_magento(settings, patience=Patience(attempts=1)) as store:
            for resource in Resource:
                await store.search(
                    resource, Search(page_size=1, fields="items[entity_id],total_count")
                )
    except MagentoError as error:
        what, _, fix = str(error).partition(": ")
        return fail(NAME, what if fix else str(error), fix or "see the store's own log")
    return ok(NAME, f"{settings.magento_base_url}: orders and customers can be read")


def role_problems(settings: Settings) -> list[str]:
    """Return what the settings lack for the store's REST API."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    try:
        load_settings(Role.MAGENTO, env_file=None, **values)
    except SettingsError as error:
        return error.problems
    return []
