"""Compound addresses: the parts of one address are written together, or the record lies.

A customer moves from Ohio to Berlin, and the new address has no region: written part by part the
record would say "Berlin, Ohio, DE". So as soon as a row has one part of an address, the parts it
maps and the document lacks are emptied with it.

| State and Country picklists | what is written |
|---|---|
| off | the texts |
| on, the org has the state for this country, by code or name, or by the store's code | its code |
| on, the org has the country by this code or name | its code |
| on, anything else | the state emptied, with a note: a wrong pair refuses the whole row |
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.mapping.fields.coerce import Step
from agents.mapping.fields.field_types import FieldType, PicklistEntry
from agents.mapping.fields.values import is_blank, text_of
from agents.mapping.region_code import Region

PART = re.compile(
    r"(?P<before>\w*?)(?P<part>Street|City|StateCode|State|PostalCode|CountryCode|Country)"
    r"(?P<after>(?:__c)?)"
)
CODES = ("StateCode", "CountryCode")
BITS = 8

Types = Mapping[tuple[str, str], FieldType]


@dataclass(frozen=True, slots=True)
class AddressField:
    """One mapped field of an address. `is_insert_only`: it goes with what only new records get."""

    name: str
    part: str
    is_insert_only: bool


@dataclass(frozen=True, slots=True)
class StatesByCountry:
    """The org's states by country: `entries` of the state picklist, `countries` in its order."""

    entries: tuple[PicklistEntry, ...]
    countries: tuple[str, ...]

    def code_of(self, state: str, country: str) -> str | None:
        """Return the code of a state of the country, by code or name; None unless it is one."""
        wanted = state.casefold()
        found = {
            entry.value
            for entry in self.entries
            if entry.is_active
            and wanted in (entry.value.casefold(), entry.label.casefold())
            and self._belongs(entry, country)
        }
        return found.pop() if len(found) == 1 else None

    def _belongs(self, entry: PicklistEntry, country: str) -> bool:
        folded = [name.casefold() for name in self.countries]
        if country.casefold() not in folded:
            return False
        place = folded.index(country.casefold())
        return place in _places(entry.valid_for)


@dataclass(frozen=True, slots=True)
class Address:
    """One compound address of a row, e.g. the `Billing…` fields."""

    sobject: str
    parts: tuple[AddressField, ...]
    states: StatesByCountry | None = None
    late: frozenset[str] = field(init=False)  # the names of its parts, by whom they are written to
    always: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        late = frozenset(part.name for part in self.parts if part.is_insert_only)
        object.__setattr__(self, "late", late)
        object.__setattr__(self, "always", frozenset(part.name for part in self.parts) - late)

    def complete(self, fields: dict[str, Any], inserts: dict[str, Any], notes: list[str]) -> None:
        """Empty the missing parts of an address that has some, and settle its state."""
        if self.states is None and fields.keys() >= self.always and inserts.keys() >= self.late:
            return  # nothing is missing: nearly every one
        holders = {part.name: inserts if part.is_insert_only else fields for part in self.parts}
        if all(is_blank(holder.get(name)) for name, holder in holders.items()):
            return
        for name, holder in holders.items():
            holder.setdefault(name, None)
        if self.states is not None:
            self._settle_state(holders, notes)

    def _settle_state(self, holders: dict[str, dict[str, Any]], notes: list[str]) -> None:
        assert self.states is not None
        by_part = {part.part: part.name for part in self.parts}
        name, country = by_part.get("StateCode"), by_part.get("CountryCode")
        if name is None or is_blank(holders[name][name]):
            return
        of_country = text_of(holders[country].get(country)) if country else ""
        state = holders[name][name]
        names = (text_of(state), state.code if isinstance(state, Region) else "")
        found = (self.states.code_of(one, of_country) for one in names if one)
        code = next(filter(None, found), None)
        if code is None:
            notes.append(
                f"{self.sobject}.{name}: emptied, the org has no such state of the country"
            )
        holders[name][name] = code


def country_step(entries: Iterable[PicklistEntry]) -> Step:
    """Return the step that takes a country of the org by its code or its name, as its code."""
    active = [entry for entry in entries if entry.is_active]
    codes = {entry.label.casefold(): entry.value for entry in active}
    codes |= {entry.value.casefold(): entry.value for entry in active}

    def fit(value: Any, notes: list[str], label: str) -> Any:
        found = codes.get(text_of(value).strip().casefold())
        if found is None and not is_blank(value):
            notes.append(f"{label}: not a code or a name of the org's countries, left out")
        return found

    return fit


def addresses_of(
    sobject: str, fields: Iterable[tuple[str, bool]], types: Types
) -> tuple[Address, ...]:
    """Return the addresses among a row's fields, given as (name in the org, insert only)."""
    groups: dict[tuple[str, str], list[AddressField]] = {}
    for name, is_insert_only in fields:
        match = PART.fullmatch(name)
        if match is not None:
            group = groups.setdefault((match["before"], match["after"]), [])
            group.append(AddressField(name, match["part"], is_insert_only))
    return tuple(
        Address(sobject, tuple(parts), _states(sobject, before, types) if not after else None)
        for (before, after), parts in groups.items()
        if len(parts) > 1 or parts[0].part == "StateCode"
    )


def _states(sobject: str, prefix: str, types: Types) -> StatesByCountry | None:
    state = types.get((sobject, f"{prefix}StateCode"))
    country = types.get((sobject, f"{prefix}CountryCode"))
    if state is None or country is None:
        return None
    return StatesByCountry(state.entries, tuple(entry.value for entry in country.entries))


def _places(valid_for: str) -> frozenset[int]:
    """Return the positions whose bit is set in describe's `validFor`, from the highest bit on."""
    try:
        raw = base64.b64decode(valid_for or "", validate=True)
    except binascii.Error:
        return frozenset()
    return frozenset(
        place * BITS + bit
        for place, byte in enumerate(raw)
        for bit in range(BITS)
        if byte & (1 << (BITS - 1 - bit))
    )
