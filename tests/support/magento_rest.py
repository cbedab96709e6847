"""A simulated store's REST API and settings that read it; see sandbox.magento.rest."""

from __future__ import annotations

from typing import Any

from sandbox.magento.numbered import numbered_order
from sandbox.magento.rest import RestStore
from sandbox.magento.rest_index import Rows
from stream.backoff import Backoff
from stream.config import Settings
from stream.magento.client import Patience

IMPATIENT = Patience(backoff=Backoff(0.001, 0.01))


def store_settings(store: RestStore, **overrides: Any) -> Settings:
    values = {name.lower(): value for name, value in store.env.items()}
    given = {"magento_calls_per_second": 1000.0, **values, **overrides}
    return Settings(_env_file=None, **given)


def an_order(n: int, updated_at: str, version: int = 1, **more: Any) -> dict[str, Any]:
    """Numbered order `n` as it was saved at a time."""
    return numbered_order(n, version) | {"updated_at": updated_at, **more}


def store_of(*orders: dict[str, Any], **options: Any) -> RestStore:
    rows = Rows()
    for order in orders:
        rows.save(order)
    return RestStore(orders=rows, **options)
