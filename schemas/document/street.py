"""A street in the one form that REST has: a list of lines, whatever they are nested in or called.

| beside the street | is |
|---|---|
| `street1`, `address_line_2`, … without a `street` | its lines |
| `street2`, `address_line_2`, … with one that lacks it | a further line |
| a `house_number`, and its addition, that no line has | the end of the first line |
"""

from __future__ import annotations

import re
from typing import Any

from schemas.texts import UNSAID, text_of

Address = dict[str, Any]

STREET_LINE = re.compile(r"(?:street|address)_?(?:line)?_?\d|address(?:_?line)?", re.IGNORECASE)
HOUSE_NUMBERS = (
    *("house_number", "houseNumber", "housenumber", "house_nr", "house_no"),
    *("street_number", "streetNumber"),
)
ADDITIONS = (
    *("house_number_addition", "houseNumberAddition", "housenumber_addition"),
    *("house_number_suffix", "house_number_extension"),
)
FURTHER_LINES = tuple(
    form.format(place)
    for place in (2, 3, 4)
    for form in (
        *("street{}", "street_{}", "street_line_{}", "streetLine{}"),
        *("address{}", "address_{}", "address_line_{}", "addressLine{}"),
    )
)
# Each of them may say what the street itself leaves out: an address that has one is looked at.
OF_A_STREET = frozenset((*HOUSE_NUMBERS, *FURTHER_LINES))


def lines_of(street: Any) -> list[Any]:
    """Return the lines of a street, whatever they are nested in."""
    if isinstance(street, dict):
        street = list(street.values())
    if not isinstance(street, list):
        return [street]
    return [line for entry in street for line in lines_of(entry) if not _is_nothing(line)]


def named_lines(address: Address) -> list[Any]:
    """Return the lines of a street that each have a name of their own."""
    names = sorted(filter(STREET_LINE.fullmatch, address))
    return lines_of([address[name] for name in names if not isinstance(address[name], dict)])


def with_the_rest(street: Any, address: Address) -> list[Any] | None:
    """Return the street with what stands beside it, None where that is in it already."""
    own = street.splitlines() if isinstance(street, str) else lines_of([street])
    if not own or OF_A_STREET.isdisjoint(address):
        return None
    lines, house = [*own], _house_number(address)
    if house and not re.search(rf"(?<!\w){re.escape(house[0])}(?!\d)", " ".join(map(str, own))):
        lines[0] = f"{lines[0]} {' '.join(house)}"
    said = "\n".join(map(str, lines)).casefold()
    further = (text_of(address.get(name)) for name in FURTHER_LINES)
    lines += [line for line in further if not _is_nothing(line) and line.casefold() not in said]
    return lines if lines != own else None


def _house_number(address: Address) -> list[str]:
    """Return a house number and its addition."""
    parts = ((text_of(address.get(name)) for name in names) for names in (HOUSE_NUMBERS, ADDITIONS))
    number, addition = (next((one for one in part if not _is_nothing(one)), "") for part in parts)
    return [one for one in (number, addition) if one] if number else []


def _is_nothing(line: Any) -> bool:
    return line is None or isinstance(line, bool) or line == "" or line in UNSAID
