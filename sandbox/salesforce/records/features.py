"""What is switched on for the whole org: several currencies, address picklists, Person Accounts.

Each is a setting of the simulator, off by default, and changes the schema as it does on the
platform. `apply` may run again when a setting changes.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from sandbox.salesforce.records.fieldkinds import choice
from sandbox.salesforce.records.person_accounts import person_fields
from sandbox.salesforce.records.schema import Field, SObject
from sandbox.salesforce.settings import Settings

CURRENCY_FIELD = "CurrencyIsoCode"
MONEY_OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Product2", "PricebookEntry", "Order")
LINE_OBJECTS = ("OpportunityLineItem", "OrderItem")
ADDRESSES = {
    "Account": ("Billing", "Shipping"),
    "Contact": ("Mailing", "Other"),
    "Lead": ("",),
    "Order": ("Billing", "Shipping"),
}
# country code → (name, its states); countries without states are the usual case
COUNTRIES: dict[str, tuple[str, dict[str, str]]] = {
    "US": ("United States", {"OH": "Ohio", "CA": "California", "NY": "New York", "TX": "Texas"}),
    "CA": ("Canada", {"BC": "British Columbia", "ON": "Ontario"}),
    "AU": ("Australia", {"NSW": "New South Wales", "VIC": "Victoria"}),
    "DE": ("Germany", {}),
    "FR": ("France", {}),
    "GB": ("United Kingdom", {}),
    "JP": ("Japan", {"13": "Tokyo", "27": "Osaka"}),
    "BR": ("Brazil", {"SP": "São Paulo", "RJ": "Rio de Janeiro"}),
}


def currencies_of(settings: Settings) -> dict[str, bool]:
    """Return the org's currencies and whether each is active; none when it has only one."""
    names = [name.strip() for name in settings.currencies.split(",") if name.strip()]
    return {name.removeprefix("-"): not name.startswith("-") for name in names}


def apply(schema: dict[str, SObject], settings: Settings) -> None:
    """Make the schema what the settings say."""
    active = [code for code, is_active in currencies_of(settings).items() if is_active]
    for name in (*MONEY_OBJECTS, *LINE_OBJECTS):
        _put(schema[name], [_currency(name, active)], is_on=bool(active))
    for name, prefixes in ADDRESSES.items():
        fields = [field for prefix in prefixes for field in _codes(prefix)]
        _put(schema[name], fields, is_on=settings.address_picklists)
    _put(schema["Account"], person_fields(), is_on=settings.person_accounts)


def _put(sobject: SObject, fields: list[Field], *, is_on: bool) -> None:
    for field in fields:
        if is_on:
            sobject.put(field)
        elif field.name in sobject.fields:
            sobject.drop(field.name)


def _currency(sobject: str, active: list[str]) -> Field:
    field = choice(CURRENCY_FIELD, tuple(active), length=3, is_restricted=True)
    field = replace(field, default=active[0] if active else None)
    if sobject in LINE_OBJECTS:
        return replace(field, is_createable=False, is_updateable=False, default=None)
    return replace(field, is_updateable=sobject not in ("PricebookEntry", "Product2"))


def _codes(prefix: str) -> list[Field]:
    countries = list(COUNTRIES)
    states = [(place, c, n) for place, key in enumerate(countries) for c, n in _states(key)]
    country = choice(f"{prefix}CountryCode", tuple(countries), length=10, is_restricted=True)
    state = choice(
        f"{prefix}StateCode",
        tuple(dict.fromkeys(code for _, code, _ in states)),
        length=10,
        is_restricted=True,
    )
    labels = tuple((code, name, _bitmap(place)) for place, code, name in states)
    names = tuple((code, COUNTRIES[code][0], "") for code in countries)
    return [replace(country, entries=names), replace(state, entries=labels)]


def _states(country: str) -> list[tuple[str, str]]:
    return list(COUNTRIES[country][1].items())


def _bitmap(place: int) -> str:
    """Return describe's `validFor` of a value that belongs to one controlling value."""
    raw = bytearray(place // 8 + 1)
    raw[place // 8] = 1 << (7 - place % 8)
    return base64.b64encode(bytes(raw)).decode()
