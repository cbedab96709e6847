"""A region's name that carries the store's code of it, for an org whose states are picklists.

Names differ where codes do not: Magento's Roma, Torino and Yukon Territory are Salesforce's Rome,
Turin and Yukon Territories, and RM, TO and YT in both. So beside `billing.region` its
`billing.region_code` is read, and tried where the org has no state of the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.mapping.fields.coerce import Step
from agents.mapping.fields.values import text_of
from agents.mapping.model import ValueRule
from agents.mapping.scope import Getter, Scope

REGION = ".region"


class Region(str):
    """The name of a region; `code` is the store's code of it, '' when it says none."""

    __slots__ = ("code",)

    code: str


def region_codes(rule: ValueRule, values: Mapping[str, ValueRule]) -> Iterator[str]:
    """Yield the paths of the codes that stand beside a rule's regions."""
    for path in (*rule.sources, *rule.or_else):
        if path in values:
            yield from region_codes(values[path], values)
        elif path.endswith(REGION):
            yield f"{path}_code"


def coded(get: Getter, codes: Sequence[Getter]) -> Getter:
    """Return a getter whose names carry the first code that is there."""

    def with_code(scope: Scope) -> Any:
        value = get(scope)
        if not isinstance(value, str) or not value:
            return value
        is_unsaid = scope.facts.is_unsaid
        code = next((code for one in codes if (code := text_of(one(scope)))), "")
        scope.facts.is_unsaid = is_unsaid
        return _region(value, code)

    return with_code


def fit_coded(fit: Step) -> Step:
    """Return a step that fits a name and keeps its code."""

    def fitted(value: Any, notes: list[str], label: str) -> Any:
        name = fit(value, notes, label)
        return _region(name, value.code) if name and isinstance(value, Region) else name

    return fitted


def _region(name: str, code: str) -> Region:
    region = Region(name)
    region.code = code
    return region
