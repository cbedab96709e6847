"""One simulated org: its schema, records, settings, faults and memory, without any HTTP.

A reset builds a new state inside the same org, so that the server and open connections go on.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.salesforce.bulk.bulk import Bulk
from sandbox.salesforce.callcount import CallCounts
from sandbox.salesforce.faults.contention import InFlight
from sandbox.salesforce.faults.faults import Faults
from sandbox.salesforce.oauth import USER_ID
from sandbox.salesforce.query.cursors import Cursors
from sandbox.salesforce.records import features
from sandbox.salesforce.records.dml import Call, Dml
from sandbox.salesforce.records.fieldtypes import instant
from sandbox.salesforce.records.history import History
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.records.records import Store, Table
from sandbox.salesforce.records.validation import ValidationRules, package_rules
from sandbox.salesforce.settings import Settings

CURRENT_VERSION = 67.0  # Summer '26
OLDEST_VERSION = 21.0


class Org:
    """The state of the org; every field is replaced by `reset`, except the settings object."""

    def __init__(
        self, settings: Settings, *, has_version_field: bool = True, has_package: bool = True
    ) -> None:
        self.settings = settings
        self._has_version_field = has_version_field
        self._has_package = has_package
        self._begin()

    def reset(self) -> None:
        """Forget all records, history, counters, faults and schema changes; keep the settings."""
        self.bulk.cancel()
        self._begin()

    def _begin(self) -> None:
        schema = stock_org(has_version_field=self._has_version_field, has_package=self._has_package)
        features.apply(schema, self.settings)
        self.store = Store(schema)
        self.validation = ValidationRules(schema)
        for rule in package_rules(schema):
            self.validation.add(rule)
        self.faults = Faults(self.find_id)
        self.history = History(self.settings.history_limit)
        self.counts = CallCounts()
        self.in_flight = InFlight()
        self.dml = Dml(self.store, self.settings, self.faults, self.validation)
        self.cursors = Cursors()
        self.deployments: dict[str, Any] = {}
        self.bulk = Bulk(
            self.settings, self.store, self.dml, self.faults, self.new_call, self.finish
        )
        self.settings.calls_used = 0
        self._seed()

    def now(self) -> datetime:
        """Return the org's own time, which a setting can put ahead or behind."""
        return datetime.now(UTC) + timedelta(seconds=self.settings.clock_offset_seconds)

    def new_call(self, api_version: float = CURRENT_VERSION) -> Call:
        """Open the record of a call that is about to be carried out."""
        return Call(
            id=self.counts.next_call_id(),
            base=f"/services/data/v{api_version:.1f}",
            api_version=api_version,
            now=instant(self.now()),
        )

    def finish(self, call: Call) -> None:
        """Hand what a call wrote and refused to the history, in the order it happened."""
        self.history.add(call.writes)
        self.history.refuse(call.refused)
        self.counts.rows += call.rows
        call.writes.clear()
        call.refused.clear()

    def find_id(self, sobject: str, external_id: str) -> str:
        """Return the id of the record with that external id, in whichever field, or nothing."""
        table = self.store.table(sobject)
        for name in _external_id_fields(table) if table else ():
            ids = table.ids_with(name, external_id) if table else []
            if ids:
                return ids[0]
        return ""

    def duplicates(self) -> list[dict[str, object]]:
        """Return every external id that more than one record carries."""
        return [
            {"sobject": name, "field": field, "external_id": key, "ids": list(ids)}
            for name, table in self.store.tables.items()
            for field in _external_id_fields(table)
            for key, ids in table.indexes()[field].items()
            if len(ids) > 1
        ]

    def summary(self) -> dict[str, object]:
        """Return the judgement of the run: counts, and what should not have happened."""
        records = {name: len(table.records) for name, table in self.store.tables.items()}
        return {
            "records": records,
            "duplicates": self.duplicates(),
            **self.history.summary(),
            "lock_collisions": self.in_flight.collisions,
            "calls": self.counts.total,
            "token_calls": self.counts.token_calls,
            "rows": self.counts.rows,
            "calls_used": self.settings.calls_used,
            "daily_limit": self.settings.daily_limit,
            "uptime_seconds": round(time.monotonic() - self.counts.started_at, 3),
        }

    def _seed(self) -> None:
        """Put in what every org is born with: the standard price book, and its user."""
        table = self.store.tables["Pricebook2"]
        now = instant(self.now())
        values = {"Name": "Standard Price Book", "IsActive": True, "IsStandard": True}
        stamps = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        key = table.new_id()
        table.put(key, values | stamps | {"Id": key, "IsDeleted": False})
        users = self.store.tables["User"]
        user = {"Id": USER_ID, "Username": "", "LanguageLocaleKey": self.settings.language}
        users.put(USER_ID, user | stamps | {"IsDeleted": False})


def _external_id_fields(table: Table) -> list[str]:
    return [name for name, item in table.sobject.fields.items() if item.is_external_id]
