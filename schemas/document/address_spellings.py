"""PHP's spellings of one address, read into REST's form.

| part | also read |
|---|---|
| the address itself | JSON text, list of one, object keyed by its id, wrapped in `data` |
| any part | by the names of `NAMES`: a checkout's camelCase, GraphQL's, a module's own |
| `street` | object (`{"0": …}`), lists in it, JSON text; `street1`, …; what is beside it |
| `region` of an order's address | object or JSON text: `region`, `name`, `code`; `region_code` |
| `country_id` | object: its `id`, `country_id`, `code` or `value` |
| `address_type` | `type`, the key of the row (`billing`, `billingAddress`), `billing_address_id` |

What is left out gets a note: a number or an object that names no region, a country without a code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.document.street import (
    OF_A_STREET,
    STREET_LINE,
    lines_of,
    named_lines,
    with_the_rest,
)
from schemas.document.text_spellings import OF_ADDRESS, are_plain, plain_texts
from schemas.document.unwrapping import opened
from schemas.texts import UNSAID, identifier, text_of

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
PLACES = ("street", "region", "country_id")
TYPES = ("billing", "shipping")
# What else a part is called: read where the part itself is not there.
NAMES = {
    "countryId": "country_id",
    "countryCode": "country_id",
    "country_code": "country_id",
    "country": "country_id",
    "regionCode": "region_code",
    "regionId": "region_id",
    "regionName": "region",
    "region_name": "region",
    "province": "region",
    "street_name": "street",
    "streetName": "street",
    "postCode": "postcode",
    "post_code": "postcode",
    "postalCode": "postcode",
    "postal_code": "postcode",
    "zipCode": "postcode",
    "zip_code": "postcode",
    "zipcode": "postcode",
    "zip": "postcode",
    "firstName": "firstname",
    "first_name": "firstname",
    "lastName": "lastname",
    "last_name": "lastname",
    "companyName": "company",
    "company_name": "company",
    "phoneNumber": "telephone",
    "phone_number": "telephone",
    "phone": "telephone",
    "addressType": "address_type",
    "is_default_billing": "default_billing",
    "isDefaultBilling": "default_billing",
    "defaultBilling": "default_billing",
    "is_default_shipping": "default_shipping",
    "isDefaultShipping": "default_shipping",
    "defaultShipping": "default_shipping",
}
# These make no address of an object: an order, too, has a state.
OF_AN_ADDRESS = {"state": "region", "state_code": "region_code", "stateCode": "region_code"}
OTHER_NAMES = frozenset(NAMES)
ALL_NAMES = OTHER_NAMES | OF_AN_ADDRESS.keys() | OF_A_STREET
OF_TYPE = re.compile(r"_?address$", re.IGNORECASE)


def one_address(value: Any) -> Address | None:
    """Return an address, taken out of what it is wrapped in; None when there is none."""
    value = opened(value)
    if isinstance(value, list) and len(value) == 1:
        value = opened(value[0])
    if not isinstance(value, dict):
        return None
    if value and not is_marked(value):
        inner = [one for one in map(opened, value.values()) if isinstance(one, dict)]
        if len(inner) != 1 or not is_marked(inner[0]):
            return None
        return inner[0]
    return value


def is_marked(value: Address) -> bool:
    """Whether an object has a part of an address, by any name."""
    return bool(value.keys() & MARKS or value.keys() & OTHER_NAMES)


def is_plain(address: Address) -> bool:
    """Whether an address of an order is in REST's form."""
    street, region = address.get("street"), address.get("region")
    country = address.get("country_id")
    lines = street if type(street) is list else () if street is None else (street,)
    for line in lines:  # no generator, as of every order it is asked
        if type(line) is not str or line in UNSAID:
            return False
    return (
        are_plain(address, OF_ADDRESS)
        and ALL_NAMES.isdisjoint(address)
        and (bool(street) or not any(map(STREET_LINE.fullmatch, address)))
        and not (type(street) is str and street.startswith(_JSON))
        and (region is None or (type(region) is str and not region.startswith(_JSON)))
        and not (not region and "region_code" in address)
        and (country is None or type(country) is str)
        and country not in UNSAID
        and region not in UNSAID
    )


