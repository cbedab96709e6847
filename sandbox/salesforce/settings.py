"""How the simulated org behaves: set at start, or changed over HTTP while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(slots=True)
class Settings:
    """Durations carry their unit. A limit of 0 means: no limit.

    `limit_info_form` is what the usage header looks like: `plain`, `per_app` or `bursts`.
    `contact_duplicate_rule` is `off`, `alert` (a header may override it) or `block`.
    `lock_contention` refuses rows whose record or Account another call in flight is writing;
    without it such collisions are only counted.
    `currencies` makes it a multi-currency org, e.g. `USD,EUR,-JPY`: the first is the default, a
    minus marks an inactive one; without it `only_currency` is the org's. `address_picklists` are
    State and Country picklists; `person_accounts` are Accounts that are people. `language` is the
    integration user's.
    `sales_process` names the stages of the user's record type; describe lists all the same.
    `read_only` and `storage_full` refuse rows; without `view_setup` the limits are not shown.
    A query that names more than `query_values` values takes too long.
    API versions below `retired_below` answer 410. `instance_host` is the host name of tokens from
    now on: every other one is `gone` or answers with a `redirect` (`left_instance`). `gzip` packs
    answers for who takes it.
    `history_limit` is how many writes are kept in full; the digests per record are always kept.
    """

    latency_ms: float = 0.0
    latency_jitter_ms: float = 0.0
    latency_per_row_ms: float = 0.0
    daily_limit: int = 100_000
    calls_used: int = 0
    concurrent_limit: int = 0
    concurrent_after_ms: float = 20_000.0
    limit_info_form: str = "plain"
    limit_info_on_errors: bool = True
    stale_rule: bool = True
    contact_duplicate_rule: str = "off"
    lock_contention: bool = False
    history_limit: int = 50_000
    query_page_size: int = 2000
    query_values: int = 0
    token_lifetime_seconds: float = 7200.0
    clock_offset_seconds: float = 0.0
    jwt_max_lifetime_seconds: float = 300.0
    refresh_token_rotation: bool = True
    user_approved: bool = True
    bulk_delay_ms: float = 50.0
    bulk_per_row_ms: float = 0.0
    bulk_daily_batches: int = 15_000
    currencies: str = ""
    only_currency: str = "USD"
    address_picklists: bool = False
    person_accounts: bool = False
    language: str = "en_US"
    sales_process: str = ""
    read_only: bool = False
    storage_full: bool = False
    view_setup: bool = True
    retired_below: float = 0.0
    instance_host: str = ""
    left_instance: str = "gone"
    gzip: bool = False

    def change(self, changes: dict[str, Any]) -> None:
        """Set the named settings; raises ValueError that names an unknown one or a wrong type."""
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in changes.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(kinds))}")
            is_fit = isinstance(value, (int, float)) if kind is float else type(value) is kind
            if not is_fit:
                raise ValueError(f"setting {name!r} must be {kind.__name__}, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
