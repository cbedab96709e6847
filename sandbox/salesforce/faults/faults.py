"""Which faults are armed, whom they hit, and when they are used up.

A fault is a dictionary as it came over HTTP, checked once: `kind` (see faultkinds), `times`
(absent: until it is removed), `match` (`method`, `path` as a regular expression, `sobject`),
`probability`, and what its kind reads. Every hit is counted in `fired`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import RecordError, RequestError
from sandbox.salesforce.faults.faultkinds import (
    ACTIONS,
    CALL_KINDS,
    REPLIES,
    ROWS,
    STORED_KINDS,
    Reply,
)

_KNOWN_KEYS = frozenset(
    {
        *("kind", "times", "match", "probability"),
        *("status", "body", "headers", "is_applied"),
        *("latency_ms", "seconds"),
        *("code", "message", "fields"),
        *("sobject", "external_id", "external_id_pattern", "record_id"),
        *("error", "error_description"),
    }
)
_MATCH_KEYS = frozenset({"method", "path", "sobject"})


@dataclass(slots=True)
class Fault:
    """One armed fault; `times` is what is left of it, None for: until removed."""

    id: int
    kind: str
    times: int | None
    spec: dict[str, Any]
    path: re.Pattern[str] | None = None
    external_id: re.Pattern[str] | None = None
    fired: int = 0

    def as_dict(self) -> dict[str, Any]:
        return self.spec | {"id": self.id, "times": self.times, "fired": self.fired}

    @property
    def reply(self) -> Reply:
        """The answer to give: the kind's, with what the fault itself says laid over it."""
        base = REPLIES.get(self.kind, Reply(int(self.spec.get("status", 500))))
        return Reply(
            int(self.spec.get("status", base.status)),
            self.spec.get("body", base.body),
            base.headers | self.spec.get("headers", {}),
            bool(self.spec.get("is_applied", base.is_applied)),
        )


