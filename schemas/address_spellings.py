"""PHP's spellings of one address, read into REST's form.

| part | also read |
|---|---|
| the address itself | JSON text, list of one, object keyed by its id, wrapped in `data` |
| `street` | object (`{"0": …}`, `{"line1": …}`), lists and objects in it, JSON text |
| `region` of an order's address | object or JSON text: `region`, `name`, `code`; `region_code` |
| `country_id` | object: its `id`, `country_id`, `code` or `value` |
| `address_type` | `type`, the key of the row (`billing`, `billing_address`, `billingAddress`) |
| `default_billing`, `default_shipping` | `is_default_billing`, `is_default_shipping` |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from schemas.texts import text_of
from schemas.unwrapping import opened

Address = dict[str, Any]

# An object without any of these is no address: what is in it may be one.
MARKS = frozenset(
    (
        *("street", "city", "postcode", "country_id", "region", "telephone"),
        *("firstname", "lastname", "company", "email", "address_type"),
    )
)
REGION_NAMES = ("region", "name", "default_name", "region_code", "code")
COUNTRY_NAMES = ("id", "country_id", "code", "value")
TYPES = ("billing", "shipping")
FLAGS = {"is_default_billing": "default_billing", "is_default_shipping": "default_shipping"}
OF_TYPE = re.compile(r"_?address$", re.IGNORECASE)


def one_address(value: Any) -> Address | None:
    """Return an address, taken out of what it is wrapped in; None when there is none."""
    value = opened(value)
    if isinstance(value, list) and len(value) == 1:
        value = opened(value[0])
    if not isinstance(value, dict):
        return None
    if value and not value.keys() & MARKS:
        inner = [one for one in map(opened, value.values()) if isinstance(one, dict)]
        if len(inner) != 1 or not inner[0].keys() & MARKS:
            return None
        return inner[0]
    return value


def is_plain(address: Address) -> bool:
    """Whether an address of an order is in REST's form."""
    street, region = address.get("street"), address.get("region")
    country = address.get("country_id")
    is_list = type(street) is list and all(type(line) is str for line in street)
    is_street = street is None or is_list or type(street) is str
    return (
        is_street
        and not (type(street) is str and street.startswith(_JSON))
        and (region is None or (type(region) is str and not region.startswith(_JSON)))
        and not (not region and "region_code" in address)
        and (country is None or type(country) is str)
    )


_JSON = ("{", "[")


def plain_address(address: Address, *, is_of_order: bool = True) -> Address:
    """Return an address in REST's form; a customer's region stays an object, as REST has it."""
    changed: Address = {}
    street = opened(address.get("street"))
    if isinstance(street, dict | list):
        changed["street"] = _lines(street)
    region = opened(address.get("region"))
    if isinstance(region, dict):
        codes = {name: region[name] for name in ("region_code", "region_id") if region.get(name)}
        changed |= {name: code for name, code in codes.items() if is_of_order}
        changed["region"] = _named(region, REGION_NAMES) if is_of_order else region
    elif isinstance(region, bool | int | float):
        changed["region"] = None  # false for none, or the id of one, which names nothing
    elif not region and (code := text_of(address.get("region_code"))):
        changed["region"] = code
    country = opened(address.get("country_id"))
    if isinstance(country, dict) and (name := _named(country, COUNTRY_NAMES)):
        changed["country_id"] = name
    changed |= {
        flag: address[name]
        for name, flag in FLAGS.items()
        if name in address and flag not in address
    }
    kind = text_of(address.get("type")).lower()
    if kind in TYPES and not address.get("address_type"):
        changed["address_type"] = kind
    return {**address, **changed} if changed else address


def keyed(key: str, row: Address) -> Address:
    """Return a row of an object; its key stands for its id or its type."""
    if key.isdecimal():
        return row if text_of(row.get("id") or row.get("entity_id")) else {**row, "id": key}
    kind = OF_TYPE.sub("", key).lower()
    return row if row.get("address_type") else {**row, "address_type": kind}


def _lines(street: Any) -> list[Any]:
    """Return the lines of a street, whatever they are nested in."""
    if isinstance(street, dict):
        street = list(street.values())
    if not isinstance(street, list):
        return [street]
    return [line for entry in street for line in _lines(entry)]


def _named(value: Address, names: Sequence[str]) -> str:
    return next((found for name in names if (found := text_of(value.get(name)))), "")