_JSON = ("{", "[")


def plain_address(address: Address, notes: list[str], *, is_of_order: bool = True) -> Address:
    """Return an address in REST's form; a customer's region stays an object, as REST has it."""
    texts = (name for name in PLACES if isinstance(address.get(name), str))
    address = plain_texts(address, (*OF_ADDRESS, *texts), notes)
    changed = by_other_names(address, OF_AN_ADDRESS) | by_other_names(address)
    street = opened(changed.get("street", address.get("street")))
    if isinstance(street, dict | list):
        changed["street"] = street = lines_of(street)
    elif isinstance(street, bool):
        changed["street"] = street = None
    if not street and (street := named_lines(address)):
        changed["street"] = street
    if street and (lines := with_the_rest(street, address)):
        changed["street"] = lines
    changed |= _region({**address, **changed}, notes, is_of_order=is_of_order)
    country = opened(changed.get("country_id", address.get("country_id")))
    if isinstance(country, dict):
        changed["country_id"] = _named(country, COUNTRY_NAMES) or None
        if country and not changed["country_id"]:
            notes.append("address: an object without a code names no country, left out")
    kind = text_of(address.get("type")).lower()
    if kind in TYPES and not address.get("address_type"):
        changed["address_type"] = kind
    return {**address, **changed} if changed else address


def typed_by_ids(rows: list[Any], order: Address) -> list[Any]:
    """Return an order's addresses; those that it names by id have their type then."""
    for kind in TYPES:
        wanted = identifier(order.get(f"{kind}_address_id"))
        if wanted and not any(is_address_of(row, kind) for row in rows):
            rows = [
                {**row, "address_type": kind}
                if isinstance(row, dict) and not row.get("address_type") and wanted in _ids(row)
                else row
                for row in rows
            ]
    return rows


def is_address_of(row: Any, kind: str) -> bool:
    """Whether a row says that it is an order's `billing` or `shipping` address."""
    return isinstance(row, dict) and text_of(row.get("address_type")).lower() == kind


def _ids(row: Address) -> list[str]:
    return [text_of(row.get(name)) for name in ("entity_id", "id", "address_id")]


def by_other_names(address: Address, names: Mapping[str, str] = NAMES) -> Address:
    """Return the parts of an address or a person that are not there under their own names."""
    found = ((part, address[name]) for name, part in names.items() if name in address)
    return {part: value for part, value in found if address.get(part) in (None, "", False)}


def _region(address: Address, notes: list[str], *, is_of_order: bool) -> Address:
    """Return the region's part as text, None for what names none."""
    region = opened(address.get("region"))
    code = text_of(address.get("region_code"))
    if isinstance(region, dict):
        name = _named(region, REGION_NAMES)
        if not name and not code and any(region.values()):  # REST has all three parts, empty
            notes.append("address: an object without a name or a code names no region, left out")
        if not is_of_order:
            named = region if text_of(region.get("region")) else {**region, "region": name}
            return {"region": named if name else code or None}
        codes = {part: region[part] for part in ("region_code", "region_id") if region.get(part)}
        return {**codes, "region": name or code or None}
    if isinstance(region, bool | int | float):
        if region and not code:  # 0 and false are PHP's none
            notes.append("address: a number names no region, left out")
        return {"region": code or None}
    return {"region": code} if not region and code else {}


def keyed(key: str, row: Address) -> Address:
    """Return a row of an object; its key stands for its id or its type."""
    if key.isdecimal():
        return row if text_of(row.get("id") or row.get("entity_id")) else {**row, "id": key}
    kind = OF_TYPE.sub("", key).lower()
    return row if row.get("address_type") else {**row, "address_type": kind}


def _named(value: Address, names: Sequence[str]) -> str:
    return next((found for name in names if (found := text_of(value.get(name)))), "")