@dataclass(slots=True)
class Faults:
    """All armed faults. `find_id(sobject, external id)` tells which record a lock means."""

    find_id: Callable[[str, str], str]
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    armed: list[Fault] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _row_faults: list[Fault] = field(default_factory=list)

    def add(self, spec: dict[str, Any]) -> Fault:
        """Arm a fault; raises ValueError that names what is wrong with the specification."""
        check_spec(spec)
        match = spec.get("match", {})
        pattern = spec.get("external_id_pattern")
        exact = spec.get("external_id")
        if exact is not None:
            pattern = f"^{re.escape(str(exact))}$"
        fault = Fault(
            next(self._numbers),
            spec["kind"],
            spec.get("times"),
            spec,
            re.compile(match["path"]) if "path" in match else None,
            re.compile(pattern, re.IGNORECASE) if pattern else None,
        )
        self.armed.append(fault)
        self._sort_out()
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Disarm one fault, or all; return how many there were."""
        kept = [f for f in self.armed if fault_id is not None and f.id != fault_id]
        removed = len(self.armed) - len(kept)
        self.armed = kept
        self._sort_out()
        return removed

    def for_call(self, method: str, path: str, sobjects: set[str]) -> Fault | None:
        """Return the fault that spoils this call, using it up by one."""
        return self._take(CALL_KINDS, method, path, sobjects)

    def for_login(self, path: str) -> Fault | None:
        """Return the fault that spoils this token call: only one whose `match` names the path."""
        return self._take(CALL_KINDS, "POST", path, set(), must_name_path=True)

    def for_subrequest(self, method: str, path: str, sobjects: set[str]) -> Fault | None:
        return self._take(frozenset({"subrequest"}), method, path, sobjects)

    def extra_latency_ms(
        self, method: str, path: str, sobjects: set[str], *, must_name_path: bool = False
    ) -> float:
        latency = frozenset({"latency"})
        fault = self._take(latency, method, path, sobjects, must_name_path=must_name_path)
        return float(fault.spec.get("latency_ms", 0)) if fault else 0.0

    def auth_refusal(self) -> dict[str, str] | None:
        """Return the token endpoint's error object while authentication is refused."""
        fault = next((f for f in self.armed if f.kind == "auth_refused"), None)
        if fault is None:
            return None
        self._use(fault)
        return {
            "error": fault.spec.get("error", "invalid_grant"),
            "error_description": fault.spec.get(
                "error_description", "user hasn't approved this consumer"
            ),
        }

    def job_failure(self, sobject: str) -> str | None:
        """Return the message the bulk job of an sObject is to fail with, or None."""
        fault = self._take(frozenset({"fail_job"}), "POST", "jobs", {sobject})
        return fault.spec.get("message", "InternalServerError") if fault else None

    def row_error(
        self, sobject: str, external_id: str, record_id: str, parent_ids: list[str]
    ) -> RecordError | None:
        """Return the error this row is to fail with, if one is armed."""
        for fault in self._row_faults:
            if fault.kind == "lock":
                locked = self._locked_id(fault, sobject, external_id, record_id, parent_ids)
                if locked is not None:
                    self._use(fault)
                    return lock_error(locked)
            elif fault.kind == "row_error" and self._hits(fault, sobject, external_id, record_id):
                self._use(fault)
                return _told(fault)
        return None

    def trigger_error(self, sobject: str, external_ids: Iterable[str]) -> RecordError | None:
        """Return what a trigger says of every row it was given, because of one of them."""
        for fault in self._row_faults:
            if fault.kind == "trigger" and any(
                self._hits(fault, sobject, external_id, "") for external_id in external_ids
            ):
                self._use(fault)
                return _told(fault)
        return None

    def refuse_poison(self, sobject: str, external_id: str) -> None:
        """Raise the RequestError of a poisoned row: the whole request goes down with it."""
        for fault in self._row_faults:
            if fault.kind == "poison" and self._hits(fault, sobject, external_id, ""):
                self._use(fault)
                raise RequestError(
                    int(fault.spec.get("status", 400)),
                    fault.spec.get("code", "JSON_PARSER_ERROR"),
                    fault.spec.get("message", "The request could not be read."),
                )

    @property
    def has_row_faults(self) -> bool:
        return bool(self._row_faults)

    def _locked_id(
        self, fault: Fault, sobject: str, external_id: str, record_id: str, parents: list[str]
    ) -> str | None:
        """Return the locked record's id when the row needs it, the row's own or a parent's."""
        if self._hits(fault, sobject, external_id, record_id):
            return record_id or "new record"
        locked = fault.spec.get("record_id", "")
        if not locked and "external_id" in fault.spec:
            locked = self.find_id(fault.spec.get("sobject", "Account"), fault.spec["external_id"])
        return locked if locked and locked in parents else None

    def _hits(self, fault: Fault, sobject: str, external_id: str, record_id: str) -> bool:
        spec = fault.spec
        wanted = spec.get("sobject") or spec.get("match", {}).get("sobject")
        if wanted and wanted != sobject:
            return False
        if fault.external_id is not None and not fault.external_id.search(external_id):
            return False
        if "record_id" in spec and spec["record_id"] != record_id:
            return False
        return self._by_chance(fault)

    def _take(
        self,
        kinds: frozenset[str],
        method: str,
        path: str,
        sobjects: set[str],
        *,
        must_name_path: bool = False,
    ) -> Fault | None:
        for fault in self.armed:
            match = fault.spec.get("match", {})
            if (
                fault.kind in kinds
                and match.get("method", method).upper() == method
                and (fault.path.search(path) if fault.path else not must_name_path)
                and ("sobject" not in match or match["sobject"] in sobjects)
                and self._by_chance(fault)
            ):
                self._use(fault)
                return fault
        return None

    def _by_chance(self, fault: Fault) -> bool:
        probability = float(fault.spec.get("probability", 1.0))
        return probability >= 1.0 or self.chance.random() < probability

    def _use(self, fault: Fault) -> None:
        fault.fired += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.armed.remove(fault)
                self._sort_out()

    def _sort_out(self) -> None:
        self._row_faults = [fault for fault in self.armed if fault.kind in ROWS]


def _told(fault: Fault) -> RecordError:
    return RecordError(
        fault.spec.get("code", "UNKNOWN_EXCEPTION"),
        fault.spec.get("message", "An unexpected error occurred."),
        list(fault.spec.get("fields", [])),
    )


def lock_error(record_id: str) -> RecordError:
    """Return the platform's lock error; the id is the locked record, often the Account."""
    return RecordError(
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {record_id}",
    )


def check_spec(spec: Any) -> None:
    """Raise ValueError that names the key and what it may be."""
    if not isinstance(spec, dict) or "kind" not in spec:
        raise ValueError("a fault is an object with a `kind`")
    if spec["kind"] not in STORED_KINDS:
        known = ", ".join(sorted(STORED_KINDS | frozenset(ACTIONS)))
        raise ValueError(f"unknown fault kind {spec['kind']!r}; known: {known}")
    if unknown := set(spec) - _KNOWN_KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}; known: {sorted(_KNOWN_KEYS)}")
    match = spec.get("match", {})
    if not isinstance(match, dict) or set(match) - _MATCH_KEYS:
        raise ValueError(f"`match` is an object of {sorted(_MATCH_KEYS)}")
    times = spec.get("times")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError("`times` is a whole number above zero, or absent")
    for name, pattern in (
        ("match.path", match.get("path")),
        ("external_id_pattern", spec.get("external_id_pattern")),
    ):
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"`{name}` is not a regular expression: {error}") from None
